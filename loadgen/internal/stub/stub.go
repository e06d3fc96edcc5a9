// Package stub is a dice server that costs next to nothing, to measure the bots against: it keeps the
// rules of the game and the format, verifies no token, and bounds nothing. It starts no goroutine for a
// player who comes through a Pipe, and one for one who comes through TCP.
package stub

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"google.golang.org/protobuf/proto"

	"croupier/servers/client"
	"croupier/servers/wire"
)

// Config is how the stub plays.
type Config struct {
	Round time.Duration
	Idle  time.Duration
	Seats int
}

// Server is a stub. Its rooms live as long as it does.
type Server struct {
	config Config
	epoch  uint64
	mu     sync.Mutex
	rooms  map[int64]*room
}

// New makes a stub.
func New(c Config) *Server {
	return &Server{config: c, epoch: uint64(time.Now().UnixMilli()), rooms: make(map[int64]*room)}
}

// Close stops the clocks of all rooms.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		r.close()
	}
}

// HandOver gives every room a new owner: it goes on.
func (s *Server) HandOver() { s.each((*room).handOver) }

// TakeOver gives every room a new owner, as if the old one had died: it shows itself anew.
func (s *Server) TakeOver() { s.each((*room).takeOver) }

func (s *Server) each(f func(*room)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		r.mu.Lock()
		f(r)
		r.mu.Unlock()
	}
}

// session is one connection of a player.
type session struct {
	server *Server
	mu     sync.Mutex
	write  func([]byte) // whole frames
	user   int64        // 0: the handshake is not done
	room   *room
	rest   []byte
}

var (
	errHandshake = errors.New("stub: not a WebSocket handshake")
	errFrame     = errors.New("stub: not a frame of a client")
	errGoodbye   = errors.New("stub: the client said goodbye")
)

// take handles bytes of the client, which may be any part of what it says.
func (s *session) take(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rest) > 0 {
		b = append(s.rest, b...)
	}
	for {
		n, err := s.step(b)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		b = b[n:]
	}
	s.rest = nil
	if len(b) > 0 {
		s.rest = bytes.Clone(b)
	}
	return nil
}

// step handles one thing that the client said and returns how many bytes it has; 0: it is not complete.
func (s *session) step(b []byte) (int, error) {
	if s.user == 0 {
		return s.shakeHands(b)
	}
	if len(b) < 6 {
		return 0, nil
	}
	size, at := int(b[1]&0x7f), 2
	switch {
	case b[1]&0x80 == 0 || size == 127:
		return 0, errFrame
	case size == 126:
		size, at = int(binary.BigEndian.Uint16(b[2:])), 4
	}
	end := at + 4 + size
	if len(b) < end {
		return 0, nil
	}
	payload := b[at+4 : end]
	ws.Cipher(payload, [4]byte(b[at:]), 0)
	switch ws.OpCode(b[0] & 0x0f) {
	case ws.OpBinary:
		s.handle(payload)
	case ws.OpPing:
		s.write(frame(ws.OpPong, payload))
	case ws.OpClose:
		s.write(frame(ws.OpClose, payload[:min(2, len(payload))]))
		return 0, errGoodbye
	}
	return end, nil
}

// shakeHands answers the handshake.
func (s *session) shakeHands(b []byte) (int, error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, nil
	}
	var key string
	for line := range strings.Lines(string(b[:end+2])) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch strings.ToLower(name) {
		case "sec-websocket-key":
			key = value
		case "authorization":
			s.user = client.UserOf(strings.TrimPrefix(value, "Bearer "))
		}
	}
	if key == "" || s.user == 0 {
		return 0, errHandshake
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, section 1.3
	s.write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"))
	return end + 4, nil
}

// handle handles a message.
func (s *session) handle(message []byte) {
	op, payload, err := wire.Split(message)
	if err != nil {
		return
	}
	switch op {
	case wire.Command_SIT_DOWN:
		var m wire.SitDown
		if proto.Unmarshal(payload, &m) != nil {
			return
		}
		place, err := wire.ParsePlace(m.GetPlace())
		if err != nil {
			return
		}
		s.loseRoom()
		s.room = s.server.open(place.Room)
		s.room.sit(s, place.Seat, wire.RequestID(payload))
	case wire.Command_STAND_UP:
		if s.room != nil {
			s.room.stand(s, wire.RequestID(payload))
			s.room = nil
		}
	case wire.Command_DICE_SHAKE:
		if s.room != nil {
			s.room.shake(s, wire.RequestID(payload))
		}
	case wire.Command_PING, wire.Command_MOVE:
		var m wire.Int64
		if proto.Unmarshal(payload, &m) != nil || s.room == nil {
			return
		}
		if op == wire.Command_PING {
			s.room.echo(s, m.GetValue(), m.GetMeta().GetRequest())
		} else {
			s.room.move(s, int32(m.GetValue()), m.GetMeta().GetRequest())
		}
	}
}

// leave takes that the connection is over.
func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loseRoom()
}

func (s *session) loseRoom() {
	if s.room != nil {
		s.room.lose(s)
		s.room = nil
	}
}

func (s *Server) open(number int64) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[number]
	if r == nil {
		r = newRoom(s, number)
		s.rooms[number] = r
	}
	return r
}

// frame is a final frame of a server.
func frame(op ws.OpCode, payload []byte) []byte {
	b := make([]byte, 0, len(payload)+4)
	b = append(b, 0x80|byte(op))
	if len(payload) < 126 {
		b = append(b, byte(len(payload)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(len(payload)))
	}
	return append(b, payload...)
}

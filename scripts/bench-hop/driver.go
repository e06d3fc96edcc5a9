package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"croupier/servers/wire"
)

// work is what the driver does to each system.
type work struct {
	players int
	active  int
	length  time.Duration
}

const (
	warmUp      = 2 * time.Second
	perLoopback = 20_000 // connections from one source address, below the range of ephemeral ports
)

// measure connects all players, drives the active ones, and reads the servers' use of the machine.
func (w work) measure(address string, token func(user int) (string, error), seated bool, during func() error, servers ...*process) (figures, error) {
	before, err := sum(servers, (*process).memory)
	if err != nil {
		return figures{}, err
	}
	conns := make([]*net.TCPConn, w.players)
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	group, _ := errgroup.WithContext(context.Background())
	group.SetLimit(32)
	for i := range conns {
		group.Go(func() error {
			t, err := token(i + 1)
			if err == nil {
				conns[i], err = connect(address, i, t, seated)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return figures{}, err
	}
	loop, err := newLoop(conns[:w.active])
	if err != nil {
		return figures{}, err
	}
	defer loop.close()
	if _, err := loop.run(warmUp); err != nil {
		return figures{}, err
	}
	if during != nil {
		if err := during(); err != nil {
			return figures{}, err
		}
	}
	used, err := sum(servers, cpuSeconds)
	if err != nil {
		return figures{}, err
	}
	started := time.Now()
	trips, err := loop.run(w.length)
	if err != nil {
		return figures{}, err
	}
	took := time.Since(started)
	usedAfter, err := sum(servers, cpuSeconds)
	if err != nil {
		return figures{}, err
	}
	after, err := sum(servers, (*process).memory)
	if err != nil {
		return figures{}, err
	}
	return figures{
		cpu:    (usedAfter - used) * 1e6 / float64(trips),
		memory: (after - before) / float64(w.players),
		rate:   float64(trips) / took.Seconds(),
	}, nil
}

func cpuSeconds(p *process) (float64, error) {
	d, err := p.cpu()
	return d.Seconds(), err
}

func sum(servers []*process, of func(*process) (float64, error)) (float64, error) {
	total := 0.0
	for _, p := range servers {
		value, err := of(p)
		if err != nil {
			return 0, err
		}
		total += value
	}
	return total, nil
}

// connect makes player i's connection and, if seated, sits the player down.
func connect(address string, i int, token string, seated bool) (*net.TCPConn, error) {
	var dialer net.Dialer
	if block := i / perLoopback; block > 0 {
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+block))}
	}
	plain, err := dialer.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	conn := plain.(*net.TCPConn)
	if err := greet(conn, address, token); err != nil {
		conn.Close()
		return nil, fmt.Errorf("player %d: %w", i, err)
	}
	if seated {
		if err := sit(conn, int64(i+1), int64(i/4+1)); err != nil {
			conn.Close()
			return nil, fmt.Errorf("player %d sits down: %w", i, err)
		}
	}
	return conn, nil
}

// greet makes the WebSocket handshake, reading no byte beyond it.
func greet(conn *net.TCPConn, address, token string) error {
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: Bearer %s\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", address, token)
	var answer []byte
	for one := make([]byte, 1); !bytes.HasSuffix(answer, []byte("\r\n\r\n")); answer = append(answer, one[0]) {
		if _, err := conn.Read(one); err != nil {
			return err
		}
	}
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("handshake: %s", response.Status)
	}
	return nil
}

// sit sits a player down and reads until the room says so.
func sit(conn *net.TCPConn, user, room int64) error {
	message, err := wire.Append(nil, wire.Command_SIT_DOWN, &wire.SitDown{Place: wire.Place{Game: "dice", Room: room, Seat: -1}.Map()})
	if err != nil {
		return err
	}
	if _, err := conn.Write(clientFrame(message)); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	for {
		payload, err := readFrame(r)
		if err != nil {
			return err
		}
		op, body, err := wire.Split(payload)
		if err != nil {
			return err
		}
		m, err := wire.Decode(op, body)
		if err != nil {
			return err
		}
		if op == wire.Command_ERROR {
			return fmt.Errorf("refused: %v", m)
		}
		if scene, ok := m.(*wire.DiceScene); ok && scene.GetInRound() {
			return nil
		}
	}
}

// clientFrame makes a binary frame with a mask of zeros, which the server has to apply all the same.
func clientFrame(payload []byte) []byte {
	frame := []byte{0x82, 0x80 | byte(len(payload))}
	if len(payload) > 125 {
		frame = binary.BigEndian.AppendUint16([]byte{0x82, 0x80 | 126}, uint16(len(payload)))
	}
	return append(append(frame, 0, 0, 0, 0), payload...)
}

func readFrame(r *bufio.Reader) ([]byte, error) {
	for {
		head, err := r.Peek(4)
		if err != nil {
			return nil, err
		}
		if n := frameSize(head); n > 0 {
			frame := make([]byte, n)
			for at := 0; at < n; {
				m, err := r.Read(frame[at:])
				if err != nil {
					return nil, err
				}
				at += m
			}
			return frame[headSize(frame):], nil
		}
	}
}

// frameSize is the length of the server's frame at the begin of b, header included.
func frameSize(b []byte) int {
	if b[1] < 126 {
		return 2 + int(b[1])
	}
	return 4 + int(binary.BigEndian.Uint16(b[2:]))
}

func headSize(b []byte) int {
	if b[1] < 126 {
		return 2
	}
	return 4
}

// loop drives the active players from one thread with epoll, so that the driver takes as little
// of the machine as it can: one read and one write a round trip.
type loop struct {
	poll  int
	conns map[int32][]byte // bytes of an unfinished frame, by descriptor
	files []interface{ Close() error }
	ask   []byte
}

func newLoop(conns []*net.TCPConn) (*loop, error) {
	poll, err := syscall.EpollCreate1(0)
	if err != nil {
		return nil, err
	}
	l := &loop{poll: poll, conns: make(map[int32][]byte), ask: clientFrame([]byte{0, 0, 0, byte(wire.Command_PRINT)})}
	for _, conn := range conns {
		file, err := conn.File() // a descriptor of our own
		if err != nil {
			return nil, err
		}
		l.files = append(l.files, file)
		fd := int(file.Fd())
		if err := syscall.SetNonblock(fd, true); err != nil {
			return nil, err
		}
		if err := syscall.EpollCtl(poll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}); err != nil {
			return nil, err
		}
		l.conns[int32(fd)] = nil
		if _, err := syscall.Write(fd, l.ask); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *loop) close() {
	for _, file := range l.files {
		file.Close()
	}
	syscall.Close(l.poll)
}

// run answers every reply with the next request for so long, and counts the replies.
func (l *loop) run(length time.Duration) (int, error) {
	events := make([]syscall.EpollEvent, 256)
	buffer := make([]byte, 64<<10)
	trips := 0
	for end := time.Now().Add(length); time.Now().Before(end); {
		n, err := syscall.EpollWait(l.poll, events, 1000)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, fmt.Errorf("no reply within a second")
		}
		for _, event := range events[:n] {
			replies, err := l.read(event.Fd, buffer)
			if err != nil {
				return 0, err
			}
			for range replies {
				if _, err := syscall.Write(int(event.Fd), l.ask); err != nil {
					return 0, err
				}
			}
			trips += replies
		}
	}
	return trips, nil
}

// read takes what has come for one player, and counts the replies in it: other messages, of the
// room's clock, may come between.
func (l *loop) read(fd int32, buffer []byte) (int, error) {
	kept := copy(buffer, l.conns[fd])
	n, err := syscall.Read(int(fd), buffer[kept:])
	if err != nil || n == 0 {
		return 0, fmt.Errorf("a player was disconnected: %d bytes, %v", n, err)
	}
	b, replies := buffer[:kept+n], 0
	for len(b) >= 4 {
		size := frameSize(b)
		if len(b) < size {
			break
		}
		if b[0] == 0x88 {
			return 0, fmt.Errorf("a player was closed: %q", b[2:size])
		}
		if at := headSize(b); size >= at+4 && b[at+3] == byte(wire.Command_PRINT) {
			replies++
		}
		b = b[size:]
	}
	l.conns[fd] = append(l.conns[fd][:0], b...)
	return replies, nil
}

package stack

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The tests in this file are a client written from the published format alone: every byte that it
// sends or expects is spelled out here, and nothing of this project is used to make or read one.

// jwt makes a token: HS256 over {"id":user}, and no other claim.
func jwt(t *testing.T, key string, user int) string {
	t.Helper()
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	enc := base64.RawURLEncoding
	signed := enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		enc.EncodeToString(fmt.Appendf(nil, `{"id":%d}`, user))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + enc.EncodeToString(mac.Sum(nil))
}

// socket is a WebSocket over a TCP connection, by hand.
type socket struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dialSocket(t *testing.T, url, token string) *socket {
	t.Helper()
	host := strings.TrimPrefix(url, "ws://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(5 * time.Minute))
	fmt.Fprintf(conn, "GET /?token=%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", token, host)
	r := bufio.NewReader(conn)
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 101 || response.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("handshake: %s %v", response.Status, response.Header)
	}
	return &socket{t: t, conn: conn, r: r}
}

// send sends a masked binary message: opcode, then a protobuf message.
func (s *socket) send(op uint32, message ...byte) {
	s.t.Helper()
	payload := append(binary.BigEndian.AppendUint32(nil, op), message...)
	frame := []byte{0x82, 0x80 | byte(len(payload)), 1, 2, 3, 4}
	for i, b := range payload {
		frame = append(frame, b^byte(i%4+1))
	}
	if _, err := s.conn.Write(frame); err != nil {
		s.t.Fatal(err)
	}
}

// receive returns the next binary message's opcode and fields. Pings that come before it are answered.
func (s *socket) receive() (uint32, fields) {
	s.t.Helper()
	for {
		first, payload, err := s.frame()
		switch {
		case err != nil:
			s.t.Fatalf("receive: %v", err)
		case first == 0x89:
			s.raw(masked(0x8a, payload))
		case first == 0x82 && len(payload) >= 4:
			return binary.BigEndian.Uint32(payload), parse(s.t, payload[4:])
		default:
			s.t.Fatalf("not a message: frame %x %x", first, payload)
		}
	}
}

// until skips messages up to one with the opcode that satisfies ok.
func (s *socket) until(op uint32, ok func(fields) bool) fields {
	s.t.Helper()
	for {
		got, f := s.receive()
		if got == op && (ok == nil || ok(f)) {
			return f
		}
	}
}

// fields are a protobuf message's fields 1 to 3, by number: varints in numbers, the rest in bytes.
// A later field is newer than the published format and must be skipped, as this client does.
type fields struct {
	numbers map[int]int64
	bytes   map[int][][]byte
}

func parse(t *testing.T, b []byte) fields {
	t.Helper()
	f := fields{numbers: map[int]int64{}, bytes: map[int][][]byte{}}
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			t.Fatalf("bad tag in %x", b)
		}
		b = b[n:]
		value, n := binary.Uvarint(b)
		if n <= 0 {
			t.Fatalf("bad varint in %x", b)
		}
		b = b[n:]
		switch number := int(tag >> 3); tag & 7 {
		case 0:
			f.numbers[number] = int64(value)
		case 2:
			f.bytes[number] = append(f.bytes[number], b[:value])
			b = b[value:]
		default:
			t.Fatalf("unexpected wire type in tag %d", tag)
		}
	}
	return f
}

// sitDown is map<string,string> in field 1: room_id, seat, game_name.
func sitDown(room, seat string) []byte {
	var m []byte
	for _, entry := range [][2]string{{"room_id", room}, {"seat", seat}, {"game_name", "dice"}} {
		m = append(m, 0x0a, byte(4+len(entry[0])+len(entry[1])))
		m = append(append(m, 0x0a, byte(len(entry[0]))), entry[0]...)
		m = append(append(m, 0x12, byte(len(entry[1]))), entry[1]...)
	}
	return m
}

func user(id, seat int64, online int64) func(fields) bool {
	return func(f fields) bool {
		return f.numbers[1] == id && f.numbers[2] == seat && f.numbers[3] == online
	}
}

func value(v int64) func(fields) bool { return func(f fields) bool { return f.numbers[1] == v } }

func TestPublishedClientThroughTheGate(t *testing.T) {
	s, err := Start(Config{Round: time.Minute, Idle: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()

	a := dialSocket(t, s.Gate, jwt(t, s.Key, 11))
	a.send(103) // nobody who sits nowhere may roll
	if f := a.until(1, nil); f.numbers[1] != 102 {
		t.Fatalf("roll before sitting down: error code %d, want 102", f.numbers[1])
	}
	a.send(3, sitDown("7", "2")...)
	a.until(3, user(11, 2, 1))
	if f := a.until(101, nil); f.numbers[1] != 1 || f.numbers[2] <= 0 || f.numbers[2] > 60_000 {
		t.Fatalf("scene: in round %d, %d ms left", f.numbers[1], f.numbers[2])
	}

	b := dialSocket(t, s.Gate, jwt(t, s.Key, 12))
	b.send(3, sitDown("7", "-1")...)
	b.until(3, user(11, 2, 1))
	b.until(3, user(12, 0, 1))
	a.until(3, user(12, 0, 1))

	a.send(103, 0x08, 5) // a development server: 5 points
	if f := a.until(103, value(11)); f.numbers[2] != 5 {
		t.Fatalf("own roll shows %d points, want 5", f.numbers[2])
	}
	if f := b.until(103, value(11)); f.numbers[2] != 0 {
		t.Fatalf("another's roll shows %d points, want none", f.numbers[2])
	}
	a.send(103)
	if f := a.until(1, nil); f.numbers[1] != 10001 {
		t.Fatalf("second roll: error code %d, want 10001", f.numbers[1])
	}
	a.send(6)
	if text := string(a.until(6, nil).bytes[1][0]); !strings.Contains(text, "user 11 seat 2") || strings.Contains(text, "rolled 5") {
		t.Fatalf("print: %q", text)
	}
	a.send(99)
	if f := a.until(1, nil); f.numbers[1] != 101 {
		t.Fatalf("unknown opcode: error code %d, want 101", f.numbers[1])
	}

	// The connection is lost in mid-round: the seat waits, and the roll with it.
	a.conn.Close()
	b.until(5, value(-11))
	a = dialSocket(t, s.Gate, jwt(t, s.Key, 11))
	a.send(3, sitDown("7", "-1")...)
	a.until(3, user(11, 2, 1))
	scene := a.until(101, nil)
	if len(scene.bytes[3]) != 1 || !bytes.Equal(scene.bytes[3][0], []byte{0x08, 11, 0x10, 5}) {
		t.Fatalf("scene after the return: dice %x, want user 11 with 5", scene.bytes[3])
	}
	b.until(5, value(11))

	b.send(103, 0x08, 3) // the last one rolls: the round settles
	for _, one := range []*socket{a, b} {
		f := one.until(104, nil)
		if f.numbers[1] != 200 || len(f.bytes[2]) != 1 || !bytes.Equal(f.bytes[2][0], []byte{11}) || len(f.bytes[3]) != 2 {
			t.Fatalf("settlement: idle %d, winners %x, dice %x", f.numbers[1], f.bytes[2], f.bytes[3])
		}
	}
	b.until(102, value(60_000))

	b.send(4)
	b.until(4, value(12))
	a.until(4, value(12))
	a.send(3, sitDown("8", "0")...) // another room: the first is left
	a.until(3, user(11, 0, 1))

	// A newer connection in the same room replaces the older one.
	c := dialSocket(t, s.Gate, jwt(t, s.Key, 11))
	c.send(3, sitDown("8", "-1")...)
	c.until(3, user(11, 0, 1))
	a.until(2, value(2))
}

func TestSpectatorsOfThePublishedFormat(t *testing.T) {
	s, err := Start(Config{Seats: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := dialSocket(t, s.Gate, jwt(t, s.Key, 1))
	a.send(3, sitDown("1", "-1")...)
	a.until(3, user(1, 0, 1))
	b := dialSocket(t, s.Gate, jwt(t, s.Key, 2))
	b.send(3, sitDown("1", "-1")...)
	b.until(3, user(2, -1, 1))
	b.send(103)
	if f := b.until(1, nil); f.numbers[1] != 103 {
		t.Fatalf("spectator's roll: error code %d, want 103", f.numbers[1])
	}
}

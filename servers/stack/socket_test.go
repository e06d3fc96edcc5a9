package stack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// raw sends bytes as they are. The gate may have closed already: what the test expects shows in
// what it reads.
func (s *socket) raw(b []byte) error {
	_, err := s.conn.Write(b)
	return err
}

// masked makes a client's frame with the given first byte.
func masked(first byte, payload []byte) []byte {
	b := []byte{first}
	switch size := len(payload); {
	case size < 126:
		b = append(b, 0x80|byte(size))
	case size < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(size))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(size))
	}
	b = append(b, 9, 8, 7, 6)
	for i, c := range payload {
		b = append(b, c^[...]byte{9, 8, 7, 6}[i%4])
	}
	return b
}

// message is a binary frame that holds an opcode and a body.
func message(op uint32, body ...byte) []byte {
	return masked(0x82, append(binary.BigEndian.AppendUint32(nil, op), body...))
}

// frame returns the next frame's first byte and payload.
func (s *socket) frame() (byte, []byte, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(s.r, head); err != nil {
		return 0, nil, err
	}
	size := int(head[1])
	if size == 126 {
		more := make([]byte, 2)
		if _, err := io.ReadFull(s.r, more); err != nil {
			return 0, nil, err
		}
		size = int(binary.BigEndian.Uint16(more))
	}
	payload := make([]byte, size)
	_, err := io.ReadFull(s.r, payload)
	return head[0], payload, err
}

// closeCode reads up to the close frame and returns its code, and then sees the connection end.
func (s *socket) closeCode() int {
	s.t.Helper()
	for {
		first, payload, err := s.frame()
		if err != nil {
			s.t.Fatalf("no close frame: %v", err)
		}
		if first != 0x88 {
			continue
		}
		if len(payload) < 2 {
			s.t.Fatalf("close frame without a code: %x", payload)
		}
		s.raw(masked(0x88, payload[:2]))
		s.ended()
		return int(binary.BigEndian.Uint16(payload))
	}
}

// sees asks the room whether a user is in it.
func (s *socket) sees(user int) bool {
	s.t.Helper()
	s.send(6)
	return strings.Contains(string(s.until(6, nil).bytes[1][0]), fmt.Sprintf("user %d ", user))
}

// seesOnline asks the room whether a user is in it and connected.
func (s *socket) seesOnline(user int) bool {
	s.t.Helper()
	s.send(6)
	for line := range strings.Lines(string(s.until(6, nil).bytes[1][0])) {
		if strings.HasPrefix(line, fmt.Sprintf("user %d ", user)) {
			return !strings.Contains(line, "offline")
		}
	}
	return false
}

// ended sees the connection end.
func (s *socket) ended() {
	s.t.Helper()
	_, err := io.Copy(io.Discard, s.r)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		s.t.Fatal("the gate leaves the connection open")
	}
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		s.t.Fatal(err)
	}
}

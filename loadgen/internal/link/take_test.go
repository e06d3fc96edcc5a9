package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"croupier/servers/client"
	"croupier/servers/wire"
)

// script is a Handler, and the connection, that writes down what happens.
type script struct {
	net.Conn
	lines []string
	stuck bool // nothing can be written
}

func (s *script) Up(Link, time.Time) {}
func (s *script) Told(op wire.Command, payload []byte, _ time.Time) {
	s.lines = append(s.lines, fmt.Sprintf("told %d %x", op, payload))
}
func (s *script) Down(err error)                   { s.lines = append(s.lines, err.Error()) }
func (s *script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) Close() error                     { return nil }

func (s *script) Write(b []byte) (int, error) {
	if s.stuck {
		return 0, os.ErrDeadlineExceeded
	}
	frame, err := ws.ReadFrame(bytes.NewReader(b))
	if err != nil {
		panic(err)
	}
	s.lines = append(s.lines, fmt.Sprintf("says %d %x", frame.Header.OpCode, ws.UnmaskFrame(frame).Payload))
	return len(b), nil
}

// heard is what happens when b comes in chunks.
func heard(t *testing.T, b []byte, chunks func(left int) int) []string {
	s := new(script)
	l := &gateLink{conn: s, h: s}
	for len(b) > 0 {
		n := min(max(chunks(len(b)), 1), len(b))
		lent := bytes.Clone(b[:n])
		err := l.take(lent, time.Now())
		for i := range lent {
			lent[i] = 0xee // it was only lent
		}
		if err != nil {
			return append(s.lines, ending(err).Error())
		}
		if held := len(l.rest) + len(l.message); held > 2*client.MaxMessage+20 {
			t.Fatalf("%d bytes are held", held)
		}
		b = b[n:]
	}
	return s.lines
}

func serverFrame(final bool, op ws.OpCode, payload []byte) []byte {
	return ws.MustCompileFrame(ws.NewFrame(op, final, payload))
}

func message(op wire.Command, payload ...byte) []byte {
	return append(wire.AppendOpcode(nil, op), payload...)
}

// What a server says does not depend on how the network cuts it up.
func FuzzTake(f *testing.F) {
	talk := slices.Concat(
		serverFrame(true, ws.OpBinary, message(8, 1, 2, 3)), serverFrame(true, ws.OpPing, []byte("hi")),
		serverFrame(false, ws.OpBinary, []byte{0, 0}), serverFrame(true, ws.OpPong, nil), serverFrame(false, ws.OpContinuation, []byte{0}),
		serverFrame(true, ws.OpContinuation, []byte{8, 9, 9}), serverFrame(true, ws.OpBinary, message(9, make([]byte, 300)...)),
	)
	goodbye := serverFrame(true, ws.OpClose, append(binary.BigEndian.AppendUint16(nil, 4001), "bye\x1b[2J\xff"...))
	f.Add(talk, []byte{1})
	f.Add(slices.Concat(talk, goodbye, talk), []byte{3, 1, 200})
	f.Add(serverFrame(true, ws.OpClose, []byte{3}), []byte{2})
	f.Add(serverFrame(true, ws.OpText, []byte("text")), []byte{2})
	f.Add(serverFrame(true, ws.OpContinuation, []byte("no begin")), []byte{2})
	f.Add(slices.Concat(serverFrame(false, ws.OpBinary, nil), serverFrame(true, ws.OpBinary, nil)), []byte{2})
	f.Fuzz(func(t *testing.T, b, sizes []byte) {
		whole := heard(t, b, func(left int) int { return left })
		i := 0
		cut := heard(t, b, func(int) int {
			i++
			if len(sizes) == 0 {
				return 1
			}
			return int(sizes[i%len(sizes)])
		})
		if !slices.Equal(whole, cut) {
			t.Errorf("in one piece %q, in pieces %q", whole, cut)
		}
	})
}

func TestTake(t *testing.T) {
	big := make([]byte, client.MaxMessage)
	for name, c := range map[string]struct {
		said []byte
		want []string
	}{
		"fragments": {slices.Concat(serverFrame(false, ws.OpBinary, []byte{0, 0, 0}), serverFrame(true, ws.OpPing, []byte("x")), serverFrame(true, ws.OpContinuation, []byte{8, 5})),
			[]string{"says 10 78", "told 8 05"}},
		"close": {serverFrame(true, ws.OpClose, append([]byte{0x0f, 0xa1}, "moved\n"...)),
			[]string{"says 8 0fa1", (&client.CloseError{Code: 4001, Reason: "moved"}).Error()}},
		"close without a code": {serverFrame(true, ws.OpClose, nil),
			[]string{"says 8 ", (&client.CloseError{Code: 1005}).Error()}},
		"short":                     {serverFrame(true, ws.OpBinary, []byte{1, 2}), []string{client.ErrMalformed.Error() + ": " + wire.ErrShort.Error() + ": 2 bytes"}},
		"text":                      {serverFrame(true, ws.OpText, nil), []string{client.ErrMalformed.Error() + ": a text message"}},
		"masked":                    {[]byte{0x82, 0x80, 1, 2, 3, 4}, []string{client.ErrMalformed.Error() + ": " + errBadFrame.Error()}},
		"too big by its word alone": {[]byte{0x82, 0x7f, 0, 0, 0, 0, 0, 0x10, 0, 1}, []string{client.ErrTooBig.Error() + ": over 1048576 bytes"}},
		"too big in fragments": {slices.Concat(serverFrame(false, ws.OpBinary, big), serverFrame(false, ws.OpContinuation, []byte{1})),
			[]string{client.ErrTooBig.Error() + ": over 1048576 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := heard(t, c.said, func(left int) int { return left }); !slices.Equal(got, c.want) {
				t.Errorf("%.300q, not %.300q", got, c.want)
			}
		})
	}
}

// A large message in small pieces costs what its bytes cost, not their square.
func TestLargeMessageInPieces(t *testing.T) {
	s := new(script)
	l := &gateLink{conn: s, h: s}
	b := serverFrame(true, ws.OpBinary, make([]byte, client.MaxMessage))
	var kept int
	allocs := testing.AllocsPerRun(1, func() {
		s.lines = nil
		for at := 0; at < len(b); at += 512 {
			if err := l.take(b[at:min(at+512, len(b))], time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		kept = len(l.rest)
	})
	if len(s.lines) != 1 || allocs > 200 || kept != 0 {
		t.Errorf("%d messages in %.0f allocations, %d bytes kept", len(s.lines), allocs, kept)
	}
}

func TestPongThatCannotBeSaid(t *testing.T) {
	s := &script{stuck: true}
	l := &gateLink{conn: s, h: s}
	if err := l.take(serverFrame(true, ws.OpPing, nil), time.Now()); !errors.Is(err, errNotTaken) {
		t.Error(err)
	}
}

// BenchmarkTold is what a message costs from the bytes read to the handler, exclusive.
func BenchmarkTold(b *testing.B) {
	l := &gateLink{h: discard{}}
	said := serverFrame(true, ws.OpBinary, message(8, make([]byte, 24)...))
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if err := l.take(said, now); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) Up(Link, time.Time)                   {}
func (discard) Told(wire.Command, []byte, time.Time) {}
func (discard) Down(error)                           {}

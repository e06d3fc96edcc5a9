package gate

import (
	"bytes"
	"io"
	"log/slog"
	"testing"

	"croupier/servers/token"
	"croupier/servers/wire"
)

func newGate(t testing.TB) *Gate {
	t.Helper()
	keys, err := token.ParseKeys(token.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(Config{
		Keys: keys, Services: map[string]string{"dice": "127.0.0.1:1"}, Rate: 1e9, Burst: 1e9, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // movers end
		g.cancel()
		g.work.Wait()
	})
	return g
}

// say lets a client send bytes, in pieces that end where cuts say, and returns all that it is told.
func say(t *testing.T, g *Gate, b []byte, cuts ...int) []byte {
	t.Helper()
	out, client, work := pair(t)
	s := &session{gate: g, user: 7, conn: out.conn, raw: out.raw, out: out, allowed: 1e9}
	from := 0
	for _, cut := range append(cuts, len(b)) {
		piece := append(bytes.Clone(s.rest), b[from:cut]...)
		from = cut
		if !s.handle(piece) {
			break
		}
	}
	s.leave()
	work.Wait()
	out.conn.CloseWrite()
	told, err := io.ReadAll(client)
	if err != nil {
		t.Fatal(err)
	}
	out.conn.Close()
	return told
}

// FuzzSession: what a client is told depends on its bytes alone, not on the packets they come in.
func FuzzSession(f *testing.F) {
	g := newGate(f)
	sit, err := wire.Append(nil, wire.Command_SIT_DOWN, &wire.SitDown{Place: wire.Place{Game: "dice", Room: 1, Seat: -1}.Map()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(masked(0x82, sit), 9, 20)
	f.Add(append(masked(0x02, []byte{0, 0}), masked(0x80, []byte{0, 6})...), 3, 11)
	f.Add(append(masked(0x89, []byte("hi")), masked(0x88, []byte{3, 232})...), 1, 8)
	f.Add(append(masked(0x82, []byte{0, 0, 0, 6}), masked(0x81, []byte("text"))...), 10, 12)
	f.Fuzz(func(t *testing.T, b []byte, first, second int) {
		if len(b) > 2*wire.MaxRequest {
			return
		}
		first = max(0, min(first, len(b)))
		second = max(first, min(second, len(b)))
		whole := say(t, g, b)
		if pieces := say(t, g, b, first, second); !bytes.Equal(whole, pieces) {
			t.Fatalf("%x: told %x, but cut at %d and %d: %x", b, whole, first, second, pieces)
		}
	})
}

package stub

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"

	"croupier/servers/token"
	"croupier/servers/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var keys = func() *token.Keys {
	k, err := token.ParseKeys(token.NewKey())
	if err != nil {
		panic(err)
	}
	return k
}()

// guest is a player who comes by hand.
type guest struct {
	t    *testing.T
	conn net.Conn
}

func enter(t *testing.T, conn net.Conn, user int64) guest {
	t.Helper()
	signed, err := keys.Sign(user, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	dialer := ws.Dialer{
		NetDial: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		Header:  ws.HandshakeHeaderHTTP(http.Header{"Authorization": {"Bearer " + signed}}),
	}
	if _, _, _, err := dialer.Dial(t.Context(), "ws://stub:1/"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return guest{t, conn}
}

func (g guest) say(op wire.Command, m wire.WithMeta) {
	g.t.Helper()
	b := append(wire.AppendOpcode(nil, op), wire.MustMarshal(m)...)
	whole := ws.MustCompileFrame(ws.MaskFrame(ws.NewBinaryFrame(b)))
	for _, part := range [][]byte{whole[:1], whole[1:7], whole[7:]} { // it may come in any pieces
		if _, err := g.conn.Write(part); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g guest) sit(room int64) {
	g.say(wire.Command_SIT_DOWN, &wire.SitDown{Place: wire.Place{Game: "dice", Room: room, Seat: -1}.Map()})
}

// next is the next message.
func (g guest) next() (wire.Command, wire.WithMeta) {
	g.t.Helper()
	f, err := ws.ReadFrame(g.conn)
	if err != nil {
		g.t.Fatal(err)
	}
	op, payload, err := wire.Split(f.Payload)
	if err != nil {
		g.t.Fatal(err)
	}
	body, err := wire.Decode(op, payload)
	if err != nil {
		g.t.Fatal(err)
	}
	return op, body
}

// until skips to a message of a kind.
func (g guest) until(op wire.Command) wire.WithMeta {
	g.t.Helper()
	for range 1000 {
		if got, body := g.next(); got == op {
			return body
		}
	}
	g.t.Fatalf("%v is not said", op)
	return nil
}

// ways to the stub: each returns what makes connections.
func ways(t *testing.T) map[string]func(*Server) func() net.Conn {
	return map[string]func(*Server) func() net.Conn{
		"pipe": func(s *Server) func() net.Conn { return s.Pipe },
		"TCP": func(s *Server) func() net.Conn {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var serving sync.WaitGroup
			serving.Go(func() { s.Serve(l) })
			t.Cleanup(func() { l.Close(); serving.Wait() })
			return func() net.Conn {
				conn, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				return conn
			}
		},
	}
}

func TestARound(t *testing.T) {
	for name, way := range ways(t) {
		t.Run(name, func(t *testing.T) {
			s := New(Config{Round: 10 * time.Second, Idle: time.Second, Seats: 2})
			t.Cleanup(s.Close)
			dial := way(s)
			var table []guest
			for user := range int64(3) {
				g := enter(t, dial(), user+1)
				g.sit(5)
				for { // the others, then itself
					own, ok := g.until(wire.Command_SIT_DOWN).(*wire.User)
					if ok && own.GetId() == user+1 {
						if want := []int32{0, 1, -1}[user]; own.GetSeat() != want {
							t.Errorf("user %d is in seat %d", user+1, own.GetSeat())
						}
						break
					}
				}
				if scene := g.until(wire.Command_DICE_SCENE).(*wire.DiceScene); !scene.GetInRound() {
					t.Error("no round runs")
				}
				table = append(table, g)
			}
			table[2].say(wire.Command_DICE_SHAKE, &wire.Int32{}) // a spectator, to no effect
			for i, g := range table[:2] {
				g.say(wire.Command_DICE_SHAKE, &wire.Int32{})
				g.say(wire.Command_DICE_SHAKE, &wire.Int32{}) // again, to no effect
				for j, other := range table {
					shake := other.until(wire.Command_DICE_SHAKE).(*wire.DiceShake)
					if shake.GetUser() != int64(i+1) || (shake.GetPoints() != 0) != (i == j) {
						t.Errorf("user %d is told %v", j+1, shake)
					}
				}
			}
			var seq uint64
			for _, g := range table {
				settlement := g.until(wire.Command_DICE_SETTLEMENT).(*wire.DiceSettlement)
				if len(settlement.GetDice()) != 2 || len(settlement.GetWinners()) == 0 {
					t.Errorf("settled: %v", settlement)
				}
				if n := settlement.GetMeta().GetSeq(); seq != 0 && n != seq {
					t.Errorf("one event has the numbers %d and %d", seq, n)
				} else {
					seq = n
				}
			}
			table[0].say(wire.Command_STAND_UP, &wire.Empty{})
			for _, g := range table {
				if who := g.until(wire.Command_STAND_UP).(*wire.Int64); who.GetValue() != 1 {
					t.Errorf("user %d left", who.GetValue())
				}
			}
			table[1].conn.Close()
			if who := table[2].until(wire.Command_STAND_UP).(*wire.Int64); who.GetValue() != 2 {
				t.Errorf("user %d left", who.GetValue())
			}
		})
	}
}

func TestStrangers(t *testing.T) {
	s := New(Config{Round: time.Second, Idle: time.Second, Seats: 2})
	defer s.Close()
	for name, said := range map[string]string{
		"no key":   "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"no token": "GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n",
	} {
		conn := s.Pipe()
		io.WriteString(conn, said[:7]) //nolint:errcheck // the answer counts
		io.WriteString(conn, said[7:]) //nolint:errcheck // the answer counts
		if _, err := conn.Read(make([]byte, 10)); err != io.EOF {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := conn.Write([]byte("x")); err == nil {
			t.Errorf("%s: it is written on", name)
		}
		conn.Close()
	}
	g := enter(t, s.Pipe(), 1)
	for _, nonsense := range [][]byte{{}, {1}, {0, 0, 0, 3, 0xff}, {0, 0, 0, 3}, {0, 0, 0, 99}, {0, 0, 0, 102}} {
		g.conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewBinaryFrame(nonsense)))) //nolint:errcheck // what comes then counts
	}
	g.conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewPingFrame([]byte("hi"))))) //nolint:errcheck // the answer counts
	if f, err := ws.ReadFrame(g.conn); err != nil || f.Header.OpCode != ws.OpPong || string(f.Payload) != "hi" {
		t.Errorf("%+v %v", f, err)
	}
	g.conn.Write(ws.MustCompileFrame(ws.NewBinaryFrame([]byte("unmasked")))) //nolint:errcheck // the end counts
	if _, err := g.conn.Read(make([]byte, 10)); err != io.EOF {
		t.Error(err)
	}
}

func TestPipeIsAConn(t *testing.T) {
	s := New(Config{Round: time.Second, Idle: time.Second, Seats: 2})
	defer s.Close()
	conn := s.Pipe()
	read := make(chan error)
	go func() { _, err := conn.Read(make([]byte, 1)); read <- err }()
	conn.SetReadDeadline(time.Now().Add(-time.Second)) //nolint:errcheck // it has none to return
	if err := <-read; err != os.ErrDeadlineExceeded {
		t.Error(err)
	}
	conn.SetDeadline(time.Time{}) //nolint:errcheck // as above
	go func() { _, err := conn.Read(make([]byte, 1)); read <- err }()
	conn.Close()
	conn.Close()
	if err := <-read; err != net.ErrClosed {
		t.Error(err)
	}
	if name := fmt.Sprint(conn.LocalAddr(), conn.RemoteAddr().Network()); name != "pipepipe" && name != "pipe pipe" {
		t.Error(name)
	}
	conn.SetWriteDeadline(time.Now()) //nolint:errcheck // as above
}

// Whatever a client says, the stub goes on.
func FuzzSession(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n"), true)
	f.Add(ws.MustCompileFrame(ws.MaskFrame(ws.NewBinaryFrame([]byte{0, 0, 0, 3, 1}))), false)
	f.Add([]byte{0x82, 0xfe, 0, 1, 2, 3, 4, 5}, false)
	f.Fuzz(func(t *testing.T, said []byte, strange bool) {
		s := New(Config{Round: time.Hour, Idle: time.Hour, Seats: 2})
		defer s.Close()
		if strange {
			conn := s.Pipe()
			conn.Write(said) //nolint:errcheck // it must not panic
			conn.Close()
			return
		}
		g := enter(t, s.Pipe(), 1)
		g.sit(1)
		for i := range said {
			g.conn.Write(said[i : i+1]) //nolint:errcheck // it must not panic
		}
	})
}

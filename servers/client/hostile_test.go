package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"croupier/servers/wire"
)

func TestHostileServers(t *testing.T) {
	raw := func(b []byte) func(context.Context, *websocket.Conn) {
		return func(ctx context.Context, conn *websocket.Conn) {
			conn.Write(ctx, websocket.MessageBinary, b)
			conn.Read(ctx)
		}
	}
	for name, test := range map[string]struct {
		do   func(context.Context, *websocket.Conn)
		want error
	}{
		"no opcode":        {raw([]byte{0, 0}), ErrMalformed},
		"empty":            {raw(nil), ErrMalformed},
		"invalid protobuf": {raw([]byte{0, 0, 0, byte(wire.Command_DICE_SCENE), 0xff, 0xff}), ErrMalformed},
		"invalid UTF-8":    {raw([]byte{0, 0, 0, byte(wire.Command_PRINT), 0x0a, 1, 0xff}), ErrMalformed},
		"huge":             {raw(make([]byte, MaxMessage+1)), ErrTooBig},
		"text": {func(ctx context.Context, conn *websocket.Conn) {
			conn.Write(ctx, websocket.MessageText, []byte("hello"))
			conn.Read(ctx)
		}, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			url := gateFunc(t, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) { test.do(ctx, conn) })
			c := open(t, Gate(url, nil), quick())
			if lost := await[Lost](t, c); !errors.Is(lost.Err, test.want) {
				t.Errorf("lost with %v", lost.Err)
			}
		})
	}
}

// TestBytesThatAreNoWebSocket writes below the WebSocket: garbage, half a frame, a reset.
func TestBytesThatAreNoWebSocket(t *testing.T) {
	for name, do := range map[string]func(*net.TCPConn){
		"garbage":           func(c *net.TCPConn) { c.Write([]byte("\xff\xff\xff\xffHTTP/1.1 200 OK\r\n\r\n")) },
		"half a frame":      func(c *net.TCPConn) { c.Write([]byte{0x82, 100, 1, 2, 3}); c.Close() },
		"a frame of 2^62 B": func(c *net.TCPConn) { c.Write([]byte{0x82, 127, 0x40, 0, 0, 0, 0, 0, 0, 0}); c.Close() },
		"reset":             func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			url := gateFunc(t, func(ctx context.Context, conn *websocket.Conn, r *http.Request) {
				do(r.Context().Value(rawConn{}).(*net.TCPConn))
				conn.Read(ctx)
			})
			c := open(t, Gate(url, nil), quick())
			if lost := await[Lost](t, c); lost.Err == nil {
				t.Error("lost without a reason")
			}
		})
	}
}

func TestRequestTimesOut(t *testing.T) {
	url := gateFunc(t, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
		for {
			if _, _, err := conn.Read(ctx); err != nil {
				return
			}
		}
	})
	options := quick()
	options.RequestTimeout = 20 * time.Millisecond
	c := open(t, Gate(url, Static(tokenFor(1))), options)
	for tries := 1; ; tries++ { // where this machine is busy, the time may be over before anything is sent
		_, err := c.Print(t.Context())
		if errors.Is(err, ErrUnknownOutcome) && errors.Is(err, context.DeadlineExceeded) {
			break
		}
		if tries == 20 || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Print(ctx); errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, context.Canceled) {
		t.Errorf("a request that was never sent: %v", err)
	}
	// A server that reads and pings, but answers nothing, is given up in the end.
	standing := func() link {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.link
	}
	first := standing()
	for asked := 1; ; asked++ {
		_, err := c.Print(t.Context())
		if err == nil {
			t.Fatal("answered")
		}
		if !errors.Is(err, context.DeadlineExceeded) || standing() != first {
			break
		}
		if asked > 3*maxAbandoned {
			t.Fatalf("not given up after %d requests without an answer", asked)
		}
	}
	if lost := await[Lost](t, c); !errors.Is(lost.Err, ErrSilent) {
		t.Errorf("lost with %v", lost.Err)
	}
}

// TestLateReplyIsNotTheNextOnes: without numbers, the reply to a request that nobody waits for any
// more must not answer the one after it.
func TestLateReplyIsNotTheNextOnes(t *testing.T) {
	heard, release := make(chan struct{}), make(chan struct{})
	url := gateFunc(t, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
		conn.Read(ctx)
		close(heard)
		<-release
		say(ctx, conn, wire.Command_PRINT, &wire.String{Value: "first"})
		conn.Read(ctx)
		say(ctx, conn, wire.Command_PRINT, &wire.String{Value: "second"})
		conn.Read(ctx)
	})
	c := open(t, Gate(url, Static(tokenFor(1))), quick())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-heard
		cancel()
	}()
	if _, err := c.Print(ctx); err == nil {
		t.Fatal("answered")
	}
	close(release)
	if text, err := c.Print(t.Context()); text != "second" {
		t.Errorf("got %q, %v", text, err)
	}
}

// TestHalfOpen lets the network swallow everything without a word.
func TestHalfOpen(t *testing.T) {
	h := newHouse(true)
	for name, target := range map[string]Target{
		"gate":   Gate(h.gate(t), Static(tokenFor(7))),
		"direct": Direct(h.direct(t), 8, nil),
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var conns []*swallowing
			options := quick()
			options.KeepAlive = 300 * time.Millisecond // twice that is what a busy machine may take to answer
			options.NetDial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				s := &swallowing{Conn: conn}
				mu.Lock()
				defer mu.Unlock()
				conns = append(conns, s)
				return s, nil
			}
			c := open(t, target, options)
			if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: AnySeat}); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			conns[0].swallow()
			mu.Unlock()
			if lost := await[Lost](t, c); !errors.Is(lost.Err, ErrSilent) {
				t.Errorf("lost with %v", lost.Err)
			}
			await[Resumed](t, c)
		})
	}
}

// TestKeepAliveIsSilent: probes of a quiet connection neither break it nor show.
func TestKeepAliveIsSilent(t *testing.T) {
	each(t, func(t *testing.T, h *house, target func(int64) Target) {
		t.Parallel()
		options := quick()
		options.KeepAlive = 500 * time.Millisecond // twice that is what a busy machine may take to answer
		c := open(t, target(7), options)
		if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 0}); err != nil {
			t.Fatal(err)
		}
		await[Message](t, c) // the seat
		eventually(t, "probes", func() bool { return h.count(wire.Command_PING)+int(h.pings.Load()) > 2 })
		select {
		case e := <-c.Events():
			t.Errorf("a quiet connection says %+v", e)
		default:
		}
	})
}

func TestSlowConsumer(t *testing.T) {
	h := newHouse(true)
	options := quick()
	options.EventBuffer = 8
	c := open(t, Gate(h.gate(t), Static(tokenFor(7))), options)
	await[Connected](t, c)
	if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 0}); err != nil {
		t.Fatal(err)
	}
	g := h.guest(7)
	for i := range 20 {
		g.send(wire.Command_DICE_START, &wire.DiceStart{Round: uint64(i)})
	}
	eventually(t, "the connection is given up", func() bool { return h.guest(7) != g })
	// What was in the buffer comes first and without a gap, then the break.
	await[Message](t, c) // the seat
	for i := range 7 {
		if start, ok := await[Message](t, c).Body.(*wire.DiceStart); !ok || start.GetRound() != uint64(i) {
			t.Errorf("event %d is %v", i, start)
		}
	}
	if lost, ok := (<-c.Events()).(Lost); !ok || !errors.Is(lost.Err, ErrSlowConsumer) {
		t.Errorf("after the buffer comes %+v", lost)
	}
	await[Resumed](t, c)
}

func TestCloseWaitsForNobodyLong(t *testing.T) {
	// The server never answers the close frame.
	url := gateFunc(t, func(ctx context.Context, _ *websocket.Conn, _ *http.Request) { <-ctx.Done() })
	c := open(t, Gate(url, nil), quick())
	began := time.Now()
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 15*closeGrace {
		t.Errorf("took %v", took)
	}
	if !errors.Is(c.Err(), ErrClosed) {
		t.Errorf("Err is %v", c.Err())
	}
}

func TestCloseWithRequestsUnderWay(t *testing.T) {
	asked := make(chan struct{})
	url := gateFunc(t, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
		conn.Read(ctx)
		close(asked)
		conn.Read(ctx)
	})
	c := open(t, Gate(url, Static(tokenFor(1))), quick())
	failed := make(chan error, 1)
	go func() {
		_, err := c.Print(context.Background())
		failed <- err
	}()
	<-asked
	c.Close(t.Context())
	if err := <-failed; !errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// swallowing is a connection whose cable can be pulled: it then reads and writes into the void.
type swallowing struct {
	net.Conn
	mu     sync.Mutex
	pulled bool
}

func (s *swallowing) swallow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pulled = true
}

func (s *swallowing) gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pulled
}

func (s *swallowing) Write(b []byte) (int, error) {
	if s.gone() {
		return len(b), nil
	}
	return s.Conn.Write(b)
}

func (s *swallowing) Read(b []byte) (int, error) {
	for {
		n, err := s.Conn.Read(b)
		if err != nil || !s.gone() {
			return n, err
		}
	}
}

// TestServerThatNeverReads: requests pile up in the network until a write blocks; the pulse finds
// out and the write comes back.
func TestServerThatNeverReads(t *testing.T) {
	url := gateFunc(t, func(ctx context.Context, _ *websocket.Conn, _ *http.Request) { <-ctx.Done() })
	options := quick()
	options.KeepAlive = 100 * time.Millisecond
	c := open(t, Gate(url, nil), options)
	text := &wire.String{Value: string(make([]byte, 1<<16))}
	for {
		if _, err := c.Send(wire.Command_PRINT, text); err != nil {
			t.Log(err)
			break
		}
	}
	if lost := await[Lost](t, c); !errors.Is(lost.Err, ErrSilent) {
		t.Errorf("lost with %v", lost.Err)
	}
}

// TestQuietPlayerAnswersPings: long after the last request the gate's pings are still answered.
func TestQuietPlayerAnswersPings(t *testing.T) {
	options := quick()
	options.writeTimeout = 300 * time.Millisecond
	pinged := make(chan error, 1)
	url := gateFunc(t, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
		conn.Read(ctx) // the only request
		ctx = conn.CloseRead(ctx)
		var err error
		for began := time.Now(); err == nil && time.Since(began) < 3*options.writeTimeout; {
			err = conn.Ping(ctx)
		}
		pinged <- err
		<-ctx.Done()
	})
	c := open(t, Gate(url, nil), options)
	if _, err := c.Send(wire.Command_PRINT, &wire.Empty{}); err != nil {
		t.Fatal(err)
	}
	if err := <-pinged; err != nil {
		t.Errorf("a ping: %v", err)
	}
}

package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc/codes"

	"croupier/servers/wire"
)

func TestResumeTheSeat(t *testing.T) {
	each(t, func(t *testing.T, h *house, target func(int64) Target) {
		c := open(t, target(7), quick())
		if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 2}); err != nil {
			t.Fatal(err)
		}
		h.guest(7).cut()
		if lost := await[Lost](t, c); lost.Err == nil {
			t.Error("lost without a reason")
		}
		await[Connecting](t, c)
		await[Connected](t, c)
		resumed := await[Resumed](t, c)
		if resumed.Place != (Place{Game: "dice", Room: 1, Seat: 2}) || resumed.Moved {
			t.Errorf("resumed %+v", resumed)
		}
		if _, err := c.Shake(t.Context(), 0); err != nil {
			t.Errorf("play on: %v", err)
		}
	})
}

func TestResumeElsewhereWhenTheSeatIsTaken(t *testing.T) {
	each(t, func(t *testing.T, h *house, target func(int64) Target) {
		c := open(t, target(7), quick())
		if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 0}); err != nil {
			t.Fatal(err)
		}
		g := h.guest(7)
		h.mu.Lock()
		delete(h.seats, 7)
		h.seats[99] = 0
		h.mu.Unlock()
		g.cut()
		resumed := await[Resumed](t, c)
		if resumed.Place.Seat != 1 || !resumed.Moved {
			t.Errorf("resumed %+v", resumed)
		}
	})
}

func TestResumeRefusedForGood(t *testing.T) {
	each(t, func(t *testing.T, h *house, target func(int64) Target) {
		t.Parallel()
		options := quick()
		options.ResumeFor = time.Second // for a second question at least
		c := open(t, target(7), options)
		if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 0}); err != nil {
			t.Fatal(err)
		}
		g := h.guest(7)
		h.mu.Lock()
		h.refuse = func(map[string]string) *wire.Error { return &wire.Error{Code: wire.Code_FAIL, Desc: "closed"} }
		h.mu.Unlock()
		g.cut()
		gone := await[NotResumed](t, c)
		var refused *RefusedError
		if !errors.As(gone.Err, &refused) || refused.Desc != "closed" || gone.Place.Seat != 0 {
			t.Errorf("got %+v", gone)
		}
		h.mu.Lock()
		h.refuse = nil
		tries := h.sits[1:]
		h.mu.Unlock()
		// Only where the refusal can mean that the seat is taken is another one asked for.
		anywhere := 0
		for _, place := range tries {
			if place["seat"] == "-1" {
				anywhere++
			}
		}
		if old := !c.modern; len(tries) < 2 || old && anywhere == 0 || !old && anywhere > 0 {
			t.Errorf("asked %d times for a seat, %d times for any", len(tries), anywhere)
		}
		if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 2, Seat: AnySeat}); err != nil {
			t.Errorf("sit elsewhere: %v", err)
		}
	})
}

func TestUnknownOutcomeIsNotRepeated(t *testing.T) {
	var shakes atomic.Int32
	url := gateFunc(t, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
		for {
			_, b, err := conn.Read(ctx)
			if err != nil {
				return
			}
			if op, _, _ := wire.Split(b); op == wire.Command_DICE_SHAKE {
				shakes.Add(1)
				return // the roll may have counted
			}
		}
	})
	c := open(t, Gate(url, Static(tokenFor(1))), quick())
	_, err := c.Shake(t.Context(), 0)
	if !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("got %v", err)
	}
	await[Lost](t, c)
	await[Connected](t, c)
	if n := shakes.Load(); n != 1 {
		t.Errorf("shook %d times", n)
	}
}

func TestNotConnected(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	for _, target := range []Target{Gate("ws://"+address, nil), Direct(address, 1, nil)} {
		if _, err := Dial(t.Context(), target, quick()); err == nil {
			t.Errorf("%v: dialled where nobody listens", target)
		} else {
			t.Log(err)
		}
		c := Start(target, quick())
		closeAfter(t, c)
		if lost := await[Lost](t, c); lost.Err == nil {
			t.Error("lost without a reason")
		}
		if _, err := c.Print(t.Context()); !errors.Is(err, ErrNotConnected) {
			t.Errorf("%v: print: %v", target, err)
		}
	}
}

func TestBadAddresses(t *testing.T) {
	for _, target := range []Target{Gate("127.0.0.1:60006", nil), Gate("http://host", nil), Gate("ws://", nil), Direct("nowhere", 1, nil)} {
		c := Start(target, quick())
		closeAfter(t, c)
		if closed := await[Closed](t, c); !errors.Is(closed.Err, errBadTarget) {
			t.Errorf("%v: %v", target, closed.Err)
		}
	}
}

func TestGivesUp(t *testing.T) {
	var tries atomic.Int32
	url := gateHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		tries.Add(1)
		http.Error(w, "try \x1b[31mlater", http.StatusServiceUnavailable)
	})
	options := quick()
	options.MaxAttempts = 3
	c := Start(Gate(url, nil), options)
	closeAfter(t, c)
	closed := await[Closed](t, c)
	var handshake *HandshakeError
	if !errors.Is(closed.Err, ErrGaveUp) || !errors.As(closed.Err, &handshake) || handshake.Text != "try [31mlater" {
		t.Errorf("closed with %v", closed.Err)
	}
	if n := tries.Load(); n != 4 {
		t.Errorf("tried %d times, want once and 3 attempts more", n)
	}
	<-c.Done()
	if !errors.Is(c.Err(), ErrGaveUp) {
		t.Errorf("Err is %v", c.Err())
	}
}

// TestEndings plays ends of a connection and looks at whether the client comes back.
func TestEndings(t *testing.T) {
	closeWith := func(code wire.CloseCode) func(context.Context, *websocket.Conn) {
		return func(_ context.Context, conn *websocket.Conn) { conn.Close(websocket.StatusCode(code), "because") }
	}
	disconnect := func(reason wire.DisconnectReason) func(context.Context, *websocket.Conn) {
		return func(ctx context.Context, conn *websocket.Conn) {
			say(ctx, conn, wire.Command_DISCONNECT, &wire.Int32{Value: int32(reason)})
			conn.Read(ctx)
		}
	}
	for name, test := range map[string]struct {
		end  func(context.Context, *websocket.Conn)
		back bool
		as   error
	}{
		"normal":                {closeWith(wire.CloseNormal), false, nil},
		"going away":            {closeWith(wire.CloseGoingAway), true, nil},
		"server gone":           {closeWith(wire.CloseServerGone), true, nil},
		"unknown code":          {closeWith(4999), true, nil},
		"replaced":              {closeWith(wire.CloseReplaced), false, ErrReplaced},
		"disconnect: retry":     {disconnect(wire.DisconnectReason_RETRY), true, nil},
		"disconnect: replaced":  {disconnect(wire.DisconnectReason_REPLACED), false, ErrReplaced},
		"disconnect: from 2030": {disconnect(77), true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var first sync.Once
			url := gateFunc(t, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
				ended := false
				first.Do(func() { ended = true; test.end(ctx, conn) })
				if !ended {
					conn.Read(ctx)
				}
			})
			c := open(t, Gate(url, nil), quick())
			await[Connected](t, c)
			if test.back {
				await[Lost](t, c)
				await[Connected](t, c)
				return
			}
			closed := await[Closed](t, c)
			if test.as != nil && !errors.Is(closed.Err, test.as) {
				t.Errorf("closed with %v", closed.Err)
			}
		})
	}
}

func TestDisbandedKeepsTheConnection(t *testing.T) {
	each(t, func(t *testing.T, h *house, target func(int64) Target) {
		c := open(t, target(7), quick())
		if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 0}); err != nil {
			t.Fatal(err)
		}
		h.guest(7).send(wire.Command_DISCONNECT, &wire.Int32{Value: int32(wire.DisconnectReason_DISBANDED)})
		eventually(t, "the place is gone", func() bool { _, seated := c.Place(); return !seated })
		if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 2, Seat: 0}); err != nil {
			t.Errorf("sit in another room: %v", err)
		}
		if c.Err() != nil {
			t.Errorf("closed: %v", c.Err())
		}
	})
}

func TestDirectRefusedByStatus(t *testing.T) {
	h := newHouse(true)
	address := h.direct(t)
	c := open(t, Direct(address, 7, nil), quick())
	_, err := c.Sit(t.Context(), Place{Game: "dice", Room: 13})
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Desc != "no room 13 in this house" {
		t.Errorf("got %v", err)
	}
	if _, err := c.Shake(t.Context(), 0); !errors.Is(err, ErrNotConnected) {
		t.Errorf("shake without a seat: %v", err)
	}
	if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 1}); err != nil {
		t.Errorf("sit elsewhere: %v", err)
	}

	bad := open(t, Direct(address, 7, Static("bad")), quick())
	_, err = bad.Sit(t.Context(), Place{Game: "dice", Room: 1})
	if !errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("sit with a bad token: %v", err)
	}
	if closed := await[Closed](t, bad); !errors.Is(closed.Err, ErrUnauthorized) {
		t.Errorf("closed with %v", closed.Err)
	}
}

func TestDelay(t *testing.T) {
	highest := Backoff{Base: 100 * time.Millisecond, Cap: time.Second, Rand: func() float64 { return 1 }}
	lowest := highest
	lowest.Rand = func() float64 { return 0 }
	for _, test := range []struct {
		n         int
		hint      Hint
		low, high time.Duration
	}{
		{0, Jitter, 0, 100 * time.Millisecond},
		{2, Jitter, 0, 400 * time.Millisecond},
		{63, Jitter, 0, time.Second},
		{1 << 40, Jitter, 0, time.Second},
		{0, AtOnce, 0, 0},
		{1, AtOnce, 0, 200 * time.Millisecond},
		{0, Pause, 500 * time.Millisecond, time.Second},
		{9, Pause, 500 * time.Millisecond, time.Second},
	} {
		low, high := lowest.Delay(test.n, test.hint), highest.Delay(test.n, test.hint)
		if low != test.low || high != test.high {
			t.Errorf("attempt %d, hint %d: %v to %v, want %v to %v", test.n, test.hint, low, high, test.low, test.high)
		}
	}
}

func TestFate(t *testing.T) {
	for _, test := range []struct {
		err   error
		retry bool
		hint  Hint
	}{
		{&CloseError{Code: wire.CloseTooSlow}, true, Pause},
		{&CloseError{Code: wire.CloseRateLimited}, true, Pause},
		{&CloseError{Code: wire.CloseGoingAway}, true, AtOnce},
		{&CloseError{Code: wire.CloseInternal}, true, Jitter},
		{&CloseError{Code: wire.CloseBadMessage}, false, 0},
		{&HandshakeError{Status: 401}, false, 0},
		{&HandshakeError{Status: 404}, false, 0},
		{&HandshakeError{Status: 429}, true, Jitter},
		{&HandshakeError{Status: 502}, true, Jitter},
		{&dialError{Target{}, net.ErrClosed}, true, Jitter},
		{ErrMalformed, true, Pause},
		{&StreamError{Code: codes.ResourceExhausted}, true, Pause},
		{&StreamError{Code: codes.Unavailable}, true, Jitter},
		{&StreamError{Code: codes.InvalidArgument}, false, 0},
	} {
		retry, hint, _ := Fate(test.err)
		if retry != test.retry || hint != test.hint {
			t.Errorf("%v: retry %v, hint %v", test.err, retry, hint)
		}
	}
	if _, _, wait := Fate(&HandshakeError{Status: 503, RetryAfter: time.Minute}); wait != time.Minute {
		t.Errorf("Retry-After is not honoured: %v", wait)
	}
}

package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"croupier/servers/wire"
)

// each runs a test through the gate and direct, on a server with request numbers and on one from
// before them.
func each(t *testing.T, test func(t *testing.T, h *house, target func(user int64) Target)) {
	for _, echo := range []bool{true, false} {
		t.Run(fmt.Sprintf("gate/echo=%v", echo), func(t *testing.T) {
			h := newHouse(echo)
			url := h.gate(t)
			test(t, h, func(user int64) Target { return Gate(url, Static(tokenFor(user))) })
		})
		t.Run(fmt.Sprintf("direct/echo=%v", echo), func(t *testing.T) {
			h := newHouse(echo)
			address := h.direct(t)
			test(t, h, func(user int64) Target { return Direct(address, user, nil) })
		})
	}
}

func TestPlay(t *testing.T) {
	each(t, func(t *testing.T, h *house, target func(int64) Target) {
		ctx := t.Context()
		first, second := open(t, target(7), quick()), open(t, target(8), quick())
		place := Place{Game: "dice", Room: 1, Seat: 2}
		me, err := first.Sit(ctx, place)
		if err != nil || me.GetId() != 7 || me.GetSeat() != 2 {
			t.Fatalf("sit: %v, %v", me, err)
		}
		if me, err = second.Sit(ctx, Place{Game: "dice", Room: 1, Seat: AnySeat}); err != nil || me.GetSeat() != 0 {
			t.Fatalf("sit: %v, %v", me, err)
		}
		if at, seated := second.Place(); !seated || at.Seat != 0 || second.User() != 8 {
			t.Errorf("second is %d at %+v, %v", second.User(), at, seated)
		}
		rolled, err := first.Shake(ctx, 0)
		if err != nil || rolled.GetUser() != 7 || rolled.GetPoints() != 5 {
			t.Errorf("shake: %v, %v", rolled, err)
		}
		text, err := second.Print(ctx)
		if err != nil || text != "2 seated" {
			t.Errorf("print: %q, %v", text, err)
		}
		_, err = first.Ping(ctx)
		var refused *RefusedError
		if h.echo && err != nil {
			t.Errorf("ping: %v", err)
		} else if !h.echo && (!errors.As(err, &refused) || refused.Code != wire.Code_UNKNOWN_COMMAND) {
			t.Errorf("ping on an old server: %v", err)
		}
		if err := second.Stand(ctx); err != nil {
			t.Errorf("stand: %v", err)
		}
		if at, seated := second.Place(); seated {
			t.Errorf("still seated at %+v", at)
		}
		if me, err = second.Sit(ctx, Place{Game: "dice", Room: 1, Seat: 3}); err != nil || me.GetSeat() != 3 {
			t.Errorf("sit down after standing up: %v, %v", me, err)
		}
		_, err = second.Request(ctx, 999, &wire.Empty{})
		if !errors.As(err, &refused) || refused.Op != 999 || refused.Code != wire.Code_UNKNOWN_COMMAND {
			t.Errorf("unknown command: %v", err)
		}
	})
}

func TestSitRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house, target func(int64) Target) {
		first, second := open(t, target(7), quick()), open(t, target(8), quick())
		if _, err := first.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 2}); err != nil {
			t.Fatal(err)
		}
		_, err := second.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 2})
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "sit refused: seat 2 is taken") {
			t.Fatalf("got %v", err)
		}
		if _, seated := second.Place(); seated {
			t.Error("a refused player is seated")
		}
		if _, err := second.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 1}); err != nil {
			t.Errorf("sit elsewhere: %v", err)
		}
	})
}

func TestEventsAreInOrder(t *testing.T) {
	each(t, func(t *testing.T, h *house, target func(int64) Target) {
		c := open(t, target(7), quick())
		await[Connected](t, c)
		if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 0}); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			h.guest(7).send(wire.Command_DICE_START, &wire.DiceStart{Round: uint64(i)})
		}
		if m := await[Message](t, c); m.Op != wire.Command_SIT_DOWN || m.At.IsZero() {
			t.Fatalf("first came %+v", m)
		}
		for i := range 20 {
			m := await[Message](t, c)
			if start, ok := m.Body.(*wire.DiceStart); !ok || start.GetRound() != uint64(i) {
				t.Fatalf("message %d is %+v", i, m)
			}
		}
	})
}

func TestRepliesInAnyOrder(t *testing.T) {
	const n = 10
	url := gateFunc(t, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
		// The first tells that this server echoes; the others are answered last come, first served.
		var numbers []uint64
		for {
			_, b, err := conn.Read(ctx)
			if err != nil {
				return
			}
			op, payload, _ := wire.Split(b)
			number := wire.RequestID(payload)
			if op == wire.Command_PING {
				say(ctx, conn, op, &wire.Int64{Value: 1, Meta: &wire.Meta{Request: number}})
				continue
			}
			if numbers = append(numbers, number); len(numbers) < n {
				continue
			}
			for i := n - 1; i >= 0; i-- {
				text := fmt.Sprint(numbers[i])
				say(ctx, conn, op, &wire.String{Value: text, Meta: &wire.Meta{Request: numbers[i]}})
			}
		}
	})
	c := open(t, Gate(url, Static(tokenFor(1))), quick())
	if _, err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]bool{}
	for range n {
		all.Go(func() {
			text, err := c.Print(t.Context())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[text] = true
		})
	}
	all.Wait()
	if len(seen) != n {
		t.Errorf("%d requests got %d different replies", n, len(seen))
	}
}

func TestHandlerAndSend(t *testing.T) {
	h := newHouse(true)
	got := make(chan Event, 100)
	options := quick()
	options.Handler = func(e Event) { got <- e }
	c := open(t, Gate(h.gate(t), Static(tokenFor(7))), options)
	number, err := c.Send(wire.Command_PRINT, &wire.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := (<-got).(Connected); !ok {
		t.Error("Connected does not come first")
	}
	m, ok := (<-got).(Message)
	if !ok || m.Op != wire.Command_PRINT || m.Body.GetMeta().GetRequest() != number {
		t.Errorf("got %+v", m)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if closed, ok := (<-got).(Closed); !ok || !errors.Is(closed.Err, ErrClosed) {
		t.Errorf("last came %+v", closed)
	}
	if _, err := c.Send(wire.Command_PRINT, &wire.Empty{}); !errors.Is(err, ErrNotConnected) || !errors.Is(err, ErrClosed) {
		t.Errorf("send on a closed client: %v", err)
	}
	if _, open := <-c.Events(); open {
		t.Error("Events is in use beside a Handler")
	}
}

func TestTokenTravelsInTheHeader(t *testing.T) {
	seen := make(chan *http.Request, 1)
	url := gateHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		http.Error(w, "no", http.StatusForbidden)
	})
	_, err := Dial(t.Context(), Gate(url, Static("secret")), Options{Header: http.Header{"Origin": {"http://here"}}})
	r := <-seen
	if r.Header.Get("Authorization") != "Bearer secret" || strings.Contains(r.URL.String(), "secret") || r.Header.Get("Origin") != "http://here" {
		t.Errorf("the request is %s %v", r.URL, r.Header)
	}
	if !errors.Is(err, ErrUnauthorized) || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error is %v", err)
	}
}

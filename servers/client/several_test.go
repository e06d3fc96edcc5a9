package client

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// nowhere is an address at which nobody answers.
func nowhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A client that can't connect to a gate, or loses it, goes on to the next.
func TestGoesOnToTheNextGate(t *testing.T) {
	one, other := newHouse(true), newHouse(true)
	target := Gates([]string{one.gate(t), "ws://" + nowhere(t), other.gate(t)}, Static(tokenFor(7))).StartAt(0)
	c := open(t, target, quick())
	if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 2}); err != nil {
		t.Fatal(err)
	}
	one.guest(7).cut()
	if lost := await[Lost](t, c); strings.Contains(lost.Err.Error(), "connect to") {
		t.Errorf("lost for %v", lost.Err)
	}
	if lost := await[Lost](t, c); !strings.Contains(lost.Err.Error(), "connect to gate ") || strings.Contains(lost.Err.Error(), ",") {
		t.Errorf("the gate that is not there: %v", lost.Err)
	}
	if resumed := await[Resumed](t, c); resumed.Place != (Place{Game: "dice", Room: 1, Seat: 2}) || other.guest(7) == nil {
		t.Errorf("resumed %+v", resumed)
	}
}

// Clients are spread over the gates.
func TestClientsAreSpread(t *testing.T) {
	began := make(map[int]bool)
	for range 100 {
		c := newClient(Gates([]string{"ws://a:1", "ws://b:1", "ws://c:1"}, nil), quick())
		began[c.turn] = true
		c.stop()
	}
	if len(began) != 3 {
		t.Errorf("100 clients begin with %v of three gates", began)
	}
	if n := newClient(Gates(nil, nil), quick()).turn; n != 0 {
		t.Error("no gate has a number")
	}
	if _, err := Dial(t.Context(), Gates(nil, nil), quick()); !errors.Is(err, errBadTarget) {
		t.Errorf("no address: %v", err)
	}
	if _, err := Dial(t.Context(), Directs(nil, 7, nil), quick()); !errors.Is(err, errBadTarget) {
		t.Errorf("no address: %v", err)
	}
	if s := Gates([]string{"ws://a:1/?token=x", "ws://b:1"}, nil).String(); s != "gates ws://a:1/, ws://b:1" {
		t.Errorf("they are %s", s)
	}
}

// A game server that does not own the room says who does. The client goes there, if it knows the
// address, and else to the next one.
func TestDirectClientGoesToTheOwner(t *testing.T) {
	for name, named := range map[string]func(known string) string{
		"one that it knows":    func(known string) string { return known },
		"one that it does not": func(string) string { return "10.0.0.1:60001" },
	} {
		t.Run(name, func(t *testing.T) {
			owner, one, other := newHouse(true), newHouse(true), newHouse(true)
			address := owner.direct(t)
			one.owner, other.owner = named(address), named(address)
			c := open(t, Directs([]string{one.direct(t), other.direct(t), address}, 7, nil).StartAt(0), quick())
			me, err := c.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 2})
			if err != nil || me.GetSeat() != 2 || owner.guest(7) == nil {
				t.Fatalf("%v, %v", me, err)
			}
			if _, err := c.Shake(t.Context(), 0); err != nil {
				t.Errorf("play on: %v", err)
			}
			// The room moves: the next server is asked, and says where to.
			owner.mu.Lock()
			owner.owner = "10.0.0.1:60001"
			owner.mu.Unlock()
			one.mu.Lock()
			one.owner = ""
			one.mu.Unlock()
			owner.guest(7).cut()
			if resumed := await[Resumed](t, c); resumed.Place.Seat != 2 || one.guest(7) == nil {
				t.Errorf("resumed %+v", resumed)
			}
		})
	}
}

// Servers that send a player round and round are given up, in a bounded time.
func TestDirectClientIsNotSentRoundForEver(t *testing.T) {
	one, other := newHouse(true), newHouse(true)
	a, b := one.direct(t), other.direct(t)
	one.owner, other.owner = b, a
	options := quick()
	options.NoReconnect, options.RequestTimeout = true, 20*time.Second
	c, err := Dial(t.Context(), Directs([]string{a, b}, 7, nil), options)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAfter(t, c)
	_, err = c.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 2})
	if !errors.Is(err, ErrUnknownOutcome) || !strings.Contains(err.Error(), "the room is on another server") {
		t.Errorf("sit: %v", err)
	}
}

// Who asks for any room is told which, and comes back to that.
func TestAnyRoom(t *testing.T) {
	h := newHouse(true)
	c := open(t, Gate(h.gate(t), Static(tokenFor(7))), quick())
	if _, err := c.Sit(t.Context(), Place{Game: "dice", Seat: AnySeat}); err != nil {
		t.Fatal(err)
	}
	if at, _ := c.Place(); at != (Place{Game: "dice", Room: 123456, Seat: 0}) {
		t.Errorf("sits at %+v", at)
	}
	h.guest(7).cut()
	if resumed := await[Resumed](t, c); resumed.Place.Room != 123456 {
		t.Errorf("resumed %+v", resumed)
	}
}

func TestAnotherSeat(t *testing.T) {
	each(t, func(t *testing.T, h *house, target func(int64) Target) {
		c := open(t, target(7), quick())
		if _, err := c.Sit(t.Context(), Place{Game: "dice", Room: 1, Seat: 0}); err != nil {
			t.Fatal(err)
		}
		for _, seat := range []int32{3, -1} {
			me, err := c.Move(t.Context(), seat)
			if seat < 0 {
				me, err = c.Bench(t.Context())
			}
			var refused *RefusedError
			at, _ := c.Place()
			switch {
			case h.echo && (err != nil || me.GetSeat() != seat || at.Seat != seat):
				t.Errorf("move to %d: %v, %v, at %+v", seat, me, err, at)
			case !h.echo && (!errors.As(err, &refused) || at.Seat != 0):
				t.Errorf("a server from before MOVE: %v", err)
			}
		}
	})
}

package bot

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/scenario"
	"croupier/servers/client"
	"croupier/servers/wire"
)

// A connection that breaks brings the bot back to the same room and seat.
func TestLostAndBack(t *testing.T) {
	for name, own := range map[string]bool{"own": true, "other": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, player(), func(w *world) {
				w.seated()
				if own {
					w.bot.Break()
					if !w.link.cut {
						t.Fatal("the connection is not cut")
					}
				}
				w.down(errBroke)
				w.is(Away)
				w.pass(time.Second)
				w.up()
				if place := w.place(); place != (wire.Place{Game: "dice", Room: 9, Seat: 2}) {
					t.Errorf("the bot asks for %+v", place)
				}
				time.Sleep(50 * time.Millisecond)
				w.seat(2)
				w.is(Seated)
				want := []time.Duration{1050 * time.Millisecond}
				if !slices.Equal(w.backs, want) || !slices.Equal(w.times(measure.Reseat), want) {
					t.Errorf("back after %v, measured %v", w.backs, w.times(measure.Reseat))
				}
				lost := w.saw(oracle.Lost)
				if !slices.Equal(w.lost, []bool{own}) || len(lost) != 1 || lost[0].Own != own || (len(w.troubles) == 0) != own {
					t.Errorf("lost %v, seen %v, troubles %v", w.lost, lost, w.troubles)
				}
			})
		})
	}
}

func TestSilence(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.seated()
		w.pass(quiet)
		if w.link.pings != 1 || w.link.cut {
			t.Fatalf("%d pings, cut %v", w.link.pings, w.link.cut)
		}
		w.link.heard = time.Now() // the answer
		w.pass(quiet)
		if w.link.pings != 2 || w.link.cut {
			t.Fatalf("%d pings, cut %v", w.link.pings, w.link.cut)
		}
		w.pass(quiet)
		if !w.link.cut {
			t.Fatal("not cut")
		}
		w.down(errBroke)
		if len(w.troubles) != 1 || !errors.Is(w.troubles[0], errNoAnswer) || !slices.Equal(w.lost, []bool{false}) {
			t.Errorf("troubles %v, lost %v", w.troubles, w.lost)
		}
		if lost := w.saw(oracle.Lost); len(lost) != 1 || lost[0].Own || !strings.Contains(lost[0].Text, "silent") {
			t.Errorf("the oracle sees %v", lost)
		}
	})
}

func TestDisconnected(t *testing.T) {
	for _, byGate := range []bool{false, true} {
		for _, reason := range []wire.DisconnectReason{wire.DisconnectReason_RETRY, wire.DisconnectReason_REPLACED} {
			inWorld(t, Style{Reconnect: scenario.Jitter, Backoff: time.Second}, func(w *world) {
				w.seated()
				if byGate {
					w.say(wire.Command_DISCONNECT, &wire.Int32{Value: int32(reason)})
				} else {
					w.tell(wire.Command_DISCONNECT, &wire.Int32{Value: int32(reason)})
					w.is(Away)
				}
				if !w.link.closed || w.link.cut {
					t.Error("no goodbye")
				}
				w.down(&client.CloseError{Code: wire.CloseNormal})
				w.is(Away)
				if len(w.lost) != 1 || w.lost[0] || len(w.troubles) != 1 || errors.Is(w.troubles[0], client.ErrReplaced) != (reason == wire.DisconnectReason_REPLACED) {
					t.Errorf("lost %v, troubles %v", w.lost, w.troubles)
				}
				w.pass(0)
				if at := len(w.opened) == 2; at != (reason == wire.DisconnectReason_RETRY) {
					t.Errorf("%v: comes again at once: %v", reason, at)
				}
				w.pass(3 * time.Second)
				w.up()
				w.seat(2)
				w.is(Seated)
				if len(w.backs) != 1 {
					t.Error("is not told to be back")
				}
			})
		}
	}
}

func TestDisbanded(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.seated()
		w.tell(wire.Command_DISCONNECT, &wire.Int32{Value: int32(wire.DisconnectReason_DISBANDED)})
		w.is(Out)
		w.pass(time.Second)
		if place := w.place(); place.Seat != -1 || w.link.closed || w.link.cut || len(w.lost) > 0 {
			t.Errorf("the bot asks for %+v", place)
		}
		w.seat(0)
		w.is(Seated)
	})
}

// One whose very first table is disbanded under it still counts as one that had no place yet.
func TestDisbandedBeforeTheFirstSeat(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.bot.Start(w.Now())
		w.up()
		w.tell(wire.Command_DISCONNECT, &wire.Int32{Value: int32(wire.DisconnectReason_DISBANDED)})
		w.is(Connecting)
		w.pass(time.Second)
		w.seat(0)
		if want := []State{Connecting, Seated}; !slices.Equal(w.moves, want) {
			t.Errorf("the bot moved %v, not %v", w.moves, want)
		}
	})
}

func TestReconnectModels(t *testing.T) {
	attempts := func(style Style, after func(*world)) (at []time.Duration) {
		inWorld(t, style, func(w *world) {
			w.seated()
			time.Sleep(1234 * time.Millisecond)
			began := w.Now()
			after(w)
			for range 5 {
				w.down(errBroke)
				w.pass(20 * time.Second)
				if w.handler == nil {
					break
				}
			}
			for _, t := range w.opened[1:] {
				at = append(at, t-began)
			}
		})
		return at
	}
	fixed := attempts(Style{Reconnect: scenario.Fixed, Backoff: 300 * time.Millisecond}, func(*world) {})
	if want := 300 * time.Millisecond; len(fixed) != 5 || fixed[0] != want || fixed[1] != 20*time.Second+want {
		t.Errorf("fixed: %v", fixed)
	}
	storm := attempts(Style{Reconnect: scenario.Storm, Backoff: 500 * time.Millisecond}, func(*world) {})
	if want := 266 * time.Millisecond; len(storm) != 5 || storm[0] != want { // the next half second after 61.234 s
		t.Errorf("storm: %v", storm)
	}
	if never := attempts(Style{Reconnect: scenario.Never}, func(*world) {}); len(never) != 0 {
		t.Errorf("none: %v", never)
	}
	for range 20 {
		jitter := attempts(Style{Reconnect: scenario.Jitter, Backoff: time.Second}, func(*world) {})
		for i, most := range []time.Duration{250, 500, 1000, 1000, 1000} {
			if pause := jitter[i] - time.Duration(i)*20*time.Second; pause < 0 || pause > most*time.Millisecond {
				t.Errorf("jitter: pause %d is %v, over %v", i, pause, most*time.Millisecond)
			}
		}
	}
}

// Who may not come is not kept from asking, but asks seldom; who is told to wait waits.
func TestPausesThatServersAskFor(t *testing.T) {
	for name, c := range map[string]struct {
		err         error
		least, most time.Duration
	}{
		"unauthorized": {&client.HandshakeError{Status: 401}, time.Second, 3 * time.Second},
		"retry after":  {&client.HandshakeError{Status: 503, RetryAfter: 4 * time.Second}, 4 * time.Second, 4 * time.Second},
		"going away":   {&client.CloseError{Code: wire.CloseGoingAway}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Style{Reconnect: scenario.Jitter, Backoff: time.Second}, func(w *world) {
				w.bot.Start(w.Now())
				began := w.Now()
				w.down(c.err)
				w.pass(10 * time.Second)
				if pause := w.opened[1] - began; pause < c.least || pause > c.most {
					t.Errorf("the bot waits %v", pause)
				}
			})
		})
	}
}

// A server that accepts and drops is not tried in a tight loop; one that works again is.
func TestDroppedAtOnce(t *testing.T) {
	inWorld(t, Style{Reconnect: scenario.Jitter, Backoff: 5 * time.Second}, func(w *world) {
		w.bot.Start(w.Now())
		began := w.Now()
		for w.Now()-began < time.Minute {
			if w.handler != nil {
				w.up()
				w.down(io.EOF)
			}
			w.pass(time.Millisecond)
		}
		if n := len(w.opened); n > 60 {
			t.Errorf("%d attempts in a minute", n)
		}
	})
}

func TestNoneEndsWithTheConnection(t *testing.T) {
	inWorld(t, Style{Reconnect: scenario.Never}, func(w *world) {
		w.bot.Start(w.Now())
		w.down(errBroke) // it never was there, and tries on
		w.is(Connecting)
		w.pass(3 * time.Second)
		w.up()
		w.seat(1)
		w.down(errBroke)
		w.is(Gone)
		if len(w.saw(oracle.Quit)) != 1 {
			t.Error("the oracle is not told that the bot is not to be missed")
		}
	})
}

func TestFlaps(t *testing.T) {
	style := player()
	style.Flap = 60
	inWorld(t, style, func(w *world) {
		w.seated()
		breaks := 0
		for range 60_000 {
			w.pass(time.Millisecond)
			if w.link.cut && !w.link.over {
				breaks++
				w.down(errBroke)
				w.pass(style.Backoff)
				w.up()
				w.seat(2)
			}
		}
		if breaks < 30 || breaks > 90 { // 60 in 60 s with a connection
			t.Errorf("%d breaks in a minute", breaks)
		}
		if len(w.troubles) > 0 || slices.Contains(w.lost, false) {
			t.Errorf("troubles %v", w.troubles)
		}
	})
}

package bot

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/scenario"
	"croupier/servers/client"
	"croupier/servers/wire"
)

var errBroke = errors.New("the connection broke")

func TestAGame(t *testing.T) {
	style := player()
	style.Think = 100 * time.Millisecond
	inWorld(t, style, func(w *world) {
		meant := w.Now()
		time.Sleep(3 * time.Millisecond) // the conductor is late
		w.bot.Start(meant)
		w.is(Connecting)
		time.Sleep(10 * time.Millisecond)
		dialed := time.Now()
		time.Sleep(20 * time.Millisecond)
		w.link = &fakeLink{world: w, heard: time.Now()}
		w.handler = nil
		w.bot.Up(w.link, dialed)
		if place := w.place(); place != (wire.Place{Game: "dice", Room: 9, Seat: -1}) {
			t.Errorf("the bot asks for %+v", place)
		}
		time.Sleep(5 * time.Millisecond)
		w.tell(wire.Command_SIT_DOWN, &wire.User{Id: 1, Seat: 0, Online: true})
		w.is(Connecting)
		w.seat(1)
		w.is(Seated)
		w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: 1})
		w.pass(800 * time.Millisecond)
		if w.last() != wire.Command_DICE_SHAKE {
			t.Fatalf("the bot said %v last", w.last())
		}
		w.tell(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 42, Points: 3, Round: 1})
		w.tell(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{Round: 1, Dice: map[int64]int32{42: 3}, Winners: []int64{42}})
		w.pass(time.Minute)
		for phase, want := range map[measure.Phase]time.Duration{
			measure.Dial: 13 * time.Millisecond, measure.Auth: 20 * time.Millisecond, measure.Seat: 5 * time.Millisecond,
		} {
			if got := w.times(phase); !slices.Equal(got, []time.Duration{want}) {
				t.Errorf("%v took %v, not %v", phase, got, want)
			}
		}
		if n := len(w.times(measure.Action)); n != 1 {
			t.Errorf("%d rolls were measured", n)
		}
		for _, one := range w.took {
			if (one.phase == measure.Seat || one.phase == measure.Action) != (one.server == 3) {
				t.Errorf("%v was measured of server %v", one.phase, one.server)
			}
		}
		if len(w.troubles) > 0 || len(w.seen) != 5 || w.sent != 2 {
			t.Errorf("troubles %v, %d events were shown, %d messages sent", w.troubles, len(w.seen), w.sent)
		}
	})
}

// A roll is late from the moment at which the bot meant to roll, not from the one at which it did.
func TestActionIsMeasuredFromItsIntent(t *testing.T) {
	inWorld(t, player(), func(w *world) { // thinks for no time
		w.seated()
		w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: 1})
		time.Sleep(70 * time.Millisecond) // the generator does not get to it
		w.pass(0)
		time.Sleep(30 * time.Millisecond)
		w.tell(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 42, Points: 3, Round: 1})
		if got := w.times(measure.Action); !slices.Equal(got, []time.Duration{100 * time.Millisecond}) {
			t.Errorf("the roll took %v", got)
		}
		if got := w.times(measure.Lag); !slices.Contains(got, 70*time.Millisecond) {
			t.Errorf("the lag was %v", got)
		}
	})
}

func TestLeaveRestReturn(t *testing.T) {
	style := player()
	style.Leave, style.Rest = 1, 2*time.Second
	inWorld(t, style, func(w *world) {
		w.seated()
		for round := uint64(1); w.state == Seated; round++ {
			w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: round})
			w.pass(100 * time.Millisecond)
			if w.last() == wire.Command_DICE_SHAKE {
				w.tell(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 42, Points: 3, Round: round})
				w.pass(100 * time.Millisecond)
			}
			w.tell(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{Round: round, IdleMs: 100})
			w.pass(100 * time.Millisecond)
			if w.last() != wire.Command_STAND_UP {
				t.Fatal("the bot does not stand up")
			}
			w.tell(wire.Command_STAND_UP, &wire.Int64{Value: 42})
		}
		w.is(Out)
		w.until(wire.Command_SIT_DOWN)
		if place := w.place(); place.Seat != -1 || place.Room != 9 {
			t.Errorf("the bot asks for %+v", place)
		}
		w.seat(0)
		w.is(Seated)
		if len(w.lost) > 0 || len(w.times(measure.Reseat)) > 0 || w.link.cut || w.link.closed {
			t.Error("to stand up is not to be lost")
		}
	})
}

func TestHop(t *testing.T) {
	style := player()
	style.Leave, style.Hop = 0.5, 1
	inWorld(t, style, func(w *world) {
		w.seated()
		w.tell(wire.Command_STAND_UP, &wire.Int64{Value: 42})
		w.pass(time.Second)
		if place := w.place(); place.Room < 50 || place.Seat != -1 {
			t.Errorf("the bot asks for %+v", place)
		}
		w.seat(0)
		if room := w.rooms[len(w.rooms)-1]; room != w.place().Room {
			t.Errorf("the oracle is told of room %d", room)
		}
	})
}

func TestIdleAndSpectators(t *testing.T) {
	idle := player()
	idle.Idle = 1
	for name, c := range map[string]struct {
		style Style
		seat  int32
		state State
	}{"idle": {idle, 0, Seated}, "spectator": {player(), -1, Watching}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, c.style, func(w *world) {
				w.bot.Start(w.Now())
				w.up()
				w.seat(c.seat)
				w.is(c.state)
				w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: 1})
				w.pass(10 * time.Second)
				if w.last() != wire.Command_SIT_DOWN {
					t.Errorf("the bot says %v", w.last())
				}
			})
		})
	}
}

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

// A seat that somebody else has is given up for any other.
func TestSeatTaken(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.seated()
		w.down(errBroke)
		w.pass(time.Second)
		w.up()
		w.tell(wire.Command_ERROR, &wire.Error{Code: wire.Code_STATUS_MISMATCH, Desc: "taken"})
		if place := w.place(); place.Seat != -1 || len(w.link.sent) != 2 {
			t.Errorf("the bot asks for %+v", place)
		}
		w.tell(wire.Command_ERROR, &wire.Error{Code: wire.Code_STATUS_MISMATCH, Desc: "full"})
		if len(w.link.sent) != 2 {
			t.Error("it asks for any seat again at once")
		}
		w.pass(2 * time.Second)
		w.seat(1)
		w.is(Seated)
	})
}

func TestRefusedSeat(t *testing.T) {
	for range 20 {
		inWorld(t, player(), func(w *world) {
			w.bot.Start(w.Now())
			w.up()
			w.tell(wire.Command_ERROR, &wire.Error{Code: wire.Code_FAIL, Desc: "no"})
			w.pass(200*time.Millisecond - 1)
			if len(w.link.sent) != 1 {
				t.Error("the bot asks again at once")
			}
			w.pass(1800*time.Millisecond + 1)
			if len(w.link.sent) != 2 || len(w.troubles) != 1 {
				t.Errorf("sent %v, troubles %v", w.link.sent, w.troubles)
			}
			w.seat(0)
			w.is(Seated)
			w.pass(9 * time.Second)
			if w.link.cut {
				t.Error("an answer was not taken for one")
			}
		})
	}
}

func TestUnanswered(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.bot.Start(w.Now())
		w.up()
		w.pass(answerTime - 1)
		if w.link.cut {
			t.Fatal("cut too soon")
		}
		w.pass(1)
		if !w.link.cut {
			t.Fatal("not cut")
		}
		w.down(errBroke)
		w.is(Connecting)
		if len(w.troubles) != 1 || !strings.Contains(w.troubles[0].Error(), "no answer to sit down in 10s") {
			t.Errorf("troubles %v", w.troubles)
		}
		w.pass(time.Second)
		w.up()
		w.seat(1)
		w.is(Seated)
	})
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

func TestMalformed(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.seated()
		w.bot.Told(wire.Command_DICE_START, []byte{0xff}, time.Now())
		if !w.link.cut {
			t.Fatal("not cut")
		}
		w.bot.Told(wire.Command_DICE_START, []byte{0xff}, time.Now())
		w.down(errBroke)
		if len(w.troubles) != 1 || !errors.Is(w.troubles[0], client.ErrMalformed) || !slices.Equal(w.lost, []bool{false}) {
			t.Errorf("troubles %v, lost %v", w.troubles, w.lost)
		}
	})
}

// What a server says of times to come is not what the bot waits for.
func TestAbsurdTimes(t *testing.T) {
	style := player()
	style.Leave, style.Think = 0.5, time.Second
	for _, ms := range []int64{-1 << 62, -1, 0, 1 << 62} {
		inWorld(t, style, func(w *world) {
			w.seated()
			for round := range uint64(20) {
				w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: ms, Round: round})
				w.pass(time.Millisecond)
				w.tell(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{IdleMs: ms, Round: round})
				w.pass(time.Millisecond)
			}
			if lag := w.times(measure.Lag); len(lag) > 0 && (slices.Max(lag) > 0 || slices.Min(lag) < 0) {
				t.Errorf("%d ms: the bot believes to be %v late", ms, slices.Max(lag))
			}
		})
	}
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

// Open arrivals go for good, and get up first.
func TestStay(t *testing.T) {
	style := player()
	style.Stay = 5 * time.Second
	inWorld(t, style, func(w *world) {
		w.seated()
		w.until(wire.Command_STAND_UP)
		w.tell(wire.Command_STAND_UP, &wire.Int64{Value: 42})
		w.down(&client.CloseError{Code: wire.CloseNormal})
		w.is(Gone)
		if len(w.troubles) > 0 || len(w.saw(oracle.Lost)) > 0 {
			t.Errorf("troubles %v", w.troubles)
		}
	})
}

// states are ways into everything that a bot can be in the midst of.
var states = map[string]func(*world){
	"dialing": func(w *world) { w.bot.Start(w.Now()) },
	"pausing": func(w *world) { w.bot.Start(w.Now()); w.down(errBroke) },
	"connecting": func(w *world) {
		w.bot.Start(w.Now())
		w.up()
	},
	"refused": func(w *world) {
		w.bot.Start(w.Now())
		w.up()
		w.tell(wire.Command_ERROR, &wire.Error{Code: wire.Code_FAIL})
	},
	"seated": (*world).seated,
	"rolling": func(w *world) {
		w.seated()
		w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000})
		w.pass(0)
	},
	"watching": func(w *world) { w.bot.Start(w.Now()); w.up(); w.seat(-1) },
	"out":      func(w *world) { w.seated(); w.tell(wire.Command_STAND_UP, &wire.Int64{Value: 42}) },
	"out without a connection": func(w *world) {
		w.seated()
		w.tell(wire.Command_STAND_UP, &wire.Int64{Value: 42})
		w.down(errBroke)
	},
	"cut":           func(w *world) { w.seated(); w.bot.Break() },
	"away":          func(w *world) { w.seated(); w.bot.Break(); w.down(errBroke) },
	"away, dialing": func(w *world) { w.seated(); w.bot.Break(); w.down(errBroke); w.pass(time.Second) },
	"away, asking":  func(w *world) { w.seated(); w.bot.Break(); w.down(errBroke); w.pass(time.Second); w.up() },
	"lost":          func(w *world) { w.seated(); w.down(errBroke) },
	"lost, dialing": func(w *world) { w.seated(); w.down(errBroke); w.pass(time.Second) },
	"lost, asking":  func(w *world) { w.seated(); w.down(errBroke); w.pass(time.Second); w.up() },
	"told to come again": func(w *world) {
		w.seated()
		w.tell(wire.Command_DISCONNECT, &wire.Int32{})
	},
	"disbanded": func(w *world) {
		w.seated()
		w.tell(wire.Command_DISCONNECT, &wire.Int32{Value: int32(wire.DisconnectReason_DISBANDED)})
	},
}

// A good server lets everybody go, from wherever they are, without a complaint.
func TestStopInEveryState(t *testing.T) {
	for name, into := range states {
		t.Run(name, func(t *testing.T) {
			inWorld(t, player(), func(w *world) {
				into(w)
				troubles := len(w.troubles)
				byServer := strings.HasPrefix(name, "lost") || name == "told to come again"
				w.bot.Stop()
				w.bot.Stop()
				answered := 0
				for range 10 {
					switch {
					case w.state == Gone:
					case w.handler != nil:
						w.up()
						answered = 0
					case w.link != nil && !w.link.over && (w.link.cut || w.link.closed):
						w.down(&client.CloseError{Code: wire.CloseNormal})
					case w.link != nil && !w.link.over && len(w.link.sent) > answered:
						answered = len(w.link.sent)
						switch w.last() {
						case wire.Command_STAND_UP:
							w.tell(wire.Command_STAND_UP, &wire.Int64{Value: 42})
						case wire.Command_SIT_DOWN:
							w.seat(2)
						}
					default:
						w.pass(time.Second)
					}
				}
				w.is(Gone)
				if byServer && (len(w.backs) != 1 || w.last() != wire.Command_STAND_UP) {
					t.Error("the bot did not find out what became of its table")
				}
				if name == "told to come again" {
					troubles++ // that it was
				}
				if len(w.troubles) != troubles {
					t.Errorf("its own goodbye is trouble: %v", w.troubles)
				}
				w.pass(time.Hour)
				if len(w.alarms) > 0 || w.state != Gone {
					t.Error("it is not over")
				}
			})
		})
	}
}

// A server that answers nothing lets nobody go, and they go nevertheless.
func TestStopOnADeadServer(t *testing.T) {
	for name, into := range states {
		t.Run(name, func(t *testing.T) {
			inWorld(t, player(), func(w *world) {
				into(w)
				began := w.Now()
				w.bot.Stop()
				for w.state != Gone && w.Now()-began < time.Minute {
					switch {
					case w.link != nil && !w.link.over && (w.link.cut || w.link.closed):
						w.down(errBroke)
					case w.handler != nil && w.Now()-w.opened[len(w.opened)-1] >= 5*time.Second:
						w.down(link.ErrSilent)
					default:
						w.pass(100 * time.Millisecond)
					}
				}
				w.is(Gone)
				if took := w.Now() - began; took > 16*time.Second { // patience, and an attempt that had just begun
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestKillInEveryState(t *testing.T) {
	for name, into := range states {
		for _, first := range []string{"kill", "down"} { // is heard of
			t.Run(name+", "+first+" first", func(t *testing.T) {
				inWorld(t, player(), func(w *world) {
					into(w)
					troubles := len(w.troubles)
					connected := w.handler != nil || w.link != nil && !w.link.over
					if first == "down" && connected {
						w.down(link.ErrEnded)
					}
					w.bot.Kill()
					if first == "kill" && connected {
						w.down(link.ErrEnded)
					}
					w.is(Gone)
					if name == "told to come again" && first == "down" {
						troubles++ // that it was
					}
					if len(w.troubles) != troubles {
						t.Errorf("the end of the run is trouble: %v", w.troubles)
					}
					for _, e := range w.saw(oracle.Lost)[min(len(w.saw(oracle.Lost)), troubles):] {
						if !e.Own && name != "told to come again" {
							t.Errorf("the end of the run is the server's doing: %v", e)
						}
					}
				})
			})
		}
	}
}

// A stop before the start, or after the end, does nothing.
func TestStopWhenGone(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.bot.Stop()
		w.bot.Break()
		if len(w.moves) > 0 {
			t.Error("it moved")
		}
	})
}

func TestWritingFails(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.seated()
		w.link.fails = true
		w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000})
		w.pass(time.Millisecond)
		w.down(errBroke)
		w.pass(time.Second)
		w.up()
		w.seat(2)
		w.is(Seated)
		if len(w.troubles) != 1 {
			t.Errorf("troubles %v", w.troubles)
		}
	})
}

func TestBotAccessors(t *testing.T) {
	for s := Gone; s < States; s++ {
		if s.String() == "" {
			t.Errorf("state %d has no name", s)
		}
	}
}

// Whatever is said and happens, a bot keeps its promises and comes to its end.
func FuzzBot(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09"), uint64(1))
	f.Add([]byte("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x01\x02\x03\x0a\x0b\x05\x01\x02\x0a\x02"), uint64(2))
	f.Add([]byte("\x01\x02\x0c\x08\x01\x02\x0d\x05\x03\x00\x01\x02\x09"), uint64(3))
	f.Fuzz(func(t *testing.T, script []byte, seed uint64) {
		if len(script) > 200 {
			return
		}
		models := []scenario.Model{scenario.Jitter, scenario.Fixed, scenario.Storm, scenario.Never}
		style := Style{
			Think: 100 * time.Millisecond, Leave: 0.3, Rest: time.Second, Hop: 0.5, Idle: 0.1,
			Flap: 10, Reconnect: models[seed%4], Backoff: 500 * time.Millisecond,
		}
		if seed&8 != 0 {
			style.Stay = 20 * time.Second
		}
		inWorld(t, style, func(w *world) { w.live(script) })
	})
}

// live lets the bot live through what a script says.
func (w *world) live(script []byte) {
	connected := func() bool { return w.link != nil && !w.link.over }
	w.bot.Start(w.Now())
	for i, b := range script {
		rest := script[i+1:]
		switch b % 16 {
		case 0:
			w.pass(time.Duration(b) * 50 * time.Millisecond)
		case 1:
			if w.handler != nil {
				w.up()
			}
		case 2:
			if connected() {
				w.seat(int32(b>>4) - 1)
			}
		case 3:
			if connected() || w.handler != nil {
				w.down(errBroke)
			}
		case 4:
			if connected() {
				w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: int64(b) * 10, Round: uint64(i)})
			}
		case 5:
			if connected() {
				w.tell(wire.Command_STAND_UP, &wire.Int64{Value: 42})
			}
		case 6:
			if connected() {
				w.tell(wire.Command_DISCONNECT, &wire.Int32{Value: int32(b >> 4)})
			}
		case 7:
			if connected() && len(rest) > 1 { // anything
				w.bot.Told(wire.Command(rest[0]), rest[1:], time.Now())
			}
		case 8:
			if connected() {
				w.tell(wire.Command_ERROR, &wire.Error{Code: wire.Code(100 + b>>4)})
			}
		case 9:
			w.bot.Break()
		case 10:
			if connected() {
				w.tell(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 42, Points: 1})
			}
		case 11:
			if connected() {
				w.tell(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{IdleMs: int64(b)})
			}
		case 12:
			w.bot.Stop()
		case 13:
			if connected() {
				w.say(wire.Command_DISCONNECT, &wire.Int32{Value: int32(b >> 4)})
			}
		case 14:
			w.bot.State()
		case 15:
			if connected() {
				w.link.fails = true
			}
		}
	}
	w.bot.Stop()
	began := w.Now()
	for w.state != Gone && w.Now()-began < 2*time.Minute {
		switch {
		case connected() && (w.link.cut || w.link.closed || w.link.fails):
			w.down(errBroke)
		case w.handler != nil && w.Now()-w.opened[len(w.opened)-1] >= 5*time.Second:
			w.down(link.ErrSilent)
		default:
			w.pass(100 * time.Millisecond)
		}
	}
	if w.state != Gone {
		w.t.Errorf("the bot does not go: it is %v", w.state)
	}
	if len(w.alarms) > 0 {
		w.t.Error("an alarm is set when the bot is gone")
	}
	w.pass(time.Hour)
}

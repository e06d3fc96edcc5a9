package bot

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/measure"
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

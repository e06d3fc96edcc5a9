package bot

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/servers/wire"
)

// inRound is a scene in which the bot has not rolled, or has.
func inRound(dice map[int64]int32) *wire.DiceScene {
	return &wire.DiceScene{InRound: true, LeftMs: 1000, Round: 1, Seats: 4, Dice: dice}
}

// thinker pings its room every so often.
func thinker() Style {
	style := player()
	style.Think = 50 * time.Millisecond
	return style
}

// A roll that is under way while the room is handed over waits, and how long is measured.
func TestBlackout(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.seated()
		w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: 1})
		w.pass(0)
		w.epoch++
		w.tell(wire.Command_ONLINE, &wire.Int64{Value: 5}) // the new owner speaks
		time.Sleep(40 * time.Millisecond)
		w.answer(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 42, Points: 3, Round: 1}, w.request())
		if got := w.times(measure.Blackout); !slices.Equal(got, []time.Duration{40 * time.Millisecond}) || len(w.times(measure.Recovery)) > 0 {
			t.Errorf("the blackout was %v", got)
		}
		w.tell(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{Round: 1, Dice: map[int64]int32{42: 3}, Winners: []int64{42}})
		w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: 2})
		w.pass(0)
		w.answer(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 42, Points: 3, Round: 2}, w.request())
		if got := w.times(measure.Blackout); len(got) != 1 {
			t.Errorf("later blackouts are %v", got)
		}
	})
}

// A roll that is under way as the owner dies is answered by the next one, which has shown the room anew. The bot
// does not roll again meanwhile.
func TestRecovery(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.seated()
		w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: 1})
		w.pass(0)
		rolls := len(w.link.sent)
		w.epoch++
		time.Sleep(300 * time.Millisecond)
		w.seat(1)
		w.tell(wire.Command_DICE_SCENE, inRound(nil))
		w.is(Seated)
		w.pass(100 * time.Millisecond)
		if len(w.link.sent) != rolls {
			t.Errorf("meanwhile the bot says %v", w.link.sent[rolls:])
		}
		w.answer(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 42, Points: 3, Round: 1}, w.request())
		if got := w.times(measure.Recovery); !slices.Equal(got, []time.Duration{400 * time.Millisecond}) || len(w.times(measure.Blackout)) > 0 {
			t.Errorf("the recovery was %v", got)
		}
	})
}

// A lost connection is recovered from since the first thing that was not answered. The bot goes to the next gate.
func TestRecoveryOfAConnection(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.seated()
		w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: 1})
		w.pass(0)
		time.Sleep(100 * time.Millisecond)
		w.down(errBroke)
		lost := w.Now()
		w.pass(time.Second)
		w.up()
		w.seat(1)
		again := w.Now() - lost
		if got := w.times(measure.Recovery); !slices.Equal(got, []time.Duration{again + 100*time.Millisecond}) {
			t.Errorf("the recovery was %v, and not %v", got, again+100*time.Millisecond)
		}
		if got := w.times(measure.Reseat); !slices.Equal(got, []time.Duration{again}) {
			t.Errorf("the return took %v", got)
		}
		w.bot.Break()
		w.down(errBroke)
		w.pass(time.Second)
		w.up()
		w.seat(1)
		if got := w.times(measure.Recovery); len(got) != 1 {
			t.Errorf("what the bot breaks itself is recovered from: %v", got)
		}
		if !slices.Equal(w.turns, []int{0, 1, 2}) {
			t.Errorf("the turns were %v", w.turns)
		}
	})
}

func TestPings(t *testing.T) {
	style := thinker()
	style.Ping = time.Second
	inWorld(t, style, func(w *world) {
		w.seated()
		w.until(wire.Command_PING)
		asked := w.request()
		time.Sleep(7 * time.Millisecond)
		pings := len(w.link.sent)
		w.pass(20 * time.Second)
		if len(w.link.sent) != pings {
			t.Error("the bot pings again, though it has no answer")
		}
		w.answer(wire.Command_PING, &wire.Int64{}, asked)
		if got := w.times(measure.Ping); len(got) != 1 || got[0] < 20*time.Second {
			t.Errorf("the ping took %v", got)
		}
		w.link.sent = nil
		w.until(wire.Command_PING)
		if next := w.request(); next <= asked {
			t.Errorf("request %d comes after %d", next, asked)
		}
		w.answer(wire.Command_ERROR, &wire.Error{Code: wire.Code_STATUS_MISMATCH}, w.request())
		w.is(Seated)
		if len(w.troubles) > 0 {
			t.Errorf("a refused ping is trouble: %v", w.troubles)
		}
	})
}

// A room that stands still answers later, and no bot gives it up before its patience ends.
func TestARoomThatStandsStill(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.bot.config.Patience = time.Minute
		w.seated()
		w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: 1})
		w.pass(0)
		w.say(wire.Command_NOTICE, &wire.Notice{Kind: wire.Notice_WAITING, Text: "wait"})
		for range 4 {
			w.pass(5 * time.Second)
			w.link.heard = time.Now() // the gate answers its pings
		}
		if w.link.cut {
			t.Fatal("the bot gives its connection up")
		}
		w.answer(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 42, Points: 3, Round: 1}, w.request())
		w.tell(wire.Command_DICE_SCENE, inRound(map[int64]int32{42: 3}))
		w.is(Seated)
		w.tell(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{Round: 1})
		if got := w.times(measure.Late); len(got) > 0 {
			t.Errorf("a round that stood still was late by %v", got)
		}
	})
}

// A bot goes to the bench and back, tells the oracle that it wants to, and takes no for an answer.
func TestBench(t *testing.T) {
	style := player()
	style.Bench = 1
	inWorld(t, style, func(w *world) {
		w.seated()
		w.tell(wire.Command_DICE_SCENE, inRound(nil))
		wished := make(map[int32]bool)
		for round := uint64(1); round < 40 && len(wished) < 5; round++ {
			w.tell(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{Round: round, IdleMs: 100})
			w.link.sent = nil
			w.until(wire.Command_MOVE)
			var wish wire.Int32
			if err := proto.Unmarshal(w.link.last, &wish); err != nil {
				t.Fatal(err)
			}
			wished[wish.GetValue()] = true
			if asks := w.saw(oracle.Asks); len(asks) != int(round) || asks[round-1].Request != w.request() {
				t.Fatalf("the oracle knows of %d wishes, not of %d", len(asks), round)
			}
			if round%3 == 0 {
				w.answer(wire.Command_ERROR, &wire.Error{Code: wire.Code_STATUS_MISMATCH}, w.request())
				continue
			}
			w.answer(wire.Command_SIT_DOWN, &wire.User{Id: 42, Seat: wish.GetValue(), Online: true}, w.request())
			if wish.GetValue() < 0 {
				w.is(Watching)
			} else {
				w.is(Seated)
			}
		}
		if len(wished) != 5 || len(w.troubles) > 0 || len(w.times(measure.Move)) == 0 {
			t.Errorf("it went to %v; troubles %v", wished, w.troubles)
		}
	})
}

// A spectator that gets a seat goes to the bench, and stays there.
func TestSpectator(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.bot.config.Watches, w.bot.mind.watches = true, true
		w.seated()
		w.tell(wire.Command_DICE_SCENE, inRound(nil))
		w.until(wire.Command_MOVE)
		w.answer(wire.Command_SIT_DOWN, &wire.User{Id: 42, Seat: -1, Online: true}, w.request())
		w.is(Watching)
		said := len(w.link.sent)
		for round := uint64(1); round < 9; round++ {
			w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: round})
			w.pass(time.Second)
			w.tell(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{Round: round, IdleMs: 100})
			w.pass(time.Second)
		}
		if len(w.link.sent) != said {
			t.Errorf("on the bench it says %v", w.link.sent[said:])
		}
	})
}

// Who is bound to another room is taken back there.
func TestTakenBack(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.bot.Start(0)
		w.up()
		w.way = 123
		w.seat(1)
		w.is(Seated)
		w.way = 0
		w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: 1})
		if got := w.rooms[len(w.rooms)-1]; got != 123 {
			t.Errorf("the oracle is told of room %d", got)
		}
		w.down(errBroke)
		w.pass(time.Second)
		w.up()
		if place := w.place(); place.Room != 123 {
			t.Errorf("the bot goes back to %+v", place)
		}
	})
}

// A gate answers for a room that has let the player go, and can't say so any more.
func TestTheGateSaysWhoHasLeft(t *testing.T) {
	style := player()
	style.Leave = 1
	inWorld(t, style, func(w *world) {
		w.seated()
		for round := uint64(1); w.last() != wire.Command_STAND_UP; round++ {
			w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: round})
			w.pass(100 * time.Millisecond)
			if w.last() == wire.Command_DICE_SHAKE {
				w.answer(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 42, Points: 1, Round: round}, w.request())
				w.pass(100 * time.Millisecond)
			}
			w.tell(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{Round: round, IdleMs: 100})
			w.pass(100 * time.Millisecond)
		}
		w.say(wire.Command_STAND_UP, &wire.Int64{Value: 42, Meta: &wire.Meta{Request: w.request()}})
		w.is(Out)
	})
}

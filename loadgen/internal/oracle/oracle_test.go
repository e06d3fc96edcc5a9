package oracle

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// table is a world with bots 1, 2 and 3 at the table, in its first round.
func table(fences bool) *world {
	w := newWorld()
	w.fences = fences
	for bot := range int64(3) {
		w.sit(bot + 1)
	}
	return w
}

func (w *world) playRound() {
	for i := range int64(3) {
		w.roll(i+1, int32(i+2))
	}
	w.settle()
}

func TestACorrectTableBreaksNoRule(t *testing.T) {
	w := table(true)
	for range 5 {
		w.playRound()
		w.begin()
	}
	w.roll(1, 6)
	w.cut(1, true)
	w.notice(1)
	w.sit(1) // in the same round: the same seat
	w.roll(2, 1)
	w.stand(2)
	w.stand(3)
	w.cut(1, false)
	w.sit(1) // before the room has noticed
	w.begin()
	f := w.finish()
	if f.Violated() != 0 {
		report(t, f)
		t.Fatal("a correct table was found to break rules")
	}
	for _, rule := range Rules() {
		if f.Tallies[rule].Checked == 0 {
			t.Errorf("%v: nothing was checked", rule)
		}
	}
	if f.Counts.Settlements != 6 || f.Counts.Returns != 2 {
		t.Errorf("saw %d settlements and %d returns, not 6 and 2", f.Counts.Settlements, f.Counts.Returns)
	}
}

// Every fault is found under its own rule, and its proof holds events.
func TestEveryFaultIsFound(t *testing.T) {
	const victim = 2
	// once tampers with the first thing of a kind that the victim, or everyone, hears from now on.
	once := func(w *world, kind Kind, everyone bool, change func(Event) []Event) {
		var done uint64
		w.tamper = func(bot int64, e Event) []Event {
			if e.Kind != kind || bot != victim && !everyone || done != 0 && done != e.Seq {
				return []Event{e}
			}
			done = e.Seq
			return change(e)
		}
	}
	drop := func(Event) []Event { return nil }
	twice := func(e Event) []Event { return []Event{e, e} }
	for name, c := range map[string]struct {
		rule Rule
		play func(w *world)
	}{
		"one is not told the settlement": {Sequence, func(w *world) {
			once(w, Settled, false, drop)
			w.playRound()
			w.begin()
		}},
		"nobody is told the settlement": {Sequence, func(w *world) {
			once(w, Settled, true, drop)
			w.playRound()
			w.begin()
		}},
		"a round is not settled at all": {Settlement, func(w *world) {
			w.roll(1, 3)
			w.begin()
		}},
		"a settlement is told twice": {Sequence, func(w *world) {
			once(w, Settled, false, twice)
			w.playRound()
		}},
		"a round is settled twice": {Settlement, func(w *world) {
			w.playRound()
			w.running = true
			w.settle()
		}},
		"a settlement comes too late": {Sequence, func(w *world) {
			var late []Event
			once(w, Settled, false, func(e Event) []Event { late = append(late, e); return nil })
			w.playRound()
			w.tamper = func(bot int64, e Event) []Event {
				said := []Event{e}
				if bot == victim {
					said, late = append(said, late...), nil
				}
				return said
			}
			w.begin()
		}},
		"two are told different dice": {Agreement, func(w *world) {
			once(w, Settled, false, func(e Event) []Event {
				e.Dice = slices.Clone(e.Dice)
				e.Dice[0].Points, e.Dice[1].Points = e.Dice[1].Points, e.Dice[0].Points
				return []Event{e}
			})
			w.playRound()
		}},
		"the wrong one wins": {Winners, func(w *world) {
			once(w, Settled, true, func(e Event) []Event { e.Winners = []int64{1}; return []Event{e} })
			w.playRound()
		}},
		"a tie has one winner": {Winners, func(w *world) {
			once(w, Settled, true, func(e Event) []Event { e.Winners = e.Winners[:1]; return []Event{e} })
			w.roll(1, 5)
			w.roll(2, 5)
			w.settle()
		}},
		"a die is shown too early": {Hidden, func(w *world) {
			once(w, Shaken, false, func(e Event) []Event { e.Points = 4; return []Event{e} })
			w.roll(1, 4)
		}},
		"a die is shown in the scene": {Hidden, func(w *world) {
			w.roll(1, 4)
			w.cut(victim, true)
			once(w, Scene, false, func(e Event) []Event { e.Dice = []Die{{1, 4}}; return []Event{e} })
			w.sit(victim)
		}},
		"a roll is forgotten": {Roll, func(w *world) {
			w.roll(victim, 4)
			w.roll(1, 3)
			delete(w.dice, victim)
			w.settle()
		}},
		"a roll is forgotten while its player is away": {Roll, func(w *world) {
			w.roll(victim, 4)
			w.cut(victim, true)
			w.notice(victim)
			delete(w.dice, victim)
			w.sit(victim)
		}},
		"a roll is changed": {Roll, func(w *world) {
			w.roll(victim, 4)
			w.dice[victim] = 2
			w.settle()
		}},
		"one rolls twice": {Roll, func(w *world) {
			w.roll(victim, 4)
			delete(w.dice, victim)
			w.roll(victim, 5)
		}},
		"a seat is given to another": {Seat, func(w *world) {
			w.guest(victim).seat = 9 // the room forgets it
			w.sit(4)
		}},
		"a player is moved": {Seat, func(w *world) {
			w.cut(1, true)
			w.guest(victim).seat = 8
			w.sit(1)
		}},
		"a seat is lost though its player rolled": {Seat, func(w *world) {
			w.roll(victim, 4)
			w.cut(victim, true)
			g := w.guest(victim)
			g.session = false
			w.remove(g)
		}},
		"a seat is another one after the return": {Seat, func(w *world) {
			w.roll(victim, 4)
			w.cut(victim, true)
			w.notice(victim)
			w.guest(victim).seat = 3
			w.sit(victim)
		}},
		"an old owner goes on": {Epoch, func(w *world) {
			w.epoch++
			w.roll(1, 3)
			w.epoch--
			w.roll(2, 3)
		}},
		"there are two rooms": {Epoch, func(w *world) {
			w.playRound()
			one := *w
			w.cut(3, true)
			w.guests, w.open = nil, false
			w.sit(3) // opens another one
			w.now += time.Minute
			one.now, one.guests = w.now, one.guests[:2]
			one.begin()
		}},
		"the server dies in a round": {Settlement, func(w *world) {
			w.roll(1, 3)
			w.crash()
			w.sit(2)
		}},
		"the server dies in a round and is not seen again": {Settlement, func(w *world) {
			w.roll(1, 3)
			w.crash()
		}},
		"the room is closed in a round": {Settlement, func(w *world) {
			w.roll(1, 3)
			w.closeRoom(Retry)
		}},
		"the seats are others after the room was lost": {Seat, func(w *world) {
			w.playRound()
			w.crash()
			w.sit(3)
		}},
		"a round number is left out": {Sequence, func(w *world) {
			w.playRound()
			w.round++
			w.begin()
		}},
		"a player can't come back": {Back, func(w *world) {
			w.cut(1, false)
			w.now += time.Minute
			w.sit(1)
		}},
		"a player never comes back": {Back, func(w *world) {
			w.cut(1, false)
			w.now += time.Minute
		}},
	} {
		for _, fences := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, owners told apart: %v", name, fences), func(t *testing.T) {
				w := table(fences)
				c.play(w)
				f := w.finish()
				if f.Tallies[c.rule].Violated == 0 {
					report(t, f)
					t.Fatalf("not found under rule %q", c.rule)
				}
				for _, v := range f.Violations {
					if len(v.Lines()) == 0 || v.Text == "" || v.Room != w.room {
						t.Errorf("a violation without proof: %+v", v)
					}
				}
			})
		}
	}
}

// What nobody saw is no violation.
func TestWhatNobodySawIsUnknown(t *testing.T) {
	for name, play := range map[string]func(w *world){
		"everyone left, and the room began anew": func(w *world) {
			w.roll(1, 3)
			for bot := range int64(3) {
				w.cut(bot+1, true)
				w.notice(bot + 1)
			}
			w.settle()
			if w.open {
				panic("the room is still open")
			}
			w.sit(2)
		},
		"everyone left, and the round went on": func(w *world) {
			w.roll(1, 3)
			for bot := range int64(3) {
				w.cut(bot+1, true)
			}
			w.notice(1)
			w.sit(2)
			w.roll(2, 6)
			w.sit(1)
		},
		"everyone left, and many rounds went by": func(w *world) {
			w.roll(1, 3)
			for bot := range int64(3) {
				w.cut(bot+1, true)
			}
			for range 100 { // the room has noticed nothing
				w.settle()
				w.begin()
			}
			w.sit(2)
			w.playRound()
		},
		"the room was closed between two rounds": func(w *world) {
			w.playRound()
			w.closeRoom(Retry)
			for bot := range int64(3) {
				w.sit(bot + 1)
			}
			w.playRound()
		},
		"one sat down and never heard of it": func(w *world) {
			w.stand(2)
			w.tamper = func(bot int64, e Event) []Event {
				if bot == 2 {
					return nil
				}
				return []Event{e}
			}
			w.sit(2)
			w.tamper = nil
			w.cut(2, true)
			w.roll(1, 3)
			w.sit(2) // the room has not noticed that it was gone
			w.now += 5 * time.Second
			w.roll(3, 4)
			w.roll(2, 4)
		},
		"a gate died, and the room lives": func(w *world) {
			w.roll(1, 3)
			for bot := range int64(3) {
				w.cut(bot+1, false)
			}
			for bot := range int64(3) {
				w.sit(bot + 1)
			}
			w.playRound()
		},
	} {
		for _, fences := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, owners told apart: %v", name, fences), func(t *testing.T) {
				w := table(fences)
				play(w)
				if f := w.finish(); f.Violated() != 0 {
					report(t, f)
					t.Fatal("found a violation")
				}
			})
		}
	}
}

// A room that the server closes in an orderly way is no violation, but it is counted.
func TestOrderlyEndsAreCounted(t *testing.T) {
	w := table(true)
	w.playRound()
	w.closeRoom(Retry)
	w.sit(3) // takes the first seat of the new room
	w.sit(1)
	f := w.finish()
	if f.Violated() != 0 || f.Counts.Closed != 1 || f.Counts.Moved != 2 || f.Counts.Lost != 3 {
		report(t, f)
		t.Errorf("%+v", f.Counts)
	}
}

// A bot that hears late of a room that is over says nothing about the one that came after it.
func TestStragglers(t *testing.T) {
	for _, fences := range []bool{false, true} {
		w := table(fences)
		for range 40 {
			w.playRound()
			w.begin()
		}
		epoch := w.epoch
		late := []Event{
			{Kind: Present, User: 1, Seat: 0, Online: true, Seq: w.seq},
			{Kind: Present, User: 4, Seat: 3, Online: true, Seq: w.seq + 1},
			{Kind: Scene, Round: w.round, InRound: true, Seq: w.seq + 1},
			{Kind: Settled, Round: w.round, Seq: w.seq + 2},
			{Kind: Ended, Reason: Retry, Seq: w.seq + 2},
		}
		w.settle()
		w.closeRoom(Retry)
		w.sit(1)
		w.sit(2)
		for _, e := range late {
			e.Bot, e.Epoch, e.At = 4, epoch, w.now
			w.see(w.room, e)
		}
		w.now += 5 * time.Second
		w.roll(1, 5)
		w.roll(2, 4)
		w.sit(4)
		if f := w.finish(); f.Violated() != 0 {
			report(t, f)
			t.Error("found a violation")
		}
	}
}

// Bots that go from room to room are not remembered in all of them.
func TestWhoLeftForGoodIsForgotten(t *testing.T) {
	w := newWorld()
	w.sit(1)
	for bot := range int64(1000) {
		w.sit(bot + 2)
		w.stand(bot + 2)
	}
	r := w.oracle.shards[7].rooms[7]
	if len(r.members) > 2*fewMembers || r.member(1).life == nil {
		t.Errorf("%d members are remembered", len(r.members))
	}
	o := New(Config{})
	for room := range int64(40_000) {
		for _, e := range []Event{
			{Kind: Present, User: 1, Seq: 2, Online: true},
			{Kind: Scene, Round: 1, Seq: 2},
			{Kind: Stood, User: 1, Seq: 3},
		} {
			e.Bot, e.Epoch = 1, 5
			o.See(room, e)
		}
	}
	n := 0
	for i := range o.shards {
		n += len(o.shards[i].rooms)
	}
	if f := o.Findings(); n > 2*shards*leastSweep || f.Violated() != 0 {
		report(t, f)
		t.Errorf("%d rooms are remembered", n)
	}
}

func TestWhoDoesNotWantToComeBackIsNotKeptAway(t *testing.T) {
	w := table(true)
	w.playRound()
	w.cut(2, false)
	w.see(w.room, Event{Kind: Quit, Bot: 2, At: w.now})
	if w.oracle.Away() != 0 {
		t.Error("the oracle still waits for the bot")
	}
	w.now += time.Minute
	w.oracle.Finish(w.now)
	if f := w.oracle.Findings(); f.Tallies[Back] != (Tally{Unknown: 1}) {
		t.Errorf("%+v", f.Tallies[Back])
	}
}

func TestProofsAreBounded(t *testing.T) {
	w := table(true)
	w.tamper = func(_ int64, e Event) []Event { return []Event{e, e} }
	for range 1000 {
		w.playRound()
		w.begin()
	}
	f := w.finish()
	if n := len(f.Violations); n > 5*len(Rules()) || f.Violated() < 1000 {
		t.Errorf("%d proofs of %d violations", n, f.Violated())
	}
}

package oracle

import (
	"testing"
	"time"
)

// A room that changes its owner, and players who change their seats, break no rule where nothing is lost.
func TestACorrectMoveBreaksNoRule(t *testing.T) {
	for name, play := range map[string]func(w *world){
		"between two rounds": func(w *world) {
			w.playRound()
			w.handOver()
			w.begin()
			w.playRound()
		},
		"in a round": func(w *world) {
			w.roll(1, 3)
			w.handOver()
			w.roll(2, 4)
			w.roll(3, 4)
		},
		"somebody comes first": func(w *world) {
			w.handOver()
			w.sit(4)
			w.playRound()
		},
		"the owner dies in a round": func(w *world) {
			w.roll(1, 3)
			w.takeOver()
			w.roll(2, 4)
			w.roll(3, 4)
		},
		"it dies with what nobody was told": func(w *world) {
			w.deaf = true
			w.playRound()
			w.begin()
			w.roll(1, 3)
			w.deaf = false
			w.takeOver()
			w.roll(2, 4)
			w.roll(3, 4)
		},
		"one after the other": func(w *world) {
			w.roll(1, 3)
			w.takeOver()
			w.takeOver()
			w.handOver()
			w.takeOver()
			w.playRound()
		},
		"it dies, and the players come back by themselves": func(w *world) {
			w.roll(1, 3)
			for bot := range int64(3) {
				w.cut(bot+1, false)
			}
			w.handOver()
			for bot := range int64(3) {
				w.sit(bot + 1)
			}
			w.playRound()
		},
		"it is slow to come again": func(w *world) {
			w.turned -= w.length // the round should have been settled
			w.now += w.length + time.Minute
			w.turned = w.now
			w.takeOver()
			w.playRound()
		},
		"it stands still while it moves": func(w *world) {
			w.now += w.length - 100*time.Millisecond
			w.roll(1, 3)
			w.now += 5 * time.Second
			w.handOver()
			w.roll(2, 3)
			w.roll(3, 3)
		},
		"a gate dies, and everybody is away for too long": func(w *world) {
			w.roll(1, 3)
			for bot := range int64(3) {
				w.cut(bot+1, false)
			}
			w.now += 12 * time.Second
			w.guests, w.open = nil, false // the room has settled, and closed
			w.sit(3)
			w.sit(1)
		},
		"a gate breaks off a connection that it does not like": func(w *world) {
			w.linked[1] = false
			w.heard[1] = append(w.heard[1], Event{Kind: Lost, Bot: 1, Expelled: true, Text: "too slow"})
			w.notice(1)
			w.handOver()
			w.sit(4)
			w.sit(1)
		},
		"a connection to the next owner breaks before it has brought an answer": func(w *world) {
			w.linked[1] = false
			w.heard[1] = append(w.heard[1], Event{Kind: Lost, Bot: 1, Text: "reset"}, Event{Kind: Lost, Bot: 1, Linked: true, Text: "reset"})
			w.notice(1)
			w.handOver()
			w.sit(4)
			w.sit(1)
		},
		"it stands still": func(w *world) {
			for bot := range int64(3) {
				w.see(w.room, Event{Kind: Waiting, Bot: bot + 1, At: w.now, Text: "wait"})
			}
			w.now += w.length + time.Minute
			w.turned = w.now
			for bot := range int64(3) {
				w.say(bot+1, w.scene(bot+1))
			}
			w.playRound()
		},
		"a game server sends players away, and goes on elsewhere": func(w *world) {
			w.roll(1, 3)
			for _, g := range w.guests {
				w.say(g.user, Event{Kind: Ended, Reason: Retry})
			}
			for bot := range int64(3) {
				w.cut(bot+1, false)
			}
			w.handOver()
			for bot := range int64(3) {
				w.sit(bot + 1)
			}
			w.playRound()
		},
		"to the bench and back": func(w *world) {
			w.change(1, -1)
			w.change(2, 0)
			w.change(1, 1)
			w.roll(2, 3)
			w.roll(3, 3)
			w.takeOver()
			w.settle()
			w.change(3, 7)
			w.takeOver()
		},
		"the gate says who has left": func(w *world) {
			w.deaf = true
			w.stand(1)
			w.deaf = false
			w.linked[1] = true
			w.see(w.room, Event{Kind: Asks, Bot: 1, Request: 9, At: w.now})
			w.see(w.room, Event{Kind: Stood, Bot: 1, User: 1, Request: 9, At: w.now})
			w.linked[1] = false
			w.takeOver()
			w.roll(2, 3)
			w.roll(3, 3)
			w.sit(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := table(true)
			play(w)
			f := w.finish()
			if f.Violated() != 0 || f.Counts.LostRounds != 0 {
				report(t, f)
				t.Fatalf("found a violation; %d rounds lost", f.Counts.LostRounds)
			}
		})
	}
}

// Moves are counted, and which of them were recoveries.
func TestMovesAreCounted(t *testing.T) {
	w := table(true)
	w.handOver()
	w.playRound()
	w.takeOver()
	w.begin()
	w.playRound()
	w.crash()
	w.sit(1)
	c := w.finish().Counts
	if c.Migrated != 2 || c.Recovered != 1 || c.LostRounds != 0 || c.Vanished != 1 {
		t.Errorf("%+v", c)
	}
	w = table(true)
	w.roll(1, 3)
	w.crash()
	w.sit(2)
	if c := w.finish().Counts; c.LostRounds != 1 {
		t.Errorf("%d rounds were lost, not one", c.LostRounds)
	}
}

// What a new owner of a room does wrong is found.
func TestFaultsOfMovesAreFound(t *testing.T) {
	const victim = 2
	for name, c := range map[string]struct {
		rule Rule
		play func(w *world)
	}{
		"a new owner forgot a roll": {Roll, func(w *world) {
			w.roll(victim, 4)
			delete(w.dice, victim)
			w.takeOver()
		}},
		"a new owner forgot a roll, and nobody comes back who saw it": {Roll, func(w *world) {
			w.roll(victim, 4)
			w.cut(victim, false)
			w.notice(victim)
			w.deaf = true
			w.roll(1, 2)
			w.deaf = false
			delete(w.dice, victim)
			w.takeOver()
		}},
		"a new owner knows of less than was told": {Sequence, func(w *world) {
			w.roll(victim, 4)
			w.roll(1, 4)
			delete(w.dice, 1)
			w.seq--
			w.takeOver()
		}},
		"a number comes again": {Sequence, func(w *world) {
			w.handOver()
			w.seq--
			w.roll(1, 3)
		}},
		"a number is left out": {Sequence, func(w *world) {
			w.handOver()
			w.seq++
			w.roll(1, 3)
		}},
		"rounds go back": {Sequence, func(w *world) {
			w.playRound()
			w.deaf = true
			w.begin()
			w.deaf = false
			w.round = 0
			w.takeOver()
		}},
		"the owner before speaks up": {Epoch, func(w *world) {
			w.handOver()
			w.roll(1, 3)
			w.epoch--
			w.say(victim, Event{Kind: Told, Text: "ping", Seq: w.seq - 1})
			w.say(victim, Event{Kind: Told, Text: "ping"})
		}},
		"the owner before tells an event": {Epoch, func(w *world) {
			w.handOver()
			w.roll(1, 3)
			w.epoch--
			w.roll(victim, 3)
		}},
		"a seat is another one": {Seat, func(w *world) {
			w.guest(victim).seat = 9
			w.takeOver()
		}},
		"a seat is another one after events that were missed": {Seat, func(w *world) {
			w.deaf = true
			w.roll(1, 3)
			w.deaf = false
			w.guest(victim).seat = 9
			w.takeOver()
		}},
		"a seat is another one for who came back": {Seat, func(w *world) {
			for bot := range int64(3) {
				w.cut(bot+1, false)
			}
			w.handOver()
			w.guest(victim).seat = 9
			w.deaf = true
			w.begin()
			w.deaf = false
			w.sit(victim)
		}},
		"one is put into another seat": {Seat, func(w *world) {
			g := w.guest(victim)
			g.seat = 9
			w.announce(func(int64) Event { return Event{Kind: Present, User: victim, Seat: 9, Online: true} })
		}},
		"one who has rolled changes seats": {Seat, func(w *world) {
			w.roll(victim, 4)
			w.running = false
			w.change(victim, 9)
		}},
		"two are given one seat": {Seat, func(w *world) {
			g := w.guest(victim)
			g.seat = 0
			w.see(w.room, Event{Kind: Asks, Bot: victim, Request: w.request(victim), At: w.now})
			w.announce(func(int64) Event { return Event{Kind: Present, User: victim, Seat: 0, Online: true} })
		}},
		"a request is done twice": {Reply, func(w *world) {
			w.roll(victim, 4)
			delete(w.dice, victim)
			w.asked[victim]--
			w.takeOver()
			w.roll(victim, 5)
		}},
		"a request is answered twice": {Reply, func(w *world) {
			w.roll(victim, 4)
			w.handOver()
			w.say(victim, Event{Kind: Shaken, User: victim, Round: w.round, Points: 4, Request: w.asked[victim]})
		}},
		"a round is lost": {Settlement, func(w *world) {
			w.roll(victim, 4)
			w.handOver()
			w.begin()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := table(true)
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

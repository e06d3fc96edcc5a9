package oracle

import (
	"strings"
	"sync"
	"testing"
)

// A room with more bots than a record tells apart.
func TestACrowd(t *testing.T) {
	w := newWorld()
	w.fences = true
	for bot := range int64(100) {
		w.sit(bot + 1)
	}
	for bot := range int64(100) {
		w.roll(bot+1, int32(bot%faces)+1)
	}
	w.begin()
	r := w.oracle.shards[7].rooms[7]
	if len(r.members) != 100 || len(r.index) != 100 {
		t.Errorf("%d members, %d of them in the index", len(r.members), len(r.index))
	}
	w.round++ // a round is left out
	w.running = false
	w.begin()
	f := w.finish()
	if f.Tallies[Sequence].Violated != 1 || f.Tallies[Settlement].Violated != 1 {
		report(t, f)
		t.Fatal("found something else than was wrong")
	}
	if lines := strings.Join(f.Violations[0].Lines(), "\n"); !strings.Contains(lines, "63 bots and more") {
		t.Errorf("%s", lines)
	}
}

// A bot that hears late is waited for, and no longer than it is at the table.
func TestALateBotIsComparedAndForgotten(t *testing.T) {
	w := table(true)
	var late []Event
	w.tamper = func(bot int64, e Event) []Event {
		if bot != 3 {
			return []Event{e}
		}
		late = append(late, e)
		return nil
	}
	for range 9 {
		w.playRound()
		w.begin()
	}
	l := w.oracle.shards[7].rooms[7].newest()
	if len(l.ring) <= leastWindow || len(l.ring) > window {
		t.Errorf("%d events are kept for a bot that is %d behind", len(l.ring), len(late))
	}
	w.tamper = nil
	half := len(late) / 2
	for _, e := range late[:half] {
		e.At = w.now
		w.see(w.room, e)
	}
	before := w.oracle.Findings().Tallies[Agreement]
	if before.Checked < uint64(half) || before.Unknown != 0 {
		t.Errorf("%d events that came late were compared as %+v", half, before)
	}
	w.cut(3, true)
	if len(l.ring) != leastWindow {
		t.Errorf("%d events are kept after it left", len(l.ring))
	}
	w.sit(3)
	w.playRound()
	if f := w.finish(); f.Violated() != 0 {
		report(t, f)
		t.Error("found a violation")
	}
}

// The methods of an oracle may be called from everywhere.
func TestManyAtOnce(t *testing.T) {
	o := New(Config{})
	tape := taped(1)
	var bots sync.WaitGroup
	for part := range int64(8) {
		bots.Go(func() {
			for room := part; room < 80; room += 8 {
				tape.play(o, room, tape.begin, 0)
				tape.play(o, room, tape.loop, 0)
				o.Behind(tape.took, 1)
				o.Findings()
				o.Away()
			}
		})
	}
	bots.Wait()
	if f := o.Findings(); f.Violated() != 0 || f.Counts.Rounds < 80*tape.rounds || o.Away() != 0 {
		report(t, f)
		t.Errorf("%+v, %d away", f.Counts, o.Away())
	}
}

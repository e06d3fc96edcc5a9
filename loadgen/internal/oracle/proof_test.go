package oracle

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden file anew")

// What people read of a violation: what matters, each fact once, and what gave it away last.
func TestProofsAreReadable(t *testing.T) {
	const victim = 2
	all := func(w *world, kind Kind, bot int64, change func(Event) []Event) {
		var done uint64
		w.tamper = func(to int64, e Event) []Event {
			if e.Kind != kind || bot != 0 && bot != to || done != 0 && done != e.Seq {
				return []Event{e}
			}
			done = e.Seq
			return change(e)
		}
	}
	var text strings.Builder
	for _, c := range []struct {
		name string
		play func(w *world)
	}{
		{"a round is not settled", func(w *world) { w.roll(1, 3); w.roll(2, 3); w.begin() }},
		{"a round is settled twice", func(w *world) { w.playRound(); w.running = true; w.settle() }},
		{"a settlement is told twice", func(w *world) {
			all(w, Settled, victim, func(e Event) []Event { return []Event{e, e} })
			w.playRound()
		}},
		{"one is not told the settlement", func(w *world) {
			all(w, Settled, victim, func(Event) []Event { return nil })
			w.playRound()
			w.begin()
		}},
		{"one is told other dice", func(w *world) {
			all(w, Settled, victim, func(e Event) []Event {
				e.Dice = slices.Clone(e.Dice)
				e.Dice[0].Points = 1
				return []Event{e}
			})
			w.playRound()
		}},
		{"the wrong one wins", func(w *world) {
			all(w, Settled, 0, func(e Event) []Event { e.Winners = []int64{1}; return []Event{e} })
			w.playRound()
		}},
		{"a die is shown too early", func(w *world) {
			all(w, Shaken, victim, func(e Event) []Event { e.Points = 4; return []Event{e} })
			w.roll(1, 4)
		}},
		{"a roll is forgotten", func(w *world) { w.roll(victim, 4); w.roll(1, 3); delete(w.dice, victim); w.settle() }},
		{"a seat is given to another", func(w *world) {
			w.stand(victim)
			w.sit(victim)
			w.guest(victim).seat = 9
			w.sit(4)
		}},
		{"an old owner goes on", func(w *world) { w.epoch++; w.roll(1, 3); w.epoch--; w.roll(2, 3) }},
		{"the server dies in a round", func(w *world) { w.roll(1, 3); w.crash(); w.sit(2) }},
		{"a player can't come back", func(w *world) {
			w.roll(1, 2)
			w.cut(1, false)
			w.roll(2, 3)
			w.roll(3, 3)
			w.now += 31 * time.Second
			w.running = false // no settlement more is due
			w.oracle.config.Late = -1
			w.sit(1)
		}},
		{"a settlement is late", func(w *world) {
			w.roll(1, 3)
			w.now = w.turned + w.length + 1500*time.Millisecond
			w.settle()
		}},
	} {
		w := clocked(Config{})
		c.play(w)
		fmt.Fprintf(&text, "# %s\n", c.name)
		f := w.finish()
		if f.Violated() == 0 {
			t.Errorf("%s: nothing was found", c.name)
		}
		for _, v := range f.Violations {
			fmt.Fprintf(&text, "%s: %s\n", v.Rule, v.Text)
			for _, line := range v.Lines() {
				fmt.Fprintf(&text, "    %s\n", line)
			}
		}
		text.WriteByte('\n')
	}
	const golden = "testdata/proofs.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("the proofs are other ones than in %s (run the test with -update and look at the difference):\n%s", golden, text.String())
	}
}

func TestWitnessesAreNamed(t *testing.T) {
	for want, f := range map[string]Fact{
		"bot 3":            {Bots: []int64{3}},
		"bots 1 2 4":       {Bots: []int64{1, 2, 4}},
		"all four":         {Bots: []int64{1, 2, 3, 4}, All: true},
		"all 9":            {Bots: make([]int64, 9), All: true},
		"8 bots":           {Bots: make([]int64, 8)},
		"63 bots and more": {Bots: make([]int64, 63), Others: true},
		"somebody":         {},
	} {
		if got := f.Who(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

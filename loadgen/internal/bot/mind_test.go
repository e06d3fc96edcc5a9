package bot

import (
	"math"
	"testing"
	"time"

	"croupier/loadgen/internal/oracle"
)

var style = Style{Think: 300 * time.Millisecond, Leave: 0.3, Rest: time.Second, Flap: 6}

func TestTheSameSeedDecidesTheSame(t *testing.T) {
	decide := func(seed uint64, user int64) (all []any) {
		m := newMind(Config{Style: &style, Seed: seed, User: user})
		for round := range uint64(50) {
			next, after := m.consider(&oracle.Event{Kind: oracle.Started, Round: round, Length: time.Second}, true)
			all = append(all, next, after, m.leaves, m.untilBreak(), m.rest())
		}
		return all
	}
	equal := func(a, b []any) bool {
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return true
	}
	if !equal(decide(1, 1), decide(1, 1)) {
		t.Error("a seed does not repeat")
	}
	if equal(decide(1, 1), decide(2, 1)) || equal(decide(1, 1), decide(1, 2)) {
		t.Error("another seed or another bot decides the same")
	}
}

func TestRollsComeInTime(t *testing.T) {
	m := newMind(Config{Style: &Style{Think: time.Hour}, Seed: 1, User: 1})
	for range 100 {
		next, after := m.consider(&oracle.Event{Kind: oracle.Started, Length: time.Second}, true)
		if next != roll || after > 800*time.Millisecond {
			t.Fatalf("act %d in %v", next, after)
		}
	}
}

func TestWhoMayNotRollDoesNot(t *testing.T) {
	m := newMind(Config{Style: &Style{}, Seed: 1, User: 7})
	for name, c := range map[string]struct {
		event oracle.Event
		seat  bool
	}{
		"spectator":         {oracle.Event{Kind: oracle.Started}, false},
		"rolled already":    {oracle.Event{Kind: oracle.Scene, InRound: true, Dice: []oracle.Die{{User: 7}}}, true},
		"between rounds":    {oracle.Event{Kind: oracle.Scene}, true},
		"another's arrival": {oracle.Event{Kind: oracle.Present, User: 3}, true},
	} {
		if next, _ := m.consider(&c.event, c.seat); next != nothing {
			t.Errorf("%s: act %d", name, next)
		}
	}
	if next, _ := m.consider(&oracle.Event{Kind: oracle.Scene, InRound: true, Dice: []oracle.Die{{User: 3}}}, true); next != roll {
		t.Error("one who comes into a round does not roll")
	}
	m.stopping = true
	if next, _ := m.consider(&oracle.Event{Kind: oracle.Started}, true); next != nothing {
		t.Error("one who is about to go rolls")
	}
}

// Breaks come at the rate that was asked for.
func TestBreaksHaveTheirRate(t *testing.T) {
	var sum time.Duration
	const n = 20_000
	m := newMind(Config{Style: &style, Seed: 3, User: 3})
	for range n {
		sum += m.untilBreak()
	}
	if mean := (sum / n).Seconds(); math.Abs(mean-10) > 0.5 {
		t.Errorf("six breaks a minute come every %.1f s", mean)
	}
	firm := newMind(Config{Style: &Style{}, Seed: 1, User: 1})
	if firm.untilBreak() != 0 {
		t.Error("a line that never breaks breaks")
	}
}

// Leavers leave at each of the three moments of a round.
func TestLeavers(t *testing.T) {
	m := newMind(Config{Style: &style, Seed: 5, User: 5})
	seen := map[moment]int{}
	for range 1000 {
		next, _ := m.consider(&oracle.Event{Kind: oracle.Started, Length: time.Second}, true)
		seen[m.leaves]++
		if (m.leaves == beforeRoll) != (next == stand) {
			t.Fatalf("leaves at %d and does %d", m.leaves, next)
		}
	}
	for _, at := range []moment{beforeRoll, afterRoll, afterSettlement} {
		if seen[at] < 50 {
			t.Errorf("%d of 1000 leave at moment %d", seen[at], at)
		}
	}
	m.leaves = afterSettlement
	if next, _ := m.consider(&oracle.Event{Kind: oracle.Settled}, true); next != stand {
		t.Error("stays")
	}
}

package capacity

import (
	"math"
	"math/rand/v2"
	"testing"
)

// usual is the plan of the command.
var usual = Plan{Start: 100, Most: 1 << 20, Resolution: 0.05, Votes: 2, Trials: 60}

// look searches with an oracle and returns how many trials it took.
func look(p Plan, oracle func(load int) Outcome) (Found, int) {
	s, n := NewSearch(p), 0
	for load, more := s.Next(); more; load, more = s.Next() {
		n++
		s.Tell(oracle(load))
	}
	return s.Found(), n
}

// Without noise the answer is the border, within the resolution.
func TestExactBorders(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		border := 1 + random.IntN(1<<(1+random.IntN(20)))
		found, n := look(usual, func(load int) Outcome {
			if load > border {
				return Gave
			}
			return Held
		})
		if found.Best > border || found.Limit != 0 && found.Limit <= border || !found.Narrow {
			t.Fatalf("border %d: %+v", border, found)
		}
		if near := found.Limit-found.Best <= 1 || float64(found.Limit) <= float64(found.Best)*(1+usual.Resolution); !near {
			t.Fatalf("border %d: found %+v, which is wide", border, found)
		}
		if n > 45 || found.Why != Gave {
			t.Fatalf("border %d: %d trials, %+v", border, n, found)
		}
	}
}

// With noise the answer lies where the servers hold some trials and some not.
func TestNoisyBorders(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	const runs = 2000
	good, trials := 0, 0
	for range runs {
		border := 50 * math.Pow(1000, random.Float64())
		found, n := look(usual, func(load int) Outcome {
			holds := 1 / (1 + math.Exp((float64(load)-border)/(0.03*border)))
			if random.Float64() < 0.02 { // nothing is certain
				holds = 0.5
			}
			if random.Float64() < holds {
				return Held
			}
			return Gave
		})
		trials += n
		if off := float64(found.Best)/border - 1; off > -0.2 && off < 0.15 && found.Narrow {
			good++
		}
	}
	if good < runs*95/100 {
		t.Errorf("%d of %d answers are near the border", good, runs)
	}
	if trials > runs*25 {
		t.Errorf("%d trials a search", trials/runs)
	}
	t.Logf("%d of %d near the border, %.1f trials a search", good, runs, float64(trials)/runs)
}

// Whatever the trials say, a search ends, within its bounds, and believes only what it saw.
func TestNonsenseEnds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	for range 3000 {
		p := Plan{
			Start: random.IntN(1000), Most: random.IntN(5000), Resolution: random.Float64() / 5,
			Votes: random.IntN(4), Trials: random.IntN(80),
		}
		seen := map[int]*votes{}
		s := NewSearch(p)
		n := 0
		for load, more := s.Next(); more; load, more = s.Next() {
			if n++; n > p.Trials {
				t.Fatalf("%+v: more trials than that", p)
			}
			if load < 1 || load > max(p.Most, p.Start, 1) {
				t.Fatalf("%+v: tries %d", p, load)
			}
			o := Outcome(random.IntN(3))
			if seen[load] == nil {
				seen[load] = new(votes)
			}
			seen[load][o]++
			s.Tell(o)
		}
		found := s.Found()
		if found.Best > 0 && (seen[found.Best] == nil || seen[found.Best][Held] == 0) {
			t.Fatalf("%+v: believes in %d, %v", p, found.Best, seen)
		}
		if found.Limit > 0 && (found.Best >= found.Limit || seen[found.Limit][found.Why] == 0) {
			t.Fatalf("%+v: %+v, %v", p, found, seen)
		}
		if p.Votes > 1 && found.Narrow && found.Best > 0 && found.Limit > 0 && seen[found.Best][Held] < p.Votes {
			t.Fatalf("%+v: %d is held by luck, %v", p, found.Best, seen)
		}
	}
}

func TestSpecialBorders(t *testing.T) {
	always := func(o Outcome) func(int) Outcome { return func(int) Outcome { return o } }
	for name, c := range map[string]struct {
		plan   Plan
		oracle func(int) Outcome
		want   Found
	}{
		"all is held":       {Plan{Start: 3, Most: 100, Votes: 2, Trials: 50}, always(Held), Found{Best: 100, Narrow: true}},
		"nothing is":        {Plan{Start: 8, Most: 100, Votes: 2, Trials: 50}, always(Gave), Found{Limit: 1, Why: Gave, Narrow: true}},
		"the generator is":  {Plan{Start: 8, Most: 100, Votes: 1, Trials: 50}, func(n int) Outcome { return Outcome(min(n/10, 1)) * Spent }, Found{Best: 9, Limit: 10, Why: Spent, Narrow: true}},
		"no time":           {Plan{Start: 8, Most: 100, Votes: 1, Trials: 2}, always(Held), Found{Best: 16}},
		"no trial at all":   {Plan{Start: 8, Most: 100, Votes: 1}, always(Held), Found{}},
		"one votes against": {Plan{Start: 64, Most: 64, Votes: 2, Trials: 50}, once(Gave), Found{Best: 64, Narrow: true}},
	} {
		if got, _ := look(c.plan, c.oracle); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// once gives an outcome the first time, and holds after.
func once(o Outcome) func(int) Outcome {
	said := false
	return func(int) Outcome {
		if said {
			return Held
		}
		said = true
		return o
	}
}

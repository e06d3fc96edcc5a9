package result

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
)

// simulated is a run as one could have been: times about a typical one, with a level that wanders
// from second to second and differs from run to run.
type simulated struct {
	seconds int
	action  time.Duration // typical
	slower  float64       // times as long, of the slow tail alone
	each    int           // actions in a second
	runs    float64       // standard deviation between runs
	wander  float64       // of the level within a run
	memory  float64       // correlation of a second's level with the next one's
	lost    map[int]uint64
}

func (s simulated) run(r *rand.Rand) *Run {
	run := &Run{Format: Format, Verdict: Pass, Processes: 1, Seconds: float64(s.seconds), Rules: map[string]oracle.Tally{"seat": {Checked: 9}}}
	base := r.NormFloat64() * s.runs
	shape := shapes()
	level := r.NormFloat64() * s.wander
	h := measure.NewHistogram()
	for i := range s.seconds {
		level = s.memory*level + math.Sqrt(1-s.memory*s.memory)*s.wander*r.NormFloat64()
		h.Reset()
		center := float64(s.action) * math.Exp(base+level)
		for range s.each {
			d := center * shape[r.IntN(len(shape))]
			if s.slower > 0 && r.IntN(20) == 0 {
				d *= s.slower
			}
			h.Record(time.Duration(d))
		}
		run.Series = append(run.Series, Second{
			At: float64(i + 1), Bots: Population{Wanted: 100, Seated: 100}, Settlements: uint64(20 + r.IntN(3)), Lost: s.lost[i],
			Times: map[string]*measure.Histogram{"action": h.Coarse()},
		})
	}
	return run
}

// shapes are log-normal numbers to choose from.
var shapes = sync.OnceValue(func() []float64 {
	r := rand.New(rand.NewPCG(0, 0))
	all := make([]float64, 1<<14)
	for i := range all {
		all[i] = math.Exp(0.5 * r.NormFloat64())
	}
	return all
})

func (s simulated) several(r *rand.Rand, n int) []*Run {
	runs := make([]*Run, n)
	for i := range runs {
		runs[i] = s.run(r)
	}
	return runs
}

func metric(t *testing.T, c Comparison, name string) Metric {
	t.Helper()
	for _, m := range c.Metrics {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("there is no %s in %+v", name, c)
	return Metric{}
}

// ordinary differs between runs as much as is taken for usual, and wanders so that a second
// resembles the next.
var ordinary = simulated{seconds: 120, action: 50 * time.Millisecond, each: 60, runs: usual, wander: 0.06, memory: 0.6}

// With no tolerance at all, at most one comparison of twenty of equal servers may find any
// difference, in either direction.
func TestCompareEqualServers(t *testing.T) {
	const seeds = 500
	for _, c := range []struct {
		name string
		runs int
		sim  simulated
	}{
		{"one run a side", 1, ordinary},
		{"three noisier runs a side", 3, simulated{seconds: 60, action: 50 * time.Millisecond, each: 60, runs: 0.04, wander: 0.06, memory: 0.6}},
		{"rare actions", 1, simulated{seconds: 120, action: 50 * time.Millisecond, each: 25, runs: usual, wander: 0.1, memory: 0.8}},
	} {
		flagged, regressed := 0, 0
		for seed := range uint64(seeds) {
			r := rand.New(rand.NewPCG(seed, 7))
			base, next := c.sim.several(r, c.runs), c.sim.several(r, c.runs)
			found, beyond := false, false
			for _, m := range Compare(base, next, 0).Metrics {
				found = found || m.Outcome == Regressed || m.Outcome == Improved
				beyond = beyond || m.Outcome == Regressed && m.Low > 1.1
			}
			if found {
				flagged++
			}
			if beyond {
				regressed++
			}
		}
		t.Logf("%s: with no tolerance %d of %d are flagged, by more than a tenth %d have regressed", c.name, flagged, seeds, regressed)
		if limit := int(doubtful * seeds); flagged > limit {
			t.Errorf("%s: %d of %d comparisons of equal servers are flagged, and at most %d may be", c.name, flagged, seeds, limit)
		}
		if regressed > 1 {
			t.Errorf("%s: %d of %d have regressed by more than a tenth", c.name, regressed, seeds)
		}
	}
}

// A change of 30% is found, both ways.
func TestCompareFindsAShift(t *testing.T) {
	const seeds = 60
	ordinary := ordinary
	ordinary.each = 200
	slower := ordinary
	slower.action = slower.action * 13 / 10
	for runs, want := range map[int]int{1: 54, 3: 59} {
		found, back := 0, 0
		for seed := range uint64(seeds) {
			r := rand.New(rand.NewPCG(seed, 9))
			base, next := ordinary.several(r, runs), slower.several(r, runs)
			c := Compare(base, next, 0.1)
			if c.Verdict == Regressed && metric(t, c, "action-p50").Outcome == Regressed && c.Exit() == 5 {
				found++
			}
			if c := Compare(next, base, 0.1); c.Verdict == Improved && c.Exit() == 0 {
				back++
			}
		}
		t.Logf("%d runs a side: of %d, %d slower ones and %d faster ones are found", runs, seeds, found, back)
		if found < want {
			t.Errorf("%d runs a side: a shift of 30%% is found in %d of %d", runs, found, seeds)
		}
	}
}

// What gets worse in the tail alone shows there.
func TestCompareFindsATail(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	tail := ordinary
	tail.slower = 4
	c := Compare(ordinary.several(r, 2), tail.several(r, 2), 0.1)
	if m := metric(t, c, "action-p99"); m.Outcome != Regressed || c.Verdict != Regressed {
		t.Errorf("%+v", c)
	}
	if m := metric(t, c, "action-p50"); m.Outcome != Same {
		t.Errorf("%+v", m)
	}
}

func TestCompareTooFew(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	short := ordinary
	short.seconds = 30
	c := Compare(short.several(r, 1), short.several(r, 1), 0.1)
	if c.Verdict != Unclear || c.Exit() != 3 || !strings.Contains(c.Reasons[0], "too few data: it needs about 40 s of steady play, and has 24 s") {
		t.Errorf("%+v", c)
	}
}

// Noise that would hide a change of a half is no proof that nothing changed.
func TestCompareTooNoisy(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	noisy := ordinary
	noisy.wander, noisy.memory = 1, 0.2
	c := Compare(noisy.several(r, 1), noisy.several(r, 1), 0.1)
	if m := metric(t, c, "action-p50"); c.Exit() != 3 || m.Outcome != Unclear || !strings.Contains(m.Note, "too much noise: it would hide a change") {
		t.Errorf("%+v", c)
	}
	for log, want := range map[float64]string{0.5: "of 65%", 2: "to 7 times as much", 9: "to a hundred times as much"} {
		if got := factor(log); got != want {
			t.Errorf("factor(%v) is %q, want %q", log, got, want)
		}
	}
}

// A phase that is seldom measured says how much longer a run would have to be.
func TestCompareSeldom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	seldom := ordinary
	seldom.each = 4
	m := metric(t, Compare(seldom.several(r, 1), seldom.several(r, 1), 0.1), "action-p99")
	if m.Outcome != Unclear || m.Note != "too few data: it needs about 640 s of steady play, and has 114 s" {
		t.Errorf("%+v", m)
	}
}

func TestCompareSmallTimes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	fast, slower := ordinary, ordinary
	fast.action, slower.action = 40*time.Microsecond, 60*time.Microsecond
	if c := Compare(fast.several(r, 1), slower.several(r, 1), 0.1); metric(t, c, "action-p50").Outcome != Same {
		t.Errorf("a change of 20 us is %+v", c)
	}
}

func TestCompareLost(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	with := ordinary
	with.lost = map[int]uint64{60: 100}
	c := Compare(ordinary.several(r, 1), with.several(r, 1), 0.1)
	if m := metric(t, c, "lost"); m.Outcome != Regressed || c.Verdict != Regressed {
		t.Errorf("a wave of losses is %+v", m)
	}
	if m := metric(t, Compare(with.several(r, 1), with.several(r, 1), 0.1), "lost"); m.Outcome != Same {
		t.Errorf("the same wave on both sides is %+v", m)
	}
	few := ordinary
	few.lost = map[int]uint64{60: 1, 70: 1}
	if m := metric(t, Compare(ordinary.several(r, 1), few.several(r, 1), 0.1), "lost"); m.Outcome != Same {
		t.Errorf("two losses are %+v", m)
	}
}

func TestCompareViolations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	base, next := ordinary.several(r, 1), ordinary.several(r, 1)
	next[0].Verdict, next[0].Rules = Fail, map[string]oracle.Tally{"seat": {Checked: 9, Violated: 1}}
	if c := Compare(base, next, 0.1); c.Verdict != Regressed || c.Metrics[0].Outcome != Regressed {
		t.Errorf("a broken rule is %+v", c)
	}
	if c := Compare(next, base, 0.1); c.Verdict != Improved {
		t.Errorf("none any more is %+v", c)
	}
}

func TestIncomparable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	base := ordinary.several(r, 1)
	bots, invalid, seed := ordinary.run(r), ordinary.run(r), ordinary.run(r)
	bots.Scenario.Bots = 7
	invalid.Verdict, invalid.Reasons = Invalid, []string{"the generator fell behind"}
	seed.Scenario.Seed = 8
	for want, next := range map[string][]*Run{
		"next result 1 has another scenario than base result 1 (bots)": {bots},
		"next result 2 is invalid: the generator fell behind":          {seed, invalid},
		"there is nothing to compare":                                  nil,
	} {
		c := Compare(base, next, 0.1)
		if c.Verdict != Unclear || c.Exit() != 3 || !strings.Contains(strings.Join(c.Reasons, "\n"), want) {
			t.Errorf("want %q: %+v", want, c)
		}
	}
	if c := Compare(base, []*Run{seed}, 0.1); c.Verdict != Same || c.Exit() != 0 {
		t.Errorf("another seed: %+v", c)
	}
	if c := Compare([]*Run{{}}, []*Run{{}}, 0.1); c.Verdict != Unclear {
		t.Errorf("empty runs: %+v", c)
	}
}

// A machine that was busier on one side is mentioned, and changes no verdict.
func TestCompareMentionsTheMachine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	base, next := ordinary.several(r, 1), ordinary.several(r, 1)
	base[0].Health = Health{Seconds: 120, Machine: 0.3}
	next[0].Health = Health{Seconds: 120, Machine: 0.9}
	c := Compare(base, next, 0.1)
	if c.Verdict != Same || !strings.Contains(strings.Join(c.Reasons, "\n"), "was 30% busy in the base, and 90% in the next") {
		t.Errorf("%+v", c)
	}
	base[0].Health.Machine = 0.8
	if c := Compare(base, next, 0.1); strings.Contains(strings.Join(c.Reasons, "\n"), "busy") {
		t.Errorf("%+v", c)
	}
}

// The same files give the same answer, and it can be written as JSON.
func TestCompareRepeats(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	base, next := ordinary.several(r, 2), ordinary.several(r, 2)
	a, err := json.Marshal(Compare(base, next, 0.1))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(Compare(base, next, 0.1)); err != nil || string(a) != string(b) {
		t.Errorf("%s, then %s, %v", a, b, err)
	}
}

func BenchmarkCompare(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 5))
	long := ordinary
	long.seconds = 600
	base, next := long.several(r, 1), long.several(r, 1)
	b.ReportAllocs()
	for b.Loop() {
		Compare(base, next, 0.1)
	}
}

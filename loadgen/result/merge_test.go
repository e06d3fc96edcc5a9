package result

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
)

// part is the result of one process of several, full of numbers by chance.
func part(r *rand.Rand, i int) *Run {
	run := good()
	run.Shares = []Share{{FirstUser: int64(1 + i*100), Users: 100, FirstRoom: int64(1 + i*25), Rooms: 25}}
	run.Began = run.Began.Add(time.Duration(r.Int64N(int64(3 * time.Second))))
	run.Seconds = 10 + r.Float64()*5
	run.Scenario.Seed = r.Uint64()
	run.Came, run.Seated = 100, int64(99+r.IntN(2))
	for c := range reflect.TypeFor[oracle.Counts]().NumField() {
		reflect.ValueOf(&run.Counts).Elem().Field(c).SetUint(1 + r.Uint64N(1000))
	}
	run.Rules = map[string]oracle.Tally{"seat": {Checked: r.Uint64N(100), Unknown: r.Uint64N(5)}, []string{"roll", "winners"}[r.IntN(2)]: {Checked: 7}}
	for n := range r.IntN(8) {
		run.Violations = append(run.Violations, Violation{Rule: []string{"roll", "seat"}[n%2], Room: r.Int64N(1000), Text: fmt.Sprint(r.Uint64())})
	}
	run.Phases = nil
	for _, phase := range []string{"action", "dial", "of the future"} {
		for _, server := range []string{"v1", "v2"}[:1+r.IntN(2)] {
			h := measure.NewHistogram()
			for range r.IntN(300) {
				h.Record(time.Duration(float64(time.Millisecond) * shapes()[r.IntN(1<<14)]))
			}
			run.Phases = append(run.Phases, Phase{Phase: phase, Server: server, Summary: h.Quantiles(), Times: h})
		}
	}
	for s := range int(run.Seconds) {
		h := measure.NewHistogram()
		for range r.IntN(20) {
			h.Record(time.Duration(float64(time.Millisecond) * shapes()[r.IntN(1<<14)]))
		}
		second := Second{At: float64(s+1) + (r.Float64()-0.5)/3, CPU: float64(r.IntN(8)) / 4, Times: map[string]*measure.Histogram{"action": h.Coarse()}}
		numbers(reflect.ValueOf(&second).Elem(), r)
		run.Series = append(run.Series, second)
	}
	run.Series = append(run.Series, Second{At: run.Seconds}) // the broken one at the end
	for range r.IntN(4) {
		run.Waves = append(run.Waves, Wave{At: r.Float64() * 10, Lost: r.IntN(100), Own: r.IntN(2) == 0, Back: r.IntN(50), Half: time.Duration(r.IntN(3)) * time.Second, Most: 2 * time.Second})
	}
	run.Notes = []Note{{At: time.Duration(r.Int64N(int64(10 * time.Second))), Text: []string{"storm", "restart"}[r.IntN(2)]}}
	run.Health = Health{Seconds: float64(1 + r.IntN(8)), CPU: float64(r.IntN(4)), Pause: time.Duration(r.IntN(100)), Memory: r.Uint64N(1000), PerBot: r.Uint64N(10),
		PortsLeft: r.IntN(50) + 1, FilesLeft: r.IntN(50) - 1, Lag: measure.Quantiles{Count: r.Uint64N(200), P99: time.Duration(r.IntN(1000)), Max: time.Duration(r.IntN(2000))}}
	if run.Health.FilesLeft == 0 {
		run.Health.FilesLeft = measure.Unknown
	}
	run.Troubles = []Trouble{{"refused", 1 + r.Uint64N(5)}, {[]string{"reset", "timeout"}[r.IntN(2)], 1 + r.Uint64N(5)}}
	if r.IntN(4) == 0 {
		run.Unusable = "the target went away"
	}
	run.Abandoned = r.IntN(8) == 0
	run.Judge()
	return run
}

// numbers fills the counters and the population.
func numbers(v reflect.Value, r *rand.Rand) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Uint64:
			f.SetUint(1 + r.Uint64N(100))
		case reflect.Int:
			f.SetInt(1 + r.Int64N(100))
		case reflect.Struct:
			numbers(f, r)
		}
	}
}

func merged(t *testing.T, runs ...*Run) *Run {
	t.Helper()
	run, err := Merge(runs...)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// equal compares what two runs say. Means may differ by as much as floating point does.
func equal(t *testing.T, what string, a, b *Run) {
	t.Helper()
	for _, pair := range [][2]*float64{{&a.Health.CPU, &b.Health.CPU}, {&a.Health.Machine, &b.Health.Machine}, {&a.Health.GC, &b.Health.GC}, {&a.Seconds, &b.Seconds}} {
		if math.Abs(*pair[0]-*pair[1]) > 1e-6 {
			t.Errorf("%s: a mean is %v and %v", what, *pair[0], *pair[1])
		}
		*pair[0] = *pair[1]
	}
	x, errX := json.MarshalIndent(a, "", " ")
	y, errY := json.MarshalIndent(b, "", " ")
	if errX != nil || errY != nil {
		t.Fatal(errX, errY)
	}
	if string(x) == string(y) {
		return
	}
	one, other := strings.Split(string(x), "\n"), strings.Split(string(y), "\n")
	for i := range min(len(one), len(other)) {
		if one[i] != other[i] {
			t.Fatalf("%s: line %d is %s, and %s", what, i, one[i], other[i])
		}
	}
	t.Fatalf("%s: %d lines, and %d", what, len(one), len(other))
}

// In whatever order, and by whatever steps: the same comes out.
func TestMergeInAnyOrder(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		parts := make([]*Run, 2+r.IntN(5))
		for i := range parts {
			parts[i] = part(r, i)
		}
		want := merged(t, parts...)
		shuffled := slices.Clone(parts)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		equal(t, fmt.Sprint("shuffled with seed ", seed), merged(t, shuffled...), want)
		cut := 1 + r.IntN(len(parts)-1)
		equal(t, fmt.Sprint("in steps with seed ", seed), merged(t, merged(t, shuffled[cut:]...), merged(t, shuffled[:cut]...)), want)
		equal(t, fmt.Sprint("merged alone, seed ", seed), merged(t, want), want)
	}
}

// The merged counts and histograms are those of everything together, and nothing is left out.
func TestMergeIsWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	parts := []*Run{part(r, 0), part(r, 1), part(r, 2)}
	sum := merged(t, parts...)
	total := func(f func(*Run) uint64) (n uint64) {
		for _, p := range parts {
			n += f(p)
		}
		return n
	}
	for name, f := range map[string]func(*Run) uint64{
		"came": func(r *Run) uint64 { return uint64(r.Came) }, "processes": func(r *Run) uint64 { return uint64(r.Processes) },
		"checks": func(r *Run) uint64 { return r.Checks().Checked }, "actions": func(r *Run) uint64 { return r.Times("action").Count() },
		"troubles": func(r *Run) (n uint64) {
			for _, t := range r.Troubles {
				n += t.Count
			}
			return n
		},
	} {
		if got, want := f(sum), total(f); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	for i := range reflect.TypeFor[oracle.Counts]().NumField() {
		f := func(r *Run) uint64 { return reflect.ValueOf(r.Counts).Field(i).Uint() }
		if f(sum) != total(f) {
			t.Errorf("%s: %d, want %d", reflect.TypeFor[oracle.Counts]().Field(i).Name, f(sum), total(f))
		}
	}
	for i := range reflect.TypeFor[Second]().NumField() {
		if reflect.TypeFor[Second]().Field(i).Type.Kind() != reflect.Uint64 {
			continue
		}
		f := func(r *Run) (n uint64) {
			for _, s := range r.Series {
				n += reflect.ValueOf(s).Field(i).Uint()
			}
			return n
		}
		if f(sum) != total(f) {
			t.Errorf("%s in the series: %d, want %d", reflect.TypeFor[Second]().Field(i).Name, f(sum), total(f))
		}
	}
	all := measure.NewHistogram()
	for _, p := range parts {
		if err := all.Merge(p.Times("action")); err != nil {
			t.Fatal(err)
		}
	}
	x, _ := all.MarshalText()
	if y, _ := sum.Times("action").MarshalText(); string(x) != string(y) {
		t.Error("the merged actions are not all actions")
	}
	if !slices.IsSortedFunc(sum.Series, func(a, b Second) int { return int(a.At - b.At) }) {
		t.Error("the series is out of order")
	}
}

// Two processes that began half a minute apart are put on one clock.
func TestMergeOneClock(t *testing.T) {
	a, b := good(), good()
	b.Shares[0] = Share{FirstUser: 1001, Users: 100, FirstRoom: 1001, Rooms: 25}
	b.Began = a.Began.Add(30 * time.Second)
	for i := range 60 {
		s := Second{At: float64(i + 1), Sent: 1, Bots: Population{Wanted: 10}}
		a.Series, b.Series = append(a.Series, s), append(b.Series, s)
	}
	a.Waves = []Wave{{At: 40, Lost: 5, Back: 5, Half: time.Second, Whole: 2 * time.Second}}
	b.Waves = []Wave{{At: 10.2, Lost: 7, Back: 6, Half: 3 * time.Second}}
	sum := merged(t, a, b)
	if sum.Seconds != 90 || len(sum.Series) != 90 || !sum.Began.Equal(a.Began) {
		t.Errorf("%v seconds from %s, and %d in the series", sum.Seconds, sum.Began, len(sum.Series))
	}
	for _, s := range sum.Series {
		want := 1
		if s.At > 30 && s.At <= 60 {
			want = 2
		}
		if s.Sent != uint64(want) || s.Bots.Wanted != 10*want {
			t.Fatalf("at %v: %+v", s.At, s)
		}
	}
	if want := []Wave{{At: 40, Lost: 12, Back: 11, Half: 3 * time.Second}}; !slices.Equal(sum.Waves, want) {
		t.Errorf("waves are %+v, want %+v", sum.Waves, want)
	}
}

func TestMergeRefuses(t *testing.T) {
	other := func(change func(*Run)) *Run {
		r := good()
		r.Shares = []Share{{FirstUser: 1001, Users: 100, FirstRoom: 1001, Rooms: 25}}
		change(r)
		return r
	}
	for want, r := range map[string]*Run{
		"result 2 is about ws://elsewhere, and result 1 about ws://there": other(func(r *Run) { r.Target = "ws://elsewhere" }),
		"another scenario than result 1 (bots)":                           other(func(r *Run) { r.Scenario.Bots = 5 }),
		"result 2 was measured by loadgen v2, and result 1 by v1":         other(func(r *Run) { r.Version = "v2" }),
		"result 2 does not say with which users":                          other(func(r *Run) { r.Shares = nil }),
		"results 1 and 2 both played with user 51, so rounds would be counted twice: give each file once, and each process users of its own (--first-user)": other(func(r *Run) { r.Shares[0].FirstUser = 51 }),
		"results 1 and 2 both played with room 25": other(func(r *Run) { r.Shares[0].FirstRoom = 25 }),
	} {
		if _, err := Merge(good(), r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := Merge(); err == nil {
		t.Error("nothing is merged")
	}
	same := good()
	if _, err := Merge(same, same); err == nil || !strings.Contains(err.Error(), "counted twice") {
		t.Errorf("a run with itself: %v", err)
	}
}

// A process that tested nothing is not hidden by the others, and neither is one that fell behind or
// found a broken rule.
func TestMergeHidesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Run)
		want   Verdict
		reason string
	}{
		"all well":        {func(*Run) {}, Pass, "no rule was broken"},
		"nothing checked": {func(r *Run) { r.Counts.Settlements = 0 }, Invalid, "process with users 1001 to 1100: no settlement was seen"},
		"nobody seated":   {func(r *Run) { r.Seated = 0 }, Invalid, "process with users 1001 to 1100: none of 100 bots"},
		"unusable":        {func(r *Run) { r.Unusable = "it went away" }, Invalid, "process with users 1001 to 1100: it went away"},
		"behind":          {func(r *Run) { r.Health.Lag.P99 = time.Second }, Invalid, "fell behind"},
		"broken":          {func(r *Run) { r.Rules["seat"] = oracle.Tally{Checked: 1, Violated: 1} }, Fail, "seat: broken 1 time"},
	} {
		bad := good()
		bad.Shares = []Share{{FirstUser: 1001, Users: 100, FirstRoom: 1001, Rooms: 25}}
		c.change(bad)
		rest := good()
		rest.Health.Lag.Count = 1_000_000
		sum := merged(t, bad, rest)
		if !strings.Contains(strings.Join(sum.Reasons, "\n"), c.reason) || sum.Verdict != c.want {
			t.Errorf("%s: %s %q", name, sum.Verdict, sum.Reasons)
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	r := rand.New(rand.NewPCG(4, 4))
	parts := make([]*Run, 16)
	for i := range parts {
		parts[i] = part(r, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Merge(parts...); err != nil {
			b.Fatal(err)
		}
	}
}

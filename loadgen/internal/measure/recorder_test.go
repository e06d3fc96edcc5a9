package measure

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"
)

// Many goroutines record while seconds are closed and totals are taken, and in the end nothing is
// missing or counted twice.
func TestRecorderLosesNothing(t *testing.T) {
	r := NewRecorder()
	versions := []Version{0, r.Version("v1"), r.Version("v2")}
	const each, workers = 20_000, 4
	want := [Phases]*Histogram{}
	byVersion := map[string]uint64{}
	for p := range want {
		want[p] = NewHistogram()
	}
	var lists [workers][]time.Duration
	for w := range lists {
		lists[w] = some(rand.New(rand.NewPCG(uint64(w), 1)), each)
		for i, d := range lists[w] {
			want[i%int(Phases)].Record(d)
			byVersion[[]string{"", "v1", "v2"}[i%3]]++
		}
	}
	var recorders sync.WaitGroup
	for _, list := range lists {
		recorders.Go(func() {
			for i, d := range list {
				r.Record(Phase(i%int(Phases)), versions[i%3], d)
			}
		})
	}
	done := make(chan struct{})
	go func() { recorders.Wait(); close(done) }()
	var sum [Phases]*Histogram
	for p := range sum {
		sum[p] = NewHistogram()
	}
	closeSecond := func() {
		for p, h := range r.Second() {
			if err := sum[p].Merge(h); err != nil {
				t.Fatal(err)
			}
		}
	}
	for closing := true; closing; {
		select {
		case <-done:
			closing = false
		default:
			runtime.Gosched()
		}
		closeSecond()
		r.Totals(func(Phase, string, *Histogram) {})
	}
	closeSecond()

	totals := [Phases]*Histogram{}
	got := map[string]uint64{}
	r.Totals(func(p Phase, version string, h *Histogram) {
		if totals[p] == nil {
			totals[p] = NewHistogram()
		}
		if err := totals[p].Merge(h); err != nil {
			t.Fatal(err)
		}
		got[version] += h.Count()
	})
	for p := range want {
		if !same(totals[p], want[p]) {
			t.Errorf("%s: the totals are not what was recorded", Phase(p))
		}
		if !same(sum[p], want[p].Coarse()) {
			t.Errorf("%s: the seconds are not what was recorded", Phase(p))
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(byVersion) {
		t.Errorf("by version: %v, want %v", got, byVersion)
	}
}

func TestRecorderSeconds(t *testing.T) {
	r := NewRecorder()
	for second := range 12 {
		r.Record(Action, 0, time.Duration(second+1)*time.Millisecond)
		if second == 11 {
			r.Record(Seat, 0, time.Second)
		}
		got := r.Second()
		if got[Action].Count() != 1 || got[Dial] != nil {
			t.Fatalf("second %d has %v", second, got)
		}
	}
	if got := r.Recent(3); len(got) != 2 || got["action"].Count != 3 || got["action"].P50 != 11*time.Millisecond+7*time.Microsecond || got["seat"].Count != 1 {
		t.Errorf("the last three seconds are %+v", got)
	}
	if got := r.Recent(1000)["action"].Count; got != maxRecent {
		t.Errorf("of the last seconds %d are there", got)
	}
	if got := r.Recent(0); len(got) != 0 {
		t.Errorf("the last 0 seconds are %v", got)
	}
	r.Record(Action, 0, time.Second)
	r.Totals(func(p Phase, _ string, h *Histogram) {
		if p == Action && h.Count() != 13 {
			t.Errorf("the totals leave the open second out: %d", h.Count())
		}
		h.Record(time.Second) // its caller's own
	})
	if got := r.Second()[Action].Count(); got != 1 {
		t.Errorf("the open second lost its time to the totals: %d", got)
	}
}

func TestRecorderVersions(t *testing.T) {
	r := NewRecorder()
	a, again := r.Version("a"), r.Version("a")
	if r.Version("") != 0 || a != again || a == r.Version("b") {
		t.Error("versions are not told apart")
	}
	for i := range 1000 {
		r.Record(Dial, r.Version(fmt.Sprint(i)), time.Second)
	}
	n, rest := 0, uint64(0)
	r.Totals(func(_ Phase, version string, h *Histogram) {
		n++
		if version == other {
			rest = h.Count()
		}
	})
	if n != maxVersions-1 || rest != 1000-uint64(n)+1 {
		t.Errorf("%d versions, and %d times with others", n, rest)
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	r := NewRecorder()
	r.Record(Action, 0, time.Millisecond)
	if n := testing.AllocsPerRun(1000, func() { r.Record(Action, 0, time.Millisecond) }); n > 0 {
		t.Errorf("%v allocations for a time", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	all := some(rand.New(rand.NewPCG(1, 2)), 4096)
	b.Run("one", func(b *testing.B) {
		r := NewRecorder()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r.Record(Action, 0, all[i&4095])
		}
	})
	for _, per := range []int{1, 8} {
		b.Run(fmt.Sprintf("parallel-%d", per), func(b *testing.B) {
			r := NewRecorder()
			b.SetParallelism(per)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					r.Record(Action, 0, all[i&4095])
				}
			})
		})
	}
}

func BenchmarkSecond(b *testing.B) {
	all := some(rand.New(rand.NewPCG(1, 2)), 10_000)
	r := NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for i, d := range all {
			r.Record(Phase(i%4), 0, d)
		}
		b.StartTimer()
		r.Second()
	}
}

func BenchmarkTotals(b *testing.B) {
	r := NewRecorder()
	for i, d := range some(rand.New(rand.NewPCG(1, 2)), 1_000_000) {
		r.Record(Phase(i%int(Phases)), 0, d)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Totals(func(Phase, string, *Histogram) {})
	}
}

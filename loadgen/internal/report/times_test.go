package report

import (
	"math"
	"slices"
	"testing"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/result"
)

func TestPercentile(t *testing.T) {
	for o, want := range map[float64]string{1: "0%", 2: "50%", 10: "90%", 100: "99%", 1000: "99.9%", 100_000: "99.999%", 30628: "99.99674%"} {
		if got := percentile(o); got != want {
			t.Errorf("1 in %v: %s, want %s", o, got, want)
		}
	}
}

func TestOdds(t *testing.T) {
	for n, want := range map[uint64]int{0: 1, 1: 1, 10: stepsOfNine + 1, 1000: 3*stepsOfNine + 1} {
		got := odds(n)
		if len(got) != want || got[len(got)-1] != float64(max(n, 1)) || !slices.IsSorted(got) {
			t.Errorf("%d: %v", n, got)
		}
	}
}

func times(all ...time.Duration) *measure.Histogram {
	h := measure.NewHistogram()
	for _, d := range all {
		h.Record(d)
	}
	return h
}

func TestRows(t *testing.T) {
	phase := func(name, server string, h *measure.Histogram) result.Phase {
		return result.Phase{Phase: name, Server: server, Summary: h.Quantiles(), Times: h}
	}
	all := rows([]result.Phase{
		phase("strange", "", times(time.Second)),
		phase("action", "v2", times(3*time.Millisecond)),
		phase("dial", "", times(time.Millisecond)),
		phase("action", "v1", times(time.Millisecond, 2*time.Millisecond)),
		phase("action", "", nil),
	})
	var got []string
	for _, r := range all {
		got = append(got, r.Phase+" "+r.Server)
	}
	if want := []string{"dial ", "action ", "action (not said)", "action v1", "action v2", "strange "}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if q := all[1].Quantiles; q.Count != 3 || q.Max.Round(10*time.Microsecond) != 3*time.Millisecond {
		t.Errorf("the sum is %+v", q)
	}
}

// A line ends at its longest time, and no line goes on where nothing was measured.
func TestDistributionEnds(t *testing.T) {
	few, many := times(5*time.Millisecond), measure.NewHistogram()
	for range 10_000 {
		many.Record(time.Millisecond)
	}
	many.Record(time.Second)
	c := distribution("x", []curve{{"few", "c0", few}, {"many", "c1", many}, {"none", "c2", nil}})
	last := c.Series[1].Values[len(c.Series[1].Values)-1]
	if last < 0.99 || last > 1.01 {
		t.Errorf("the longest time is %v s", last)
	}
	if v := c.Series[0].Values; v[0] < 0.0049 || !math.IsNaN(v[1]) {
		t.Errorf("one time makes %v", v[:2])
	}
	if c.Series[2].Shape != "" {
		t.Errorf("nothing makes %q", c.Series[2].Shape)
	}
}

package chart

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func labels(a Axis) string {
	var all []string
	for _, t := range a.Ticks {
		all = append(all, t.Label)
	}
	return strings.Join(all, " | ")
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		axis Axis
		want string
	}{
		{Amounts(0, Amount), "0 | 0.25 | 0.5 | 0.75 | 1"},
		{Amounts(math.NaN(), Amount), "0 | 0.25 | 0.5 | 0.75 | 1"},
		{Amounts(7, Amount), "0 | 2 | 4 | 6 | 8"},
		{Amounts(10, Amount), "0 | 2.5 | 5 | 7.5 | 10"},
		{Amounts(9999, Amount), "0 | 2.5k | 5k | 7.5k | 10k"},
		{Amounts(10001, Amount), "0 | 5k | 10k | 15k"},
		{Times(0, 0), "1 µs | 2 µs | 5 µs | 10 µs"},
		{Times(1500*time.Microsecond, 9*time.Millisecond), "1 ms | 2 ms | 5 ms | 10 ms"},
		{Times(90*time.Microsecond, 2*time.Second), "100 µs | 1 ms | 10 ms | 100 ms | 1 s"},
		{Clock(0), "0:00 | 0:01"},
		{Clock(30), "0:00 | 0:05 | 0:10 | 0:15 | 0:20 | 0:25 | 0:30"},
		{Clock(600), "0:00 | 2:00 | 4:00 | 6:00 | 8:00 | 10:00"},
		{Clock(30000), "0:00 | 2:00:00 | 4:00:00 | 6:00:00 | 8:00:00"},
		{Nines(5), "0% | 50% | 90% | 99%"},
		{Nines(100_000), "0% | 50% | 90% | 99% | 99.9% | 99.99% | 99.999%"},
	} {
		if got := labels(c.axis); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		for i, tick := range c.axis.Ticks {
			if tick.Place < 0 || tick.Place > 1 || i > 0 && tick.Place <= c.axis.Ticks[i-1].Place {
				t.Errorf("%s: tick %q at %v", c.want, tick.Label, tick.Place)
			}
		}
	}
	if n := len(Clock(1e12).Ticks); n > 10 {
		t.Errorf("%d ticks", n)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", 1: "0 µs", 950: "0.95 µs", 1500: "1.5 µs", 999_400: "999 µs", 999_600: "1 ms", 12_340_000: "12.3 ms", 999_600_000: "1 s",
		1234 * time.Millisecond: "1.23 s", 99_940 * time.Millisecond: "99.9 s", 100 * time.Second: "1m40s", 2*time.Hour + 5*time.Minute: "2h05m", -time.Second: "-1 s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v: %q, want %q", int64(d), got, want)
		}
	}
}

func TestAxisKeepsInside(t *testing.T) {
	a := Times(time.Millisecond, time.Second)
	for _, v := range []float64{-1, 0, 1, 1e99, math.Inf(1)} {
		if p := a.Place(v); p < 0 || p > 1 {
			t.Errorf("%v is at %v", v, p)
		}
	}
	if p := a.Place(0.001); p != 0 {
		t.Errorf("the shortest is at %v", p)
	}
}

func TestShapes(t *testing.T) {
	c := Chart{Y: Amounts(10, Amount), Points: Points{Places: Places{0, 0.25, 0.5, 0.75, 1}}}
	nan := math.NaN()
	c.Line("a", "p50", Values{10, nan, 5, 0, nan})
	c.Line("b", "p99", Values{nan, nan, nan, nan, 10})
	c.Line("c", "max", Values{nan, nan, nan, nan, nan})
	for i, want := range []string{"M0 0h0M500 500 750 1000", "M1000 0h0", ""} {
		if got := c.Series[i].Shape; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if c.Empty() {
		t.Error("empty")
	}
	d := Chart{Y: Amounts(10, Amount), Points: Points{Places: Places{0, 1}}}
	d.Stack(Series{Values: Values{5, 5}}, Series{Values: Values{5, nan}})
	if got, want := d.Series[1].Shape, "M0 0 1000 500 1000 500 0 500Z"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	none := Chart{}
	none.Stack(Series{Values: Values{}})
	if !none.Empty() || none.Series[0].Shape != "" {
		t.Errorf("%+v", none)
	}
}

func TestValuesAsJSON(t *testing.T) {
	b, err := json.Marshal(Values{1, math.NaN(), 1234567, 0.123456, math.Inf(1)})
	if err != nil || string(b) != "[1,null,1234567,0.1235,null]" {
		t.Errorf("%s %v", b, err)
	}
}

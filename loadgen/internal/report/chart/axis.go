package chart

import (
	"fmt"
	"math"
	"strings"
	"time"

	"croupier/loadgen/internal/words"
)

// Tick is a labelled place on an axis.
type Tick struct {
	Place float64 // 0..1 of the axis, from its begin
	Label string
	Minor bool // left out where there is little room
}

// Axis maps values to 0..1.
type Axis struct {
	low, high float64
	log       bool
	Ticks     []Tick
}

// Place is where a value is on the axis. What lies outside of the axis is put at its end, so that
// nothing is drawn over the rest of the page.
func (a Axis) Place(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		if v <= 0 {
			return 0
		}
		v, low, high = math.Log10(v), math.Log10(low), math.Log10(high)
	}
	if high <= low {
		return 0
	}
	return min(1, max(0, (v-low)/(high-low)))
}

func (a *Axis) tick(v float64, label string, minor bool) {
	a.Ticks = append(a.Ticks, Tick{a.Place(v), label, minor})
}

// Amounts is an axis from 0 to a round number that is at least highest.
func Amounts(highest float64, label func(float64) string) Axis {
	if !(highest > 0) || math.IsInf(highest, 0) {
		highest = 1
	}
	step := nice(highest / 4)
	a := Axis{high: step * math.Ceil(highest/step-1e-9)}
	for i := 0; float64(i)*step <= a.high*(1+1e-9); i++ {
		a.tick(float64(i)*step, label(float64(i)*step), false)
	}
	return a
}

// nice is the smallest of 1, 2, 2.5, 5 and 10 times a power of ten that is at least v.
func nice(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 2.5, 5} {
		if f*power >= v*(1-1e-9) {
			return f * power
		}
	}
	return 10 * power
}

// Times is a logarithmic axis of durations in seconds, from a 1, 2 or 5 at or below the shortest to
// one at or above the longest. It spans a factor of ten at least, so that noise does not look like a mountain.
func Times(shortest, longest time.Duration) Axis {
	shortest = max(shortest, time.Microsecond)
	longest = max(longest, shortest)
	steps := []float64{1, 2, 5}
	at := func(i int) float64 { return steps[((i%3)+3)%3] * math.Pow(10, math.Floor(float64(i)/3)) }
	low := 0
	for at(low+1) <= float64(shortest) {
		low++
	}
	high := low
	for at(high) < float64(longest) || high < low+3 {
		high++
	}
	a := Axis{low: at(low) / 1e9, high: at(high) / 1e9, log: true}
	for i := low; i <= high; i++ {
		// Of a long axis only the decades are labelled.
		if high-low > 9 && i%3 != 0 {
			continue
		}
		a.tick(at(i)/1e9, Duration(time.Duration(math.Round(at(i)))), false)
	}
	return a
}

// clockSteps are the distances in seconds between the ticks of a Clock.
var clockSteps = []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800}

// Clock is an axis of the seconds since the begin of a run.
func Clock(seconds float64) Axis {
	if !(seconds > 0) || math.IsInf(seconds, 0) {
		seconds = 1
	}
	a := Axis{high: seconds}
	step := clockSteps[len(clockSteps)-1]
	for _, s := range clockSteps {
		if seconds/s <= 8 {
			step = s
			break
		}
	}
	if seconds/step > 100 { // years: no tick is better than a thousand
		step = seconds
	}
	for i := 0; float64(i)*step <= seconds; i++ {
		a.tick(float64(i)*step, words.Moment(float64(i)*step), i%2 == 1)
	}
	return a
}

// Nines is an axis of percentiles up to that of one in n, on which each further nine takes as much
// room as the one before.
func Nines(n uint64) Axis {
	a := Axis{low: 1, high: max(100, float64(n)), log: true}
	a.tick(1, "0%", false)
	a.tick(2, "50%", true)
	for d, label := 10.0, "90"; d <= a.high; d *= 10 {
		a.tick(d, label+"%", false)
		switch label {
		case "90":
			label = "99"
		case "99":
			label = "99.9"
		default:
			label += "9"
		}
	}
	return a
}

// Duration is a time to three significant digits, in the unit that suits it.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d == 0:
		return "0"
	case d < 999500*time.Nanosecond:
		return digits(float64(d)/1e3) + " µs"
	case d < 999500*time.Microsecond:
		return digits(float64(d)/1e6) + " ms"
	case d < 99950*time.Millisecond:
		return digits(d.Seconds()) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

func digits(v float64) string {
	var s string
	switch {
	case v < 9.995:
		s = fmt.Sprintf("%.2f", v)
	case v < 99.95:
		s = fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// Amount is a number for an axis: 250, 1.5k, 20M.
func Amount(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.size*0.9995 {
			return digits(v/u.size) + u.name
		}
	}
	if v != 0 && math.Abs(v) < 0.01 {
		return fmt.Sprintf("%.1g", v)
	}
	return digits(v)
}

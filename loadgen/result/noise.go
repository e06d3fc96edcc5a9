package result

import (
	"fmt"
	"math"
	"slices"
)

const (
	// usual is the share by which two runs of the same servers are taken to differ, and prior how
	// many runs' worth that is: what several runs show takes its place, the more of them there are.
	usual = 0.02
	prior = 8.0
)

// estimator judges metrics.
type estimator struct {
	tolerance float64
	doubt     float64 // how probable it may be that one metric of equal servers is out of its bounds
}

// estimate is what one side of a comparison says about one metric, as logarithms.
type estimate struct {
	runs   []float64 // a typical value of each
	within []float64 // the variance of each, as the run itself shows it
	blocks []int
	none   bool // nothing was measured in a run
	needs  int  // seconds for which a run should have been steady; 0: it was
	steady int  // seconds for which the shortest was
}

// typical estimates a metric of one side.
func (estimator) typical(q question, runs []side) estimate {
	e := estimate{steady: math.MaxInt}
	for _, r := range runs {
		e.steady = min(e.steady, len(r.seconds))
		if q.phase != "" && !r.has(q.phase) {
			e.none = true
			continue
		}
		logs := r.logs(q)
		if len(logs) == 0 {
			whole := r.blocks(q, max(len(r.seconds), 1))
			e.needs = max(e.needs, r.wanted(q, whole))
			if len(whole) > 0 && whole[0].value > 0 {
				e.runs = append(e.runs, math.Log(whole[0].value))
			}
			continue
		}
		middle, variance := median(logs)
		e.runs = append(e.runs, middle)
		e.within = append(e.within, variance)
		e.blocks = append(e.blocks, len(logs))
	}
	return e
}

// mean is that of the runs.
func (e estimate) mean() float64 {
	var sum float64
	for _, v := range e.runs {
		sum += v
	}
	return sum / float64(len(e.runs))
}

// value is the typical one.
func (e estimate) value() float64 {
	if len(e.runs) == 0 {
		return 0
	}
	return math.Exp(e.mean())
}

// short says why two sides can't be compared; empty: they can.
func short(a, b estimate) string {
	if a.none || b.none {
		return "not measured while the population was steady"
	}
	if needs := max(a.needs, b.needs); needs > 0 {
		return fmt.Sprintf("too few data: it needs about %d s of steady play, and has %d s", needs, min(a.steady, b.steady))
	}
	return ""
}

// interval is the difference of two sides, and half the width of the interval that has it.
func (e estimator) interval(a, b estimate) (change, half float64) {
	change = b.mean() - a.mean()
	var variance, freedom float64 // of what the runs themselves are sure of
	part := func(v, f float64) {
		variance += v
		freedom += v * v / f
	}
	var spread, runs, within float64
	for _, side := range []estimate{a, b} {
		n := float64(len(side.runs))
		for i, v := range side.within {
			part(v/(n*n), float64(side.blocks[i]-1))
			within += v
		}
		middle := side.mean()
		for _, v := range side.runs {
			spread += (v - middle) * (v - middle)
		}
		runs += n - 1
	}
	// What the spread between runs is beyond what each is sure of anyway.
	beyond := 0.0
	if runs > 0 {
		beyond = max(spread/runs-within/float64(len(a.runs)+len(b.runs)), 0)
	}
	between := max((prior*usual*usual+runs*beyond)/(prior+runs), beyond)
	part(between/float64(len(a.runs))+between/float64(len(b.runs)), prior+runs)
	return change, student(1-e.doubt/2, variance*variance/freedom) * math.Sqrt(variance)
}

// median is the median of some blocks, and its variance: from the distance of two blocks about the
// middle (Price and Bonett), and more where neighbours resemble each other.
func median(x []float64) (middle, variance float64) {
	resemble := min(max(correlation(x), 0), 0.8)
	x = slices.Sorted(slices.Values(x))
	n := len(x)
	middle = (x[(n-1)/2] + x[n/2]) / 2
	c := max(int(math.Round(float64(n+1)/2-math.Sqrt(float64(n)))), 1)
	error := (x[n-c] - x[c-1]) / (2 * normal(1-fewer(n, c)))
	return middle, error * error * (1 + resemble) / (1 - resemble)
}

// lost compares the connections that were lost without the bots' doing. They are lost in waves, so
// that their number has a spread far beyond that of single losses.
func (e estimator) lost(base, next []side) Metric {
	m := Metric{Name: "lost", Unit: "1/bot/h", Outcome: Same}
	a, b := losses(base), losses(next)
	if a.hours == 0 || b.hours == 0 {
		m.Outcome, m.Note = Unclear, "too few data: the population was never steady"
		return m
	}
	m.Base, m.Next = round(a.count/a.hours), round(b.count/b.hours)
	if a.count == 0 && b.count == 0 {
		return m
	}
	const half = 0.5 // of a loss, so that none can be compared with some
	change := math.Log((b.count+half)/b.hours) - math.Log((a.count+half)/a.hours)
	error := math.Sqrt(a.clumps/(a.count+half) + b.clumps/(b.count+half))
	width := student(1-e.doubt/2, max(a.blocks+b.blocks-2, 1)) * error
	m.Ratio, m.Low, m.High = round(math.Exp(change)), round(math.Exp(change-width)), round(math.Exp(change+width))
	limit := math.Log1p(e.tolerance)
	more := b.count - a.count/a.hours*b.hours
	switch {
	case more >= fewLost && change-width > limit:
		m.Outcome = Regressed
	case more <= -fewLost && change+width < -limit:
		m.Outcome = Improved
	}
	return m
}

// losing is how many connections one side lost.
type losing struct {
	count  float64
	hours  float64 // of bots
	clumps float64 // how many times as much it varies as single losses would
	blocks float64
}

func losses(runs []side) losing {
	l := losing{}
	var counts []float64
	for _, r := range runs {
		l.hours += r.bots / 3600
		for at := 0; at < len(r.seconds); at += shortest {
			var n float64
			for _, s := range r.seconds[at:min(at+shortest, len(r.seconds))] {
				n += float64(s.Lost)
			}
			counts = append(counts, n)
			l.count += n
		}
	}
	l.blocks = float64(len(counts))
	mean := l.count / max(l.blocks, 1)
	var squares float64
	for _, n := range counts {
		squares += (n - mean) * (n - mean)
	}
	l.clumps = 1
	if mean > 0 && len(counts) > 1 {
		l.clumps = max(1, squares/(l.blocks-1)/mean)
	}
	return l
}

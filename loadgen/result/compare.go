package result

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"croupier/loadgen/internal/measure"
)

const (
	// doubtful is how probable it may be that any metric of equal servers lies outside its bounds.
	doubtful = 0.05
	// floor is the change of a time that is nobody's concern, in seconds, however large its ratio is.
	floor = 0.0002
	// fewLost is how many more connections must be lost for it to be a regression.
	fewLost = 10
	// blind is the half width of an interval (a logarithm) that could hide a change of a half: whoever
	// is so unsure says nothing.
	blind = 0.405
	// busier is by what share a machine must be busier on one side for it to be mentioned.
	busier = 0.15
)

// core are the metrics without which nothing is known.
var core = []string{"action-p50", "action-p99", "rounds"}

// Compare says what became worse from the base to the next runs, by more than the tolerated share.
//
// A run's seconds are no independent measurements, and two runs of the same servers differ by more
// than their seconds say. Therefore: only the steady part of each run counts, in blocks of at least
// five seconds, longer where neighbours resemble each other; the spread between blocks gives what a
// run is sure of; and the spread between runs of one side, or what is usual where there is only one,
// is added to it. A metric has regressed only if all of the interval that comes of this lies beyond
// the tolerance. The intervals are so wide that all metrics together are outside by chance in one
// comparison of twenty.
func Compare(base, next []*Run, tolerance float64) Comparison {
	c := Comparison{Tolerance: tolerance, Base: len(base), Next: len(next), Metrics: []Metric{}, Reasons: []string{}}
	if reasons := incomparable(base, next); len(reasons) > 0 {
		c.Verdict, c.Reasons = Unclear, reasons
		return c
	}
	before, after := sidesOf(base), sidesOf(next)
	c.Metrics = append(c.Metrics, violations(base, next))
	questions := questionsOf(before, after)
	judge := estimator{tolerance: tolerance, doubt: doubtful / float64(len(questions)+1)}
	for _, q := range questions {
		c.Metrics = append(c.Metrics, judge.ask(q, before, after))
	}
	c.Metrics = append(c.Metrics, judge.lost(before, after))
	c.decide()
	c.warn(base, next)
	return c
}

// warn says what else was different, so that nobody blames the servers for it.
func (c *Comparison) warn(base, next []*Run) {
	a, b := machineOf(base), machineOf(next)
	if math.Abs(a-b) >= busier {
		c.Reasons = append(c.Reasons, fmt.Sprintf("the generator's machine was %.0f%% busy in the base, and %.0f%% in the next: was anything else running on it?", a*100, b*100))
	}
}

// machineOf is how busy the generators' machines were.
func machineOf(runs []*Run) float64 {
	var h Health
	for _, r := range runs {
		h = h.and(r.Health)
	}
	return h.Machine
}

// incomparable says why the runs say nothing about each other.
func incomparable(base, next []*Run) []string {
	var reasons []string
	if len(base) == 0 || len(next) == 0 {
		return []string{"there is nothing to compare: give at least one result for each side"}
	}
	all := slices.Concat(base, next)
	for i, r := range all {
		name := fmt.Sprintf("base result %d", i+1)
		if i >= len(base) {
			name = fmt.Sprintf("next result %d", i+1-len(base))
		}
		if fields := slices.DeleteFunc(r.Scenario.Differences(base[0].Scenario), func(f string) bool { return !matters(f) }); len(fields) > 0 {
			reasons = append(reasons, fmt.Sprintf("%s has another scenario than base result 1 (%s): play the same one", name, strings.Join(fields, ", ")))
		}
		if r.processes() != base[0].processes() {
			reasons = append(reasons, fmt.Sprintf("%s is of %d processes, and base result 1 of %d: play with as many", name, r.processes(), base[0].processes()))
		}
		if r.Verdict == Invalid {
			why := "it says nothing"
			if len(r.Reasons) > 0 {
				why = r.Reasons[0]
			}
			reasons = append(reasons, fmt.Sprintf("%s is invalid: %s", name, why))
		}
	}
	return reasons
}

// matters says whether a field of a scenario changes what is measured. What a run must hold and how
// long it plays does not.
func matters(field string) bool {
	return !slices.Contains([]string{"name", "for", "slo", "sources", "patience", "late"}, field)
}

// violations compares the rules broken. One is enough.
func violations(base, next []*Run) Metric {
	m := Metric{Name: "violations", Outcome: Same}
	sum := func(runs []*Run) (n float64) {
		for _, r := range runs {
			n += float64(max(r.Checks().Violated, uint64(len(r.Violations))))
		}
		return n
	}
	m.Base, m.Next = sum(base), sum(next)
	switch {
	case m.Base == 0 && m.Next > 0:
		m.Outcome, m.Note = Regressed, "a broken rule is proof, whatever the noise"
	case m.Base > 0 && m.Next == 0:
		m.Outcome, m.Note = Improved, "none was broken: play longer to be sure"
	case m.Base > 0:
		m.Note = "rules were broken before, and are"
	}
	return m
}

// question is a metric to be estimated from blocks.
type question struct {
	name, unit string
	better     int // -1: less is, 1: more is
	phase      string
	percentile float64
}

// questionsOf are the metrics that either side has.
func questionsOf(sides ...[]side) []question {
	questions := []question{{name: "rounds", unit: "1/s", better: 1}}
	for p := range measure.Phases {
		if p == measure.Lag { // the generator's own
			continue
		}
		if !slices.ContainsFunc(sides, func(runs []side) bool {
			return slices.ContainsFunc(runs, func(r side) bool { return r.has(p.String()) })
		}) {
			continue
		}
		for _, percentile := range []float64{50, 99} {
			questions = append(questions, question{fmt.Sprintf("%s-p%v", p, percentile), "s", -1, p.String(), percentile})
		}
	}
	return questions
}

// ask estimates one metric and says what became of it.
func (e estimator) ask(q question, base, next []side) Metric {
	m := Metric{Name: q.name, Unit: q.unit, Outcome: Unclear}
	a, b := e.typical(q, base), e.typical(q, next)
	if m.Note = short(a, b); m.Note != "" {
		if !a.none && !b.none {
			m.Base, m.Next = round(a.value()), round(b.value())
		}
		return m
	}
	change, half := e.interval(a, b)
	m.Base, m.Next = round(a.value()), round(b.value())
	m.Ratio, m.Low, m.High = round(math.Exp(change)), round(math.Exp(change-half)), round(math.Exp(change+half))
	limit := math.Log1p(e.tolerance)
	worse := -change * float64(q.better) // how much, however the metric counts
	small := func(ratio float64) bool { return q.unit == "s" && math.Abs(ratio-1)*a.value() < floor }
	switch {
	case small(m.Low) && small(m.High):
		m.Outcome = Same
	case worse-half > limit && !small(m.Ratio):
		m.Outcome = Regressed
	case worse+half < -limit && !small(m.Ratio):
		m.Outcome = Improved
	case half > max(blind, 3*limit):
		m.Note = fmt.Sprintf("too much noise: it would hide a change %s: measure longer, several runs, or on a quieter machine", factor(half))
	case worse > limit && !small(m.Ratio):
		m.Note = fmt.Sprintf("it may have got worse, but noise could do as much: measure %s times as long, or several runs", times(half/max(worse-limit, limit/4)))
	default:
		m.Outcome = Same
	}
	return m
}

// factor is how large a change a logarithm is.
func factor(log float64) string {
	switch f := math.Exp(log); {
	case f < 3:
		return fmt.Sprintf("of %.0f%%", (f-1)*100)
	case f < 100:
		return fmt.Sprintf("to %.0f times as much", f)
	}
	return "to a hundred times as much"
}

// times is how many times as much data makes an interval so many times as narrow.
func times(narrower float64) string {
	return fmt.Sprintf("%.0f", min(max(math.Ceil(narrower*narrower), 2), 100))
}

// round keeps four digits, which is more than any run is sure of.
func round(v float64) float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return 0
	}
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64) // which wrote it
	return v
}

// decide sums up.
func (c *Comparison) decide() {
	var worse, better, open []string
	for _, m := range c.Metrics {
		line := fmt.Sprintf("%s: %s", m.Name, m.text())
		switch m.Outcome {
		case Regressed:
			worse = append(worse, line)
		case Improved:
			better = append(better, line)
		case Unclear:
			if slices.Contains(core, m.Name) {
				open = append(open, fmt.Sprintf("%s: %s", m.Name, m.Note))
			}
		}
	}
	switch {
	case len(worse) > 0:
		c.Verdict, c.Reasons = Regressed, worse
	case len(open) > 0:
		c.Verdict, c.Reasons = Unclear, open
	case len(better) > 0:
		c.Verdict, c.Reasons = Improved, better
	default:
		c.Verdict, c.Reasons = Same, []string{fmt.Sprintf("nothing got worse by more than %.3g%% that noise does not explain", c.Tolerance*100)}
	}
	if c.Base == 1 || c.Next == 1 {
		c.Reasons = append(c.Reasons, fmt.Sprintf("runs of the same servers are taken to differ by %.0f%%: several runs a side would tell", usual*100))
	}
}

// text is a metric for people.
func (m Metric) text() string {
	if m.Ratio == 0 {
		return fmt.Sprintf("%s before, %s now", value(m.Base, m.Unit), value(m.Next, m.Unit))
	}
	return fmt.Sprintf("%s before, %s now (%+.0f%%, between %+.0f%% and %+.0f%%)", value(m.Base, m.Unit), value(m.Next, m.Unit),
		(m.Ratio-1)*100, (m.Low-1)*100, (m.High-1)*100)
}

func value(v float64, unit string) string {
	switch unit {
	case "s":
		return brief(seconds(v))
	case "1/s":
		return fmt.Sprintf("%.3g a second", v)
	case "1/bot/h":
		return fmt.Sprintf("%.3g an hour and bot", v)
	}
	return fmt.Sprintf("%.3g", v)
}

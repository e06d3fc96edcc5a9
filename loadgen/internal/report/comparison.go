package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/report/chart"
	"croupier/loadgen/result"
)

// changed is an outcome in words, with a sign for those who don't see its colour.
func changed(c result.Change) string {
	switch c {
	case result.Regressed:
		return "✗ regressed"
	case result.Improved:
		return "✓ improved"
	case result.Same:
		return "= same"
	}
	return "? unclear"
}

// value is a metric's value in its unit.
func value(v float64, unit string) string {
	switch {
	case unit == "s" && v <= 0: // no time takes none
		return "-"
	case unit == "s":
		return chart.Duration(time.Duration(v * float64(time.Second)))
	case unit == "":
		return chart.Amount(v)
	}
	return chart.Amount(v) + strings.TrimPrefix(clip(printable(unit), 20), "1")
}

// change is how many times as large something became, as a difference of so many percent.
func change(ratio float64) string {
	switch {
	case ratio <= 0:
		return "-"
	case ratio >= 9.995:
		return fmt.Sprintf("x%.3g", ratio)
	}
	return fmt.Sprintf("%+.1f%%", (ratio-1)*100)
}

// interval is between what and what the change is.
func interval(m result.Metric) string {
	if m.Low <= 0 || m.High <= 0 {
		return "-"
	}
	return change(m.Low) + " … " + change(m.High)
}

// CompareText writes what a person reads of a comparison: the verdict first, then each metric with
// the interval that its change is in. Lines have at most width columns, or 80 if width is less.
func CompareText(w io.Writer, c result.Comparison, width int) error {
	p := &paper{width: max(width, narrowest)}
	p.line("%s", strings.ToUpper(printable(string(c.Verdict))))
	for _, reason := range c.Reasons {
		p.wrap("  ", reason)
	}
	p.line("")
	p.wrap("", compared(c))
	if len(c.Metrics) > 0 {
		p.line("")
		p.line("%-12s %9s %9s %8s  %-19s  %s", "metric", "base", "next", "change", "between", "outcome")
	}
	for _, m := range c.Metrics {
		p.line("%-12s %9s %9s %8s  %-19s  %s", clip(printable(m.Name), 12), value(m.Base, unit(m)), value(m.Next, unit(m)), change(m.Ratio), interval(m), changed(m.Outcome))
		if m.Note != "" {
			p.wrap("             ", m.Note)
		}
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// unit is a metric's unit where it is short enough to stand behind every value.
func unit(m result.Metric) string {
	if m.Unit == "s" {
		return "s"
	}
	return ""
}

func compared(c result.Comparison) string {
	return fmt.Sprintf("%s of the base and %s of what is next; up to %s worse is tolerated", many(c.Base, "run"), many(c.Next, "run"), fmt.Sprintf("%.3g%%", c.Tolerance*100))
}

// CompareCSV writes a comparison's metrics, a line for each after one with the columns' names. Times
// are in seconds; ratio, low and high are how many times as large the next value is, and empty
// where that is not known.
func CompareCSV(w io.Writer, c result.Comparison) error {
	out := csv.NewWriter(w)
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	known := func(v float64) string {
		if v <= 0 {
			return ""
		}
		return number(v)
	}
	lines := [][]string{{"metric", "unit", "base", "next", "ratio", "low", "high", "outcome", "note"}}
	for _, m := range c.Metrics {
		lines = append(lines, []string{harmless(m.Name), m.Unit, number(m.Base), number(m.Next), known(m.Ratio), known(m.Low), known(m.High), string(m.Outcome), harmless(m.Note)})
	}
	return out.WriteAll(lines)
}

// harmless is a text that no spreadsheet takes for a formula.
func harmless(s string) string {
	s = printable(s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}

// comparison is what the template of a comparison's page shows.
type comparison struct {
	Comparison  result.Comparison
	Compared    string
	Base, Next  []*result.Run
	Throughput  chart.Chart
	Seated      chart.Chart
	Percentiles []chart.Chart
	Latencies   []chart.Chart
}

// CompareHTML writes a page about a comparison of runs that needs nothing else: each metric with the
// interval that its change is in, and the runs' charts over each other.
func CompareHTML(w io.Writer, c result.Comparison, base, next []*result.Run) error {
	return pages.ExecuteTemplate(w, "comparison", newComparison(c, base, next))
}

// mostSide is how many runs of each side are drawn.
const mostSide = 3

// sided is a run in a table of the runs of both sides.
type sided struct {
	Side string
	Run  *result.Run
}

func newComparison(c result.Comparison, base, next []*result.Run) comparison {
	p := comparison{Comparison: c, Compared: compared(c), Base: base[:min(len(base), 20)], Next: next[:min(len(next), 20)]}
	sides := sidesOf(base, next)
	p.Throughput = over("Settlements a second", chart.Rate, sides, func(t track) chart.Values {
		return t.values(func(s slice) float64 { return s.Rates[settlements].Mean })
	})
	p.Seated = over("Bots in their seats", chart.Count, sides, func(t track) chart.Values {
		return t.values(func(s slice) float64 { return float64(s.Bots.Seated) })
	})
	for _, phase := range phasesOf(base, next) {
		p.Percentiles = append(p.Percentiles, distribution(phase, []curve{
			{"base", "base", timesOf(base, phase)}, {"next", "next", timesOf(next, phase)},
		}))
		p.Latencies = append(p.Latencies, over(phase+": p99 of each moment", chart.Seconds, sides, func(t track) chart.Values {
			return t.values(func(s slice) float64 {
				if h := s.Times[phase]; h.Count() > 0 {
					return h.At(99).Seconds()
				}
				return math.NaN()
			})
		}))
	}
	n := 0
	for _, charts := range [][]chart.Chart{p.Percentiles, p.Latencies} {
		for i := range charts {
			n++
			charts[i].ID = fmt.Sprintf("chart%d", n)
		}
	}
	p.Throughput.ID, p.Seated.ID = "settled", "seated"
	return p
}

// seenSide is one run of a side.
type seenSide struct {
	name, class string
	track       track
}

func sidesOf(base, next []*result.Run) []seenSide {
	var all []seenSide
	add := func(runs []*result.Run, name string) {
		for i, run := range runs[:min(len(runs), mostSide)] {
			one := seenSide{name: name, class: name, track: newTrack(run)}
			if len(runs) > 1 {
				one.name = fmt.Sprintf("%s %d", name, i+1)
			}
			all = append(all, one)
		}
	}
	add(base, "base")
	add(next, "next")
	return all
}

// over draws the same values of several runs over each other, from the begin of each.
func over(title string, unit chart.Unit, sides []seenSide, of func(track) chart.Values) chart.Chart {
	c := chart.Chart{Title: title, Unit: unit}
	for _, s := range sides {
		c.Points.Span = max(c.Points.Span, s.track.span)
		c.Note = max(c.Note, s.track.sliced("the whole"))
	}
	c.X = chart.Clock(c.Points.Span)
	least, most := math.Inf(1), 0.0
	all := make([]chart.Values, len(sides))
	for i, s := range sides {
		values := of(s.track)
		for _, v := range values {
			if !math.IsNaN(v) {
				least, most = min(least, v), max(most, v)
			}
		}
		all[i] = values
	}
	c.Points.Places, all = together(c.Points.Span, sides, all)
	if unit == chart.Seconds {
		c.Y = timesAxis(least, most)
	} else {
		c.Y = chart.Amounts(most, chart.Amount)
	}
	c.Desc = "Lines of " + many(len(sides), "run") + " over " + span(c.Points.Span) + "."
	for i, s := range sides {
		c.Line(s.name, s.class, all[i])
	}
	return c
}

// together puts the values of runs of different lengths at common places, at equal distances: at each
// the greatest of the slices that have their middle there, or else of the one that reaches over it.
func together(length float64, sides []seenSide, all []chart.Values) (chart.Places, []chart.Values) {
	n := 0
	for _, s := range sides {
		if s.track.span > 0 {
			n = max(n, int(min(mostPoints, math.Round(float64(len(s.track.slices))*length/s.track.span))))
		}
	}
	places := make(chart.Places, n)
	for i := range places {
		places[i] = float64(i+1) / float64(n)
	}
	at := func(seconds float64) int { return min(n-1, max(0, int(seconds/length*float64(n)))) }
	out := make([]chart.Values, len(all))
	for k, s := range sides {
		out[k] = make(chart.Values, n)
		taken := make([]bool, n)
		for i := range out[k] {
			out[k][i] = math.NaN()
		}
		for j, one := range s.track.slices {
			i, v := at((one.From+one.To)/2), all[k][j]
			if !taken[i] || !(v <= out[k][i]) && !math.IsNaN(v) {
				out[k][i] = v
			}
			taken[i] = true
		}
		for j, one := range s.track.slices {
			for i := at(one.From); i <= at(one.To-1e-9); i++ {
				if !taken[i] {
					out[k][i] = all[k][j]
				}
			}
		}
	}
	return places, out
}

// phasesOf are the phases of the servers that any of the runs measured.
func phasesOf(sides ...[]*result.Run) []string {
	found := make(map[string]bool)
	for _, run := range slices.Concat(sides...) {
		for _, p := range run.Phases {
			if p.Times.Count() > 0 && p.Phase != measure.Lag.String() {
				found[p.Phase] = true
			}
		}
	}
	all := phaseNames(found)
	return all[:min(len(all), mostCurves)]
}

// timesOf are the times of a phase in all runs of a side.
func timesOf(runs []*result.Run, phase string) *measure.Histogram {
	sum := measure.NewHistogram()
	for _, run := range runs {
		add(sum, run.Times(phase))
	}
	return sum
}

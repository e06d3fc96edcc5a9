package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/report/chart"
	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

// new returns a chart over the time of the run.
func (t track) new(title string) chart.Chart {
	return chart.Chart{Title: title, X: chart.Clock(t.span), Points: t.points, Marks: t.marks}
}

// sliced says what a point of a chart stands for, where it is more than a second.
func (t track) sliced(what string) string {
	if t.each < 1.5 {
		return ""
	}
	return fmt.Sprintf("Each point: of %s %s.", span(t.each), what)
}

// population is how many bots were where.
func (t track) population() chart.Chart {
	c := t.new("Bots by state")
	c.Unit, c.Note = chart.Count, t.sliced("the second with most bots away")
	states := []struct {
		name, class string
		of          func(result.Population) int
	}{
		{"seated", "seated", func(p result.Population) int { return p.Seated }},
		{"watching", "watching", func(p result.Population) int { return p.Watching }},
		{"out (between two stays)", "out", func(p result.Population) int { return p.Out }},
		{"connecting", "connecting", func(p result.Population) int { return p.Connecting }},
		{"away (lost the connection)", "away", func(p result.Population) int { return p.Away }},
	}
	var layers []chart.Series
	most := 0.0
	for _, s := range t.slices {
		b := s.Bots
		most = max(most, float64(b.Wanted), float64(b.Present()))
	}
	for _, state := range states {
		values := t.values(func(s slice) float64 { return float64(state.of(s.Bots)) })
		if nothing(values) && state.name != "seated" {
			continue
		}
		layers = append(layers, chart.Series{Name: state.name, Class: state.class, Values: values})
	}
	c.Y = chart.Amounts(most, chart.Amount)
	c.Stack(layers...)
	c.Line("wanted by the scenario", "wanted", t.values(func(s slice) float64 { return float64(s.Bots.Wanted) }))
	c.Desc = fmt.Sprintf("Stacked areas over %s: at most %s bots at once, at most %s of them away after a lost connection.", span(t.span), chart.Amount(most), words.Count(mostAway(t.run.Series)))
	return c
}

func nothing(values chart.Values) bool {
	for _, v := range values {
		if v > 0 {
			return false
		}
	}
	return true
}

// shown is one line of a chart of rates.
type shown struct {
	kind        rateKind
	name, class string
}

// rates is how much happened in a second, of several kinds that are about as frequent. What is rare is
// drawn by the worst second of a slice, and what is steady by the mean and a shade from the least
// second to the most.
func (t track) rates(title string, rare bool, kinds ...shown) chart.Chart {
	c := t.new(title)
	c.Unit = chart.Rate
	line := func(s spread) float64 { return s.Mean }
	if rare {
		line = func(s spread) float64 { return s.Most }
		c.Note = t.sliced("the second with most")
	} else if c.Note = t.sliced("the mean"); c.Note != "" {
		c.Note += " The shade reaches from the least second to the most."
	}
	most := 0.0
	for _, s := range t.slices {
		for _, k := range kinds {
			most = max(most, s.Rates[k.kind].Most)
		}
	}
	c.Y = chart.Amounts(most, chart.Amount)
	var parts []string
	for _, k := range kinds {
		if !rare && t.each >= 1.5 {
			c.Band(k.class, t.values(func(s slice) float64 { return s.Rates[k.kind].Least }), t.values(func(s slice) float64 { return s.Rates[k.kind].Most }))
		}
		values := t.values(func(s slice) float64 { return line(s.Rates[k.kind]) })
		c.Line(k.name, k.class, values)
		peak := 0.0
		for _, s := range t.slices {
			peak = max(peak, s.Rates[k.kind].Most)
		}
		parts = append(parts, chart.Amount(peak)+" "+k.name)
	}
	c.Desc = "Lines over " + span(t.span) + ", a second at most: " + strings.Join(parts, ", ") + "."
	return c
}

// happened are the charts of rates that have something to show.
func (t track) happened() []chart.Chart {
	all := []chart.Chart{
		t.rates("Requests and events a second", false, shown{sent, "requests of bots", "c0"}, shown{events, "events from rooms", "c1"}),
		t.rates("Rolls and settlements a second", false, shown{rolls, "rolls", "c0"}, shown{settlements, "settlements", "c2"}),
		t.rates("Connections a second", true, shown{connects, "made", "c0"}, shown{returns, "returns to the table", "c2"}, shown{broken, "broken by bots", "c4"}, shown{lost, "lost otherwise", "bad"}),
	}
	wrong := t.rates("Violations, unknowns and troubles a second", true, shown{violated, "violations", "bad"}, shown{unknown, "unknown", "c4"}, shown{troubles, "troubles", "c3"})
	for _, s := range wrong.Series {
		if !nothing(s.Values) {
			return append(all, wrong)
		}
	}
	return all
}

// cpu is what the generator used.
func (t track) cpu() chart.Chart {
	c := t.new("Processor time of the generator")
	c.Unit, c.Note = chart.Count, t.sliced("the most of a second")
	values := t.values(func(s slice) float64 { return s.CPU })
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	c.Y = chart.Amounts(most, chart.Amount)
	c.Line("cores", "c0", values)
	c.Desc = fmt.Sprintf("A line over %s: at most %.2f cores.", span(t.span), most)
	return c
}

// latency is one phase's times over the time of the run.
func (t track) latency(phase string) chart.Chart {
	c := t.new(phase)
	c.Unit, c.Note = chart.Seconds, t.sliced("all times together")
	quantile := func(p float64) chart.Values {
		return t.values(func(s slice) float64 {
			if h := s.Times[phase]; h.Count() > 0 {
				return h.At(p).Seconds()
			}
			return math.NaN()
		})
	}
	p50, p99, top := quantile(50), quantile(99), quantile(100)
	least, most := math.Inf(1), 0.0
	for i := range p50 {
		if !math.IsNaN(p50[i]) {
			least, most = min(least, p50[i]), max(most, top[i])
		}
	}
	goals := t.goals(phase)
	for _, g := range goals {
		least, most = min(least, g.Limit.Seconds()), max(most, g.Limit.Seconds())
	}
	c.Y = timesAxis(least, most)
	c.Line("longest", "max", top)
	c.Line("p99", "p99", p99)
	c.Line("p50", "p50", p50)
	for _, g := range goals {
		c.Limit(g.Name+" ≤ "+chart.Duration(g.Limit), g.Limit.Seconds())
	}
	c.Desc = fmt.Sprintf("Lines over %s, on a logarithmic scale, of the median, the 99th percentile and the maximum of each moment; the longest of all took %s.", span(t.span), span(most))
	return c
}

func timesAxis(least, most float64) chart.Axis {
	if math.IsInf(least, 1) {
		least = most
	}
	return chart.Times(time.Duration(least*1e9), time.Duration(most*1e9))
}

func (t track) goals(phase string) []result.Outcome {
	var all []result.Outcome
	for i, o := range t.run.Scenario.SLO {
		if o.Phase == phase && i < mostGoals {
			all = append(all, result.Outcome{Name: o.Name(), Limit: o.Limit})
		}
	}
	return all
}

const mostGoals = 12

// curve is one line of a distribution.
type curve struct {
	name, class string
	times       *measure.Histogram
}

// distribution shows how many times were longer than what, each further nine as wide as the one
// before.
func distribution(title string, curves []curve) chart.Chart {
	var longest uint64
	for _, one := range curves {
		longest = max(longest, one.times.Count())
	}
	c := chart.Chart{Title: title, Unit: chart.Seconds, X: chart.Nines(longest)}
	at := odds(longest)
	for _, o := range at {
		c.Points.Places = append(c.Points.Places, c.X.Place(o))
		c.Points.Names = append(c.Points.Names, percentile(o))
	}
	least, most := math.Inf(1), 0.0
	all := make([]chart.Values, len(curves))
	for i, one := range curves {
		n := one.times.Count()
		values := make(chart.Values, len(at))
		ended := n == 0
		for j, o := range at {
			if ended {
				values[j] = math.NaN()
				continue
			}
			values[j] = one.times.At(100 - 100/o).Seconds()
			// The last point of a line is its maximum; where it would be between two places, it is at the next.
			if o >= float64(n)*(1-1e-9) {
				values[j], ended = one.times.At(100).Seconds(), true
			}
			least, most = min(least, values[j]), max(most, values[j])
		}
		all[i] = values
	}
	c.Y = timesAxis(least, most)
	for i, one := range curves {
		c.Line(one.name, one.class, all[i])
	}
	var parts []string
	for _, one := range curves {
		parts = append(parts, fmt.Sprintf("%s: half within %s, 99%% within %s, all within %s", printable(one.name),
			chart.Duration(one.times.At(50)), chart.Duration(one.times.At(99)), chart.Duration(one.times.At(100))))
	}
	c.Desc = "Lines from the shortest time at the left to the longest at the right, on a logarithmic scale, with percentiles by nines. " + strings.Join(parts, "; ") + "."
	return c
}

// classOf is the style of the line number i.
func classOf(i int) string { return fmt.Sprintf("c%d", i%8) }

// byPhase is the distribution of every phase of the servers', of all versions together.
func byPhase(all []row, goals []scenario.Objective) chart.Chart {
	var curves []curve
	for _, r := range all {
		if r.Whole && r.Times.Count() > 0 && r.Phase != measure.Lag.String() && len(curves) < mostCurves {
			curves = append(curves, curve{clip(r.Phase, 30), classOf(len(curves)), r.Times})
		}
	}
	c := distribution("How long each phase took, by percentile", curves)
	c.Note = "Both scales are logarithmic: each step to the right is a nine more. A line ends at its longest time."
	for _, one := range curves {
		for _, o := range goals[:min(len(goals), mostGoals)] {
			if clip(o.Phase, 30) == one.name {
				c.Goals = append(c.Goals, chart.Goal{
					Limit: chart.Limit{Name: "objective: " + o.Name() + " ≤ " + chart.Duration(o.Limit), Place: c.Y.Place(o.Limit.Seconds())},
					At:    c.X.Place(100 / max(100-o.Percentile, 1e-9)), Class: one.class,
				})
			}
		}
	}
	if len(c.Goals) > 0 {
		c.Note += " ▼ is an objective: its line should pass below."
	}
	return c
}

const mostCurves = 8

// byVersion are the distributions of each phase in which servers of several versions took part.
func byVersion(all []row) []chart.Chart {
	var charts []chart.Chart
	var curves []curve
	for i, r := range all {
		if !r.Whole && r.Times.Count() > 0 && len(curves) < mostCurves {
			curves = append(curves, curve{clip(r.Server, 30), classOf(len(curves)), r.Times})
		}
		if i+1 == len(all) || all[i+1].Whole {
			if len(curves) > 1 && len(charts) < mostCurves {
				charts = append(charts, distribution(r.Phase+" by server version", curves))
			}
			curves = nil
		}
	}
	return charts
}

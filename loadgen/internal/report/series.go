package report

import (
	"maps"
	"math"
	"slices"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/report/chart"
	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
)

// mostPoints is how many points of time a chart shows. A longer series is cut into so many slices.
const mostPoints = 480

// slice is some seconds of a run, one after the other, as one point of a chart.
type slice struct {
	From, To float64           // seconds since the begin of the run
	Bots     result.Population // at the second in which most bots were away
	CPU      float64           // the most of a second
	Rates    [rateKinds]spread
	Times    map[string]*measure.Histogram // of all its seconds: percentiles and the maximum are exact
}

// spread is what a rate was in the seconds of a slice.
type spread struct{ Least, Mean, Most float64 }

// rateKind is what is counted a second.
type rateKind int

const (
	sent rateKind = iota
	events
	rolls
	settlements
	connects
	returns
	broken
	lost
	troubles
	violated
	unknown
	rateKinds
)

// in is where a second has the count.
func (k rateKind) in(s *result.Second) *uint64 {
	return [rateKinds]*uint64{
		&s.Sent, &s.Events, &s.Rolls, &s.Settlements, &s.Connects, &s.Returns, &s.Broken, &s.Lost, &s.Troubles, &s.Violated, &s.Unknown,
	}[k]
}

// shortest is how much of a second must have passed for it to stand for itself: the rest of a run that
// did not end on the second would else look like a burst.
const shortest = 0.5

// rounded joins what is left of a second at the end of a run to the one before.
func rounded(series []result.Second) []result.Second {
	n := len(series) - 1
	if n < 1 || series[n].At-series[n-1].At >= shortest {
		return series
	}
	last, rest := series[n-1], series[n]
	last.At, last.CPU, last.Times = rest.At, max(last.CPU, rest.CPU), maps.Clone(last.Times)
	for k := range rateKinds {
		*k.in(&last) += *k.in(&rest)
	}
	for name, h := range rest.Times {
		sum := last.Times[name].Clone()
		if sum == nil {
			sum = measure.NewHistogram()
		}
		add(sum, h)
		if last.Times == nil {
			last.Times = make(map[string]*measure.Histogram)
		}
		last.Times[name] = sum
	}
	return append(slices.Clone(series[:n-1]), last)
}

// cut makes at most n slices of equally many seconds of a series. No maximum is lost.
func cut(series []result.Second, n int) []slice {
	series = rounded(series)
	each := max(1, (len(series)+n-1)/n)
	var all []slice
	begin := 0.0
	for from := 0; from < len(series); from += each {
		part := series[from:min(from+each, len(series))]
		all = append(all, join(begin, part))
		begin = part[len(part)-1].At
	}
	return all
}

func join(begin float64, part []result.Second) slice {
	s := slice{From: begin, To: part[len(part)-1].At, Bots: part[len(part)-1].Bots, Times: map[string]*measure.Histogram{}}
	var sums [rateKinds]float64
	for k := range s.Rates {
		s.Rates[k].Least = math.Inf(1)
	}
	last := begin
	for _, second := range part {
		length := second.At - last
		if !(length > 0) {
			length = 1
		}
		last = second.At
		for k := range s.Rates {
			n := float64(*rateKind(k).in(&second))
			sums[k] += n
			s.Rates[k].Least = min(s.Rates[k].Least, n/length)
			s.Rates[k].Most = max(s.Rates[k].Most, n/length)
		}
		if second.Bots.Away > s.Bots.Away {
			s.Bots = second.Bots
		}
		s.CPU = max(s.CPU, second.CPU)
		merge(s.Times, second.Times)
	}
	length := s.To - s.From
	for k := range s.Rates {
		s.Rates[k].Mean = min(s.Rates[k].Most, sums[k]/length)
		if !(length > 0) {
			s.Rates[k].Mean = s.Rates[k].Most
		}
	}
	return s
}

// track is a series of a run made ready for charts.
type track struct {
	slices []slice
	each   float64 // seconds of a slice, about
	span   float64 // of the run
	points chart.Points
	marks  []chart.Mark
	run    *result.Run
}

func newTrack(run *result.Run) track {
	t := track{slices: cut(run.Series, mostPoints), span: run.Seconds, run: run}
	if n := len(run.Series); n > 0 {
		t.span = max(t.span, run.Series[n-1].At)
		t.each = run.Series[n-1].At / float64(len(t.slices))
	}
	t.points.Span = t.span
	for _, s := range t.slices {
		t.points.Places = append(t.points.Places, t.place(s.To))
	}
	t.marks = t.moments()
	return t
}

func (t track) place(seconds float64) float64 {
	if !(t.span > 0) {
		return 0
	}
	return min(1, max(0, seconds/t.span))
}

// mostMarks is how many waves are marked in charts, the greatest ones, and how many notes, the last.
const mostMarks = 40

// moments are the marks of what happened to the whole run.
func (t track) moments() []chart.Mark {
	var marks []chart.Mark
	for _, w := range worstWaves(t.run.Waves, mostMarks) {
		m := chart.Mark{Place: t.place(w.At), Sign: "▼", Class: "servers", Name: "at " + words.Moment(w.At) + " " + many(w.Lost, "connection") + " lost"}
		if w.Own {
			m.Sign, m.Class, m.Name = "◆", "own", "at "+words.Moment(w.At)+" the scenario broke "+many(w.Lost, "connection")
		}
		m.Width = min(1-m.Place, t.place(w.Whole.Seconds()))
		marks = append(marks, m)
	}
	for _, n := range t.run.Notes[max(0, len(t.run.Notes)-mostMarks):] {
		marks = append(marks, chart.Mark{Place: t.place(n.At.Seconds()), Sign: "●", Class: "note", High: true, Name: "at " + words.Moment(n.At.Seconds()) + " " + n.Text})
	}
	return marks
}

// values collects one number of each slice.
func (t track) values(of func(slice) float64) chart.Values {
	v := make(chart.Values, len(t.slices))
	for i, s := range t.slices {
		v[i] = of(s)
	}
	return v
}

// names are the phases that were measured, in order.
func (t track) names() []string {
	have := make(map[string]*measure.Histogram)
	for _, s := range t.slices {
		maps.Copy(have, s.Times)
	}
	return phaseNames(have)
}

package dashboard

import (
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/result"
)

// remembered is how many seconds of a run the charts can show.
const remembered = 600

// second is what the charts need of a second of the run.
type second struct {
	at          float64 // its end, in seconds since the begin of the run
	took        float64 // seconds
	actions     float64 // all counts are of this second
	settlements float64
	connects    float64
	lost        float64
	p50, p99    [measure.Phases]time.Duration // 0: no times
}

// history is the last seconds of a run, the newest last. It takes each second once, whatever
// snapshots are left out.
type history struct {
	seconds []second
}

// add takes the seconds of the run that are not known yet.
func (h *history) add(series []result.Second) {
	known := 0.0
	if n := len(h.seconds); n > 0 {
		known = h.seconds[n-1].at
	}
	first := len(series)
	for first > 0 && series[first-1].At > known && len(series)-first < remembered {
		first--
	}
	if first > 0 {
		known = max(known, series[first-1].At)
	}
	for _, s := range series[first:] {
		told := second{
			at: s.At, took: s.At - known,
			actions: float64(s.Rolls), settlements: float64(s.Settlements), connects: float64(s.Connects),
			lost: float64(s.Lost) + float64(s.Broken),
		}
		known = s.At
		for phase := range measure.Phases {
			if times := s.Times[phase.String()]; times != nil {
				q := times.Quantiles()
				told.p50[phase], told.p99[phase] = q.P50, q.P99
			}
		}
		h.seconds = append(h.seconds, told)
	}
	if over := len(h.seconds) - remembered; over > 0 {
		h.seconds = append(h.seconds[:0:0], h.seconds[over:]...)
	}
}

// window is over how many seconds rates are means, as the percentiles are.
const window = 10

// rate is the mean of a count over the last seconds, in a second.
func (h *history) rate(of func(*second) float64) float64 {
	var sum, took float64
	for i := max(0, len(h.seconds)-window); i < len(h.seconds); i++ {
		sum += of(&h.seconds[i])
		took += h.seconds[i].took
	}
	if took <= 0 {
		return 0
	}
	return sum / took
}

// series is one figure of the last n seconds, in a second where it is a count.
func (h *history) series(n int, of func(*second) float64) []float64 {
	seconds := h.seconds[max(0, len(h.seconds)-n):]
	values := make([]float64, len(seconds))
	for i := range seconds {
		values[i] = of(&seconds[i])
		if seconds[i].took > 0 {
			values[i] /= seconds[i].took
		}
	}
	return values
}

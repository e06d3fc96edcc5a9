package load

import (
	"slices"
	"sync"
	"time"

	"croupier/loadgen/result"
)

const (
	// gust is how long after the first of them losses count as one wave.
	gust = time.Second

	// A wave is worth telling when it hits so many bots, and such a share of those at tables.
	fewest, leastShare = 5, 0.05

	// mostWaves bounds what is kept. In a run with more of them the later ones are not told.
	mostWaves = 500
)

// waves notices when many bots lose their connections at once, and when they are back. What bots break by
// themselves counts in storms only; what others break makes a wave when it comes in a gust.
type waves struct {
	mu    sync.Mutex
	waves []*wave // by number, from 1; those that turned out to be small are nil
	storm int     // number of the last storm; 0: there was none
	gust  int     // number of the last gust
	kept  int     // of waves, those that are not nil
}

// wave is the losses of one gust or storm.
type wave struct {
	at      time.Duration
	own     bool // a storm of the scenario, or of the person at the keyboard
	lost    int
	present int // bots at tables, when it began
	after   []time.Duration
}

func newWaves() *waves { return new(waves) }

// begin starts a storm.
func (w *waves) begin(at time.Duration, present int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.storm = w.open(w.storm, at, true, present)
}

// open begins a wave in place of the one before it of its kind, which is kept if it is worth telling. 0: no
// more are kept.
func (w *waves) open(before int, at time.Duration, own bool, present int) int {
	if before != 0 && !w.waves[before-1].worthTelling() {
		w.waves[before-1] = nil
		w.kept--
	}
	if w.kept >= mostWaves {
		return 0
	}
	w.kept++
	w.waves = append(w.waves, &wave{at: at, own: own, present: present})
	return len(w.waves)
}

// lost takes a loss and returns the number of its wave; 0: it belongs to none.
func (w *waves) lost(at time.Duration, own bool, present int) uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if own {
		if w.storm == 0 || at > w.waves[w.storm-1].at+gust {
			return 0
		}
		w.waves[w.storm-1].lost++
		return uint32(w.storm)
	}
	if w.gust == 0 || at > w.waves[w.gust-1].at+gust {
		if w.gust = w.open(w.gust, at, false, present); w.gust == 0 {
			return 0
		}
	}
	w.waves[w.gust-1].lost++
	return uint32(w.gust)
}

// back takes that a bot which was hit by a wave is at its table again.
func (w *waves) back(number uint32, after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if number == 0 || int(number) > len(w.waves) || w.waves[number-1] == nil {
		return
	}
	hit := w.waves[number-1]
	hit.after = append(hit.after, after)
}

func (w *wave) worthTelling() bool {
	return w.lost >= fewest && float64(w.lost) >= leastShare*float64(w.present)
}

// list returns the waves so far.
func (w *waves) list() []result.Wave {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := []result.Wave{}
	for _, one := range w.waves {
		if one != nil && one.worthTelling() {
			list = append(list, one.result())
		}
	}
	return list
}

func (w *wave) result() result.Wave {
	r := result.Wave{At: w.at.Seconds(), Lost: w.lost, Own: w.own, Back: len(w.after)}
	slices.Sort(w.after)
	for _, part := range []struct {
		share float64
		into  *time.Duration
	}{{0.5, &r.Half}, {0.99, &r.Most}, {1, &r.Whole}} {
		if n := int(part.share*float64(w.lost) + 0.999); n > 0 && n <= len(w.after) {
			*part.into = w.after[n-1]
		}
	}
	return r
}

package measure

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxVersions = 64 // that are told apart; further ones are one
	maxRecent   = 10 // seconds
)

// other is the name of the versions after the first maxVersions.
const other = "other"

// Recorder keeps the times of a run by phase and server version. Its methods may be called from any
// goroutine.
//
// Record goes to a shard that is the processor's own, as far as the pool manages; a shard has only
// what came since the last fold, so that the memory of a recorder does not grow with processors.
type Recorder struct {
	pool   sync.Pool // of *shard: those in the slice
	shards []shard
	next   atomic.Uint32 // shard for the pool

	naming  sync.RWMutex
	names   []string // by Version
	numbers map[string]Version

	mu     sync.Mutex // of what follows
	totals cells
	open   [Phases]*Histogram // the second that is not closed
	spare  *cells             // empty, for a shard to go on with
	recent [maxRecent][Phases]*Histogram
	closed int // seconds
}

// cells are histograms by phase and Version; those without times are nil.
type cells [Phases][]*Histogram

func (c *cells) at(p Phase, v Version) *Histogram {
	if int(v) >= len(c[p]) {
		c[p] = append(c[p], make([]*Histogram, int(v)+1-len(c[p]))...)
	}
	h := c[p][v]
	if h == nil {
		h = NewHistogram()
		c[p][v] = h
	}
	return h
}

type shard struct {
	mu  sync.Mutex
	now *cells
	_   [112]byte // so that two are not on one cache line, nor on a pair of them
}

// NewRecorder returns one that has no times.
func NewRecorder() *Recorder {
	r := &Recorder{
		shards:  make([]shard, min(runtime.GOMAXPROCS(0), 64)),
		spare:   new(cells),
		names:   []string{""},
		numbers: map[string]Version{"": 0},
	}
	for i := range r.shards {
		r.shards[i].now = new(cells)
	}
	r.pool.New = func() any { return &r.shards[int(r.next.Add(1))%len(r.shards)] }
	return r
}

// Version is the number of a version, for Record. Names after the first 64 share one number.
func (r *Recorder) Version(name string) Version {
	r.naming.RLock()
	v, known := r.numbers[name]
	r.naming.RUnlock()
	if known {
		return v
	}
	r.naming.Lock()
	defer r.naming.Unlock()
	if len(r.names) > maxVersions {
		name = other
	}
	if v, known := r.numbers[name]; known {
		return v
	}
	v = Version(len(r.names))
	r.names, r.numbers[name] = append(r.names, name), v
	return v
}

// Record counts a time of a phase.
func (r *Recorder) Record(p Phase, v Version, d time.Duration) {
	s := r.pool.Get().(*shard)
	s.mu.Lock()
	s.now.at(p, v).Record(d)
	s.mu.Unlock()
	r.pool.Put(s)
}

// fold takes what the shards have into the totals and the open second. The caller holds mu.
func (r *Recorder) fold() {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		full := s.now
		s.now = r.spare
		s.mu.Unlock()
		for p, versions := range full {
			for v, h := range versions {
				if h == nil {
					continue
				}
				if h.Count() > 0 {
					if r.open[p] == nil {
						r.open[p] = NewHistogram()
					}
					// A histogram holds more than can be recorded in the life of a process.
					_ = r.open[p].Merge(h)
					_ = r.totals.at(Phase(p), Version(v)).Merge(h)
				}
				h.Reset()
			}
		}
		r.spare = full
	}
}

// Second closes the second: it returns what was recorded since the last one, by phase, all versions
// together, to two significant digits and compact. Phases without times are nil.
func (r *Recorder) Second() [Phases]*Histogram {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fold()
	var second [Phases]*Histogram
	for p, h := range r.open {
		if h != nil {
			h.Compact()
			second[p] = h.Coarse()
		}
	}
	r.recent[r.closed%maxRecent] = r.open
	r.closed++
	r.open = [Phases]*Histogram{}
	return second
}

// Recent is what people read of the last n closed seconds, at most ten, by the names of the phases.
// Phases without times are left out.
func (r *Recorder) Recent(n int) map[string]Quantiles {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]Quantiles, Phases)
	for p := range Phases {
		sum := NewHistogram()
		for i := range min(n, maxRecent, r.closed) {
			_ = sum.Merge(r.recent[(r.closed-1-i)%maxRecent][p])
		}
		if sum.Count() > 0 {
			all[p.String()] = sum.Quantiles()
		}
	}
	return all
}

// Totals gives everything recorded so far, the open second included, by phase and version. The
// histograms are the caller's own.
func (r *Recorder) Totals(yield func(p Phase, version string, h *Histogram)) {
	type total struct {
		phase   Phase
		version string
		times   *Histogram
	}
	var all []total
	r.mu.Lock()
	r.fold()
	r.naming.RLock()
	for p, versions := range r.totals {
		for v, h := range versions {
			if h.Count() > 0 {
				all = append(all, total{Phase(p), r.names[v], h.Clone()})
			}
		}
	}
	r.naming.RUnlock()
	r.mu.Unlock()
	for _, t := range all {
		yield(t.phase, t.version, t.times)
	}
}

package gate

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// maxMovers is how many goroutines find ways to rooms at once. Finding one is a look at tables and a
// frame in an outbox, unless a name must be resolved or a server dialled; so a lost server's
// thousands of sessions are led on in some milliseconds without a goroutine each, and without thousands of dials.
const maxMovers = 64

// errand is a passage that a mover shall take a step with.
type errand struct {
	s   *session
	p   *passage
	due time.Time // zero: now
}

// movers is a pool of goroutines that take passages on. Goroutines start with the work and end with
// it. It holds at most a few errands for each session that is on its way.
type movers struct {
	step func(*session, *passage)
	work func(func()) // starts a goroutine that is waited for

	mu      sync.Mutex
	ready   []errand
	later   errands
	running int
	wake    chan struct{} // closing it ends the wait of the goroutine that waits for later[0]; nil: none does
}

func newMovers(step func(*session, *passage), work func(func())) *movers {
	return &movers{step: step, work: work}
}

// add queues a step, after a pause. It never blocks.
func (m *movers) add(ctx context.Context, s *session, p *passage, pause time.Duration) {
	e := errand{s: s, p: p}
	m.mu.Lock()
	defer m.mu.Unlock()
	if pause > 0 {
		e.due = time.Now().Add(pause)
		heap.Push(&m.later, e)
	} else {
		m.ready = append(m.ready, e)
	}
	switch {
	case m.wake != nil:
		close(m.wake)
		m.wake = nil
	case m.running == 0, pause <= 0 && m.running < maxMovers:
		m.running++
		m.work(func() { m.run(ctx) })
	}
}

// run takes steps until there is nothing to do, or ctx ends.
func (m *movers) run(ctx context.Context) {
	for {
		e, more := m.next(ctx)
		if !more {
			return
		}
		m.step(e.s, e.p)
	}
}

// next waits for an errand. False: this goroutine is not needed any more.
func (m *movers) next(ctx context.Context) (errand, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ctx.Err() == nil {
		now := time.Now()
		for len(m.later) > 0 && !m.later[0].due.After(now) {
			m.ready = append(m.ready, heap.Pop(&m.later).(errand))
		}
		if len(m.ready) > 0 {
			e := m.ready[0]
			m.ready[0] = errand{}
			if m.ready = m.ready[1:]; len(m.ready) == 0 {
				m.ready = nil
			}
			return e, true
		}
		if len(m.later) == 0 || m.wake != nil {
			break
		}
		wake := make(chan struct{})
		m.wake = wake
		timer := time.NewTimer(m.later[0].due.Sub(now))
		m.mu.Unlock()
		select {
		case <-timer.C:
		case <-wake:
		case <-ctx.Done():
		}
		timer.Stop()
		m.mu.Lock()
		if m.wake == wake {
			m.wake = nil
		}
	}
	m.running--
	return errand{}, false
}

// errands is a heap, by due.
type errands []errand

func (e errands) Len() int           { return len(e) }
func (e errands) Less(i, j int) bool { return e[i].due.Before(e[j].due) }
func (e errands) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *errands) Push(x any)        { *e = append(*e, x.(errand)) }
func (e *errands) Pop() any {
	old := *e
	last := old[len(old)-1]
	old[len(old)-1] = errand{}
	*e = old[:len(old)-1]
	return last
}

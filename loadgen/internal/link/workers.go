package link

import "sync"

// Workers connect. There are at most so many at a time: in a storm thousands of bots want to connect at one
// moment, and what else the generator has to do would wait in the scheduler's queue behind all of them. A
// bot that waits its turn waits in Dial's time. Some workers are kept, with the stacks that they have
// grown: copying stacks was 9% of the time at 4,000 connections a second.
type Workers struct {
	mu      sync.Mutex
	wanted  sync.Cond
	queue   []func() // as many as there are bots, at most
	idle    int
	working int // idle ones among them
	closed  bool
	all     sync.WaitGroup
}

const (
	mostWorkers = 256
	mostIdle    = 32
)

// NewWorkers returns workers of whom there is none yet.
func NewWorkers() *Workers {
	w := new(Workers)
	w.wanted.L = &w.mu
	return w
}

// Close waits until everything is done, and ends them. Nothing may be asked of them after it.
func (w *Workers) Close() {
	w.mu.Lock()
	w.closed = true
	w.wanted.Broadcast()
	w.mu.Unlock()
	w.all.Wait()
}

// do runs f soon.
func (w *Workers) do(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, f)
	switch {
	case w.idle >= len(w.queue): // those who were woken and have not taken their work yet count as idle
		w.wanted.Signal()
	case w.working < mostWorkers:
		w.working++
		w.all.Go(w.run)
	}
}

func (w *Workers) run() {
	for {
		f := w.next()
		if f == nil {
			return
		}
		f()
	}
}

// next waits for something to do. Nil: there is nothing, and nobody need wait for it.
func (w *Workers) next() func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 {
		if w.closed || w.idle >= mostIdle {
			w.working--
			return nil
		}
		w.idle++
		w.wanted.Wait()
		w.idle--
	}
	f := w.queue[0]
	w.queue[0] = nil
	if w.queue = w.queue[1:]; len(w.queue) == 0 {
		w.queue = nil
	}
	return f
}

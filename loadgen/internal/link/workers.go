package link

import "sync"

// Workers do what needs a deep stack for a short time, such as a handshake. Some of them are kept, with the
// stacks that they have grown: copying stacks was 9% of the time at 4,000 connections a second.
type Workers struct {
	work chan func()
	idle chan struct{} // one for each who waits for work
	end  chan struct{}
	all  sync.WaitGroup
}

// mostIdle is how many are kept.
const mostIdle = 64

// NewWorkers returns workers of whom there is none yet.
func NewWorkers() *Workers {
	return &Workers{work: make(chan func()), idle: make(chan struct{}, mostIdle), end: make(chan struct{})}
}

// Close waits for what is being done, and ends them. Nothing is done after it.
func (w *Workers) Close() {
	close(w.end)
	w.all.Wait()
}

// do runs f on a goroutine that is free, or on a new one.
func (w *Workers) do(f func()) {
	select {
	case w.work <- f:
	default:
		w.all.Go(func() { w.run(f) })
	}
}

func (w *Workers) run(f func()) {
	for {
		f()
		select {
		case w.idle <- struct{}{}:
		default:
			return
		}
		select {
		case f = <-w.work:
			<-w.idle
		case <-w.end:
			return
		}
	}
}

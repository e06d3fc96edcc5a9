package link

import (
	"sync/atomic"
	"testing"
	"time"
)

func TestWorkers(t *testing.T) {
	w := NewWorkers()
	const n = 3 * mostIdle
	var running, done atomic.Int64
	release := make(chan struct{})
	for range n {
		w.do(func() { running.Add(1); <-release; done.Add(1) })
	}
	await(t, func() bool { return running.Load() == n }) // nobody waits for another
	close(release)
	keeps := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.working
	}
	await(t, func() bool { return done.Load() == n && keeps() == mostIdle })
	for range 10 * n { // by those who are left
		w.do(func() { done.Add(1) })
	}
	await(t, func() bool { return done.Load() == 11*n })
	running.Store(0)
	release = make(chan struct{})
	for range 2 * mostWorkers {
		w.do(func() { running.Add(1); <-release; done.Add(1) })
	}
	await(t, func() bool { return running.Load() == mostWorkers })
	close(release)
	await(t, func() bool { return done.Load() == 11*n+2*mostWorkers && keeps() == mostIdle })
	done.Store(11 * n)
	block := make(chan struct{})
	w.do(func() { <-block; done.Add(1) })
	closed := make(chan struct{})
	go func() { w.Close(); close(closed) }()
	select {
	case <-closed:
		t.Error("closed in the midst of work")
	case <-time.After(20 * time.Millisecond):
	}
	close(block)
	<-closed
	if done.Load() != 11*n+1 {
		t.Errorf("%d were done", done.Load())
	}
}

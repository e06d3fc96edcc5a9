// Package clock wakes many bots, each at its time, more exactly than the timers of the runtime do: those
// wait in whole milliseconds, so that a bot of an idle generator is half a millisecond late on average
// and a whole one at worst, which is as much as a good server takes to answer.
package clock

import (
	"container/heap"
	"sync"
	"time"
)

// Clock wakes its Alarms.
type Clock struct {
	mu      sync.Mutex
	pending queue
	set     time.Time // what the ticker is set to; zero: nothing
	ticker  ticker
	closed  bool
	done    sync.WaitGroup
}

// Alarm is something to do at a time. It is not set at first.
type Alarm struct {
	Act   func() // on the clock's own goroutine, one alarm after the other: it must not wait
	at    time.Time
	index int // in the queue, from 1; 0: not in it
}

// New starts a clock.
func New() (*Clock, error) {
	t, err := newTicker()
	if err != nil {
		return nil, err
	}
	c := &Clock{ticker: t}
	c.done.Go(c.run)
	return c, nil
}

// Close ends the clock: no alarm that has not begun goes off any more.
func (c *Clock) Close() {
	c.mu.Lock()
	c.closed, c.pending = true, nil
	c.ticker.set(time.Time{}, true)
	c.mu.Unlock()
	c.done.Wait()
	c.ticker.close()
}

// Set makes an alarm go off once, at a time. It replaces the time that was set before. An alarm belongs to
// one clock.
func (c *Clock) Set(a *Alarm, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	a.at = at
	if a.index == 0 {
		heap.Push(&c.pending, a)
	} else {
		heap.Fix(&c.pending, a.index-1)
	}
	c.arm()
}

// Stop makes an alarm not go off, unless it has begun to.
func (c *Clock) Stop(a *Alarm) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.index != 0 && !c.closed {
		heap.Remove(&c.pending, a.index-1) // the ticker may tick for nothing
	}
}

// arm sets the ticker to the first alarm. Called with mu held.
func (c *Clock) arm() {
	if len(c.pending) == 0 {
		return
	}
	if first := c.pending[0].at; c.set.IsZero() || first.Before(c.set) {
		c.set = first
		c.ticker.set(first, false)
	}
}

func (c *Clock) run() {
	var due []*Alarm
	for {
		c.ticker.wait()
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return
		}
		c.set = time.Time{}
		now := time.Now()
		for len(c.pending) > 0 && !c.pending[0].at.After(now) {
			due = append(due, heap.Pop(&c.pending).(*Alarm))
		}
		c.arm()
		c.mu.Unlock()
		for i, a := range due {
			a.Act()
			due[i] = nil
		}
		due = due[:0]
	}
}

// queue is a heap of alarms by their times.
type queue []*Alarm

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i+1, j+1
}

func (q *queue) Push(a any) {
	*q = append(*q, a.(*Alarm))
	a.(*Alarm).index = len(*q)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	a := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	a.index = 0
	return a
}

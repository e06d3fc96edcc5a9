package room

import "time"

// Timer runs a function on the room's goroutine when its time has come. It belongs to the room:
// no call races with it, and after Stop or Reset an earlier expiry is never delivered.
type Timer struct {
	table    *Table
	do       func()
	deadline time.Time // zero: not running
}

// NewTimer returns a timer that is not running yet. The room keeps it until it ends: a game makes
// its timers once and resets them.
func (t *Table) NewTimer(do func()) *Timer {
	timer := &Timer{table: t, do: do}
	t.timers = append(t.timers, timer)
	return timer
}

// Reset starts the timer, anew where it runs already, to expire after d.
func (t *Timer) Reset(d time.Duration) { t.deadline = time.Now().Add(d) }

// Stop ends the timer and says whether it was running. It may be called at any time, twice too.
func (t *Timer) Stop() bool {
	running := !t.deadline.IsZero()
	t.deadline = time.Time{}
	return running
}

// Left is the time until the timer expires; 0 where it does not run.
func (t *Timer) Left() time.Duration {
	if t.deadline.IsZero() {
		return 0
	}
	return max(0, time.Until(t.deadline))
}

// next is the earliest deadline, zero where no timer runs. A room has a handful of timers, so a
// walk over them is cheaper than a heap.
func (t *Table) next() time.Time {
	var first time.Time
	for _, timer := range t.timers {
		if d := timer.deadline; !d.IsZero() && (first.IsZero() || d.Before(first)) {
			first = d
		}
	}
	return first
}

// expire runs the timers whose time has come, the earliest first. It runs no more of them than
// there are before messages have their turn, in case one is always due.
func (t *Table) expire() {
	for range t.timers {
		if t.closing {
			return
		}
		now := time.Now()
		var due *Timer
		for _, timer := range t.timers {
			if d := timer.deadline; !d.IsZero() && !d.After(now) && (due == nil || d.Before(due.deadline)) {
				due = timer
			}
		}
		if due == nil {
			return
		}
		due.deadline = time.Time{}
		due.do()
	}
}

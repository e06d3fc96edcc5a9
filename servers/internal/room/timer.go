package room

import "time"

// Timer runs a function on the room's goroutine when its time has come. It belongs to the room:
// no call races with it, and after Stop or Reset an earlier expiry is never delivered. While the
// room stands still so does every timer of the game.
type Timer struct {
	table    *Table
	do       func()
	deadline time.Time // zero: not running; of a game's timer by the clock of the game
	owner    timerOwner
}

type timerOwner uint8

const (
	ofGame     timerOwner = iota // stops while the room stands still
	ofPresence                   // changes who is in the room: does not run while the room is given away
	ofService                    // changes nothing that is stored: always runs
)

// NewTimer returns a timer that is not running yet. The room keeps it until it ends: a game makes
// its timers once and resets them.
func (t *Table) NewTimer(do func()) *Timer { return t.newTimer(ofGame, do) }

func (t *Table) newTimer(owner timerOwner, do func()) *Timer {
	timer := &Timer{table: t, do: do, owner: owner}
	t.timers = append(t.timers, timer)
	return timer
}

// Reset starts the timer, anew where it runs already, to expire after d.
func (t *Timer) Reset(d time.Duration) { t.set(t.now().Add(d)) }

// Stop ends the timer and says whether it was running. It may be called at any time, twice too.
func (t *Timer) Stop() bool {
	running := !t.deadline.IsZero()
	if running {
		t.set(time.Time{})
	}
	return running
}

func (t *Timer) set(deadline time.Time) {
	t.deadline = deadline
	if t.owner == ofGame {
		t.table.change()
	}
}

// Left is the time until the timer expires; 0 where it does not run.
func (t *Timer) Left() time.Duration {
	if t.deadline.IsZero() {
		return 0
	}
	return max(0, t.deadline.Sub(t.now()))
}

func (t *Timer) now() time.Time {
	if t.owner == ofGame {
		return t.table.now()
	}
	return time.Now()
}

// runs says whether the timer may expire now.
func (t *Timer) runs() bool {
	switch {
	case t.deadline.IsZero():
		return false
	case t.owner == ofGame:
		return t.table.still == 0 && !t.table.full()
	case t.owner == ofPresence:
		return t.table.still&frozen == 0
	}
	return true
}

// next is the earliest deadline, zero where no timer runs. A room has a handful of timers, so a
// walk over them is cheaper than a heap.
func (t *Table) next() time.Time {
	var first time.Time
	for _, timer := range t.timers {
		if timer.runs() && (first.IsZero() || timer.deadline.Before(first)) {
			first = timer.deadline
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
			if timer.runs() && !timer.deadline.After(now) && (due == nil || timer.deadline.Before(due.deadline)) {
				due = timer
			}
		}
		if due == nil {
			return
		}
		due.set(time.Time{})
		due.do()
	}
}

//go:build !linux

package clock

import "time"

// ticker ticks once at the time it is set to, as exactly as the runtime can.
type ticker struct {
	timer *time.Timer
}

func newTicker() (ticker, error) { return ticker{timer: time.NewTimer(time.Hour)}, nil }

// set makes the ticker tick at a time, or now.
func (t ticker) set(at time.Time, now bool) {
	if now {
		t.timer.Reset(0)
		return
	}
	t.timer.Reset(time.Until(at))
}

// wait waits for the next tick.
func (t ticker) wait() { <-t.timer.C }

func (t ticker) close() { t.timer.Stop() }

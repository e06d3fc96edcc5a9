package trunk

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

const (
	// BeatEvery is how often a side that has nothing to say shows that it lives.
	BeatEvery = 500 * time.Millisecond
	// SilentAfter is the silence after which a side that beats is dead to the other one. It takes up to
	// BeatEvery more to notice.
	SilentAfter = 2 * time.Second
)

// ErrSilent reports that the other side of a trunk was not heard of for SilentAfter.
var ErrSilent = errors.New("the other side of the trunk has fallen silent")

// Pulse watches whether the other side of a trunk still lives. It counts beats of its own instead
// of reading a clock: a process that was itself stopped for a while, or starved, does not take the
// others for dead when it goes on. The zero value is ready.
type Pulse struct {
	beats atomic.Bool // the other side beats
	heard atomic.Bool // since the last tick
}

// Heard notes a batch that has come from the other side. Call it for each, empty ones too.
func (p *Pulse) Heard(batch []byte) {
	if len(batch) == 0 && !p.beats.Load() {
		p.beats.Store(true)
	}
	if !p.heard.Load() { // a store for each batch would cost a cache line that two goroutines share
		p.heard.Store(true)
	}
}

// Beats says whether the other side has sent an empty batch: it is of a build that beats, and knows
// every kind of frame. It holds from the first batch on.
func (p *Pulse) Beats() bool { return p.beats.Load() }

// Watch waits until ctx ends or the other side has fallen silent, and says which. It needs a goroutine of
// its own: the one that sends may hang for as long as the other side does not read.
func (p *Pulse) Watch(ctx context.Context) error {
	tick := time.NewTicker(BeatEvery)
	defer tick.Stop()
	for silent := time.Duration(0); silent < SilentAfter; silent += BeatEvery {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if p.heard.Swap(false) || !p.beats.Load() {
			silent = -BeatEvery
		}
	}
	return ErrSilent
}

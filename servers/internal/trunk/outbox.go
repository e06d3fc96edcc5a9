package trunk

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Backlog is how many bytes wait for a trunk at most. Beyond it the other side has stopped
// reading: the trunk is given up, so that no memory grows and no room waits.
const Backlog = 8 << 20

// linger is the shortest time between two batches of a trunk, and so the longest that a frame waits
// for company. In profiles a batch cost 10 to 35 us of CPU at an end, nearly whatever was in it
// (HTTP/2 framing, hand-overs between goroutines, system calls). With 256 busy players batches grew
// from 6 frames (to the server) and 14 (back) to 50 and more. Two milliseconds gained nothing more.
const linger = time.Millisecond

// ErrBacklog reports that the other side of the trunk does not read.
var ErrBacklog = errors.New("the trunk's backlog is full: the other side does not read")

// Outbox collects frames for one trunk. Many goroutines put frames, one sends: while a batch is on
// its way, the next one collects, so batches grow with the load. A frame on a trunk at rest waits for nothing.
type Outbox struct {
	wake chan struct{} // one slot

	mu      sync.Mutex
	batch   []byte
	failure error
}

// NewOutbox returns an empty outbox.
func NewOutbox() *Outbox { return &Outbox{wake: make(chan struct{}, 1)} }

// Put queues a frame. It never blocks. It fails after Fail and, for good, with ErrBacklog.
func (o *Outbox) Put(lane uint64, kind Kind, parts ...[]byte) error {
	o.mu.Lock()
	if o.failure != nil {
		o.mu.Unlock()
		return o.failure
	}
	first := len(o.batch) == 0
	o.batch = AppendFrame(o.batch, lane, kind, parts...)
	if len(o.batch) > Backlog {
		o.failure, o.batch = ErrBacklog, nil
		first = true // the sender has to hear of it
	}
	err := o.failure
	o.mu.Unlock()
	if first {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
	return err
}

// Fail makes every later Put fail with err, and Run return it.
func (o *Outbox) Fail(err error) {
	o.mu.Lock()
	if o.failure == nil {
		o.failure, o.batch = err, nil
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// ErrFinished is what Put returns after Finish.
var ErrFinished = errors.New("the trunk is finished")

// Finish refuses later frames and lets Run return, with nil, once it has sent those before.
func (o *Outbox) Finish() {
	o.mu.Lock()
	if o.failure == nil {
		o.failure = ErrFinished
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Run hands batches to send, one at a time, until send fails, ctx ends, or the outbox fails or is
// finished, and returns why. send must not keep the batch. Whatever is put after Run has ended is refused.
func (o *Outbox) Run(ctx context.Context, send func(batch []byte) error) error {
	return o.run(ctx, nil, send)
}

// Live is Run on a trunk that beats: the first batch is empty, and so is one for each BeatEvery in
// which there was nothing to send.
func (o *Outbox) Live(ctx context.Context, send func(batch []byte) error) error {
	if err := send(nil); err != nil {
		o.Fail(err)
		return err
	}
	beat := time.NewTicker(BeatEvery)
	defer beat.Stop()
	return o.run(ctx, beat.C, send)
}

// run is Run, with a beat at each tick that follows silence.
func (o *Outbox) run(ctx context.Context, beat <-chan time.Time, send func(batch []byte) error) error {
	var spare []byte
	var last time.Time // when the last batch was taken
	spoke := true      // since the last tick
	for {
		select {
		case <-o.wake:
			spoke = true
		case <-beat:
			if !spoke {
				if err := send(nil); err != nil {
					o.Fail(err)
					return err
				}
			}
			spoke = false
			continue
		case <-ctx.Done():
			o.Fail(ctx.Err())
			return ctx.Err()
		}
		// A trunk at rest sends at once; a busy one lets the batch grow first.
		if early := linger - time.Since(last); early > 0 {
			time.Sleep(early)
		}
		last = time.Now()
		o.mu.Lock()
		batch, err := o.batch, o.failure
		o.batch = spare[:0]
		o.mu.Unlock()
		if len(batch) > 0 {
			if err := send(batch); err != nil {
				o.Fail(err)
				return err
			}
		}
		if errors.Is(err, ErrFinished) {
			return nil
		}
		if err != nil {
			return err
		}
		spare = batch
		if cap(spare) > keep {
			spare = nil
		}
	}
}

// keep is the largest buffer that an outbox keeps between two batches: a burst shall not cost
// memory for ever.
const keep = 256 << 10

package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// This file stands between the Directory and its store: it waits, tries again, notes whether the store answers, and is the
// one place where a severed Directory falls silent.

func (d *Directory) put(b bucket, key string, value []byte, expect uint64, done func(uint64, error)) {
	if d.severed.Load() {
		return
	}
	d.store.put(b, key, value, expect, func(revision uint64, err error) {
		if !d.severed.Load() {
			d.note(err)
			done(revision, err)
		}
	})
}

func (d *Directory) remove(b bucket, key string, expect uint64, done func(error)) {
	if d.severed.Load() {
		return
	}
	d.store.remove(b, key, expect, func(err error) {
		if !d.severed.Load() {
			d.note(err)
			done(err)
		}
	})
}

func (d *Directory) get(b bucket, key string, done func(item, error)) {
	if d.severed.Load() {
		return
	}
	d.store.get(b, key, func(it item, err error) {
		if !d.severed.Load() {
			d.noteRead(err)
			done(it, err)
		}
	})
}

func (d *Directory) append(journal string, record []byte, expect uint64, done func(uint64, error)) {
	if d.severed.Load() {
		return
	}
	d.store.append(journal, record, expect, func(revision uint64, err error) {
		if !d.severed.Load() {
			d.note(err)
			done(revision, err)
		}
	})
}

func (d *Directory) purge(journal string, before uint64, done func(error)) {
	if !d.severed.Load() {
		d.store.purge(journal, before, done)
	}
}

// seal adds a record to another server's journal, so that this server can add nothing any more, and returns its revision.
func (d *Directory) seal(ctx context.Context, journal string) (uint64, error) {
	if d.severed.Load() {
		return 0, errSevered
	}
	return await(ctx, func(done func(uint64, error)) { d.append(journal, nil, whatever, done) })
}

// await turns a call with a done function into one that waits. Where ctx ends first the outcome is unknown.
func await[T any](ctx context.Context, start func(done func(T, error))) (T, error) {
	type answer struct {
		value T
		err   error
	}
	ch := make(chan answer, 1)
	start(func(value T, err error) { ch <- answer{value, err} })
	select {
	case a := <-ch:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("%w: %w", errUnknown, ctx.Err())
	}
}

// write is put, waiting.
func (d *Directory) write(ctx context.Context, b bucket, key string, value []byte, expect uint64) (uint64, error) {
	if d.severed.Load() {
		return 0, errSevered
	}
	return await(ctx, func(done func(uint64, error)) { d.put(b, key, value, expect, done) })
}

// read is get, waiting and trying again until ctx ends.
func (d *Directory) read(ctx context.Context, b bucket, key string) (item, error) {
	for tries := 0; ; tries++ {
		if d.severed.Load() {
			return item{}, errSevered
		}
		it, err := await(ctx, func(done func(item, error)) { d.get(b, key, done) })
		if err == nil || !errors.Is(err, ErrAway) {
			return it, err
		}
		if err := d.pause(ctx, 0, tries); err != nil {
			return item{}, err
		}
	}
}

var errSevered = fmt.Errorf("%w: this directory was severed", ErrAway)

// pause waits before the next try.
func (d *Directory) pause(ctx context.Context, room int64, tries int) error {
	wait := time.NewTimer(delay(room, tries))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-d.stop:
		return fmt.Errorf("%w: %w", ErrAway, errClosed)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrAway, ctx.Err())
	}
}

// delay before try number tries+1: none, then 25 ms doubling to 400 ms. The rooms are spread a little, so that thousands of
// them do not come back in one moment.
func delay(room int64, tries int) time.Duration {
	if tries == 0 {
		return 0
	}
	base := 25 * time.Millisecond << min(tries-1, 4)
	return base + base*time.Duration(uint64(room)%32)/128
}

// note notes whether the store answers a write.
func (d *Directory) note(err error) {
	if errors.Is(err, ErrAway) {
		d.endJournal()
	}
	d.health.note(err)
}

// noteRead notes that the store did not answer a read. One that it answered says little: a store that is full does.
func (d *Directory) noteRead(err error) {
	if errors.Is(err, ErrAway) {
		d.note(err)
	}
}

// health notes whether the store takes what is written.
type health struct {
	log   *slog.Logger
	mu    sync.Mutex
	since time.Time // zero: it does
	full  time.Time // when it last had no space
	cause error
}

// fullFor is how long a store is taken to be full after it refused a write: one stream may be full, and others not. What waits
// to be written is tried again within half a second.
const fullFor = 3 * time.Second

// note takes the outcome of a call. A write that was refused for its revision is no sign that others are taken: a store that is
// full can refuse in this way, too. A renewal, which has no condition, will tell within Renewal.
func (h *health) note(err error) {
	away := errors.Is(err, ErrAway)
	h.mu.Lock()
	defer h.mu.Unlock()
	if isFull(err) {
		h.full = time.Now()
	}
	switch {
	case away && (h.since.IsZero() || isFull(err) && !isFull(h.cause)): // the second is what an operator can mend
		if h.since.IsZero() {
			h.since = time.Now()
		}
		h.cause = err
		h.log.Warn("the directory's store takes nothing; rooms stand still until it does", "err", err)
	case err == nil && !h.since.IsZero() && time.Since(h.full) >= fullFor:
		h.log.Info("the directory's store takes what is written again", "after", time.Since(h.since).Round(time.Millisecond))
		h.since, h.cause = time.Time{}, nil
	}
}

func (h *health) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since.IsZero() {
		return nil
	}
	return fmt.Errorf("for %v: %w", time.Since(h.since).Round(time.Millisecond), h.cause)
}

// timers runs functions later, until it is ended; then it waits for those that run.
type timers struct {
	mu      sync.Mutex
	set     map[*time.Timer]struct{}
	ended   bool
	running sync.WaitGroup
}

func (ts *timers) after(wait time.Duration, f func()) {
	if wait == 0 {
		f()
		return
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.ended {
		return
	}
	if ts.set == nil {
		ts.set = map[*time.Timer]struct{}{}
	}
	ts.running.Add(1)
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		defer ts.running.Done()
		ts.mu.Lock()
		delete(ts.set, timer)
		ended := ts.ended
		ts.mu.Unlock()
		if !ended {
			f()
		}
	})
	ts.set[timer] = struct{}{}
}

func (ts *timers) end() {
	ts.mu.Lock()
	ts.ended = true
	for timer := range ts.set {
		if timer.Stop() {
			ts.running.Done()
		}
	}
	clear(ts.set)
	ts.mu.Unlock()
	ts.running.Wait()
}

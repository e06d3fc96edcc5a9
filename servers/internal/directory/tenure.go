package directory

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
)

// A Tenure is the ownership of one room by this server, from a Claim until Close, Abandon or ErrLost.
//
// Every write names the revision of the one before. When the outcome of a write is not known, or the revision is another
// one, the entry is read: where it still carries this tenure's claim, the write is made again from the revision that
// was found; else the room is lost. An earlier try that is carried out late names a revision that is past, and fails.
type Tenure struct {
	d     *Directory
	key   Key
	name  string
	claim claimID
	epoch uint64
	head  []byte // of the entry: everything before the snapshot

	mu       sync.Mutex
	revision uint64      // what the next write names
	top      uint64      // the highest that is known to be stored
	value    []byte      // what is being written
	done     func(error) // of the Save or Close under way; nil: none is
	closing  bool        // it is Close
	after    func(error) // Close was called during a Save: its done
	tries    int
	stale    int   // reads that were older than what is known to be stored
	over     error // not nil: the tenure has ended
}

// Key is the room.
func (t *Tenure) Key() Key { return t.key }

// Epoch of this ownership: larger than that of every earlier one of the room.
func (t *Tenure) Epoch() uint64 { return t.epoch }

// Revision of the last write that is known to be stored. It is what a successor's Claim has to name.
func (t *Tenure) Revision() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.revision
}

var errTurn = errors.New("a Save was called before the last one was answered, or after Close")

func tooLarge(key Key, size int) error {
	return fmt.Errorf("the snapshot of room %d of %q has %d bytes, more than %d: the game keeps too much", key.Room, key.Game, size, MaxSnapshot)
}

// Save stores a snapshot, and calls done once: nil: it is stored; ErrLost: another server owns the room, or its entry is
// gone; any other error: this snapshot cannot be stored (too large, a call out of turn). Outages are waited out. One Save at a
// time. It does not block, and keeps nothing of snapshot. done must not block; it may run before Save returns, on any
// goroutine.
func (t *Tenure) Save(snapshot []byte, done func(error)) {
	t.mu.Lock()
	var err error
	switch {
	case t.over != nil:
		err = t.over
	case t.done != nil:
		err = errTurn
	case len(snapshot) > MaxSnapshot:
		err = tooLarge(t.key, len(snapshot))
	}
	if err != nil {
		t.mu.Unlock()
		done(err)
		return
	}
	t.value = append(append(t.value[:0], t.head...), snapshot...)
	t.done, t.tries, t.stale = done, 0, 0
	t.mu.Unlock()
	t.write()
}

// Close deletes the entry, after a Save that is under way, and calls done as Save does. Nothing can be saved afterwards.
func (t *Tenure) Close(done func(error)) {
	t.mu.Lock()
	switch {
	case t.over != nil || t.closing || t.after != nil:
		err := t.over
		if err == nil {
			err = errTurn
		}
		t.mu.Unlock()
		done(err)
		return
	case t.done != nil:
		t.after = done
		t.mu.Unlock()
		return
	}
	t.done, t.closing, t.tries, t.stale = done, true, 0, 0
	t.mu.Unlock()
	t.write()
}

// Abandon ends the tenure here and leaves the entry as it is: the room was given away. What is under way is answered with ErrLost.
func (t *Tenure) Abandon() { t.end(fmt.Errorf("%w: it was given away", ErrLost)) }

// write tries once.
func (t *Tenure) write() {
	t.mu.Lock()
	if t.done == nil {
		t.mu.Unlock()
		return
	}
	revision, value, closing := t.revision, t.value, t.closing
	t.mu.Unlock()
	if closing {
		t.d.remove(rooms, t.name, revision, func(err error) { t.wrote(0, err) })
	} else {
		t.d.put(rooms, t.name, value, revision, t.wrote)
	}
}

func (t *Tenure) wrote(revision uint64, err error) {
	switch {
	case err == nil:
		t.mu.Lock()
		if !t.closing && t.over == nil {
			t.revision, t.top = revision, revision
		}
		t.mu.Unlock()
		t.finish(nil)
	case errors.Is(err, errUnknown), errors.Is(err, errMismatch):
		t.again(t.read)
	case errors.Is(err, ErrAway):
		t.again(t.write)
	default:
		t.finish(fmt.Errorf("save room %d of %q: %w", t.key.Room, t.key.Game, err))
	}
}

// again calls step: at once the first time, later and later after that.
func (t *Tenure) again(step func()) {
	t.mu.Lock()
	tries := t.tries
	t.tries++
	t.mu.Unlock()
	t.d.timers.after(delay(t.key.Room, tries), step)
}

func (t *Tenure) read() {
	t.mu.Lock()
	idle := t.done == nil
	t.mu.Unlock()
	if !idle {
		t.d.get(rooms, t.name, t.found)
	}
}

func (t *Tenure) found(it item, err error) {
	if err != nil {
		t.again(t.read)
		return
	}
	t.mu.Lock()
	if t.done == nil {
		t.mu.Unlock()
		return
	}
	claim, ok := claimOf(it.value)
	ours := ok && claim == t.claim
	// A read can be older than what is stored (a follower's answer, or that of a leader that was replaced and has not heard
	// of it). A few times it is asked again. Not for ever: a store that lost its last writes, or everything, counts from
	// less. The write that follows is compare-and-set and tells.
	if it.value != nil && it.revision < t.top && t.stale < 5 {
		t.stale++
		t.mu.Unlock()
		t.again(t.read)
		return
	}
	var step func()
	switch {
	case ours:
		// Only a revision that is new to us can be an earlier try of this write. An old one with the same bytes (a save that
		// only asks whether the room is still ours) proves nothing: the read may be older than another server's claim.
		stored := it.revision > t.top && !t.closing && bytes.Equal(it.value, t.value)
		t.revision, t.top = it.revision, max(t.top, it.revision)
		if stored {
			step = func() { t.finish(nil) }
		} else {
			step = func() { t.again(t.write) }
		}
	case it.value == nil && t.closing:
		step = func() { t.finish(nil) }
	case it.value == nil:
		step = func() { t.end(fmt.Errorf("%w: its entry is gone", ErrLost)) }
	default:
		step = func() { t.end(fmt.Errorf("%w: revision %d is not this server's", ErrLost, it.revision)) }
	}
	t.mu.Unlock()
	step()
}

// finish answers what is under way, and starts a Close that waits for it.
func (t *Tenure) finish(err error) {
	t.mu.Lock()
	done, after := t.done, t.after
	t.done, t.after = nil, nil
	closed := t.closing && done != nil
	if closed {
		t.over = fmt.Errorf("%w: it was closed", ErrLost)
	}
	t.mu.Unlock()
	if closed {
		t.d.drop(t)
	}
	if done != nil {
		done(err)
	}
	if after != nil {
		t.Close(after)
	}
}

// end ends the tenure, and answers what is under way with the reason.
func (t *Tenure) end(reason error) {
	t.mu.Lock()
	if t.over != nil {
		t.mu.Unlock()
		return
	}
	t.over = reason
	done, after := t.done, t.after
	t.done, t.after = nil, nil
	t.mu.Unlock()
	t.d.drop(t)
	if done != nil {
		done(reason)
	}
	if after != nil {
		after(reason)
	}
}

// drop forgets a tenure that has ended.
func (d *Directory) drop(t *Tenure) {
	d.mu.Lock()
	if d.tenures[t.key] == t {
		delete(d.tenures, t.key)
	}
	d.mu.Unlock()
}

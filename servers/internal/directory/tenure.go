package directory

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Tenure is the ownership of one room by this server, from a Claim until Close, Abandon or ErrLost.
//
// A save goes into the server's journal where the stored entry names it, else into the entry.
//
// Every write of the entry names the revision of the one before. When the outcome of a write is not known, or the revision is another
// one, the entry is read: where it still carries this tenure's claim, the write is made again from the revision that
// was found; else the room is lost. An earlier try that is carried out late names a revision that is past, and fails.
type Tenure struct {
	d     *Directory
	name  string
	claim claimID
	entry Entry // what every write of it says, without snapshot, journal and turn

	mu       sync.Mutex
	revision uint64      // what the next write of the entry names
	top      uint64      // the highest that is known to be stored
	turn     uint64      // number of the last save begun: of two snapshots the one with the larger turn is newer
	snapshot []byte      // of that save
	value    []byte      // the entry that is being written
	naming   *journal    // which that names
	journal  *journal    // which the stored entry names; nil: none
	at       uint64      // where in it the last save is; 0: in the entry
	direct   bool        // the next save has to be in the entry: somebody else knows the revision
	copying  bool        // the last save is being copied in the journal
	done     func(error) // of the Save or Close under way; nil: none is
	closing  bool        // it is Close
	after    func(error) // Close was called during a Save: its done
	tries    int
	stale    int   // reads that were older than what is known to be stored
	over     error // not nil: the tenure has ended
}

// Key is the room.
func (t *Tenure) Key() Key { return t.entry.Key }

// Epoch of this ownership: larger than that of every earlier one of the room.
func (t *Tenure) Epoch() uint64 { return t.entry.Epoch }

// Offer is what another server's Claim has to name that is to take the room, with the snapshot that was saved last or a newer
// one. From the next Save on that Claim fails, if it was not carried out before: so a room that goes on here has to
// be saved first. No Save may be under way.
func (t *Tenure) Offer() (revision uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.direct = true
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
		err = tooLarge(t.entry.Key, len(snapshot))
	}
	if err != nil {
		t.mu.Unlock()
		done(err)
		return
	}
	t.turn++
	t.snapshot = append(t.snapshot[:0], snapshot...)
	t.done, t.tries, t.stale = done, 0, 0
	j := t.journal
	if t.direct || len(snapshot) > maxBatch || j == nil || j != t.d.journal.Load() {
		j = nil
	}
	t.mu.Unlock()
	if j == nil || !j.add(t) {
		t.saveEntry()
	}
}

// saveEntry makes the save that is under way a write of the entry, which names the journal of the saves to come.
func (t *Tenure) saveEntry() {
	t.mu.Lock()
	if t.done == nil {
		t.mu.Unlock()
		return
	}
	t.naming = t.d.journal.Load()
	e := t.entry
	e.journal, e.turn = t.naming.named(), t.turn
	t.value = append(appendEntry(t.value[:0], t.claim, &e), t.snapshot...)
	t.mu.Unlock()
	t.write()
}

// journaled notes that the save under way is in the journal.
func (t *Tenure) journaled(j *journal, revision uint64) {
	t.mu.Lock()
	if t.journal == j {
		t.at = revision
	}
	t.mu.Unlock()
}

// copied notes that the last save is once more in the journal; nil: it is not.
func (t *Tenure) copied(j *journal, revision uint64) {
	t.mu.Lock()
	if t.copying = false; t.journal == j && t.at != 0 {
		t.at = max(t.at, revision)
	}
	t.mu.Unlock()
}

// needs says whether the last save is in a part of a journal.
func (t *Tenure) needs(j *journal, before uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.journal == j && t.at != 0 && t.at < before
}

// keptIn is the journal with the last save; "": the entry has it.
func (t *Tenure) keptIn() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at == 0 {
		return ""
	}
	return t.journal.named()
}

// storedAt notes that the entry, as it was written, is stored. t.mu is held.
func (t *Tenure) storedAt(revision uint64) {
	t.revision, t.top = revision, revision
	t.journal, t.at, t.direct = t.naming, 0, false
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
			t.storedAt(revision)
		}
		t.mu.Unlock()
		t.finish(nil)
	case errors.Is(err, errUnknown), errors.Is(err, errMismatch):
		t.again(t.read)
	case errors.Is(err, ErrAway):
		t.again(t.write)
	default:
		t.finish(fmt.Errorf("save room %d of %q: %w", t.entry.Room, t.entry.Game, err))
	}
}

// again calls step: at once the first time, later and later after that.
func (t *Tenure) again(step func()) {
	t.mu.Lock()
	tries := t.tries
	t.tries++
	t.mu.Unlock()
	t.d.timers.after(delay(t.entry.Room, tries), step)
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
	if it.revision < t.top && t.stale < 5 {
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
		if t.revision = it.revision; it.revision > t.top {
			t.top = it.revision
		}
		if stored {
			t.storedAt(it.revision)
			step = func() { t.finish(nil) }
		} else {
			step = func() { t.again(t.write) }
		}
	case it.value == nil && t.closing:
		late := it.revision <= t.top // a removal that is known has a larger one
		step = func() {
			if late {
				t.suspect()
			}
			t.finish(nil)
		}
	case it.value == nil:
		step = func() { t.lose(fmt.Errorf("%w: its entry is gone", ErrLost)) }
	case it.revision <= t.top:
		step = func() { t.lose(fmt.Errorf("%w: revision %d was not this server's", ErrLost, it.revision)) }
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

// lose ends a tenure after a read that may be older than what is stored: the entry may yet turn out to be this tenure's, and to need
// what is in the journal.
func (t *Tenure) lose(reason error) {
	t.suspect()
	t.end(reason)
}

// suspect keeps what the journal has of the tenure until it is known whose the entry is.
func (t *Tenure) suspect() {
	t.d.mu.Lock()
	t.d.doubtful[t.entry.Key] = doubt{t, time.Now()}
	t.d.mu.Unlock()
}

// Renounce ends the tenure because the room seems to be another server's. If it is not, Orphans lists it. No Save may be
// under way.
func (t *Tenure) Renounce() { t.lose(fmt.Errorf("%w: it was given up", ErrLost)) }

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
	if d.tenures[t.entry.Key] == t {
		delete(d.tenures, t.entry.Key)
	}
	d.mu.Unlock()
}

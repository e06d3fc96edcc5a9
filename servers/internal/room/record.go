package room

import (
	"errors"
	"fmt"
	"time"
)

// ErrLost reports that somebody else owns the room.
var ErrLost = errors.New("somebody else owns the room")

// Record is where a room is stored. Its methods do not block. Each done is called once, from any
// goroutine, perhaps before the method has returned. A Record retries what fails by itself, for as
// long as it takes. An error ends the room: ErrLost, since somebody else owns it, any other one since it
// can't be stored as it is.
type Record interface {
	// Save stores a snapshot, of which it keeps nothing when it has returned. It is called again only
	// after done.
	Save(snapshot []byte, done func(error))
	// Close removes what is stored, because the room has ended. It is called at most once, perhaps
	// while a save is under way, and nothing is called after it.
	Close(done func(error))
}

// save starts to store what has changed, unless a save is under way: then the next one takes all
// that came meanwhile.
func (t *Table) save() error {
	if !t.dirty() || t.saving {
		return nil
	}
	snapshot, err := t.encodeSnapshot(t.buffer[:0], false)
	if err != nil {
		return err
	}
	t.buffer = snapshot
	t.saving, t.savingTo = true, t.changes
	t.slow.Reset(t.slowAfter)
	t.record.Save(snapshot, func(err error) { t.box.report(report{kind: saveDone, err: err}) })
	return nil
}

// saved handles the answer to a save.
func (t *Table) saveDone(err error) {
	t.saving = false
	t.slow.Stop()
	switch {
	case errors.Is(err, ErrLost):
		t.disown(fmt.Errorf("save: %w", err))
		return
	case err != nil:
		t.log.Error("room ended: it can't be stored", "room", t.id, "err", err)
		t.closing, t.reason = true, Disbanded
		return
	}
	t.saved = t.savingTo
	t.release()
	t.catchUp()
}

// catchUp lets a room go on that stood still because of what took long.
func (t *Table) catchUp() {
	if t.still&tooSlow != 0 {
		t.goOn(tooSlow)
		t.log.Debug("room goes on: it is stored again", "room", t.id)
		t.showEveryone()
	}
}

// disown ends the room because somebody else owns it. A partition does this to thousands of rooms at once, so it is for those who
// look closely; whoever keeps the records says how many.
func (t *Table) disown(why error) {
	t.log.Debug("room lost to another owner", "room", t.id, "epoch", t.epoch, "err", why)
	t.closing, t.reason = true, Lost
}

// waiting is what players are told when a save takes long.
const waiting = "the room stands still until its records can be written: moves are taken and answered later"

// slowSave lets the room stand still, and tells everyone at once: this notice waits for no save.
// It is no part of the room's course, so it carries neither epoch nor number. When the store is away thousands of
// rooms do this at once, so it is for those who look closely; whoever keeps the records says that they are away.
func (t *Table) slowSave() {
	t.log.Debug("room stands still: it can't be stored", "room", t.id, "for", t.slowAfter)
	t.halt(tooSlow)
	t.unfreeze()
	m := t.encode.Waiting(waiting)
	for _, p := range t.present {
		if p.session != nil {
			p.session.Send(m.Op, m.Body, Meta{})
		}
	}
}

// tellWaiting tells a session that comes while the room stands still.
func (t *Table) tellWaiting(s Session) {
	if t.still&tooSlow != 0 {
		m := t.encode.Waiting(waiting)
		s.Send(m.Op, m.Body, Meta{})
	}
}

// showEveryone shows everyone the scene anew: clocks have stood still.
func (t *Table) showEveryone() {
	for _, p := range t.present {
		if (p.session != nil || p.listens()) && t.Player(p.id) == p {
			t.game.Enter(t, p)
		}
	}
}

// closePatience is how long a room that ends waits for its record to be removed.
const closePatience = 2 * time.Second

// closeRecord removes what is stored. Only when that is done may anyone hear of the room's end.
func (r *Room) closeRecord(t *Table) error {
	t.record.Close(func(err error) { t.box.report(report{kind: closeDone, err: err}) })
	patience := time.NewTimer(closePatience)
	defer patience.Stop()
	for {
		select {
		case <-r.box.wake:
		case <-patience.C:
			return fmt.Errorf("close: no answer within %v", closePatience)
		}
		_, answers := r.box.take(nil, false)
		for _, rep := range answers {
			if rep.kind == closeDone {
				return rep.err
			}
		}
	}
}

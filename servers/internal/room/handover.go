package room

import "time"

// Outcome is how the giving away of a room has ended.
type Outcome uint8

const (
	Kept  Outcome = iota // nobody took it: the room goes on here
	Given                // another server runs it: sessions end with Moved
	Taken                // somebody else owns it, and this room must not speak any more: sessions end with Lost
)

// Handover gives the room away. The room waits until its game is at rest and nobody is awaited, but
// no longer than by; then it stands still, with everything stored, and give is called, at most
// once, on the room's goroutine: it must return at once. The room stands still until answer is
// called, from any goroutine, once. Players' messages and all calls wait meanwhile. A second call
// while the first waits for the game takes its place. Where the room ends before, give is not called.
func (r *Room) Handover(by time.Duration, give func(snapshot []byte, answer func(Outcome))) {
	r.do(func(t *Table) {
		if t.handover == nil {
			t.handover = &handover{}
			t.handover.by = t.newTimer(ofService, nil)
		}
		h := t.handover
		h.due, h.give = false, give
		h.by.do = func() { h.due = true }
		h.by.Reset(by)
	})
}

// handover is the giving away of a room that was asked for.
type handover struct {
	by   *Timer
	due  bool // it waits for the game no more
	give func(snapshot []byte, answer func(Outcome))
	// number tells the answer to this handover from a late one. 0: give was not called yet.
	number uint64
}

// considerHandover lets the room stand still when it is time to give it away, and gives it away
// when all is stored. While nothing can be stored the room is not held up for it.
func (t *Table) considerHandover() error {
	h := t.handover
	if h == nil || h.give == nil || h.number != 0 || t.still&tooSlow != 0 {
		return nil
	}
	if t.still&frozen == 0 {
		if !h.due && (t.awaiting() || !t.game.AtRest(t)) {
			return nil
		}
		t.halt(frozen)
	}
	if t.dirty() {
		return nil // the answer to the save leads back here
	}
	snapshot, err := t.encodeSnapshot(nil, true)
	if err != nil {
		return err
	}
	h.by.Stop()
	t.handovers++
	number := t.handovers
	h.number = number
	if t.slow != nil {
		t.slow.Reset(t.slowAfter) // an answer that takes long is to players what a save that takes long is
	}
	h.give(snapshot, func(o Outcome) { t.box.report(report{kind: handoverDone, outcome: o, number: number}) })
	return nil
}

// handoverDone handles the answer to give.
func (t *Table) handoverDone(number uint64, o Outcome) {
	if t.handover == nil || t.handover.number != number {
		return
	}
	if t.slow != nil {
		t.slow.Stop()
	}
	switch o {
	case Kept:
		t.handover.number, t.handover.give = 0, nil
		t.goOn(frozen)
		t.catchUp()
	case Given:
		t.catchUp() // what was told here of standing still is set right here, too
		t.closing, t.reason = true, Moved
	case Taken:
		t.disown(ErrLost)
	}
}

// unfreeze lets the room go on that was held up for a handover which can't begin yet.
func (t *Table) unfreeze() {
	if h := t.handover; h != nil && h.number == 0 {
		t.goOn(frozen)
	}
}

// awaiting says that a player of an earlier move is on the way here still.
func (t *Table) awaiting() bool {
	for _, p := range t.present {
		if p.awaited {
			return true
		}
	}
	return false
}

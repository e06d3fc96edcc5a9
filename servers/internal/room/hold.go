package room

// A room saves before it speaks. Each change is counted; what is said after a change waits here,
// in order, until a snapshot that contains the change is stored. So whatever a player has heard is
// stored, and what is lost with a server nobody has heard of.

// maxHeld is how many messages wait for a save. Beyond it the room takes no message and runs no
// timer of the game until the save is done; its mailbox fills and says ErrBusy. One message can
// cause several, so the queue may be longer by what the last one caused.
const maxHeld = 1024

// held is one thing to do once a change is stored. The kind says which of the fields apply.
type held struct {
	after   uint64 // the change
	kind    heldKind
	reason  Reason  // heldEnd
	op      uint32  // heldSend
	session Session // heldSend, heldEnd
	player  *Player // heldSend where session is nil: an awaited player
	body    []byte
	meta    Meta
	user    int64      // heldGone
	answer  func(bool) // heldAnswer
}

type heldKind uint8

const (
	heldSend   heldKind = iota // send a message
	heldEnd                    // end a session
	heldGone                   // call Config.Gone
	heldAnswer                 // answer a LetGo: the user is free
)

// change counts a change of what a snapshot contains. It comes before anything is said of it.
func (t *Table) change() {
	if t.record != nil {
		t.changes++
	}
}

// dirty says that something is not stored yet, and so that what is said now has to wait.
func (t *Table) dirty() bool { return t.changes != t.saved }

// full says that too much waits.
func (t *Table) full() bool { return len(t.queue) >= maxHeld }

func (t *Table) hold(h held) {
	h.after = t.changes
	t.queue = append(t.queue, h)
}

// post sends a message to a player, now or when it may be sent. Who is offline hears nothing.
func (t *Table) post(p *Player, m Message, meta Meta) {
	switch {
	case p.session == nil && !p.listens():
	case t.dirty():
		t.hold(held{kind: heldSend, session: p.session, player: p, op: m.Op, body: m.Body, meta: meta})
	case p.session != nil:
		p.session.Send(m.Op, m.Body, meta)
	default:
		p.keep(m, meta)
	}
}

// postTo sends a message to a session that need not be a player's.
func (t *Table) postTo(s Session, m Message, meta Meta) {
	if t.dirty() {
		t.hold(held{kind: heldSend, session: s, op: m.Op, body: m.Body, meta: meta})
		return
	}
	s.Send(m.Op, m.Body, meta)
}

// endOf ends a session after all that it is still to be sent.
func (t *Table) endOf(s Session, why Reason) {
	if t.dirty() {
		t.hold(held{kind: heldEnd, session: s, reason: why})
		return
	}
	s.End(why)
}

// goneFor tells the server that a user is not in the room, unless the user is back, or at the door,
// by the time it is stored.
func (t *Table) goneFor(user int64) {
	switch {
	case t.gone == nil:
	case t.dirty():
		t.hold(held{kind: heldGone, user: user})
	case t.Player(user) == nil && !t.expects(user):
		t.gone(user)
	}
}

// expects says whether a user wants in whom the room has not looked at yet.
func (t *Table) expects(user int64) bool {
	rest := t.unhandled
	if t.handling {
		rest = rest[1:]
	}
	return wantsIn(rest, user) || t.box.expects(user)
}

// release lets go of what waited for changes that are stored now.
func (t *Table) release() {
	n := 0
	for n < len(t.queue) && t.queue[n].after <= t.saved {
		t.deliver(&t.queue[n])
		n++
	}
	rest := copy(t.queue, t.queue[n:])
	clear(t.queue[rest:])
	t.queue = t.queue[:rest]
	if rest == 0 && cap(t.queue) > keep {
		t.queue = nil // a burst is not paid for in memory ever after
	}
}

func (t *Table) deliver(h *held) {
	switch h.kind {
	case heldSend:
		if h.session != nil {
			h.session.Send(h.op, h.body, h.meta)
		} else if h.player.listens() {
			h.player.keep(Message{Op: h.op, Body: h.body}, h.meta)
		}
	case heldEnd:
		h.session.End(h.reason)
	case heldGone:
		if t.Player(h.user) == nil && !t.expects(h.user) {
			t.gone(h.user)
		}
	case heldAnswer:
		h.answer(false)
	}
}

// drop forgets what waits, because it will never be stored: somebody else owns the room. Sessions
// are not left without an end; that a newer one has taken their place is true whoever owns the room.
func (t *Table) drop() {
	queue := t.queue
	t.queue = nil
	for i := range queue {
		switch h := &queue[i]; {
		case h.kind == heldEnd && h.reason == Replaced:
			m := t.encode.Disconnected(Replaced)
			h.session.Send(m.Op, m.Body, Meta{})
			h.session.End(Replaced)
		case h.kind == heldEnd:
			h.session.End(Lost)
			t.ended[h.session] = true
		case h.kind == heldAnswer:
			h.answer(true)
		}
	}
}

// retarget makes what waits for an awaited player wait for the session that the player has now.
func (t *Table) retarget(p *Player) {
	for i := range t.queue {
		if h := &t.queue[i]; h.kind == heldSend && h.session == nil && h.player == p {
			h.session = p.session
		}
	}
}

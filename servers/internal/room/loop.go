package room

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// loop is the room's goroutine.
func (r *Room) loop(t *Table) {
	if err := guard(func() error { return r.serve(t) }); err != nil {
		t.log.Error("room ended by a fault of its game", "room", t.id, "err", err)
		t.reason = Disbanded
	}
	r.conclude(t)
	unhandled := append(slices.Clip(t.unhandled), r.box.close()...)
	waiting, unread := t.sort(unhandled)
	for _, m := range unhandled {
		if m.kind == letGo {
			m.errand.answer(t.goesOn())
		}
	}
	if r.ended != nil {
		r.ended(waiting, unread)
	}
	close(r.done)
}

// serve handles messages and timers until the room closes.
func (r *Room) serve(t *Table) error {
	clock := time.NewTimer(time.Hour)
	clock.Stop()
	var armed time.Time // what the clock is set to; zero: stopped
	var batch []message
	behind := false // messages were left in the mailbox, and their wake-up is used up
	for {
		t.expire()
		if err := t.turn(); err != nil {
			return err
		}
		if t.closing {
			return nil
		}
		if next := t.next(); !next.Equal(armed) {
			armed = next
			if next.IsZero() {
				clock.Stop()
			} else {
				clock.Reset(time.Until(next))
			}
		}
		if ready := t.takes() && (behind || len(t.unhandled) > 0); !ready {
			select {
			case <-r.box.wake:
				behind = true
			case <-clock.C:
				armed = time.Time{}
			}
		}
		all := behind && len(t.unhandled) == 0 && t.takes()
		taken, answers := r.box.take(batch, all)
		if all {
			batch, behind = taken, false
			t.unhandled = batch
		}
		for _, rep := range answers {
			t.hear(rep)
		}
		if t.handleAll() {
			clear(batch) // an idle room holds on to no message
			batch = batch[:0]
		}
	}
}

// turn does what follows from what has happened. It is called before each wait.
func (t *Table) turn() error {
	if t.closing {
		return nil
	}
	if t.closeEmpty && t.Empty() {
		t.Close() // it is to be closed, and was only waiting for its players
		return nil
	}
	t.lookForPlayers()
	if err := t.considerHandover(); err != nil {
		return err
	}
	return t.save()
}

// takes says whether the room takes messages now.
func (t *Table) takes() bool { return t.still&frozen == 0 && !t.full() && !t.closing }

// hear handles an answer of the record, or of a handover.
func (t *Table) hear(rep report) {
	switch {
	case t.closing:
	case rep.kind == saveDone:
		t.saveDone(rep.err)
	case rep.kind == handoverDone:
		t.handoverDone(rep.number, rep.outcome)
	}
}

// handleAll handles the messages that were taken, as far as the room takes them now, and says
// whether none is left. A message counts as handled only when it is handled to its end.
func (t *Table) handleAll() bool {
	for ; len(t.unhandled) > 0; t.unhandled = t.unhandled[1:] {
		if !t.takes() {
			return false
		}
		t.handling = true
		t.handle(&t.unhandled[0])
		t.handling = false
	}
	return true
}

func (t *Table) handle(m *message) {
	switch m.kind {
	case enter:
		t.enter(m.session, int(m.seat), m.in.Request)
		return
	case resume:
		t.resume(m.session, m.missed)
		return
	case call:
		m.errand.call(t)
		return
	case letGo:
		t.letGo(m.errand.user, m.errand.answer)
		return
	}
	p := t.Player(m.session.User())
	if p == nil || p.session != m.session {
		return // the room has ended this session; its last messages were still on their way
	}
	switch m.kind {
	case leave:
		t.lose(p)
	case sever:
		t.sever(p)
	case stand:
		t.stand(p, m.in.Request)
	case move:
		t.comeBack(p, m.session, int(m.seat), m.in.Request)
	case print:
		t.Tell(p, t.encode.Printed(t.describe()), m.in.Request)
	case echo:
		t.Tell(p, Message{Op: m.op, Body: m.body}, m.in.Request)
	case play:
		t.answer(p, m.in, func() error {
			return t.game.Receive(t, Request{From: p, Op: m.op, Body: m.body, ID: m.in.Request})
		})
	case change:
		t.answer(p, m.in, func() error { return t.changePlace(p, int(m.seat), m.in.Request) })
	}
}

// conclude lets nobody wait for a room that has ended: every session is told why, when it may be.
func (r *Room) conclude(t *Table) {
	r.free.Store(0)
	t.ended = make(map[Session]bool)
	if t.reason != Moved && t.reason != Lost {
		t.change() // its end is a change like any other: it is told when the record is removed
		for _, p := range t.present {
			if p.session != nil {
				t.ended[p.session] = true
				t.Tell(p, t.encode.Disconnected(t.reason), 0)
				t.part(p, t.reason)
			}
		}
		if t.record == nil {
			t.allGone()
			return
		}
		err := r.closeRecord(t)
		if err == nil {
			t.saved = t.changes
			t.release()
			t.allGone()
			return
		}
		if !errors.Is(err, ErrLost) { // who took it goes on with it
			t.log.Warn("room ends and its record could not be removed: what it said last is unsaid", "room", t.id, "err", err)
		}
		t.reason = Lost
	}
	r.goesOn.Store(true)
	t.drop()
	for _, p := range t.present {
		if s := p.session; s != nil {
			p.session = nil
			t.ended[s] = true
			s.End(t.reason)
		}
	}
}

// allGone tells the server that those who were in the room at its end are so no more.
func (t *Table) allGone() {
	if t.gone == nil {
		return
	}
	for _, p := range t.present {
		t.gone(p.id)
	}
}

// goesOn says that the room has ended here only.
func (t *Table) goesOn() bool { return t.reason == Moved || t.reason == Lost }

// sort picks those who wanted in, and want still, from the messages that an ended room has not
// handled, and the messages that others may handle.
func (t *Table) sort(unhandled []message) (waiting []Entry, unread []Unread) {
	late := make(map[Session]bool)
	for _, m := range unhandled {
		switch {
		case m.session == nil:
		case m.kind == enter || m.kind == resume:
			if !t.ended[m.session] {
				late[m.session] = true
				waiting = append(waiting, Entry{Session: m.session, Seat: int(m.seat), Request: m.in.Request, Resume: m.kind == resume, Missed: m.missed})
			}
		case m.kind == leave || m.kind == sever:
			delete(late, m.session)
			waiting = slices.DeleteFunc(waiting, func(e Entry) bool { return e.Session == m.session })
			unread = slices.DeleteFunc(unread, func(u Unread) bool { return u.Session == m.session })
		case late[m.session] || t.goesOn() && t.ended[m.session]:
			unread = append(unread, Unread{Session: m.session, Raw: m.in.Raw, Again: m.in.Again})
		}
	}
	return waiting, unread
}

// guard turns a panic of a game into an error that carries the stack.
func guard(f func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
		}
	}()
	return f()
}

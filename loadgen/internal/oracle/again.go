package oracle

import (
	"slices"
	"time"
)

// again collects what a bot at the table is told on a new way to it: who is here, itself among them, and the
// scene, where the room shows itself anew; or an event, where it has just gone on. An answer is no part of the
// first.
func (r *room) again(m *member, e *Event) {
	own := m.ownIn(m.entrance)
	switch {
	case e.Kind == Present && e.Request == 0 && len(m.entrance) < 256:
		heard := keep(e, m)
		if m.fresh {
			heard.flags |= way
		}
		m.entrance = append(m.entrance, heard)
	case e.Kind == Scene && own >= 0:
		r.shownAnew(m, own, e)
	default:
		held := m.entrance
		m.entrance = nil
		for i := range held {
			before := held[i].event()
			before.Bot = m.bot
			if m.life != nil {
				r.hear(m, &before)
			}
		}
		r.listen(m, e)
	}
}

// ownIn finds the last word on where the bot itself is; -1: there is none.
func (m *member) ownIn(list []record) int {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].user == m.bot {
			return i
		}
	}
	return -1
}

// shownAnew takes that a bot at the table is shown the room on a new way to it: its owner has died, or the
// way to it has. What happened meanwhile it is not told. The room is the same: it has forgotten nothing that
// somebody was told, and the bot its seat.
func (r *room) shownAnew(m *member, i int, scene *Event) {
	own := m.entrance[i].event()
	own.Bot, own.entering = m.bot, true
	first := i
	for first > 0 && !m.entrance[first].is(way) { // what was said on an earlier way led nowhere
		first--
	}
	others := slices.Concat(m.entrance[first:i], m.entrance[i+1:])
	l := m.life
	r.checked(Sequence)
	if own.Epoch > l.epoch && own.Seq < max(l.top, m.last) || own.Seq < m.last {
		r.violate(Sequence, about{from: own.Seq, to: max(l.top, m.last)}, "bot %d is shown the room as of event %d, and bots were told %d before", m.bot, own.Seq, max(l.top, m.last))
		entrance := slices.Concat(others, m.entrance[i:i+1])
		r.leave(m, abandoned, own.At)
		m.entrance = entrance
		r.arrive(m, scene)
		return
	}
	before := own.Seq
	if len(others) > 0 {
		before = others[0].seq
	}
	announced := own.Seq != before
	r.checkEntrance(m, others, &own, scene, before, announced)
	if own.Epoch > m.epoch {
		l.recover(own.Epoch)
	}
	l.noteEpoch(&own, m, announced)
	l.heardFrom(own.At)
	l.lapse() // the room stood still while nobody was there
	if m.restless != 0 {
		r.unknown(Seat)
	} else if r.checked(Seat); own.Seat != m.seat {
		r.violate(Seat, about{user: m.bot}, "bot %d was in seat %d, and is shown the room from seat %d", m.bot, m.seat, own.Seat)
	}
	m.entrance, m.last, m.seat = nil, own.Seq, own.Seat
	l.introduce(others, before)
	if announced {
		l.put(&own, m)
	}
	r.checkScene(m, scene)
	l.show(scene, m)
	l.advance()
}

// recover counts that a room was taken from an owner that died, once for each owner.
func (l *life) recover(epoch uint64) {
	if l.recovered < epoch {
		l.recovered = epoch
		l.room.book.counts.Recovered++
	}
}

// keptFor is how long a player whose connection was lost with its server, or its gate, surely finds the seat
// again.
const keptFor = 8 * time.Second

// checkSeatAfterMove checks that who lost its connection with the room's owner finds its seat at the next one.
func (r *room) checkSeatAfterMove(m *member, l *life, own *Event) {
	if m.was != l || m.left != abandoned || own.Epoch <= m.epoch || m.epoch == 0 {
		return
	}
	if !l.recalled {
		l.recover(own.Epoch)
	}
	if m.keeps < 0 || own.At-m.since > keptFor {
		return
	}
	if m.restless != 0 || m.tried {
		r.unknown(Seat)
		return
	}
	r.checked(Seat)
	if own.Seat != m.keeps {
		r.violate(Seat, about{user: m.bot}, "bot %d was in seat %d when it lost the room's owner, and finds seat %d at the next one", m.bot, m.keeps, own.Seat)
	}
}

// checkSeatAfterRestart checks that a room which was begun anew under its players has their seats.
// An orderly end of the room is an end of its seats, too: that is counted, and no violation.
func (r *room) checkSeatAfterRestart(m *member, own *Event) {
	if m.left != abandoned || m.keeps < 0 || own.At-m.since > awayFor {
		return
	}
	if m.was.closed() {
		if own.Seat != m.keeps {
			r.book.counts.Moved++
		}
		return
	}
	if m.restless != 0 {
		r.unknown(Seat)
		return
	}
	r.checked(Seat)
	if own.Seat != m.keeps {
		r.violate(Seat, about{user: m.bot}, "bot %d was in seat %d when the room was lost under it, and came back to seat %d", m.bot, m.keeps, own.Seat)
	}
}

// checkSeatAskedFor checks that nobody is put into another seat who did not ask for it.
func (r *room) checkSeatAskedFor(m *member, e *Event) {
	if m.restless != 0 {
		return
	}
	r.checked(Seat)
	if e.Seat != m.seat {
		r.violate(Seat, about{user: m.bot}, "bot %d was in seat %d, and was put into seat %d without having asked", m.bot, m.seat, e.Seat)
	}
}

// replies are the numbers of requests that were answered on a connection, the last 64 of them.
type replies struct {
	newest uint64
	seen   uint64 // bit i: newest-i was
}

// add takes that a request was answered. False: it was answered before.
func (a *replies) add(number uint64) bool {
	switch {
	case number > a.newest:
		a.seen = a.seen<<min(number-a.newest, 64) | 1
		a.newest = number
		return true
	case a.newest-number >= 64:
		return true // nobody knows
	}
	bit := uint64(1) << (a.newest - number)
	fresh := a.seen&bit == 0
	a.seen |= bit
	return fresh
}

// checkReply checks that a request is answered once.
func (r *room) checkReply(m *member, e *Event) {
	r.checked(Reply)
	if !m.replies.add(e.Request) {
		r.violate(Reply, about{bot: m.bot}, "request %d of bot %d was answered twice", e.Request, m.bot)
	}
}

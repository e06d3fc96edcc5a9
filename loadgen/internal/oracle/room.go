package oracle

import (
	"fmt"
	"slices"
	"time"
)

// room is everything that was seen under one number: one life after another, at most a few of
// which have observers.
type room struct {
	number  int64
	book    *book
	members map[int64]*member
	lives   []*life // the newest last
	trace   trace
}

// departure is how a bot left the table.
type departure uint8

const (
	never     departure = iota
	stoodUp             // it asked to
	broke               // it broke its own connection
	abandoned           // its connection was lost, and not by its doing, or the room ended the stay
)

// member is a bot that plays in this room, at the table or away from it.
type member struct {
	bot      int64
	life     *life   // that it observes; nil: it is not at the table
	entrance []Event // what it was told since it sat down, until it is at the table
	last     uint64  // the last event it was told, in life or, away from the table, in was
	seat     int32

	was   *life // where it was when it left
	left  departure
	away  bool // it wants to come back
	since time.Duration
	lurks bool   // a connection was lost on which it may have sat down without hearing of it
	keeps int32  // the seat it left
	why   string // it was lost last, or could not come back

	rolled roll // its last roll that was acknowledged
}

// roll is an acknowledged roll.
type roll struct {
	life   *life
	user   int64
	round  uint64
	points int32
}

func (r *room) violate(rule Rule, format string, a ...any) {
	t := &r.book.tallies[rule]
	t.Violated++
	if t.Violated <= uint64(r.book.config.Keep) {
		r.book.violations = append(r.book.violations, Violation{
			Rule: rule, Room: r.number, Text: fmt.Sprintf(format, a...), Proof: r.trace.copy(),
		})
	}
}

func (r *room) checked(rule Rule) { r.book.tallies[rule].Checked++ }

func (r *room) unknown(rule Rule) { r.book.tallies[rule].Unknown++ }

// see handles one event.
func (r *room) see(e Event) {
	m := r.members[e.Bot]
	if m == nil {
		m = &member{bot: e.Bot, seat: -1}
		r.members[e.Bot] = m
	}
	switch {
	case e.Kind == Lost:
		if e.Text != "" {
			m.why = ": " + e.Text
		}
		if m.life != nil {
			r.trace.add(e) // and not each attempt that fails, which would push out what led to it
			if e.Own {
				r.book.counts.Broken++
				r.leave(m, broke, e.At)
			} else {
				r.book.counts.Lost++
				r.leave(m, abandoned, e.At)
			}
		} else {
			m.lurks = true
		}
		m.entrance = nil
	case e.Epoch == 0: // the gate's own words; a Lost follows where they mean the end
	case m.life != nil:
		r.trace.add(e)
		r.book.counts.Events++
		r.hear(m, e)
	default:
		r.trace.add(e)
		r.book.counts.Events++
		r.enter(m, e)
	}
}

// enter collects what a bot is told while it sits down: who is here, then its own seat, then the
// scene. Before its own seat it is not at the table, and what it is told proves nothing.
func (r *room) enter(m *member, e Event) {
	n := len(m.entrance)
	switch seated := n > 0 && m.entrance[n-1].User == m.bot; {
	case seated && e.Kind == Scene:
		r.arrive(m, &e)
	case seated:
		r.arrive(m, nil)
		r.hear(m, e)
	case e.Kind == Present && n < 256:
		m.entrance = append(m.entrance, e)
	}
}

// arrive puts a bot at the table.
func (r *room) arrive(m *member, scene *Event) {
	others, own := m.entrance[:len(m.entrance)-1], m.entrance[len(m.entrance)-1]
	m.entrance = nil

	l := r.choose(m, &own, scene)
	mayBeIn := m.lurks || m.was == l && m.left != stoodUp // perhaps the room has not noticed yet that it was lost
	m.lurks = false
	if m.was != nil && m.was != l {
		r.checkSeatAfterRestart(m, &own)
	}
	l.noteEpoch(&own)
	l.heardFrom()

	before := own.Seq // the number of the last event before the bot's own
	announced := !mayBeIn
	if len(others) > 0 {
		before = others[0].Seq
		announced = own.Seq != before
	} else if announced {
		before--
	}
	r.checkEntrance(m, others, &own, scene, before, announced)
	l.introduce(others, before)

	m.life, m.last, m.seat = l, own.Seq, own.Seat
	l.observers = append(l.observers, m)
	if announced {
		l.put(&own)
	}
	if scene != nil {
		r.checkScene(m, scene)
		r.checkSeatKept(m, scene)
		l.show(scene)
	}
	l.advance()
	r.welcomeBack(m, own.At)
}

// choose finds the life of the room that a bot sits down in.
func (r *room) choose(m *member, own, scene *Event) *life {
	fresh := &life{room: r, first: own.Epoch, epoch: own.Epoch, epochFrom: own.Seq}
	newest := r.newest()
	if newest == nil {
		r.lives = append(r.lives, fresh)
		return fresh
	}
	for _, l := range r.lives {
		if l.fenced() && l.first <= own.Epoch && own.Epoch <= l.epoch {
			return l
		}
	}
	switch {
	case newest.isBehind(own):
		// The life that it speaks of is over, and it comes late.
		r.lives = slices.Insert(r.lives, len(r.lives)-1, fresh)
		fresh.superseded, fresh.supersededAt = true, own.At
	case newest.begunAnew(m, own, scene):
		r.lives = append(r.lives, fresh)
		r.supersede(newest, own.At)
	default:
		return newest
	}
	return fresh
}

// checkEntrance checks the numbers of what a bot was told while it sat down.
func (r *room) checkEntrance(m *member, others []Event, own, scene *Event, before uint64, announced bool) {
	r.checked(Sequence)
	for _, other := range others {
		if other.Seq != before {
			r.violate(Sequence, "bot %d sat down and was told who is here as of event %d, then of %d", m.bot, before, other.Seq)
			return
		}
	}
	if own.Seq < before || announced && own.Seq != before+1 {
		r.violate(Sequence, "bot %d sat down after event %d, and its own is %d", m.bot, before, own.Seq)
	}
	if scene != nil && scene.Seq != own.Seq {
		r.violate(Sequence, "bot %d sat down with event %d, and the scene is of %d", m.bot, own.Seq, scene.Seq)
	}
}

// checkScene checks what a bot itself must find in the scene: its own roll, and nobody else's.
func (r *room) checkScene(m *member, scene *Event) {
	r.checkHidden(m, scene)
	if !scene.InRound || m.rolled.life != m.life || m.rolled.round != scene.Round {
		return
	}
	r.checked(Roll)
	if points, _ := die(scene.Dice, m.bot); points != m.rolled.points {
		r.violate(Roll, "bot %d came back in round %d, in which its roll of %d was acknowledged, and finds %d",
			m.bot, scene.Round, m.rolled.points, points)
	}
}

// checkSeatKept checks that a bot that rolled, left and came back within one round has its seat.
func (r *room) checkSeatKept(m *member, scene *Event) {
	if !scene.InRound || m.rolled.life != m.life || m.rolled.round != scene.Round {
		return
	}
	r.checked(Seat)
	if m.seat != m.keeps {
		r.violate(Seat, "bot %d rolled in round %d in seat %d, and came back in the same round to seat %d",
			m.bot, scene.Round, m.keeps, m.seat)
	}
}

// checkHidden looks for points that a bot must not see yet.
func (r *room) checkHidden(m *member, e *Event) {
	switch {
	case e.Kind == Shaken && e.User != m.bot:
		r.checked(Hidden)
		if e.Points != 0 {
			r.violate(Hidden, "bot %d was told in round %d that user %d rolled %d", m.bot, e.Round, e.User, e.Points)
		}
	case e.Kind == Scene && e.InRound:
		r.checked(Hidden)
		for _, d := range e.Dice {
			if d.User != m.bot && d.Points != 0 {
				r.violate(Hidden, "bot %d was shown in round %d that user %d rolled %d", m.bot, e.Round, d.User, d.Points)
			}
		}
	}
}

// welcomeBack ends a bot's absence.
func (r *room) welcomeBack(m *member, at time.Duration) {
	if !m.away {
		return
	}
	r.book.counts.Returns++
	r.book.absences.add(at - m.since)
	r.checkAbsence(m, at)
	m.away, m.why = false, ""
}

func (r *room) checkAbsence(m *member, at time.Duration) {
	r.checked(Back)
	if gone := at - m.since; gone > r.book.config.Patience {
		r.violate(Back, "bot %d was kept from the table for %.1f s%s", m.bot, gone.Seconds(), m.why)
	}
}

// hear takes what a bot at the table is told.
func (r *room) hear(m *member, e Event) {
	l := m.life
	l.noteEpoch(&e)
	l.heardFrom()
	numbered := false // the event has a number of its own
	switch e.Kind {
	case Started, Shaken, Settled, Online:
		numbered = true
	case Present, Stood, Other: // said to all as an event, or to one as an answer
		numbered = e.Seq != m.last
	}
	want := m.last
	if numbered {
		want++
	}
	r.checked(Sequence)
	switch {
	case e.Seq < want:
		r.violate(Sequence, "bot %d was told %d after %d, again or too late", m.bot, e.Seq, m.last)
		return
	case e.Seq == want+1:
		r.violate(Sequence, "bot %d was never told %d: %d came after %d", m.bot, want, e.Seq, m.last)
	case e.Seq > want:
		r.violate(Sequence, "bot %d was never told %d to %d: %d came after %d", m.bot, want, e.Seq-1, e.Seq, m.last)
	}
	m.last = e.Seq
	r.checkHidden(m, &e)
	if numbered {
		l.checkAlone(&e)
		l.put(&e)
	}
	switch {
	case e.Kind == Scene:
		r.checkScene(m, &e)
		l.show(&e)
	case e.Kind == Present && e.User == m.bot:
		m.seat = e.Seat
	case e.Kind == Shaken && e.User == m.bot && e.Points != 0:
		r.book.counts.Rolls++
		m.rolled = roll{life: l, user: m.bot, round: e.Round, points: e.Points}
		l.acknowledge(m.rolled)
	case e.Kind == Stood && e.User == m.bot:
		r.leave(m, stoodUp, e.At)
	case e.Kind == Ended:
		r.book.counts.Lost++
		if e.Reason != Replaced {
			l.end(e.Seq)
		}
		r.leave(m, abandoned, e.At)
	}
}

// leave takes a bot from the table.
func (r *room) leave(m *member, how departure, at time.Duration) {
	l := m.life
	m.life, m.was, m.left, m.keeps = nil, l, how, m.seat
	l.observers = slices.DeleteFunc(l.observers, func(other *member) bool { return other == m })
	if how != stoodUp {
		m.away, m.since = true, at
	}
	if how == abandoned {
		l.mourned = true
	}
	l.advance() // what only this bot could still have told is lost now
	if l.superseded && len(l.observers) == 0 {
		r.bury(l)
	}
}

func (r *room) newest() *life {
	if len(r.lives) == 0 {
		return nil
	}
	return r.lives[len(r.lives)-1]
}

// supersede notes that the room has begun anew.
func (r *room) supersede(l *life, at time.Duration) {
	l.superseded, l.supersededAt = true, at
	if len(l.observers) == 0 {
		r.bury(l)
	}
}

// bury judges a life that is over.
func (r *room) bury(l *life) {
	switch {
	case l.ended:
		r.book.counts.Closed++
	case l.mourned:
		r.book.counts.Vanished++
	default:
		r.book.counts.Reopened++
	}
	l.judge("the room began anew")
	r.lives = slices.DeleteFunc(r.lives, func(other *life) bool { return other == l })
}

// checkSeatAfterRestart checks that a room which was begun anew under its players has their seats.
// An orderly end of the room is an end of its seats, too: that is counted, and no violation.
func (r *room) checkSeatAfterRestart(m *member, own *Event) {
	if m.left != abandoned || m.keeps < 0 {
		return
	}
	if m.was.ended {
		if own.Seat != m.keeps {
			r.book.counts.Moved++
		}
		return
	}
	r.checked(Seat)
	if own.Seat != m.keeps {
		r.violate(Seat, "bot %d was in seat %d when the room was lost under it, and came back to seat %d", m.bot, m.keeps, own.Seat)
	}
}

// finish judges what is open at the end.
func (r *room) finish(at time.Duration) {
	for _, m := range r.members {
		switch {
		case !m.away:
		case at-m.since > r.book.config.Patience:
			r.checkAbsence(m, at)
		default:
			r.unknown(Back)
		}
	}
	for _, l := range r.lives {
		if l.mourned && !l.ended {
			r.book.counts.Vanished++
		} else if l.ended {
			r.book.counts.Closed++
		}
		l.judge("the room was not seen again")
	}
	r.lives = nil
}

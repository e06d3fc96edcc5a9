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
	members []*member         // by index; nil: to be given away
	index   map[int64]*member // of rooms with many members; nil: none
	vacant  int               // members that are nil
	sweep   int               // at how many members those are forgotten who left for good
	lives   []*life           // the newest last
	trace   trace

	now   *Event  // that is being judged; nil: none
	nowBy *member // who saw it
}

// departure is how a bot left the table.
type departure uint8

const (
	never     departure = iota
	stoodUp             // it asked to
	broke               // it broke its own connection, or the gate did for a fault of the bot's side
	abandoned           // its connection was lost, and not by its doing, or the room ended the stay
)

// member is a bot that plays in this room, at the table or away from it.
type member struct {
	bot      int64
	index    int      // in the room
	life     *life    // that it observes; nil: it is not at the table
	entrance []record // what it was told since it sat down, until it is at the table
	last     uint64   // the last event it was told, in life or, away from the table, in was
	seat     int32

	was   *life // where it was when it left
	left  departure
	away  bool // it wants to come back
	since time.Duration
	lurks bool   // a connection was lost on which it may have sat down without hearing of it
	tried bool   // one of those stood; that it broke is the room's reason to let the seat go
	keeps int32  // the seat it left
	why   string // it was lost last, or could not come back

	rolled roll // its last roll that was acknowledged

	fresh    bool   // a new way to the room begins: who is here may follow
	epoch    uint64 // the newest owner it heard since it sat down
	restless uint64 // number of its request for another seat, or to leave, that was not answered yet; 0: there is none
	replies  replies
}

// roll is an acknowledged roll.
type roll struct {
	life   *life
	user   int64
	round  uint64
	seq    uint64
	points int32
}

func (r *room) violate(rule Rule, a about, format string, words ...any) {
	t := &r.book.tallies[rule]
	t.Violated++
	if t.Violated <= uint64(r.book.config.Keep) {
		r.book.violations = append(r.book.violations, Violation{
			Rule: rule, Room: r.number, Text: fmt.Sprintf(format, words...), Proof: r.proof(rule, a),
		})
	}
}

func (r *room) checked(rule Rule) { r.book.tallies[rule].Checked++ }

func (r *room) unknown(rule Rule) { r.book.tallies[rule].Unknown++ }

// witness is a bot that saw a record, the first one by index.
func (r *room) witness(rec *record) int64 {
	if i := rec.first(); i < len(r.members) && r.members[i] != nil {
		return r.members[i].bot
	}
	return 0
}

// see handles one event.
func (r *room) see(e *Event) {
	m := r.member(e.Bot)
	r.now, r.nowBy = e, m
	if e.Request != 0 && e.Kind != Asks {
		r.checkReply(m, e)
	}
	m.fresh = m.fresh || e.Way
	switch {
	case e.Kind == Lost:
		e.User = e.Bot
		if e.Text != "" {
			m.why = ": " + e.Text
		}
		if m.life != nil {
			r.trace.add(e, m) // and not each attempt that fails, which would push out what led to it
			if e.Own {
				r.book.counts.Broken++
				r.leave(m, broke, e.At)
			} else {
				r.book.counts.Lost++
				how := abandoned
				if e.Expelled {
					how = broke
				}
				r.leave(m, how, e.At)
			}
		} else {
			m.lurks, m.tried = true, m.tried || e.Linked
		}
		m.entrance, m.replies = nil, replies{}
	case e.Kind == Quit:
		m.replies = replies{}
		r.quit(m, e.At)
	case e.Kind == Asks:
		m.restless = e.Request
	case e.Epoch == 0 && e.Kind == Stood && e.User == m.bot && m.life != nil:
		r.trace.add(e, m) // the gate knows that it has left, and says so in the room's place
		r.leave(m, stoodUp, e.At)
	case e.Epoch == 0 && e.Kind == Waiting && m.life != nil:
		r.trace.add(e, m) // it is said before what was said earlier, and is held back until it is written down
		m.life.standStill()
	case e.Epoch == 0: // the gate's own words; a Lost follows where they mean the end
	default:
		if e.Kind != Told {
			r.trace.add(e, m)
		}
		r.book.counts.Events++
		r.listen(m, e)
	}
	if e.Request != 0 && e.Kind != Asks && e.Request >= m.restless {
		m.restless = 0
	}
	r.now, r.nowBy = nil, nil
}

// listen takes what a room tells a bot.
func (r *room) listen(m *member, e *Event) {
	switch {
	case m.life == nil:
		r.enter(m, e)
	case m.entrance != nil || m.fresh && e.Kind == Present && e.Request == 0:
		r.again(m, e)
	default:
		r.hear(m, e)
	}
	m.fresh = m.fresh && (e.Kind == Told || e.Kind == Waiting)
}

// quit takes that a bot does not want to come back.
func (r *room) quit(m *member, at time.Duration) {
	if m.life != nil {
		r.leave(m, broke, at)
	}
	if m.away {
		if at-m.since > r.book.config.Patience {
			r.checkAbsence(m, at)
		} else {
			r.unknown(Back)
		}
		r.book.away--
		m.away, m.why = false, ""
	}
	m.entrance = nil
}

// enter collects what a bot is told while it sits down: who is here, then its own seat, then the
// scene. Before its own seat it is not at the table, and what it is told proves nothing.
func (r *room) enter(m *member, e *Event) {
	n := len(m.entrance)
	switch seated := n > 0 && m.entrance[n-1].user == m.bot; {
	case seated && e.Kind == Scene:
		r.arrive(m, e)
	case seated:
		r.arrive(m, nil)
		r.listen(m, e)
	case e.Kind == Present && m.fresh:
		m.entrance = append(m.entrance[:0], keep(e, m)) // it begins anew, with another owner
	case e.Kind == Present && n < 256:
		m.entrance = append(m.entrance, keep(e, m))
	}
}

// arrive puts a bot at the table.
func (r *room) arrive(m *member, scene *Event) {
	others, own := m.entrance[:len(m.entrance)-1], m.entrance[len(m.entrance)-1].event()
	m.entrance, own.Bot, own.entering = nil, m.bot, true

	l := r.choose(m, &own, scene)
	mayBeIn := m.lurks || m.was == l && m.left != stoodUp // perhaps the room has not noticed yet that it was lost
	if m.was != nil && m.was != l {
		r.checkSeatAfterRestart(m, &own)
	}
	r.checkSeatAfterMove(m, l, &own)
	m.lurks, m.tried = false, false

	before := own.Seq // the number of the last event before the bot's own
	announced := !mayBeIn
	if len(others) > 0 {
		before = others[0].seq
		announced = own.Seq != before
	} else if announced {
		before--
	}
	m.epoch = 0
	l.noteEpoch(&own, m, announced)
	l.heardFrom(own.At)
	r.checkEntrance(m, others, &own, scene, before, announced)
	l.introduce(others, before)

	m.life, m.last, m.seat, m.restless = l, own.Seq, own.Seat, 0
	l.observers = append(l.observers, m)
	if announced {
		l.put(&own, m)
	}
	if scene != nil {
		r.checkScene(m, scene)
		r.checkSeatKept(m, scene)
		l.show(scene, m)
	}
	l.advance()
	r.welcomeBack(m, own.At)
}

// choose finds the life of the room that a bot sits down in.
func (r *room) choose(m *member, own, scene *Event) *life {
	fresh := &life{room: r, first: own.Epoch, epoch: own.Epoch, epochFrom: own.Seq, ring: make([]record, leastWindow)}
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
func (r *room) checkEntrance(m *member, others []record, own, scene *Event, before uint64, announced bool) {
	r.checked(Sequence)
	for i := range others {
		if other := &others[i]; other.seq != before {
			r.violate(Sequence, about{from: before, to: other.seq}, "bot %d sat down and was told who is here as of event %d, then of %d", m.bot, before, other.seq)
			return
		}
	}
	if own.Seq < before || announced && own.Seq != before+1 {
		r.violate(Sequence, about{from: before, to: own.Seq}, "bot %d sat down after event %d, and its own is %d", m.bot, before, own.Seq)
	}
	if scene != nil && scene.Seq != own.Seq {
		r.violate(Sequence, about{from: own.Seq, to: scene.Seq}, "bot %d sat down with event %d, and the scene is of %d", m.bot, own.Seq, scene.Seq)
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
		r.violate(Roll, about{round: scene.Round, user: m.bot, bot: m.bot}, "bot %d came back in round %d, in which its roll of %d was acknowledged, and finds %d",
			m.bot, scene.Round, m.rolled.points, points)
	}
}

// checkSeatKept checks that a bot that rolled, left and came back within one round has its seat.
func (r *room) checkSeatKept(m *member, scene *Event) {
	if !scene.InRound || m.rolled.life != m.life || m.rolled.round != scene.Round {
		return
	}
	if m.restless != 0 {
		r.unknown(Seat)
		return
	}
	r.checked(Seat)
	if m.seat != m.keeps {
		r.violate(Seat, about{round: scene.Round, user: m.bot}, "bot %d rolled in round %d in seat %d, and came back in the same round to seat %d",
			m.bot, scene.Round, m.keeps, m.seat)
	}
}

// checkHidden looks for points that a bot must not see yet.
func (r *room) checkHidden(m *member, e *Event) {
	switch {
	case e.Kind == Shaken && e.User != m.bot:
		r.checked(Hidden)
		if e.Points != 0 {
			r.violate(Hidden, about{round: e.Round, user: e.User}, "bot %d was told in round %d that user %d rolled %d", m.bot, e.Round, e.User, e.Points)
		}
	case e.Kind == Scene && e.InRound:
		r.checked(Hidden)
		for _, d := range e.Dice {
			if d.User != m.bot && d.Points != 0 {
				r.violate(Hidden, about{round: e.Round, user: d.User}, "bot %d was shown in round %d that user %d rolled %d", m.bot, e.Round, d.User, d.Points)
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
	r.checkAbsence(m, at)
	r.book.away--
	m.away, m.why = false, ""
}

func (r *room) checkAbsence(m *member, at time.Duration) {
	r.checked(Back)
	if gone := at - m.since; gone > r.book.config.Patience {
		r.violate(Back, about{bot: m.bot}, "bot %d was kept from the table for %.1f s%s", m.bot, gone.Seconds(), m.why)
	}
}

// hear takes what a bot at the table is told.
func (r *room) hear(m *member, e *Event) {
	l := m.life
	numbered := false // the event has a number of its own
	switch e.Kind {
	case Started, Settled, Online:
		numbered = true
	case Shaken: // also said again, to one as an answer that was lost
		numbered = e.Seq != m.last || e.Request == 0
	case Present, Stood, Other: // said to all as an event, or to one as an answer
		numbered = e.Seq != m.last
	case Waiting:
		l.standStill()
	}
	l.noteEpoch(e, m, numbered)
	l.heardFrom(e.At)
	l.overdue(m, e)
	want := m.last
	if numbered {
		want++
	}
	r.checked(Sequence)
	switch {
	case e.Seq < want:
		r.violate(Sequence, about{from: e.Seq, to: m.last}, "bot %d was told %d after %d, again or too late", m.bot, e.Seq, m.last)
		return
	case e.Seq == want+1:
		r.violate(Sequence, about{from: m.last, to: e.Seq}, "bot %d was never told %d: %d came after %d", m.bot, want, e.Seq, m.last)
	case e.Seq > want:
		r.violate(Sequence, about{from: m.last, to: e.Seq}, "bot %d was never told %d to %d: %d came after %d", m.bot, want, e.Seq-1, e.Seq, m.last)
	}
	m.last = e.Seq
	r.checkHidden(m, e)
	if numbered {
		l.checkAlone(e)
		l.put(e, m)
	}
	switch {
	case e.Kind == Scene:
		r.checkScene(m, e)
		l.show(e, m)
	case e.Kind == Present && e.User == m.bot:
		r.checkSeatAskedFor(m, e)
		m.seat = e.Seat
	case e.Kind == Shaken && e.User == m.bot && e.Points != 0:
		r.book.counts.Rolls++
		m.rolled = roll{life: l, user: m.bot, round: e.Round, seq: e.Seq, points: e.Points}
		l.acknowledge(m.rolled)
	case e.Kind == Stood && e.User == m.bot:
		r.leave(m, stoodUp, e.At)
	case e.Kind == Ended:
		r.book.counts.Lost++
		switch e.Reason {
		case Disbanded:
			l.end(e.Seq)
		case Retry:
			l.recall()
		}
		r.leave(m, abandoned, e.At)
	}
}

// leave takes a bot from the table.
func (r *room) leave(m *member, how departure, at time.Duration) {
	l := m.life
	m.life, m.was, m.left, m.keeps = nil, l, how, m.seat
	l.observers = slices.DeleteFunc(l.observers, func(other *member) bool { return other == m })
	if len(l.observers) == 0 {
		l.lapse()
	}
	l.relax()
	if how != stoodUp {
		m.away, m.since = true, at
		r.book.away++
	}
	if how == abandoned {
		l.mourned, l.mournedAt = true, at
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
	if at-l.mournedAt > awayFor {
		l.mourned = false // they may all have counted as gone
	}
	if len(l.observers) == 0 {
		r.bury(l)
	}
}

// bury judges a life that is over.
func (r *room) bury(l *life) {
	switch {
	case l.closed():
		r.book.counts.Closed++
	case l.mourned:
		r.book.counts.Vanished++
	default:
		r.book.counts.Reopened++
	}
	l.judge("the room began anew")
	r.lives = slices.DeleteFunc(r.lives, func(other *life) bool { return other == l })
}

// finish judges what is open at the end.
func (r *room) finish(at time.Duration) {
	for _, m := range r.members {
		switch {
		case m == nil || !m.away:
		case at-m.since > r.book.config.Patience:
			r.checkAbsence(m, at)
		default:
			r.unknown(Back)
		}
	}
	for _, l := range r.lives {
		l.overdueAtLast(at)
		if l.closed() {
			r.book.counts.Closed++
		} else if l.mourned {
			r.book.counts.Vanished++
		}
		l.judge("the room was not seen again")
	}
	r.lives = nil
}

package room

import "time"

// Resume takes up the place of a player who is awaited or offline, on a new session. Who is in the
// room on another session gets End(Replaced), but see Successor; who is not in it gets End(Absent);
// nothing was sent before either. An awaited player of a seamless room goes on with the next
// message, unless missed says that what the room's old owner told the player may not have come. Any
// other is told everything anew, as after Enter: what was heard before of who is in the room is
// void. ErrClosed: the room has ended, and the session was told nothing.
func (r *Room) Resume(s Session, missed bool) error {
	return r.box.put(message{kind: resume, session: s, missed: missed})
}

// Sever tells that a session's way was lost through no fault of the player's. It takes the place of
// Leave: the player is offline, and keeps the seat for Config.Away whatever the game says.
func (r *Room) Sever(s Session) {
	r.box.put(message{kind: sever, session: s}) //nolint:errcheck // as in Leave
}

// Successor is what a Session may be, too: one that can tell whether it takes the place of an older
// session of the same connection, whose way is lost though the room was not told yet. Then Resume
// severs the older one and goes on, and everything is told anew.
type Successor interface {
	Succeeds(older Session) bool
}

func succeeds(s, older Session) bool {
	successor, ok := s.(Successor)
	return ok && successor.Succeeds(older)
}

// What is kept for an awaited player at most. Beyond either the player is told everything anew.
const (
	maxKept       = 64
	maxKeptWeight = 16 << 10 // bytes
)

// outgoing is a message that a player is still to be sent.
type outgoing struct {
	Message
	meta Meta
}

// keep keeps a message for an awaited player.
func (p *Player) keep(m Message, meta Meta) {
	p.weight += len(m.Body)
	if len(p.kept) >= maxKept || p.weight > maxKeptWeight {
		p.miss()
		return
	}
	p.kept = append(p.kept, outgoing{Message: m, meta: meta})
}

// miss lets an awaited player be told everything anew.
func (p *Player) miss() { p.missed, p.kept, p.weight = true, nil, 0 }

// resume takes up a player's place on a new session.
func (t *Table) resume(s Session, missed bool) {
	p := t.Player(s.User())
	switch {
	case p == nil:
		s.End(Absent) // nothing was sent before that it would have to wait for
		if t.Empty() && t.closeEmpty {
			t.Close()
		}
	case p.session != nil && !succeeds(s, p.session):
		s.End(Replaced)
	case p.listens() && !missed:
		kept := p.kept
		p.attach(s)
		for _, m := range kept {
			s.Send(m.Op, m.Body, m.meta)
		}
		t.retarget(p)
		t.tellWaiting(s)
	default:
		back := !p.Online()
		t.welcome(p, s)
		own := t.encode.User(p.id, p.seat, true)
		if back {
			t.Announce(Event{Message: t.encode.Online(p.id, true), Own: p, OwnView: own})
		} else {
			t.Tell(p, own, 0)
		}
		t.game.Enter(t, p)
	}
}

// welcome gives a player who is told everything anew a session, and introduces everyone else.
func (t *Table) welcome(p *Player, s Session) {
	if !p.away.IsZero() {
		t.change()
	}
	p.attach(s) // what waits still for an awaited player is older than what is told now, and dropped
	t.tellWaiting(s)
	t.introduce(p)
}

// sever marks a player offline who may come back to the seat for some time.
func (t *Table) sever(p *Player) {
	p.session = nil
	p.away = time.Now().Add(t.awayFor)
	t.watchAway()
	t.Announce(Event{Message: t.encode.Online(p.id, false)})
}

// watchAway sets the timer that ends the time of severed players to the earliest of them.
func (t *Table) watchAway() {
	var first time.Time
	for _, p := range t.present {
		if !p.away.IsZero() && (first.IsZero() || p.away.Before(first)) {
			first = p.away
		}
	}
	if t.away == nil {
		if first.IsZero() {
			return
		}
		t.away = t.newTimer(ofPresence, t.endAway)
	}
	t.away.set(first)
}

// endAway treats severed players whose time is over as lost.
func (t *Table) endAway() {
	now := time.Now()
	for _, p := range t.present {
		if p.away.IsZero() || p.away.After(now) || t.Player(p.id) != p {
			continue
		}
		t.change()
		p.away = time.Time{}
		if t.game.MayLeave(t, p) {
			t.remove(p, 0)
		}
	}
	t.watchAway()
}

// startGrace gives the players of a restored room some time to come back. Then those who are still
// awaited are lost, and who is offline is gone as far as the game lets them go: nobody may come at
// all, and nothing else would tell a game without a clock.
func (t *Table) startGrace(d time.Duration) {
	t.newTimer(ofPresence, func() {
		for _, p := range t.present {
			if p.awaited && t.Player(p.id) == p {
				p.attach(nil)
				t.lose(p)
			}
		}
		t.DismissAbsent()
		if t.Empty() {
			t.Close()
		}
	}).Reset(d)
}

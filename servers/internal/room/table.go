package room

import (
	"log/slog"
	"slices"
	"time"
)

// Table is a room seen from inside, by its game. Its methods may be called on the room's
// goroutine only.
type Table struct {
	id      int64
	game    Game
	seats   []*Player // by seat; nil: free
	present []*Player // seats and spectators, in order of arrival
	bench   int       // most spectators
	encode  Encoder
	log     *slog.Logger
	timers  []*Timer
	epoch   uint64
	seq     uint64
	closing bool
	reason  Reason // of closing
}

// ID is the room's number.
func (t *Table) ID() int64 { return t.id }

// Log is the room's logger.
func (t *Table) Log() *slog.Logger { return t.log }

// Players are all who are in the room, spectators too, in order of arrival. The slice is the
// room's own.
func (t *Table) Players() []*Player { return t.present }

// Player finds a present user, or nil.
func (t *Table) Player(id int64) *Player {
	for _, p := range t.present {
		if p.id == id {
			return p
		}
	}
	return nil
}

// Seats is how many seats the room has.
func (t *Table) Seats() int { return len(t.seats) }

// Seated counts the taken seats.
func (t *Table) Seated() int {
	n := 0
	for _, p := range t.seats {
		if p != nil {
			n++
		}
	}
	return n
}

// Empty says that nobody is in the room.
func (t *Table) Empty() bool { return len(t.present) == 0 }

// Event is something that happened in the room, told to everyone in it under one number.
type Event struct {
	Message
	// Own, where set, sees OwnView in place of Message, and Request echoed in it.
	Own     *Player
	OwnView Message
	Request uint64
}

// Announce numbers an event and sends it to everyone online, each player's view to that player.
func (t *Table) Announce(e Event) {
	t.seq++
	meta := Meta{Epoch: t.epoch, Seq: t.seq}
	for _, p := range t.present {
		if p.session == nil {
			continue
		}
		if p == e.Own {
			own := meta
			own.Request = e.Request
			p.session.Send(e.OwnView.Op, e.OwnView.Body, own)
			continue
		}
		p.session.Send(e.Op, e.Body, meta)
	}
}

// Tell sends one player something that is not an event: a scene, the answer to a question. It
// carries the number of the last event. request 0: it answers nothing.
func (t *Table) Tell(p *Player, m Message, request uint64) {
	if p.session != nil {
		p.session.Send(m.Op, m.Body, Meta{Epoch: t.epoch, Seq: t.seq, Request: request})
	}
}

// DismissAbsent takes everyone out who is offline and may leave now.
func (t *Table) DismissAbsent() {
	for _, p := range slices.Clone(t.present) {
		if p.session == nil && t.game.MayLeave(t, p) {
			t.remove(p, 0)
		}
	}
}

// Close ends the room after the current message: everyone is told that it is disbanded.
func (t *Table) Close() { t.closeFor(Disbanded) }

func (t *Table) closeFor(reason Reason) {
	if !t.closing {
		t.closing, t.reason = true, reason
	}
}

// enter lets a session in, as a newcomer or as someone who is here already.
func (t *Table) enter(s Session, seat int, request uint64) {
	if p := t.Player(s.User()); p != nil {
		t.comeBack(p, s, seat, request)
		return
	}
	seat, err := t.pick(seat)
	if err != nil {
		t.refuse(s, err, request)
		s.End(Refused)
		return
	}
	p := &Player{id: s.User(), seat: seat, session: s}
	t.introduce(p)
	t.present = append(t.present, p)
	if p.Seated() {
		t.seats[seat] = p
	}
	user := t.encode.User(p.id, p.seat, true)
	t.Announce(Event{Message: user, Own: p, OwnView: user, Request: request})
	t.game.Enter(t, p)
}

// comeBack takes a player in again who was offline, or on an older session, or who sits down
// twice. A spectator who comes back for a seat gets it where it is free; a seated player keeps
// the seat, whatever seat is asked for.
func (t *Table) comeBack(p *Player, s Session, seat int, request uint64) {
	back := p.session == nil
	if p.session != nil && p.session != s {
		t.Tell(p, t.encode.Disconnected(Replaced), 0)
		p.session.End(Replaced)
	}
	p.session = s
	moved := false
	if !p.Seated() {
		if picked, err := t.pick(seat); err == nil && picked != Spectating {
			p.seat, t.seats[picked], moved = picked, p, true
		}
	}
	t.introduce(p)
	own := t.encode.User(p.id, p.seat, true)
	switch {
	case moved:
		t.Announce(Event{Message: own, Own: p, OwnView: own, Request: request})
	case back:
		t.Announce(Event{Message: t.encode.Online(p.id, true), Own: p, OwnView: own, Request: request})
	default:
		t.Tell(p, own, request)
	}
	t.game.Enter(t, p)
}

// introduce tells p about everyone else who is present.
func (t *Table) introduce(p *Player) {
	for _, other := range t.present {
		if other != p {
			t.Tell(p, t.encode.User(other.id, other.seat, other.Online()), 0)
		}
	}
}

// pick finds a seat for a newcomer who wants that one, or AnySeat.
func (t *Table) pick(want int) (int, error) {
	switch {
	case want == AnySeat:
		if free := slices.Index(t.seats, nil); free >= 0 {
			return free, nil
		}
		if len(t.present)-t.Seated() >= t.bench {
			return 0, Refuse(CodeFail, "the room is full: all seats and the spectators' bench are taken")
		}
		return Spectating, nil
	case want < 0 || want >= len(t.seats):
		return 0, &Refusal{Code: CodeFail, Reason: "there is no such seat", Detail: "seats count from 0; -1 is any seat"}
	case t.seats[want] != nil:
		return 0, Refuse(CodeStatusMismatch, "the seat is taken; ask for seat -1 to get any")
	}
	return want, nil
}

// stand takes a player out at their own wish, or leaves the seat to them, offline, where the game
// says that they can't leave yet.
func (t *Table) stand(p *Player, request uint64) {
	if t.game.MayLeave(t, p) {
		s := p.session
		t.remove(p, request)
		s.End(Stood)
		return
	}
	t.Tell(p, t.encode.Stood(p.id), request)
	s := p.session
	t.lose(p)
	s.End(Stood)
}

// lose marks a player offline whose session is gone, or takes the player out where the game
// allows it.
func (t *Table) lose(p *Player) {
	p.session = nil
	if t.game.MayLeave(t, p) {
		t.remove(p, 0)
		return
	}
	t.Announce(Event{Message: t.encode.Online(p.id, false)})
}

// remove takes a player out for good and tells everyone, the player too where still connected.
func (t *Table) remove(p *Player, request uint64) {
	stood := t.encode.Stood(p.id)
	t.Announce(Event{Message: stood, Own: p, OwnView: stood, Request: request})
	t.present = slices.DeleteFunc(t.present, func(other *Player) bool { return other == p })
	if p.Seated() {
		t.seats[p.seat] = nil
	}
	t.game.Left(t, p)
}

// refuse sends an error to a session, with the code that a *Refusal carries.
func (t *Table) refuse(s Session, err error, request uint64) {
	refusal, typed := err.(*Refusal)
	if !typed {
		refusal = &Refusal{Code: CodeFail, Reason: "the request failed", Detail: err.Error()}
	}
	m := t.encode.Refused(refusal)
	s.Send(m.Op, m.Body, Meta{Epoch: t.epoch, Seq: t.seq, Request: request})
}

// notify tells everyone that the room will be closed.
func (t *Table) notify(text string) {
	m := t.encode.Closing(text)
	for _, p := range t.present {
		t.Tell(p, m, 0)
	}
}

// startNotices repeats a closing notice to everyone in the room.
func (t *Table) startNotices(text string, every time.Duration) {
	var timer *Timer
	timer = t.NewTimer(func() {
		t.notify(text)
		timer.Reset(every)
	})
	timer.Reset(0)
}

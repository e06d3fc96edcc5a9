package room

import (
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// Table is a room seen from inside, by its game. Its methods may be called on the room's
// goroutine only.
type Table struct {
	id      int64
	game    Game
	seats   []*Player     // by seat; nil: free
	present []*Player     // seats and spectators, in order of arrival
	bench   int           // most spectators
	free    *atomic.Int64 // seats
	encode  Encoder
	log     *slog.Logger
	scratch []byte // of describe
	epoch   uint64
	seq     uint64

	timers     []*Timer
	still      stillness // why the clocks of the game stop; 0: they go
	stillSince time.Time // where still is not 0
	notices    *Timer    // nil: there never was one
	closeEmpty bool      // the room is to be closed, and waits for its players to leave
	awayFor    time.Duration
	away       *Timer // ends the time of severed players; nil: there never was one

	record     Record // nil: nothing is stored, and nothing held back
	box        *mailbox
	changes    uint64 // how often something has changed
	saved      uint64 // the change up to which all is stored
	saving     bool
	savingTo   uint64 // where saving is set: what is being stored
	slow       *Timer
	slowAfter  time.Duration
	queue      []held
	answering  answering
	gone       func(user int64)
	handover   *handover // nil: there never was one
	handovers  uint64    // how often the room was given away
	storedSize int       // of the last snapshot, in bytes
	buffer     []byte    // of the snapshot that is saved

	unhandled []message // taken from the mailbox, and not handled to the end
	handling  bool      // the first of them is being handled
	closing   bool
	reason    Reason           // of closing
	ended     map[Session]bool // whom the end of the room has ended
}

// ID is the room's number.
func (t *Table) ID() int64 { return t.id }

// Seq is the number of the last event, 0 before the first.
func (t *Table) Seq() uint64 { return t.seq }

// Log is a logger that names the room.
func (t *Table) Log() *slog.Logger { return t.log.With("room", t.id) }

// Players are all who are in the room, spectators too, in order of arrival. The slice is not to be
// changed, and the room does not change it either: who comes or goes later is not seen in it.
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
	t.change()
	t.seq++
	meta := Meta{Epoch: t.epoch, Seq: t.seq}
	for _, p := range t.present {
		if p != e.Own {
			t.post(p, e.Message, meta)
			continue
		}
		own := meta
		own.Request = e.Request
		t.note(p, e.OwnView, e.Request)
		t.post(p, e.OwnView, own)
	}
}

// Tell sends one player something that is not an event: a scene, the answer to a question. It
// carries the number of the last event. request 0: it answers nothing.
func (t *Table) Tell(p *Player, m Message, request uint64) {
	t.note(p, m, request)
	t.post(p, m, Meta{Epoch: t.epoch, Seq: t.seq, Request: request})
}

// DismissAbsent takes everyone out who is offline and may leave now, but those whose way was lost a
// moment ago through no fault of their own. It calls Game.Left for each, from where it may be
// called again.
func (t *Table) DismissAbsent() {
	for _, p := range t.present {
		if !p.Online() && !p.expected() && t.Player(p.id) == p && t.game.MayLeave(t, p) {
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
func (t *Table) enter(s Session, want int, request uint64) {
	if p := t.Player(s.User()); p != nil {
		t.comeBack(p, s, want, request)
		return
	}
	seat, err := t.pick(want)
	if err == nil && seat == Spectating && want == SeatOnly {
		s.End(Full) // nothing was sent before that it would have to wait for
		t.turnedAway(s.User())
		return
	}
	if err == nil && seat == Spectating && t.benchFull() {
		err = Refuse(CodeFail, "the room is full: all seats and the spectators' bench are taken")
	}
	if err != nil {
		t.refuse(s, err, request)
		t.endOf(s, Refused)
		t.turnedAway(s.User())
		return
	}
	p := &Player{id: s.User(), seat: Spectating, session: s}
	t.tellWaiting(s)
	t.introduce(p)
	t.present = append(t.present, p)
	t.place(p, seat)
	user := t.encode.User(p.id, p.seat, true)
	t.Announce(Event{Message: user, Own: p, OwnView: user, Request: request})
	t.game.Enter(t, p)
}

// turnedAway follows after a newcomer was not let in.
func (t *Table) turnedAway(user int64) {
	t.goneFor(user)
	if t.Empty() {
		t.Close() // opened for this newcomer, it would wait for others for ever
	}
}

// comeBack takes a player in again who was offline, or on an older session, or who sits down
// twice. A seated player keeps the seat, whatever seat is asked for. A spectator gets the seat
// where it is free; where it is not, one who asks from the bench is refused and one who comes back
// to it spectates on.
func (t *Table) comeBack(p *Player, s Session, seat int, request uint64) {
	moved := false
	if !p.Seated() {
		picked, err := t.pick(seat)
		if err != nil && p.session == s {
			t.refuse(s, err, request)
			return
		}
		if err == nil && picked != Spectating {
			t.change()
			t.place(p, picked)
			moved = true
		}
	}
	back := !p.Online()
	if p.session == s {
		t.introduce(p)
	} else {
		t.change() // the replies are void: a new session counts its requests anew
		p.replies = nil
		if p.session != nil {
			t.Tell(p, t.encode.Disconnected(Replaced), 0)
			t.part(p, Replaced)
		}
		t.welcome(p, s)
	}
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

// pick finds a seat for someone who wants that one, or AnySeat. Spectating: no seat is free.
func (t *Table) pick(want int) (int, error) {
	switch {
	case want == AnySeat || want == SeatOnly:
		if free := slices.Index(t.seats, nil); free >= 0 {
			return free, nil
		}
		return Spectating, nil
	case want < 0 || want >= len(t.seats):
		return 0, &Refusal{Code: CodeFail, Reason: "there is no such seat", Detail: "seats count from 0; -1 is any seat"}
	case t.seats[want] != nil:
		return 0, Refuse(CodeStatusMismatch, "the seat is taken; ask for seat -1 to get any")
	}
	return want, nil
}

// place moves a player to a seat that is free, or to the bench.
func (t *Table) place(p *Player, seat int) {
	if p.Seated() {
		t.seats[p.seat] = nil
	}
	p.seat = seat
	if p.Seated() {
		t.seats[seat] = p
	}
	t.countFree()
}

func (t *Table) countFree() { t.free.Store(int64(len(t.seats) - t.Seated())) }

func (t *Table) benchFull() bool { return len(t.present)-t.Seated() >= t.bench }

// stand takes a player out at their own wish, or leaves the seat to them, offline, where the game
// says that they can't leave yet.
func (t *Table) stand(p *Player, request uint64) {
	if t.game.MayLeave(t, p) {
		t.remove(p, request)
		return
	}
	t.change()
	t.Tell(p, t.encode.Stood(p.id), request)
	t.part(p, Stood)
	t.Announce(Event{Message: t.encode.Online(p.id, false)})
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
	t.part(p, Stood)
	rest := make([]*Player, 0, len(t.present)) // a new slice: see Players
	for _, other := range t.present {
		if other != p {
			rest = append(rest, other)
		}
	}
	t.present = rest
	if p.Seated() {
		t.seats[p.seat] = nil
		t.countFree()
	}
	p.awaited = false
	t.goneFor(p.id)
	t.game.Left(t, p)
}

// part parts a player from the session, if there is one still. What the game does next, be it a
// panic, can't keep the session from its end.
func (t *Table) part(p *Player, why Reason) {
	if s := p.session; s != nil {
		p.session = nil
		t.endOf(s, why)
	}
}

// refuse sends an error to a session, with the code that a *Refusal carries.
func (t *Table) refuse(s Session, err error, request uint64) {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		refusal = &Refusal{Code: CodeFail, Reason: "the request failed", Detail: err.Error()}
	}
	m := t.encode.Refused(refusal)
	t.postTo(s, m, Meta{Epoch: t.epoch, Seq: t.seq, Request: request})
}

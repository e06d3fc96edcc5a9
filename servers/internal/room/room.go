package room

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"
)

// Config is what a room is made of. Zero values have the defaults named.
type Config struct {
	ID      int64
	Seats   int     // default 4, at most 1024
	Bench   int     // most spectators; default 64
	Mailbox int     // most waiting messages of players; default 64
	Epoch   uint64  // who owns the room; default 1
	Encoder Encoder // needed
	Log     *slog.Logger

	// Record, where set, stores the room: what the room says after a change is held back until a
	// snapshot that contains the change is stored. nil: nothing is stored, and nothing held back.
	Record Record
	// Slow is how long a save may take before the room stands still and says so; default 500 ms.
	Slow time.Duration
	// Away is how long a severed player keeps the seat, offline, whatever the game says; default 10 s.
	Away time.Duration
	// Grace is how long the players of a restored room who were online are awaited; default 30 s.
	Grace time.Duration
	// Seamless says that the players of a restored room missed nothing: what is sent to them is kept,
	// within a bound, until they resume.
	Seamless bool

	// Gone, where set, is called on the room's goroutine when a user is in the room no more and that
	// is stored. It is not called for those who are in a room that moves or is lost.
	Gone func(user int64)
	// Ended, where set, is called on the room's goroutine when the room has ended and before Done is
	// closed. late are those whose Enter or Resume was taken but came too late: they were told
	// nothing. Who has left again is not among them. unread are the messages that the room has taken
	// and not handled, in order: of those who are late, and of everyone whose session was ended with
	// Moved or Lost. A message that is refused with ErrClosed comes after these, once Done is closed.
	Ended func(late []Entry, unread []Unread)
}

// maxSeats bounds what a damaged snapshot can ask for.
const maxSeats = 1024

// Entry is somebody's wish to enter a room, or to resume in it.
type Entry struct {
	Session Session
	Seat    int
	Request uint64
	Resume  bool
}

// Input is what came with a player's message.
type Input struct {
	Request uint64 // the player's number for it, to be echoed in the reply; 0: none
	Again   bool   // an earlier owner of the room may have handled it
	Raw     []byte // the message as it came, for Unread
}

// Unread is a message of a player that the room has taken and not handled.
type Unread struct {
	Session Session
	Raw     []byte
	Again   bool
}

// Room is a running room seen from outside. Its methods may be called from any goroutine and
// never block on the room, except for Do, which says so.
type Room struct {
	id    int64
	box   mailbox
	free  *atomic.Int64 // seats; the table's
	ended func(late []Entry, unread []Unread)
	done  chan struct{}
}

// Open starts a room with a new game. After an error there is no room and no goroutine.
func Open(c Config, game Game) (*Room, error) {
	t, err := newTable(c, game)
	if err != nil {
		return nil, err
	}
	if err := guard(func() error { return game.Start(t) }); err != nil {
		return nil, fmt.Errorf("start game: %w", err)
	}
	return run(c, t), nil
}

func newTable(c Config, game Game) (*Table, error) {
	if c.Encoder == nil {
		return nil, fmt.Errorf("room %d: no encoder", c.ID)
	}
	if c.Seats < 0 || c.Bench < 0 || c.Mailbox < 0 || c.Grace < 0 {
		return nil, fmt.Errorf("room %d: seats, bench, mailbox and grace must not be negative", c.ID)
	}
	if c.Seats > maxSeats {
		return nil, fmt.Errorf("room %d: %d seats, a room has at most %d", c.ID, c.Seats, maxSeats)
	}
	log := c.Log
	if log == nil {
		log = slog.Default()
	}
	return &Table{
		id:     c.ID,
		game:   game,
		seats:  make([]*Player, orDefault(c.Seats, 4)),
		bench:  orDefault(c.Bench, 64),
		encode: c.Encoder,
		log:    log,
		epoch:  max(c.Epoch, 1),
	}, nil
}

func run(c Config, t *Table) *Room {
	r := &Room{
		id:    c.ID,
		box:   mailbox{wake: make(chan struct{}, 1), limit: orDefault(c.Mailbox, 64)},
		ended: c.Ended,
		free:  new(atomic.Int64),
		done:  make(chan struct{}),
	}
	go r.loop(t)
	return r
}

func orDefault(value, otherwise int) int {
	if value == 0 {
		return otherwise
	}
	return value
}

// ID is the room's number.
func (r *Room) ID() int64 { return r.id }

// Done is closed when the room has ended: everyone was told, and its goroutine is about to exit.
func (r *Room) Done() <-chan struct{} { return r.done }

// Enter asks for a place in the room, once for each session: see Move. The answer comes through
// the session. With SeatOnly and no seat free the session gets End(Full), and nothing was sent.
// ErrClosed: the room has ended, and the session was told nothing.
func (r *Room) Enter(s Session, seat int, request uint64) error {
	return r.box.put(message{kind: enter, session: s, seat: seat, request: request})
}

// Leave tells that a session is lost. It is called once for each entered session, whatever ended
// it, and is without effect on a session that the room has ended.
func (r *Room) Leave(s Session) {
	r.box.put(message{kind: leave, session: s}) //nolint:errcheck // a closed room has left it already
}

// Move asks for a seat for a player who has entered on s, and has the scene shown again. Without
// effect on a session that the room has ended. ErrBusy, ErrClosed.
func (r *Room) Move(s Session, seat int, in Input) error {
	return r.box.put(message{kind: move, session: s, seat: seat, in: in})
}

// Change asks to change places: to a free seat, or with Spectating to the bench. Who has a seat may
// leave it where the game lets them. ErrBusy, ErrClosed.
func (r *Room) Change(s Session, seat int, in Input) error {
	return r.box.put(message{kind: change, session: s, seat: seat, in: in})
}

// Stand asks to stand up and leave. ErrBusy, ErrClosed.
func (r *Room) Stand(s Session, in Input) error {
	return r.box.put(message{kind: stand, session: s, in: in})
}

// Print asks for the room's state as text. ErrBusy, ErrClosed.
func (r *Room) Print(s Session, in Input) error {
	return r.box.put(message{kind: print, session: s, in: in})
}

// Echo asks the room to send op and body back. ErrBusy, ErrClosed.
func (r *Room) Echo(s Session, op uint32, body []byte, in Input) error {
	return r.box.put(message{kind: echo, session: s, op: op, body: body, in: in})
}

// Play hands the game a message of a session's player. The room may keep body and what came with
// it until the game has seen it. ErrBusy, ErrClosed.
func (r *Room) Play(s Session, op uint32, body []byte, in Input) error {
	return r.box.put(message{kind: play, session: s, op: op, body: body, in: in})
}

// Free is how many seats are free. It is as good as a guess: the next one may be faster.
func (r *Room) Free() int { return int(r.free.Load()) }

// Warn tells everyone in the room, now and every so often, that it will be closed. The room closes
// as soon as nobody is in it. every 0: only
// now. A later call takes the place of an earlier one.
func (r *Room) Warn(text string, every time.Duration) {
	r.box.put(message{kind: call, call: func(t *Table) { t.startNotices(text, every) }}) //nolint:errcheck // a closed room needs no warning
}

// Foretell tells everyone in the room, now and every so often, that it will move to another server.
// every 0: only now. Of Warn and Foretell, a later call takes the place of an earlier one.
func (r *Room) Foretell(text string, every time.Duration) {}

// Settle brings what is being played to its end and closes the room. Players are told why.
func (r *Room) Settle(why Reason) {
	r.box.put(message{kind: call, call: func(t *Table) { //nolint:errcheck // a closed room is settled
		t.game.Settle(t)
		t.closing, t.reason = true, why // even if the game has closed the room already
	}})
}

// Do runs f on the room's goroutine, from any other, and waits for it. f must not block. ErrClosed: the room has
// ended, and f has not run to its end and will not. Any other error is that of ctx, and f may
// still run.
func (r *Room) Do(ctx context.Context, f func(*Table)) error {
	ran := make(chan struct{})
	err := r.box.put(message{kind: call, call: func(t *Table) { f(t); close(ran) }})
	if err != nil {
		return err
	}
	select {
	case <-ran:
		return nil
	case <-r.done:
		select {
		case <-ran: // f was what ended the room
			return nil
		default:
			return ErrClosed
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Summary is a room in the list of rooms.
type Summary struct {
	ID         int64  `json:"id"`
	Players    int    `json:"players"`
	Online     int    `json:"online"`
	Spectators int    `json:"spectators"`
	Epoch      uint64 `json:"epoch"`
	Seq        uint64 `json:"seq"`
	State      string `json:"state"`
}

// Summarize describes the room without what players must not see.
func (r *Room) Summarize(ctx context.Context) (Summary, error) {
	var s Summary
	err := r.Do(ctx, func(t *Table) {
		s = Summary{ID: t.id, Players: t.Seated(), Epoch: t.epoch, Seq: t.seq, State: t.game.State(t, false)}
		for _, p := range t.present {
			if p.Online() {
				s.Online++
			}
		}
		s.Spectators = len(t.present) - s.Players
	})
	if err != nil {
		return Summary{}, err // and s is not touched: the room may be writing it
	}
	return s, nil
}

// loop is the room's goroutine.
func (r *Room) loop(t *Table) {
	var unread []message
	if err := guard(func() error { r.serve(t, &unread); return nil }); err != nil {
		t.log.Error("room ended by a fault of its game", "room", t.id, "err", err)
		t.reason = Disbanded
	}
	unread = append(unread, r.box.close()...)
	waiting := late(t, unread)
	for _, p := range t.present {
		if p.session != nil {
			t.Tell(p, t.encode.Disconnected(t.reason), 0)
			t.end(p, t.reason)
		}
	}
	if r.ended != nil {
		r.ended(waiting, nil)
	}
	close(r.done)
}

// late picks those who wanted in, and want still, from the messages that a closing room has not
// handled.
func late(t *Table, unread []message) []Entry {
	var entries []Entry
	for _, m := range unread {
		switch m.kind {
		case enter:
			if p := t.Player(m.session.User()); p == nil || p.session != m.session {
				entries = append(entries, Entry{Session: m.session, Seat: m.seat, Request: m.request})
			}
		case leave:
			entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Session == m.session })
		}
	}
	return entries
}

// serve handles messages and timers until the room closes. unread are the messages that it took
// and did not handle to the end.
func (r *Room) serve(t *Table, unread *[]message) {
	clock := time.NewTimer(time.Hour)
	clock.Stop()
	var armed time.Time // what the clock is set to; zero: stopped
	var batch []message
	for {
		t.expire()
		if t.notices != nil && t.Empty() {
			t.Close() // it is to be closed, and was only waiting for its players
		}
		if t.closing {
			return
		}
		if next := t.next(); !next.Equal(armed) {
			armed = next
			if next.IsZero() {
				clock.Stop()
			} else {
				clock.Reset(time.Until(next))
			}
		}
		select {
		case <-r.box.wake:
			batch = r.box.take(batch)
			for *unread = batch; len(*unread) > 0; *unread = (*unread)[1:] {
				if t.closing {
					return
				}
				t.handle(&(*unread)[0])
			}
			clear(batch) // an idle room holds on to no message
		case <-clock.C:
			armed = time.Time{}
		}
	}
}

func (t *Table) handle(m *message) {
	switch m.kind {
	case enter:
		t.enter(m.session, m.seat, m.request)
		return
	case call:
		m.call(t)
		return
	}
	p := t.Player(m.session.User())
	if p == nil || p.session != m.session {
		return // the room has ended this session; its last messages were still on their way
	}
	switch m.kind {
	case leave:
		t.lose(p)
	case stand:
		t.stand(p, m.in.Request)
	case move:
		t.comeBack(p, m.session, m.seat, m.in.Request)
	case print:
		t.Tell(p, t.encode.Printed(t.describe()), m.in.Request)
	case echo:
		t.Tell(p, Message{Op: m.op, Body: m.body}, m.in.Request)
	case play:
		if err := t.game.Receive(t, Request{From: p, Op: m.op, Body: m.body, ID: m.in.Request}); err != nil {
			t.refuse(m.session, err, m.in.Request)
		}
	}
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

package room

import (
	"context"
	"fmt"
	"log/slog"
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
	// is stored, or was not let in; perhaps twice. It is not called while an Enter of the user waits to
	// be handled, nor for those who are in a room that moves or is lost.
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
	Missed  bool // see Room.Resume
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
	// goesOn is set before the mailbox closes where the room has ended here only.
	goesOn atomic.Bool
	done   chan struct{}
}

// Open starts a room with a new game. After an error there is no room and no goroutine.
func Open(c Config, game Game) (*Room, error) {
	t, err := newTable(c, game)
	if err != nil {
		return nil, err
	}
	t.epoch, t.record = max(c.Epoch, 1), c.Record
	if err := guard(func() error { return game.Start(t) }); err != nil {
		return nil, fmt.Errorf("start game: %w", err)
	}
	return run(c, t), nil
}

func newTable(c Config, game Game) (*Table, error) {
	if c.Encoder == nil {
		return nil, fmt.Errorf("room %d: no encoder", c.ID)
	}
	if c.Seats < 0 || c.Bench < 0 || c.Mailbox < 0 || c.Grace < 0 || c.Away < 0 || c.Slow < 0 {
		return nil, fmt.Errorf("room %d: seats, bench, mailbox and times must not be negative", c.ID)
	}
	if c.Seats > maxSeats {
		return nil, fmt.Errorf("room %d: %d seats, a room has at most %d", c.ID, c.Seats, maxSeats)
	}
	log := c.Log
	if log == nil {
		log = slog.Default()
	}
	t := &Table{
		id:        c.ID,
		game:      game,
		seats:     make([]*Player, orDefault(c.Seats, 4)),
		bench:     orDefault(c.Bench, 64),
		free:      new(atomic.Int64),
		encode:    c.Encoder,
		log:       log,
		awayFor:   orDefault(c.Away, 10*time.Second),
		slowAfter: orDefault(c.Slow, 500*time.Millisecond),
		gone:      c.Gone,
	}
	t.free.Store(int64(len(t.seats)))
	return t, nil
}

func run(c Config, t *Table) *Room {
	r := &Room{
		id:    c.ID,
		box:   mailbox{wake: make(chan struct{}, 1), limit: orDefault(c.Mailbox, 64)},
		free:  t.free,
		ended: c.Ended,
		done:  make(chan struct{}),
	}
	t.box = &r.box
	if t.record != nil {
		t.slow = t.newTimer(ofService, t.slowSave)
	}
	go r.loop(t)
	return r
}

func orDefault[T int | time.Duration](value, otherwise T) T {
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
	return r.box.put(message{kind: enter, session: s, seat: int32(seat), in: Input{Request: request}})
}

// Leave tells that a session is lost. It is called once for each entered session, whatever ended
// it, and is without effect on a session that the room has ended.
func (r *Room) Leave(s Session) {
	r.box.put(message{kind: leave, session: s}) //nolint:errcheck // a closed room has left it already
}

// Move asks for a seat for a player who has entered on s, and has the scene shown again. Without
// effect on a session that the room has ended. ErrBusy, ErrClosed.
func (r *Room) Move(s Session, seat int, in Input) error {
	return r.box.put(message{kind: move, session: s, seat: int32(seat), in: in})
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

// Settle brings what is being played to its end and closes the room. Players are told why. A room
// that is being given away, or that can't take messages because nothing can be stored, does so after.
func (r *Room) Settle(why Reason) {
	r.do(func(t *Table) {
		t.game.Settle(t)
		t.closing, t.reason = true, why // even if the game has closed the room already
	})
}

// do has the room do something that an ended room need not do.
func (r *Room) do(f func(*Table)) {
	r.box.put(message{kind: call, errand: &errand{call: f}}) //nolint:errcheck // see above
}

// Do runs f on the room's goroutine, from any other, and waits for it. f must not block. ErrClosed: the room has
// ended, and f has not run to its end and will not. Any other error is that of ctx, and f may
// still run.
func (r *Room) Do(ctx context.Context, f func(*Table)) error {
	ran := make(chan struct{})
	err := r.box.put(message{kind: call, errand: &errand{call: func(t *Table) { f(t); close(ran) }}})
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
	Awaited    int    `json:"awaited,omitempty"` // of those online: after a move, on their way here still
	Still      bool   `json:"still,omitempty"`   // the room stands still
	Epoch      uint64 `json:"epoch"`
	Seq        uint64 `json:"seq"`
	State      string `json:"state"`
}

// Summarize describes the room without what players must not see.
func (r *Room) Summarize(ctx context.Context) (Summary, error) {
	var s Summary
	err := r.Do(ctx, func(t *Table) {
		s = Summary{ID: t.id, Players: t.Seated(), Still: t.still != 0, Epoch: t.epoch, Seq: t.seq, State: t.game.State(t, false)}
		for _, p := range t.present {
			if p.Online() {
				s.Online++
			}
			if p.awaited {
				s.Awaited++
			}
		}
		s.Spectators = len(t.present) - s.Players
	})
	if err != nil {
		return Summary{}, err // and s is not touched: the room may be writing it
	}
	return s, nil
}

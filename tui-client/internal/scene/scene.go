// Package scene is what a player knows of a dice table: it takes the client's events and keeps the
// picture that the screen draws and the lines that the log shows. It is pure: time comes from
// outside, nothing here waits or draws.
package scene

import (
	"slices"
	"time"

	"croupier/servers/client"
)

// Link is the state of the connection.
type Link int

const (
	Connecting Link = iota
	Online
	Lost   // the next attempt is at RetryAt
	Closed // for good
)

// Phase is where the game is.
type Phase int

const (
	Unknown Phase = iota // not at a table, or the table has not said yet
	Rolling
	Pausing // between two rounds: the dice of the last one lie open
)

// Player is somebody at the table.
type Player struct {
	ID     int64
	Seat   int32 // -1: a spectator
	Online bool
}

// Scene is one player's view of one table. Methods with a pointer receiver change it.
type Scene struct {
	Me     int64
	Game   string
	Room   int64  // 0: whichever has a free seat
	Target string // where we connect to, as client.Target names it; may be empty
	Seated bool   // at the table, in a seat or as a spectator
	Wants  bool   // sits down as soon as there is a connection
	Came   bool   // was at the table at some time

	Link     Link
	Attempt  int       // of the connection being made
	RetryAt  time.Time // of the next one
	Trouble  error     // why the link is Lost or Closed
	Finished int       // rounds settled while we were there

	Players  map[int64]Player
	Seats    int // as the scene says; at least, where an older server does not
	Round    uint64
	Phase    Phase
	Ends     time.Time     // of the phase
	Length   time.Duration // of the phase
	Dice     map[int64]int32
	RolledAt map[int64]time.Time // when each die began to roll, as seen here
	Winners  []int64             // of the last round, while its dice lie open
	Wins     map[int64]int       // rounds won, since we came
	Settled  time.Time           // when Winners was told

	Still bool          // the room stands still: its clock, too
	left  time.Duration // of the phase, since it stands still

	had bool // a connection that was good for something, since the last Lost
	met bool // there was a connection at some time

	// What the log said last of a Lost, and when, so that it repeats it only after a pause that grows.
	said   string
	saidAt time.Time
	hush   time.Duration

	// before is who was at the table when we last sat down, so that the log need not repeat it.
	before     map[int64]Player
	beforeRoom int64
	playersIn  int64 // the room that Players are of

	// stale says that the next Player that comes is the first of a new list: we sit down anew.
	stale bool

	// listed are those who were named since the room's server changed, until the scene says that this
	// was the whole list; nil: it has not changed.
	listed map[int64]bool
	warned bool // the room said that it is about to move
}

// StandardSeats is what a table has where the server does not say and nobody sits further out.
const StandardSeats = 4

// mostSeats is how many seats are drawn at most, whatever a server says.
const mostSeats = 64

// New returns the scene before anything is known, of a player who wants to sit at a table.
func New(me int64, place client.Place) *Scene {
	return &Scene{
		Me: me, Game: place.Game, Room: place.Room, Wants: true,
		Players: map[int64]Player{}, Seats: StandardSeats, Dice: map[int64]int32{},
		RolledAt: map[int64]time.Time{}, Wins: map[int64]int{},
	}
}

// Rolled says whether a user has rolled in this round.
func (s *Scene) Rolled(user int64) bool {
	_, rolled := s.Dice[user]
	return rolled
}

// Self is the player whose scene this is, where the table knows us.
func (s *Scene) Self() (Player, bool) {
	p, known := s.Players[s.Me]
	return p, known && s.Seated
}

// MayRoll says whether a roll makes sense now.
func (s *Scene) MayRoll() bool {
	me, there := s.Self()
	return there && s.Link == Online && me.Seat >= 0 && s.Phase == Rolling && !s.Rolled(s.Me) && !s.Still
}

// At returns who has a seat.
func (s *Scene) At(seat int) (Player, bool) {
	for _, p := range s.Players {
		if int(p.Seat) == seat {
			return p, true
		}
	}
	return Player{}, false
}

// Spectators are the users without a seat, in order.
func (s *Scene) Spectators() []int64 {
	var ids []int64
	for _, p := range s.Players {
		if p.Seat < 0 {
			ids = append(ids, p.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// Tally is how many of the seated have rolled.
func (s *Scene) Tally() (rolled, seated int) {
	for _, p := range s.Players {
		if p.Seat >= 0 {
			seated++
			if s.Rolled(p.ID) {
				rolled++
			}
		}
	}
	return rolled, seated
}

// Left is what is left of the phase, never negative.
func (s *Scene) Left(now time.Time) time.Duration {
	if s.Phase == Unknown {
		return 0
	}
	if s.Still {
		return s.left
	}
	return max(0, s.Ends.Sub(now))
}

// Won says whether a user won the round whose dice lie open.
func (s *Scene) Won(user int64) bool { return slices.Contains(s.Winners, user) }

// SitAt is called when the player asks for a seat.
func (s *Scene) SitAt(room int64) {
	s.Room, s.Wants, s.stale = room, true, true
}

// forgetTable drops what is known of the table.
func (s *Scene) forgetTable() {
	s.before, s.beforeRoom = s.Players, s.playersIn
	s.playersIn = s.Room
	s.Players = map[int64]Player{}
	clear(s.Dice)
	clear(s.RolledAt)
	s.Phase, s.Winners, s.Seats, s.Round = Unknown, nil, StandardSeats, 0
	s.stale, s.listed, s.Still = false, nil, false
}

// leaveTable is forgetTable for a player who is at no table any more.
func (s *Scene) leaveTable() {
	s.forgetTable()
	s.Seated, s.Wants, s.before = false, false, nil
}

// Act is what a player who plays by itself does next.
type Act int

const (
	Wait Act = iota
	Sit
	Roll
)

// Next decides for a player who plays by itself: it sits down where it does not sit, and rolls
// some time into the round, which depends on who it is so that a table full of them looks alive.
func (s *Scene) Next(now time.Time) Act {
	switch {
	case s.Link != Online:
		return Wait
	case !s.Seated && !s.Wants:
		return Sit
	case !s.MayRoll():
		return Wait
	}
	hesitation := 400*time.Millisecond + time.Duration((uint64(s.Me)*7919+s.Round*104729)%1600)*time.Millisecond
	if began := s.Ends.Add(-s.Length); now.Before(began.Add(min(hesitation, s.Length/2))) {
		return Wait
	}
	return Roll
}

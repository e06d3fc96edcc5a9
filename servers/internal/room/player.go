package room

import "time"

// Spectating is the seat of a player who has none.
const Spectating = -1

// AnySeat asks for whichever seat is free, or for the spectators' bench where none is.
const AnySeat = -1

// SeatOnly asks for whichever seat is free, and never for the bench. A client can't ask for it.
const SeatOnly = -2

// Player is someone who is in the room: in a seat, online or not, or watching. Only the room's
// goroutine may touch it.
type Player struct {
	id      int64
	seat    int
	session Session // nil: offline, or awaited
	replies []reply // the last ones, oldest first

	// awaited players of a restored room were online where it comes from. Everyone takes them for
	// online; they have no session yet.
	awaited bool
	missed  bool       // of the awaited: is told everything anew, rather than what is kept
	kept    []outgoing // of the awaited: what they were sent meanwhile
	weight  int        // of kept, in bytes

	away time.Time // until when a severed player keeps the seat, whatever the game says; zero: is not severed
}

// ID is the user's number.
func (p *Player) ID() int64 { return p.id }

// Seat is the player's seat from 0, or Spectating.
func (p *Player) Seat() int { return p.seat }

// Seated tells a player from a spectator.
func (p *Player) Seated() bool { return p.seat != Spectating }

// Online says whether the player is connected, or awaited after the room's move.
func (p *Player) Online() bool { return p.session != nil || p.awaited }

// expected says that the player is not connected, and may come back to what was left.
func (p *Player) expected() bool { return p.awaited || !p.away.IsZero() }

// listens says that what is sent to a player without a session is kept.
func (p *Player) listens() bool { return p.awaited && !p.missed }

// attach gives the player a session, or none. Who is awaited is so no more, and what was kept is void.
func (p *Player) attach(s Session) {
	p.session, p.awaited, p.away = s, false, time.Time{}
	p.kept, p.weight = nil, 0
}

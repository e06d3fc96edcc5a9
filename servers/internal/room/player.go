package room

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
	session Session // nil: offline
}

// ID is the user's number.
func (p *Player) ID() int64 { return p.id }

// Seat is the player's seat from 0, or Spectating.
func (p *Player) Seat() int { return p.seat }

// Seated tells a player from a spectator.
func (p *Player) Seated() bool { return p.seat != Spectating }

// Online says whether the player is connected.
func (p *Player) Online() bool { return p.session != nil }

package room

// Resume takes up the place of a player who is awaited or offline, on a new session. Who is in the
// room on another session gets End(Replaced), who is not in it End(Absent), and nothing was sent.
// A player of a seamless room goes on with the next message. Any other is told everything anew, as
// after Enter: what was heard before of who is in the room is void. ErrClosed: the room has
// ended, and the session was told nothing.
func (r *Room) Resume(s Session) error { return nil }

// Sever tells that a session's way was lost through no fault of the player's. It takes the place of
// Leave: the player is offline, and keeps the seat for Config.Away whatever the game says.
func (r *Room) Sever(s Session) {}

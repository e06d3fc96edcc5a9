package room

// Game is the rules of one kind of game, played in one room. All methods run on the room's
// goroutine, one at a time, and must not block. A panic ends this room, not the process.
// roomtest.Conform tests a game against what is said here.
type Game interface {
	// Start begins the game in a new and empty room. After an error there is no room.
	Start(t *Table) error

	// Enter tells that p is here: newly seated, a new spectator, moved to another seat or to the
	// bench, or back after a lost connection. Everyone was told already; what is left is to show p the
	// scene. Who has come to the bench takes no part any more. It may be called again and again, to
	// show the scene anew.
	Enter(t *Table, p *Player)

	// Receive handles a message whose opcode the core does not know. An error refuses the request;
	// a *Refusal says with which code. Nothing may have changed then, and nothing been said. Else the
	// first message that echoes the request is its reply, and is remembered as such.
	Receive(t *Table, q Request) error

	// MayLeave says whether p can be taken out of the game now, and changes nothing. Where p can't
	// leave, p keeps the seat, offline, until the game calls Table.DismissAbsent at a time when
	// MayLeave says yes.
	MayLeave(t *Table, p *Player) bool

	// Left tells that p is gone for good: not among Table.Players any more. The game sees to it that
	// nobody waits for p, and sooner or later closes a room that is empty. It is called once for
	// each player, also from within DismissAbsent, which it may call itself.
	Left(t *Table, p *Player)

	// AtRest says that this is a good moment to move the room: nothing is being played, or nothing
	// that a player would miss a few seconds of. It changes nothing.
	AtRest(t *Table) bool

	// Settle brings what is being played to its end at once, by the rules, because the room is
	// about to be closed from outside. Everyone may leave then.
	Settle(t *Table)

	// State describes the game in a line or two for a person. It may hold what players must not
	// see only if reveal is set.
	State(t *Table, reveal bool) string

	// Snapshot encodes everything that Restore needs, the time left on timers included.
	Snapshot(t *Table) ([]byte, error)

	// Restore takes the place of Start in a room that comes from a snapshot. The players are there,
	// and those are online who were: the room waits for them, and its clocks stand still until one is
	// back. Who is not back after Config.Grace has lost the connection. A snapshot that is damaged or of a version that this build does not know is an error.
	Restore(t *Table, snapshot []byte) error
}

// Request is one message of a present player.
type Request struct {
	From *Player
	Op   uint32
	Body []byte // valid until Receive returns
	ID   uint64 // the player's number for it, to be echoed in the reply; 0: none
}

// Refusal says why a request was refused. Its codes are the published ones.
type Refusal struct {
	Code   int32
	Reason string // for the player
	Detail string // for a developer
}

func (r *Refusal) Error() string { return r.Reason }

// The published codes of refusals that the core makes or that many games share.
const (
	CodeFail           int32 = 1
	CodeUnknownCommand int32 = 101
	CodeStatusMismatch int32 = 102
	CodeSpectator      int32 = 103
)

// Refuse returns a *Refusal.
func Refuse(code int32, reason string) error { return &Refusal{Code: code, Reason: reason} }

package room

// Session is one player's way out of the room: where the room's messages to that player go. Its
// methods are called on the room's goroutine and must return at once: they queue, within a bound,
// and where the bound is reached they end the session by themselves and call Room.Leave later.
type Session interface {
	// User is the player's id, always the same, always positive.
	User() int64
	// Send queues one message. The session must not keep or change body after it returns.
	Send(op uint32, body []byte, meta Meta)
	// End tells that the room will send nothing more, and why. It is the last call.
	End(reason Reason)
}

// Meta is what the room says about a message: see the published format.
type Meta struct {
	Epoch   uint64
	Seq     uint64
	Request uint64
}

// Reason is why a room has ended a session.
type Reason uint8

const (
	Stood     Reason = iota // the player left the room
	Disbanded               // the room is closed
	Replaced                // the same user came back on a newer session
	Retry                   // the room goes away here; the player should come again
	Refused                 // the player could not enter; an error was sent before
	Moved                   // the room goes on at another server
	Lost                    // somebody else owns the room; what it did last may not have happened
	Absent                  // who wanted to resume is not in the room; nothing was sent
	Full                    // there is no free seat for who wanted a seat only; nothing was sent
)

func (r Reason) String() string {
	return [...]string{"stood up", "disbanded", "replaced", "retry", "refused", "moved", "lost", "absent", "full"}[r]
}

// Encoder puts what the core itself says into the message format.
type Encoder interface {
	User(id int64, seat int, online bool) Message
	Stood(id int64) Message
	Online(id int64, online bool) Message
	Printed(state string) Message
	Refused(r *Refusal) Message
	Disconnected(why Reason) Message
	Closing(text string) Message
	Moving(text string) Message
	Waiting(text string) Message
}

// Message is an opcode and an encoded body, which nobody changes once the room has it: it may wait.
type Message struct {
	Op   uint32
	Body []byte
}

package client

import (
	"time"

	"croupier/servers/wire"
)

// Event is one thing that happened, in order: Message, Connecting, Connected, Resumed,
// NotResumed, Lost or Closed.
type Event interface{ event() }

// Message is what the server said.
type Message struct {
	Op   wire.Command
	Body wire.WithMeta // its Meta, where the server sends one, has the epoch, the sequence number and the request it answers
	At   time.Time     // when it was read from the network
}

// Connecting says that an attempt to connect begins.
type Connecting struct {
	Attempt int // 1 is the first since the last connection that worked
}

// Connected says that requests can be sent. A player who sat is not back in the seat before
// Resumed.
type Connected struct{}

// Resumed says that the player sits again where the connection broke.
type Resumed struct {
	Place Place
	Moved bool // somebody else has the old seat; Place.Seat is the new one
}

// NotResumed says that the server would not let the player back into the room. The connection
// stands; Sit may try elsewhere.
type NotResumed struct {
	Place Place
	Err   error
}

// Lost says that the connection broke, or could not be made, and when the next attempt follows.
type Lost struct {
	Err     error
	RetryIn time.Duration
}

// Closed is the last event.
type Closed struct {
	Err error // ErrClosed after Close; otherwise why the client does not come back
}

func (Message) event()    {}
func (Connecting) event() {}
func (Connected) event()  {}
func (Resumed) event()    {}
func (NotResumed) event() {}
func (Lost) event()       {}
func (Closed) event()     {}

// AnySeat asks for whatever seat is free, or for a spectator's place where none is.
const AnySeat int32 = -1

// Place is where to sit.
type Place struct {
	Game string
	Room int64 // 0: the room that the player is in, or any with a free seat; in answers, the room's number
	Seat int32 // AnySeat: any
}

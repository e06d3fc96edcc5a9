package room

import "errors"

// ErrLost reports that somebody else owns the room.
var ErrLost = errors.New("somebody else owns the room")

// Record is where a room is stored. Its methods do not block. Each done is called once, from any
// goroutine, perhaps before the method has returned. A Record retries what fails by itself, for as
// long as it takes: an error wraps ErrLost, and the room ends.
type Record interface {
	// Save stores a snapshot, which nobody changes any more. It is called again only after done.
	Save(snapshot []byte, done func(error))
	// Close removes what is stored, because the room has ended. It is called at most once, and nothing
	// is called after it. Where a save is under way still, that save is of no interest any more.
	Close(done func(error))
}

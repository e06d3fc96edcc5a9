package room

import "time"

// Outcome is how the giving away of a room has ended.
type Outcome uint8

const (
	Kept  Outcome = iota // nobody took it: the room goes on here
	Given                // another server runs it: sessions end with Moved
	Taken                // somebody else owns it, and this room must not speak any more: sessions end with Lost
)

// Handover gives the room away. The room waits until its game is at rest, but no longer than by;
// then it stands still, with everything stored, and give is called, at most once, on the room's
// goroutine: it must return at once. The room stands still until answer is called, from any
// goroutine, once. Players' messages wait meanwhile. A second call while the first waits for the
// game takes its place. Where the room ends before, give is not called.
func (r *Room) Handover(by time.Duration, give func(snapshot []byte, answer func(Outcome))) {}

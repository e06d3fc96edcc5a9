package measure

import "cmp"

// Phase is what took the time.
type Phase uint8

const (
	Dial     Phase = iota // from the intended moment to the TCP connection
	Auth                  // TLS and the WebSocket handshake with the token; direct: opening the stream
	Seat                  // from the request to sit down to the own seat
	Action                // from the moment at which a bot meant to roll to the server's acknowledgement
	Skew                  // between the first and the last of a room's bots to hear of a settlement
	Reseat                // from the loss of a connection to the own seat again
	Late                  // from the moment at which a round should have been settled, or started, to the one at which it was
	Lag                   // from the moment at which a bot meant to act to the one at which the bytes were sent: the generator's own. Connecting is in Dial: of a storm, nobody sends everything at one moment
	Move                  // from the moment at which a bot meant to change its seat to the one at which it was told of the new one
	Ping                  // from the moment at which a bot meant to ask its room for an answer to the answer
	Blackout              // of an action, a move, a ping: those under way while the room was handed to another server
	Recovery              // of those under way when the room's server died; and from the loss of a connection that was not the bot's doing, or the request before it that was not answered, to the own seat again
	Phases
)

var names = [Phases]string{"dial", "auth", "seat", "action", "skew", "reseat", "late", "lag", "move", "ping", "blackout", "recovery"}

// String is the phase's name in scenarios and reports.
func (p Phase) String() string { return names[p] }

// ComparePhases compares names of phases by the order in which phases happen; names that this version
// does not know come last.
func ComparePhases(a, b string) int {
	place := func(name string) Phase {
		if p, known := ParsePhase(name); known {
			return p
		}
		return Phases
	}
	return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
}

// ParsePhase finds a phase by its name.
func ParsePhase(name string) (Phase, bool) {
	for p, n := range names {
		if n == name {
			return Phase(p), true
		}
	}
	return 0, false
}

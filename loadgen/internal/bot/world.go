package bot

import (
	"time"

	"croupier/loadgen/internal/clock"
	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
)

// World is where bots live. Its methods are called by many bots at once, each with its own lock
// held, so that none may wait or call the bot back.
type World interface {
	// Now is the time since the begin of the run.
	Now() time.Duration

	// SetAlarm makes an alarm go off at a time since the begin of the run; StopAlarm makes it not.
	SetAlarm(a *clock.Alarm, at time.Duration)
	StopAlarm(a *clock.Alarm)

	// Open connects, as link.Target does: with each turn to the next address.
	Open(user int64, turn int, h link.Handler)

	// Rooms returns the number of a room, for a chance from [0,1).
	Room(chance float64) int64

	// See is told everything that the bots of a room see, and what became of their connections.
	See(room int64, e oracle.Event)

	// Settled is told when a bot heard of a settlement.
	Settled(room int64, epoch, seq uint64, at time.Duration)

	// Took is told how long something took.
	Took(p measure.Phase, server measure.Version, d time.Duration)

	// Server numbers the version of a server.
	Server(name string) measure.Version

	Moved(from, to State)
	Sent()
	Connected()
	Lost(b *Bot, own bool)            // the connection of a bot that was at a table
	Back(b *Bot, after time.Duration) // the bot is at the table again
	Trouble(err error)                // something went wrong that the bot did not do itself
}

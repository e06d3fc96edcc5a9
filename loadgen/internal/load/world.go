package load

import (
	"errors"
	"time"

	"croupier/loadgen/internal/bot"
	"croupier/loadgen/internal/clock"
	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/servers/client"
	"croupier/servers/wire"
)

// A swarm is the bot.World of its bots.
var _ bot.World = (*Swarm)(nil)

// Now is the time since the begin of the run.
func (s *Swarm) Now() time.Duration { return time.Since(s.began) }

// SetAlarm wakes a bot.
func (s *Swarm) SetAlarm(a *clock.Alarm, at time.Duration) { s.clock.Set(a, s.began.Add(at)) }

// StopAlarm lets it sleep.
func (s *Swarm) StopAlarm(a *clock.Alarm) { s.clock.Stop(a) }

// Open connects a bot.
func (s *Swarm) Open(user int64, turn int, h link.Handler) {
	s.config.Target.Open(s.kill, user, turn, h)
}

// Room is a room of the run.
func (s *Swarm) Room(chance float64) int64 {
	return s.config.FirstRoom + int64(chance*float64(s.config.Scenario.RoomCount()))
}

// See lets the oracle see.
func (s *Swarm) See(room int64, e oracle.Event) { s.oracle.See(room, e) }

// Settled measures by how much the bots of a room hear of a settlement one after the other.
func (s *Swarm) Settled(room int64, epoch, seq uint64, at time.Duration) {
	if after, known := s.skew.heard(room, epoch, seq, at); known {
		s.recorder.Record(measure.Skew, 0, after)
	}
}

// Took records a time.
func (s *Swarm) Took(p measure.Phase, server measure.Version, d time.Duration) {
	s.recorder.Record(p, server, d)
}

// Server numbers a version.
func (s *Swarm) Server(name string) measure.Version { return s.recorder.Version(name) }

// Moved counts the bots by their states.
func (s *Swarm) Moved(from, to bot.State) {
	s.states[from].Add(-1)
	s.states[to].Add(1)
	switch {
	case from == bot.Gone:
		s.came.Add(1)
	case from == bot.Connecting && (to == bot.Seated || to == bot.Watching):
		s.seated.Add(1)
	}
	if to == bot.Gone {
		s.playing.Done()
	}
}

// Sent counts requests.
func (s *Swarm) Sent() { s.sent.Add(1) }

// Connected counts connections.
func (s *Swarm) Connected() { s.links.Add(1) }

// Lost takes that a bot at a table lost its connection.
func (s *Swarm) Lost(b *bot.Bot, own bool) {
	b.Wave = s.waves.lost(s.Now(), own, s.atTables())
}

// atTables is how many bots are at their tables.
func (s *Swarm) atTables() int {
	return int(s.states[bot.Seated].Load() + s.states[bot.Watching].Load())
}

// Back takes that a bot has its place again.
func (s *Swarm) Back(b *bot.Bot, after time.Duration) { s.waves.back(b.Wave, after) }

// Trouble counts what went wrong.
func (s *Swarm) Trouble(err error) {
	var closed *client.CloseError
	if errors.As(err, &closed) && closed.Code == wire.CloseTooSlow {
		s.slow.Add(1)
	}
	s.troubles.add(err, errors.Is(err, client.ErrUnauthorized))
}

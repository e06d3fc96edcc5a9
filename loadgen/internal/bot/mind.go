package bot

import (
	"math/rand/v2"
	"time"

	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/scenario"
)

// Style is how a bot plays.
type Style struct {
	Think     time.Duration // mean time before it rolls; at most four fifths of what is left of the round
	Leave     float64       // chance in each round that it stands up: before its roll, after it, or after the settlement
	Rest      time.Duration // mean time until it sits down again
	Hop       float64       // chance that it then does so in another room
	Bench     float64       // chance after each round that it goes to the bench, or from there to a seat, or to another seat
	Ping      time.Duration // mean time between two pings of its room; 0: it sends none
	Idle      float64       // share of bots that never roll
	Stay      time.Duration // mean time after which it goes for good; 0: it does not
	Flap      float64       // mean breaks of its connection a minute
	Reconnect scenario.Model
	Backoff   time.Duration // of the model
}

// mind decides what a bot does. It holds no clock and no connection: the same seed and the same
// events give the same decisions.
type mind struct {
	style    *Style
	random   rand.Rand
	user     int64
	idle     bool
	watches  bool
	stopping bool

	leaves moment // in this round
}

// moment is when in a round a bot stands up.
type moment uint8

const (
	stays moment = iota
	beforeRoll
	afterRoll
	afterSettlement
)

func newMind(c Config) mind {
	m := mind{style: c.Style, user: c.User, watches: c.Watches, random: *rand.New(rand.NewPCG(c.Seed, uint64(c.User)))}
	m.idle = m.chance(c.Style.Idle)
	return m
}

// consider decides after an event what to do next, and in how long.
func (m *mind) consider(e *oracle.Event, hasSeat bool) (act, time.Duration) {
	if m.stopping {
		return nothing, 0
	}
	switch e.Kind {
	case oracle.Started:
		return m.newRound(e.Length, hasSeat)
	case oracle.Scene:
		if m.watches && hasSeat {
			return change, 0
		}
		rolled := false
		for _, d := range e.Dice {
			rolled = rolled || d.User == m.user
		}
		if e.InRound && !rolled {
			return m.newRound(e.Length, hasSeat)
		}
	case oracle.Settled:
		if m.leaves == afterSettlement {
			m.leaves = stays
			return stand, m.between(0, min(e.Length, longestPause))
		}
		if m.watches && hasSeat || !m.watches && m.style.Bench > 0 && m.chance(m.style.Bench) {
			return change, m.between(0, min(e.Length, longestPause)/2)
		}
	}
	return nothing, 0
}

func (m *mind) newRound(left time.Duration, hasSeat bool) (act, time.Duration) {
	m.leaves = stays
	if m.chance(m.style.Leave) {
		m.leaves = beforeRoll + moment(m.random.IntN(3))
	}
	think := max(min(m.exponential(m.style.Think), left/5*4), 0) // whatever a server says is left
	switch {
	case m.leaves == beforeRoll:
		return stand, think
	case hasSeat && !m.idle && !m.watches:
		return roll, think
	}
	return nothing, 0
}

// longestPause bounds what a server may say of the pause between two rounds.
const longestPause = time.Minute

// leavesNow says whether the bot stands up right after its roll.
func (m *mind) leavesNow() bool { return m.leaves == afterRoll }

// rest is how long to stay away from the table.
func (m *mind) rest() time.Duration { return m.exponential(m.style.Rest) }

// seat is where it goes from a seat, or from the bench (-1), at a table of so many: to the bench, or to any
// other seat, whether it is free or not.
func (m *mind) seat(from, seats int32) int32 {
	if seats < 2 || from >= 0 && (m.watches || m.chance(0.5)) {
		return -1
	}
	to := m.random.Int32N(seats)
	if to == from {
		to = (to + 1) % seats
	}
	return to
}

// untilPing is the time to the next ping; 0: never.
func (m *mind) untilPing() time.Duration {
	if m.style.Ping <= 0 {
		return 0
	}
	return max(m.exponential(m.style.Ping), time.Millisecond)
}

// hops says whether the bot sits down in another room.
func (m *mind) hops() bool { return m.style.Hop > 0 && m.chance(m.style.Hop) }

// stay is how long the bot takes part in the run; 0: to its end.
func (m *mind) stay() time.Duration {
	if m.style.Stay <= 0 {
		return 0
	}
	return max(m.exponential(m.style.Stay), time.Millisecond)
}

// untilBreak is the time to the next break of the connection; 0: never.
func (m *mind) untilBreak() time.Duration {
	if m.style.Flap <= 0 || m.stopping {
		return 0
	}
	return max(m.exponential(time.Duration(float64(time.Minute)/m.style.Flap)), time.Millisecond)
}

func (m *mind) chance(p float64) bool { return m.random.Float64() < p }

func (m *mind) between(low, high time.Duration) time.Duration {
	return low + time.Duration(m.random.Float64()*float64(max(high-low, 0)))
}

// exponential is a time with a mean, as between events that know nothing of each other; never more
// than ten times the mean.
func (m *mind) exponential(mean time.Duration) time.Duration {
	return time.Duration(min(m.random.ExpFloat64(), 10) * float64(mean))
}

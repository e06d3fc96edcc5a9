package scenario

import (
	"fmt"
	"math"
	"time"
)

// players is the largest number of bots that are no spectators, at one time.
func (s Scenario) players() int {
	most := s.Bots
	for _, stage := range s.Stages {
		most = max(most, stage.Bots)
	}
	return most
}

// RoomCount is how many rooms the bots share.
func (s Scenario) RoomCount() int {
	if s.Rooms > 0 {
		return s.Rooms
	}
	perRoom := max(s.PerRoom, 1)
	return (s.players() + perRoom - 1) / perRoom
}

// Most is the largest number of bots at one time, spectators among them. Bots are numbered from 0;
// those from Most() - Spectators*RoomCount() on are the spectators.
func (s Scenario) Most() int { return s.players() + s.Spectators*s.RoomCount() }

// Length is how long the run goes on; 0: until it is stopped.
func (s Scenario) Length() time.Duration {
	if len(s.Stages) == 0 {
		return s.For
	}
	var sum time.Duration
	for _, stage := range s.Stages {
		sum += stage.For
	}
	return sum
}

// Wanted is how many bots the scenario wants at a time since the begin of the run: never more than
// Most, and without jumps other than a ramp or a stage of no length. The first bot of a ramp comes
// at once. With open arrival it is the number to be expected.
func (s Scenario) Wanted(at time.Duration) int {
	switch {
	case at < 0:
		return 0
	case len(s.Stages) > 0:
		before := 0
		for _, stage := range s.Stages {
			if at < stage.For {
				return between(before, stage.Bots, at, stage.For)
			}
			at -= stage.For
			before = stage.Bots
		}
		return before
	case s.Rate > 0:
		stay := s.Stay.Seconds()
		if stay <= 0 {
			return 0
		}
		return min(s.Bots, int(math.Round(s.Rate*stay*-math.Expm1(-at.Seconds()/stay))))
	}
	return between(0, s.Most(), at, s.Ramp)
}

// between goes evenly from one number to another. Who is to come comes at the begin of its part of
// the time, and who is to go at the end of it.
func between(from, to int, at, over time.Duration) int {
	if at >= over || from == to {
		return to
	}
	moved := int(float64(to-from) * (float64(at) / float64(over)))
	if to > from {
		return min(from+moved+1, to)
	}
	return from + moved
}

// StormAt is the time of the n-th storm, counted from 0. False: there is none.
func (s Scenario) StormAt(n int) (time.Duration, bool) {
	if n < 0 || s.StormEvery <= 0 || int64(n) >= math.MaxInt64/int64(s.StormEvery)-1 {
		return 0, false
	}
	at := time.Duration(n+1) * s.StormEvery
	length := s.Length()
	return at, length == 0 || at < length
}

// Stage is the name of the part of the run at a time, for people.
func (s Scenario) Stage(at time.Duration) string {
	length := s.Length()
	switch {
	case length > 0 && at >= length:
		return "over"
	case len(s.Stages) > 0:
		for i, stage := range s.Stages {
			if at -= stage.For; at < 0 {
				return fmt.Sprintf("stage %d of %d", i+1, len(s.Stages))
			}
		}
		return "over"
	case s.Rate > 0:
		return "arrivals"
	case at < s.Ramp:
		return "ramp"
	}
	return "hold"
}

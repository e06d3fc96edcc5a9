package capacity

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

// What is what the servers are asked to hold more and more of.
type What string

const (
	Bots       What = "bots"       // at tables at once
	Rooms      What = "rooms"      // open at once, each full
	Reconnects What = "reconnects" // connections a second that are lost and come back
)

// Whats are all of them.
func Whats() []What { return []What{Bots, Rooms, Reconnects} }

const (
	// perReconnect is how many bots make 100 reconnects a second, where each loses its connection
	// every 3 seconds in which it has one, and is away for a good tenth of a second each time.
	perReconnect = 315
	breaks       = 20 // of a bot's connection, a minute
	// pause is how long a bot waits before it connects again.
	pause = 125 * time.Millisecond
	// arrivals is how many bots come in a second, as a trial begins.
	arrivals = 400
	// enoughReturns is the share of the reconnects asked for that a trial must have brought.
	enoughReturns = 0.8
)

// Objectives are those of a search whose scenario has none.
func (w What) Objectives() []scenario.Objective {
	objectives := []scenario.Objective{
		{Phase: "seat", Percentile: 99, Limit: 500 * time.Millisecond},
		{Phase: "action", Percentile: 99, Limit: 50 * time.Millisecond},
	}
	if w == Reconnects {
		objectives = append(objectives, scenario.Objective{Phase: "reseat", Percentile: 99, Limit: time.Second})
	}
	return objectives
}

// Most is the largest load that scenarios have room for.
func (w What) Most(base scenario.Scenario) int {
	switch w {
	case Rooms:
		return scenario.MostBots / max(base.PerRoom, 1)
	case Reconnects:
		return scenario.MostBots * 100 / perReconnect
	}
	return scenario.MostBots
}

// scenario is what to play for a load: the base with as many bots as that takes, for trial after
// all have come.
func (w What) scenario(base scenario.Scenario, load int, trial time.Duration) scenario.Scenario {
	s := base
	s.Stages, s.Rate, s.Stay, s.Spectators, s.Rooms = nil, 0, 0, 0, 0
	s.Name = fmt.Sprintf("capacity of %d %s", load, w)
	switch w {
	case Bots:
		s.Bots = load
	case Rooms:
		s.Bots = load * max(s.PerRoom, 1)
	case Reconnects:
		s.Bots = (load*perReconnect + 99) / 100
		s.Flap = breaks
		s.StormEvery = 0
		if s.Reconnect == scenario.Jitter { // whose pauses grow with each break, and are not the servers' time
			s.Reconnect, s.Backoff = scenario.Fixed, pause
		}
	}
	s.Ramp = max(time.Duration(s.Bots)*time.Second/arrivals, 100*time.Millisecond).Round(time.Millisecond)
	s.For = s.Ramp + trial
	if s.StormEvery >= s.For {
		s.StormEvery = 0
	}
	if s.RoomCount() < 2 {
		s.Hop = 0
	}
	if len(s.SLO) == 0 {
		s.SLO = w.Objectives()
	}
	return s
}

// Trial is one load that was tried.
type Trial struct {
	Load    int     `json:"load"`
	Outcome Outcome `json:"outcome"`
	Why     string  `json:"why"` // what gave way; empty where all was held
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"`     // of the generator, in cores
	Machine float64 `json:"machine"` // share of its processors that was busy with anything
	Returns float64 `json:"returns"` // reconnects a second
}

// judge says what came of a trial. What the generator could not do is no fault of the servers;
// what the servers did not answer is.
func (w What) judge(run *result.Run, load int) Trial {
	t := Trial{Load: load, Seconds: run.Seconds, CPU: run.Health.CPU, Machine: run.Health.Machine, Returns: returns(run)}
	switch run.Verdict {
	case result.Pass:
		if asked := float64(load); w == Reconnects && t.Returns < enoughReturns*asked {
			t.Outcome, t.Why = Spent, fmt.Sprintf("only %.0f of %d reconnects a second came about", t.Returns, load)
		}
	case result.Fail, result.Missed:
		t.Outcome, t.Why = Gave, first(run.Reasons)
	default:
		t.Outcome, t.Why = Spent, first(run.Reasons)
		if !exhausted(run) && (run.Unusable != "" || run.Seated < run.Came) {
			t.Outcome = Gave
		}
	}
	return t
}

// exhausted says whether the generator itself was at its end.
func exhausted(run *result.Run) bool {
	h := run.Health
	return h.Slow > 0 || h.Seconds > 0 && (h.PortsLeft == 0 || h.FilesLeft == 0) || slices.ContainsFunc(run.Reasons, func(reason string) bool {
		return strings.HasPrefix(reason, "the generator")
	})
}

// returns is how many bots came back in a second, once all had come.
func returns(run *result.Run) float64 {
	var sum, seconds float64
	for _, s := range run.Series {
		if s.At > run.Scenario.Ramp.Seconds()+1 && s.At <= run.Scenario.For.Seconds() {
			sum += float64(s.Returns)
			seconds++
		}
	}
	return sum / math.Max(seconds, 1)
}

func first(reasons []string) string {
	if len(reasons) == 0 {
		return "for no reason that it tells"
	}
	return reasons[0]
}

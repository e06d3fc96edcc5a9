package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Act is what is done to a server, or to the network before it.
type Act string

const (
	Drain        Act = "drain"     // SIGTERM, wait for the exit, start again
	Kill         Act = "kill"      // kill -9, start again after Hold
	DrainAndKill Act = "half-kill" // SIGTERM, kill -9 after Lead, start again after Hold
	Pause        Act = "pause"     // SIGSTOP, SIGCONT after Hold
	Cut          Act = "cut"       // for Hold, nothing gets through between Target and Peer, in silence
)

// Step is one act. It begins at At, counted from the begin of the load, or when the step before it
// in its track has ended.
type Step struct {
	At     time.Duration
	Act    Act
	Target string
	Peer   string        // of a Cut
	Lead   time.Duration // of a DrainAndKill
	Hold   time.Duration
}

func (s Step) String() string {
	switch s.Act {
	case Cut:
		return fmt.Sprintf("%s %s from %s for %s", s.Act, s.Target, s.Peer, s.Hold)
	case DrainAndKill:
		return fmt.Sprintf("%s %s, %s after SIGTERM, gone for %s", s.Act, s.Target, s.Lead, s.Hold)
	case Drain:
		return fmt.Sprintf("%s %s", s.Act, s.Target)
	}
	return fmt.Sprintf("%s %s for %s", s.Act, s.Target, s.Hold)
}

// Shape is what a plan is made for.
type Shape struct {
	Games, Gates int
	Begin, End   time.Duration // no step is to begin outside
	Every        time.Duration // of kills and pauses; 0: the mode's own
}

// store is the name of the NATS server.
const store = "nats"

func gameName(i int) string { return "game-" + strconv.Itoa(i+1) }
func gateName(i int) string { return "gate-" + strconv.Itoa(i+1) }

// Modes are the plans there are, with what each proves.
var modes = []struct{ name, text string }{
	{"drains", "game servers, and gates now and then, are replaced one after the other: no round is lost"},
	{"kills", "kill -9 of a game server or a gate, at any moment, a drain's included: no acknowledged roll is lost"},
	{"network", "both, with delay in the network and game servers cut off from NATS: nothing splits"},
	{"pause", "a game server is stopped (SIGSTOP) past its lease and goes on: it acts as owner no more"},
	{"store", "NATS is killed or stopped and comes back: rooms wait, and go on"},
}

// plan makes the tracks of a mode, whose steps follow one another; the tracks run side by side. The
// same seed makes the same plan.
func plan(mode string, s Shape, seed uint64) ([][]Step, error) {
	p := planner{Shape: s, rand: rand.New(rand.NewPCG(seed, 0))}
	switch mode {
	case "drains":
		return [][]Step{p.drains()}, nil
	case "kills":
		return [][]Step{p.steps(15*time.Second, p.kill)}, nil
	case "network":
		both := func(at time.Duration) Step {
			if p.rand.IntN(2) == 0 {
				return Step{At: at, Act: Drain, Target: p.server()}
			}
			return p.kill(at)
		}
		return [][]Step{p.steps(15*time.Second, both), p.steps(20*time.Second, p.cut)}, nil
	case "pause":
		return [][]Step{p.steps(12*time.Second, p.pause)}, nil
	case "store":
		return [][]Step{p.steps(20*time.Second, p.outage)}, nil
	}
	return nil, fmt.Errorf("there is no plan %q", mode)
}

type planner struct {
	Shape
	rand *rand.Rand
}

// between is a duration to the millisecond, evenly spread.
func (p *planner) between(from, to time.Duration) time.Duration {
	return (from + time.Duration(p.rand.Int64N(int64(to-from)))).Round(time.Millisecond)
}

// server is a game server, or a gate where another one is left.
func (p *planner) server() string {
	n := p.Games
	if p.Gates > 1 {
		n += p.Gates
	}
	if i := p.rand.IntN(n); i >= p.Games {
		return gateName(i - p.Games)
	} else {
		return gameName(i)
	}
}

// steps are one in each period, somewhere in its first half.
func (p *planner) steps(every time.Duration, one func(at time.Duration) Step) []Step {
	if p.Every > 0 {
		every = p.Every
	}
	var steps []Step
	for at := p.Begin; at < p.End; at += every {
		if step := one(at + p.between(0, every/2)); step.At < p.End {
			steps = append(steps, step)
		}
	}
	return steps
}

// drains goes round the game servers, again and again, with a gate after each time round.
func (p *planner) drains() []Step {
	var round []string
	for i := range p.Games {
		round = append(round, gameName(i))
	}
	every := p.Every
	if every == 0 {
		every = 4 * time.Second
	}
	var steps []Step
	at := p.Begin
	for turn := 0; at < p.End; turn++ {
		names := slices.Clone(round)
		if p.Gates > 1 {
			names = append(names, gateName(turn%p.Gates))
		}
		for _, name := range names {
			if at < p.End {
				steps = append(steps, Step{At: at, Act: Drain, Target: name})
			}
			at += every + p.between(0, every/2)
		}
	}
	return steps
}

// kill is a kill; one in four hits a server in its drain.
func (p *planner) kill(at time.Duration) Step {
	step := Step{At: at, Act: Kill, Target: p.server(), Hold: p.between(1*time.Second, 5*time.Second)}
	if p.rand.IntN(4) == 0 {
		step.Act, step.Lead = DrainAndKill, p.between(0, 1500*time.Millisecond)
	}
	return step
}

// cut takes a game server from NATS for less or for more than its lease (2 s); one in four takes it from
// another game server, or from a gate.
func (p *planner) cut(at time.Duration) Step {
	first := p.rand.IntN(p.Games)
	step := Step{At: at, Act: Cut, Target: gameName(first), Peer: store, Hold: p.between(500*time.Millisecond, 6*time.Second)}
	switch p.rand.IntN(8) {
	case 0:
		step.Peer = gateName(p.rand.IntN(p.Gates))
	case 1:
		if p.Games > 1 {
			step.Peer = gameName((first + 1 + p.rand.IntN(p.Games-1)) % p.Games)
		}
	}
	return step
}

// pause stops a game server past its lease; one in four shorter than that.
func (p *planner) pause(at time.Duration) Step {
	step := Step{At: at, Act: Pause, Target: gameName(p.rand.IntN(p.Games)), Hold: p.between(3500*time.Millisecond, 5*time.Second)}
	if p.rand.IntN(4) == 0 {
		step.Hold = p.between(100*time.Millisecond, 2500*time.Millisecond)
	}
	return step
}

func (p *planner) outage(at time.Duration) Step {
	step := Step{At: at, Act: Kill, Target: store, Hold: p.between(500*time.Millisecond, 4*time.Second)}
	if p.rand.IntN(2) == 0 {
		step.Act = Pause
	}
	return step
}

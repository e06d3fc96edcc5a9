// Package load holds a population of bots for a while: it lets them in, breaks their connections,
// watches them, and sends them home.
//
// swarm.go is the run from its begin to its end; conduct.go lets bots in and out; world.go is what bots
// tell; wave.go and skew.go are what only many bots together can tell; second.go is what is told of the
// run each second; trouble.go puts errors into words; probe.go looks whether anyone is there at all.
package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"croupier/loadgen/internal/bot"
	"croupier/loadgen/internal/clock"
	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

// Config is who plays, where, and for how long.
type Config struct {
	Scenario  scenario.Scenario // that was checked
	Target    link.Target
	FirstUser int64
	FirstRoom int64
	Version   string        // of loadgen
	Notes     <-chan string // what is done to the servers meanwhile; nil: nothing
	Startup   time.Duration // how long nobody may have got a seat before the run is given up; default 10 s
}

// Swarm is a population of bots. It is for one run, and is the run's live.Control.
type Swarm struct {
	config Config
	style  bot.Style
	began  time.Time
	kill   context.Context
	stop   context.Context
	giveUp context.CancelCauseFunc

	clock    *clock.Clock
	oracle   *oracle.Oracle
	recorder *measure.Recorder
	skew     *skew
	waves    *waves
	troubles troubles

	playing sync.WaitGroup // bots that have not gone
	states  [bot.States]atomic.Int64
	wanted  atomic.Int64 // bots that are to be there now
	came    atomic.Int64
	seated  atomic.Int64 // bots that had a place at some time
	sent    atomic.Uint64
	links   atomic.Uint64 // connections made
	slow    atomic.Uint64 // connections that a server closed because the bot did not read

	commands chan command // bounded: what does not fit is dropped, as more of it makes no difference
	conductor

	mu    sync.Mutex
	notes []result.Note
}

// command is something that a live.Control asked for.
type command struct {
	storm float64
	scale float64
}

const mostCommands = 16

// New makes a swarm that has not begun to play. It fails where the system has no timer left.
func New(c Config) (*Swarm, error) {
	if c.Startup == 0 {
		c.Startup = 10 * time.Second
	}
	s := c.Scenario
	c.Target.Workers = link.NewWorkers()
	ticking, err := clock.New()
	if err != nil {
		return nil, err
	}
	swarm := &Swarm{
		config: c,
		clock:  ticking,
		style: bot.Style{
			Think: s.Think, Leave: s.Leave, Rest: s.Rest, Hop: s.Hop, Idle: s.Idle, Bench: s.Bench, Ping: s.Ping, Stay: stay(s),
			Flap: s.Flap, Reconnect: s.Reconnect, Backoff: s.Backoff,
		},
		oracle:   oracle.New(oracle.Config{Patience: s.Patience, Late: s.Late}),
		recorder: measure.NewRecorder(),
		skew:     newSkew(c.FirstRoom, s.RoomCount()),
		waves:    newWaves(),
		commands: make(chan command, mostCommands),
	}
	// From now on, as whoever shows the run may want it to end before it has begun.
	swarm.stop, swarm.giveUp = context.WithCancelCause(context.Background())
	return swarm, nil
}

// stay is for open arrivals only: a closed population stays.
func stay(s scenario.Scenario) time.Duration {
	if s.Rate > 0 {
		return s.Stay
	}
	return 0
}

// Storm breaks connections.
func (s *Swarm) Storm(share float64) { s.command(command{storm: share}) }

// Scale changes how many bots there are to be.
func (s *Swarm) Scale(factor float64) { s.command(command{scale: factor}) }

// Stop ends the run in an orderly way.
func (s *Swarm) Stop() { s.giveUp(nil) }

func (s *Swarm) command(c command) {
	select {
	case s.commands <- c:
	default:
	}
}

// Run plays until the scenario is over or stop is done, sends the bots home, and returns when all of
// them are. The end of kill breaks the run off. show is called once a second. The result is judged.
func (s *Swarm) Run(kill, stop context.Context, show func(live.Snapshot)) *result.Run {
	defer s.config.Target.Workers.Close()
	defer s.clock.Close()
	s.began = time.Now()
	s.kill = kill
	if length := s.config.Scenario.Length(); length > 0 {
		defer time.AfterFunc(length, s.Stop).Stop()
	}
	defer context.AfterFunc(stop, s.Stop)()
	defer context.AfterFunc(kill, s.Stop)()
	defer s.Stop()

	teller := newTeller(s)
	done := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() { teller.tell(done, show) })
	s.conduct()
	close(done)
	telling.Wait()
	return teller.finish()
}

// Package play runs a scenario against servers, shows it meanwhile, and returns the result with its
// verdict. loadgen's verbs and croupier's demo are built on it.
package play

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"croupier/loadgen/internal/export"
	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/load"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
	"croupier/servers"
	"croupier/servers/client"
)

// Config is what to run, where, and how to show it.
type Config struct {
	Scenario  scenario.Scenario
	Gate      string                           // URL of a gate, ws:// or wss://, or several of them with commas between; empty: Direct
	Direct    string                           // HOST:PORT of a game server, or several of them with commas between
	Token     func(user int64) (string, error) // asked before each connection, by many bots at once; nil: none is sent
	FirstUser int64                            // 0: DefaultUser
	FirstRoom int64                            // 0: DefaultRoom
	View      View
	Notes     <-chan string // what is done to the servers meanwhile, for the dashboard and the result; nil: nothing
	Metrics   string        // PORT or HOST:PORT at which Prometheus may ask while the run goes on; empty: nowhere
}

// Numbers from which bots and their rooms are counted, where nothing else is said: out of the way of
// people who try things with user 1 in room 1.
const (
	DefaultUser = 1_000_001
	DefaultRoom = 100_001
)

// View is how a run is shown. The result is shown by whoever called Run.
type View uint8

const (
	ViewNone      View = iota
	ViewDashboard      // a full screen on Streams.Out, with keys from Streams.In
	ViewLines          // a line a second on Streams.Err
	ViewJSON           // an object a second on Streams.Err
)

// Stages are the two stages of stopping: at the end of Stop bots get up from their tables, at the
// end of Kill everything is left as it is. Stop ends no later than Kill.
type Stages struct {
	Stop context.Context
	Kill context.Context
}

// Streams are where a run is shown.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// UsageError is a configuration that can't be played, and what to do about it.
type UsageError struct{ err error }

func (e *UsageError) Error() string { return e.err.Error() }
func (e *UsageError) Unwrap() error { return e.err }

func usage(format string, a ...any) error { return &UsageError{fmt.Errorf(format, a...)} }

// Run plays and returns the judged result. It fails with a *UsageError when the configuration can't be
// played, and with another error when the servers can't be reached at all, or the run can't be shown;
// what the servers do wrong is in the result.
func Run(stages Stages, c Config, s Streams) (*result.Run, error) {
	target, err := c.check()
	if err != nil {
		return nil, err
	}
	var metrics net.Listener
	if c.Metrics != "" {
		if metrics, err = export.Listen(c.Metrics); err != nil {
			return nil, &UsageError{err}
		}
		defer metrics.Close() // Serve has done so, unless nothing came of the run
	}
	if err := load.Probe(stages.Stop, target, c.FirstUser); err != nil {
		return nil, err
	}
	swarm, err := load.New(load.Config{
		Scenario: c.Scenario, Target: target, FirstUser: c.FirstUser, FirstRoom: c.FirstRoom,
		Version: servers.Version, Notes: c.Notes,
	})
	if err != nil {
		return nil, err
	}
	return c.show(stages, swarm, metrics, s)
}

// check completes the configuration, or refuses it.
func (c *Config) check() (link.Target, error) {
	if err := c.Scenario.Check(); err != nil {
		return link.Target{}, &UsageError{err}
	}
	if c.Scenario.Seed == 0 {
		c.Scenario.Seed = uint64(time.Now().UnixNano())
	}
	if c.FirstUser == 0 {
		c.FirstUser = DefaultUser
	}
	if c.FirstRoom == 0 {
		c.FirstRoom = DefaultRoom
	}
	switch {
	case (c.Gate == "") == (c.Direct == ""):
		return link.Target{}, usage("say where to play: at a gate or directly on a game server, and not both")
	case c.FirstUser < 1 || c.FirstRoom < 1:
		return link.Target{}, usage("users and rooms count from 1")
	}
	if err := errors.Join(client.Gates(list(c.Gate), nil).Check(), client.Directs(list(c.Direct), 0, nil).Check()); err != nil {
		return link.Target{}, &UsageError{err}
	}
	if err := measure.CheckLimits(c.Scenario.Most(), c.Scenario.Sources); err != nil {
		return link.Target{}, &UsageError{err}
	}
	return link.Target{Gates: list(c.Gate), Games: list(c.Direct), Token: c.Token, From: c.sources()}, nil
}

// list takes several addresses apart.
func list(text string) []string {
	if text == "" {
		return nil
	}
	addresses := strings.Split(text, ",")
	for i := range addresses {
		addresses[i] = strings.TrimSpace(addresses[i])
	}
	return addresses
}

// sources is how many addresses to connect from.
func (c *Config) sources() link.Sources {
	s := c.Scenario
	if s.Sources > 0 {
		return link.Sources(s.Sources)
	}
	const rest = 60 // seconds for which a port rests after its connection
	breaks := s.Flap / 60
	if s.StormEvery > 0 {
		breaks += s.StormShare / s.StormEvery.Seconds()
	}
	bots := float64(s.Most())
	need := measure.ReadLimits().Sources(int(bots + min(bots*breaks*rest, mostResting)))
	return link.Sources(min(need, link.MostSources))
}

// mostResting bounds the ports that are held for connections which are over: the system itself takes them
// again sooner when it runs out.
const mostResting = 500_000

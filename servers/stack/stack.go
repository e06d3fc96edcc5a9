// Package stack runs gates, game servers and a NATS server in one process, on loopback: what
// `croupier dev` and `croupier demo` offer, and what tests of the whole run against. The servers are
// the real ones; only their signals and their addresses come from here.
//
//	stack.go  the whole
//	house.go  what the servers are made of
//	slot.go   the place of one server, and how a server is replaced
//	berth.go  a port that stays while servers come and go
package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"croupier/servers/internal/bus"
	"croupier/servers/internal/gameserver"
	"croupier/servers/token"
)

// Config is what a stack is made of. Zero values have the defaults named.
type Config struct {
	Games      int           // how many game servers; default 1
	Gates      int           // how many gates; default 1
	NATS       bool          // a NATS server keeps the rooms also where there is only one game server; where there are more it always does
	GateAddr   string        // of the first gate; default 127.0.0.1:0, a free port
	GameAddr   string        // of the first game server; default 127.0.0.1:0
	Key        string        // as JWT_KEY; default a fresh one
	Version    string        // that the servers tell players; default servers.Version
	Round      time.Duration // of dice; default 30 s
	Idle       time.Duration // between rounds of dice; default 5 s
	Seats      int           // at a table of dice; default 4
	MoveAfter  time.Duration // how long a room of a server that goes waits for the end of its round; default 2 s
	Spread     time.Duration // over which a gate that goes sends its players away; default 10 s
	Production bool          // no preset dice, no details in errors, no direct players without a token
	Rate       float64       // messages a second that one player may send; default 100
	Log        *slog.Logger  // default: nothing is logged

	// trace is told of each step of a room's move at the server of that slot, before it is taken.
	trace func(server string, step gameserver.Step, game string, room int64)
}

const anyPort = "127.0.0.1:0"

// Stack is what runs.
type Stack struct {
	Gate    string   // ws://HOST:PORT of the first gate
	Gates   []string // ws://HOST:PORT of all gates
	Game    string   // HOST:PORT of the first game server's direct service
	Games   []string // HOST:PORT of all game servers' direct services
	GateOps string   // http://HOST:PORT of the first gate
	GameOps string   // http://HOST:PORT of the first game server
	Key     string   // as JWT_KEY
	Keys    *token.Keys

	version string
	gates   []*slot
	games   []*slot
	bus     *bus.Embedded   // nil: there is none
	open    context.Context // ends with Close
	shut    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	failure error
}

// Start starts a stack. It serves until Close.
func Start(c Config) (*Stack, error) {
	s, err := start(c)
	if err != nil {
		return nil, fmt.Errorf("stack: %w", err)
	}
	return s, nil
}

func start(c Config) (*Stack, error) {
	if c.Key == "" {
		c.Key = token.NewKey()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	keys, err := token.ParseKeys(c.Key)
	if err != nil {
		return nil, err
	}
	s := &Stack{Key: c.Key, Keys: keys}
	s.open, s.shut = context.WithCancel(context.Background())
	if err := s.openSlots(c); err != nil {
		s.Close()
		return nil, err
	}
	for _, at := range s.slots() {
		if err := s.begin(at, c.Version); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Token returns a token for a user, valid for a day.
func (s *Stack) Token(user int64) (string, error) { return s.Keys.Sign(user, 24*time.Hour) }

// SignalGame does to the first game server what a SIGTERM does.
func (s *Stack) SignalGame() { s.games[0].current().signal() }

// SignalGate does to the first gate what a SIGTERM does.
func (s *Stack) SignalGate() { s.gates[0].current().signal() }

// Restart does to game server i, from 0, what a rolling update does to its pod: it is told to
// drain, settles after a grace time if there is one, goes, and comes back as another at the same
// address. It returns when the new one is ready. A server that is gone already is only started.
// When ctx ends before, the server stays as far as it has come.
//
// Rooms of the old server move to the others. Where there are none, or the grace time is over, they
// end, settled, and begin anew where their players sit down next.
func (s *Stack) Restart(ctx context.Context, i int, c Change) error {
	return s.replace(ctx, s.games[i], s.orVersion(c))
}

// RestartGate does the same to gate i, from 0.
func (s *Stack) RestartGate(ctx context.Context, i int, c Change) error {
	return s.replace(ctx, s.gates[i], s.orVersion(c))
}

func (s *Stack) orVersion(c Change) Change {
	if c.Version == "" {
		c.Version = s.version
	}
	return c
}

// Kill ends game server i, from 0, as far as others can tell as `kill -9` does: its connections are
// reset, its port is dead, and nothing of what it knows is stored any more. It returns when nothing
// of it is left; Restart brings another.
func (s *Stack) Kill(i int) { s.games[i].current().kill() }

// KillGate does the same to gate i, from 0.
func (s *Stack) KillGate(i int) { s.gates[i].current().kill() }

// Close settles and closes everything, waits for every goroutine, and returns what went wrong
// since Start.
func (s *Stack) Close() error {
	s.shut()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, at := range s.slots() {
		if l := at.current(); l != nil {
			l.release()
		}
	}
	s.running.Wait()
	for _, at := range s.slots() {
		at.close()
	}
	if s.bus != nil {
		s.bus.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// slots are all that were opened, the gates last.
func (s *Stack) slots() []*slot { return slices.Concat(s.games, s.gates) }

func (s *Stack) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = errors.Join(s.failure, err)
}

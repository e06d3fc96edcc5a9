// Package stack runs a gate and game servers in one process, on loopback: what `croupier dev`
// offers to a developer, and what tests of the whole run against. The servers are the real ones;
// only their signals and their addresses come from here.
package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"croupier/servers/internal/games"
	"croupier/servers/internal/games/dice"
	"croupier/servers/internal/gameserver"
	"croupier/servers/internal/gate"
	"croupier/servers/internal/lifecycle"
	"croupier/servers/token"
)

// Config is what a stack is made of. Zero values have the defaults named.
type Config struct {
	GateAddr   string        // default 127.0.0.1:0, a free port
	GameAddr   string        // default 127.0.0.1:0
	Key        string        // as JWT_KEY; default a fresh one
	Round      time.Duration // of dice; default 30 s
	Idle       time.Duration // between rounds of dice; default 5 s
	Seats      int           // at a table of dice; default 4
	Production bool          // no preset dice, no details in errors, no direct players without a token
	Rate       float64       // messages a second that one player may send; default 100
	Log        *slog.Logger  // default: nothing is logged
}

// Stack is a running gate and game server.
type Stack struct {
	Gate    string // ws://HOST:PORT
	Game    string // HOST:PORT of the direct service
	GateOps string // http://HOST:PORT
	GameOps string // http://HOST:PORT
	Key     string // as JWT_KEY
	Keys    *token.Keys

	gateNext, gameNext func()
	release            func()
	done               sync.WaitGroup
	mu                 sync.Mutex
	failure            error
}

// Start starts a stack. It serves until Close.
func Start(c Config) (*Stack, error) {
	if c.Key == "" {
		c.Key = token.NewKey()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	keys, err := token.ParseKeys(c.Key)
	if err != nil {
		return nil, fmt.Errorf("stack: %w", err)
	}
	var listeners [4]net.Listener
	for i, address := range [...]string{or(c.GateAddr), or(c.GameAddr), or(""), or("")} {
		if listeners[i], err = net.Listen("tcp", address); err != nil {
			for _, l := range listeners[:i] {
				l.Close()
			}
			return nil, fmt.Errorf("stack: %w", err)
		}
	}
	gateListener, gameListener, gateOps, gameOps := listeners[0], listeners[1], listeners[2], listeners[3]
	s := &Stack{
		Gate:    "ws://" + gateListener.Addr().String(),
		Game:    gameListener.Addr().String(),
		GateOps: "http://" + gateOps.Addr().String(),
		GameOps: "http://" + gameOps.Addr().String(),
		Key:     c.Key,
		Keys:    keys,
	}
	kinds := games.Builtin(dice.Config{Round: c.Round, Idle: c.Idle, Preset: !c.Production}, c.Seats)
	services := make(map[string]string)
	for name := range kinds {
		services[name] = s.Game
	}
	direct := gameserver.DirectOpen
	if c.Production {
		direct = gameserver.DirectToken
	}
	game, err := gameserver.New(gameserver.Config{
		Games: kinds, Keys: keys, Direct: direct, Rate: c.Rate, Dev: !c.Production, Log: c.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("stack: %w", err)
	}
	front, err := gate.New(gate.Config{
		Keys: keys, Services: services,
		Rate: c.Rate, Burst: 2 * c.Rate, Dev: !c.Production, Log: c.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("stack: %w", err)
	}
	gateStages, gateNext, gateRelease := lifecycle.Manual(context.Background())
	gameStages, gameNext, gameRelease := lifecycle.Manual(context.Background())
	s.gateNext, s.gameNext = gateNext, gameNext
	s.release = func() { gateRelease(); gameRelease() }
	s.done.Go(func() { s.fail(front.Run(gateStages, gateListener, gateOps)) })
	s.done.Go(func() { s.fail(game.Run(gameStages, gameListener, gameOps)) })
	return s, nil
}

func or(address string) string {
	if address == "" {
		return "127.0.0.1:0"
	}
	return address
}

// Token returns a token for a user, valid for a day.
func (s *Stack) Token(user int64) (string, error) { return s.Keys.Sign(user, 24*time.Hour) }

// SignalGame does to the game server what a SIGTERM does.
func (s *Stack) SignalGame() { s.gameNext() }

// SignalGate does to the gate what a SIGTERM does.
func (s *Stack) SignalGate() { s.gateNext() }

// Close settles and closes everything, waits for every goroutine, and returns what went wrong
// since Start.
func (s *Stack) Close() error {
	s.release()
	s.done.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

func (s *Stack) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = errors.Join(s.failure, err)
}

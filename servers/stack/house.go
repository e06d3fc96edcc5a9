package stack

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/nats-io/nats.go"

	"croupier/servers/internal/bus"
	"croupier/servers/internal/directory"
	"croupier/servers/internal/fence"
	"croupier/servers/internal/games"
	"croupier/servers/internal/games/dice"
	"croupier/servers/internal/gameserver"
	"croupier/servers/internal/gate"
	"croupier/servers/internal/lifecycle"
)

// openSlots takes all ports, and starts the NATS server where there is one.
func (s *Stack) openSlots(c Config) error {
	s.version = c.Version
	if c.Games > 1 || c.Gates > 1 || c.NATS {
		var err error
		if s.bus, err = bus.Embed(""); err != nil {
			return err
		}
	}
	for i := range max(c.Games, 1) {
		at, err := openSlot(fmt.Sprintf("game server %d", i+1), addressOf(i, c.GameAddr))
		if err != nil {
			return err
		}
		at.start = func(version string) (server, error) { return s.newGame(c, at, version) }
		s.games, s.Games = append(s.games, at), append(s.Games, at.play.String())
	}
	for i := range max(c.Gates, 1) {
		at, err := openSlot(fmt.Sprintf("gate %d", i+1), addressOf(i, c.GateAddr))
		if err != nil {
			return err
		}
		at.start = func(version string) (server, error) { return s.newGate(c, at, version) }
		s.gates, s.Gates = append(s.gates, at), append(s.Gates, "ws://"+at.play.String())
	}
	s.Game, s.GameOps = s.Games[0], "http://"+s.games[0].ops.String()
	s.Gate, s.GateOps = s.Gates[0], "http://"+s.gates[0].ops.String()
	return nil
}

// addressOf is where server i listens.
func addressOf(i int, first string) string {
	if i == 0 && first != "" {
		return first
	}
	return anyPort
}

func (c Config) kinds() games.Register {
	return games.Builtin(dice.Config{Round: c.Round, Idle: c.Idle, Preset: !c.Production}, c.Seats)
}

func (s *Stack) newGame(c Config, at *slot, version string) (server, error) {
	direct := gameserver.DirectOpen
	if c.Production {
		direct = gameserver.DirectToken
	}
	config := gameserver.Config{
		Games: c.kinds(), Keys: s.Keys, Direct: direct, Rate: c.Rate, Dev: !c.Production, MoveAfter: c.MoveAfter,
		Address: at.play.String(), Name: strings.ReplaceAll(at.name, " ", "-"), Version: version, Log: c.Log,
	}
	if c.trace != nil {
		config.Trace = func(step gameserver.Step, game string, room int64) { c.trace(at.name, step, game, room) }
	}
	conn, err := s.dial(at, c.Log)
	if err != nil {
		return nil, err
	}
	if conn != nil {
		config.Store = func(ctx context.Context) (directory.Store, error) { return directory.OpenNATS(ctx, conn, 1) }
		config.Tell = func(o fence.Owner) error { return fence.Publish(conn, o) }
	}
	running, err := gameserver.New(config)
	return withBus(running, conn, err)
}

func (s *Stack) newGate(c Config, at *slot, version string) (server, error) {
	services := make(map[string]string)
	for name := range c.kinds() {
		services[name] = strings.Join(s.Games, ",")
	}
	conn, err := s.dial(at, c.Log)
	if err != nil {
		return nil, err
	}
	running, err := gate.New(gate.Config{
		Keys: s.Keys, Services: services, Rate: c.Rate, Burst: 2 * c.Rate, Spread: c.Spread, Dev: !c.Production, Bus: conn, Version: version, Log: c.Log,
	})
	return withBus(running, conn, err)
}

// dial connects a server to the NATS server, where there is one: each has a connection of its own,
// as processes have.
func (s *Stack) dial(at *slot, log *slog.Logger) (*nats.Conn, error) {
	if s.bus == nil {
		return nil, nil
	}
	return bus.Dial(s.open, s.bus.URL(), at.name, log)
}

// wired is a server and its connection to NATS.
type wired struct {
	server
	conn *nats.Conn
}

// withBus returns the two as one. Where there is no server the connection is closed.
func withBus(running server, conn *nats.Conn, err error) (server, error) {
	if err != nil && conn != nil {
		conn.Close()
	}
	return wired{running, conn}, err
}

func (w wired) Run(stages lifecycle.Stages, play, ops net.Listener) error {
	err := w.server.Run(stages, play, ops)
	if w.conn != nil {
		w.conn.Close()
	}
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"croupier/servers/internal/bus"
	"croupier/servers/internal/directory"
	"croupier/servers/internal/fence"
)

// store is where the rooms of all game servers are kept: a NATS server.
type store struct {
	url      string
	name     string // of this game server
	replicas int
	conn     *nats.Conn // nil: not connected
}

// open connects, and opens the directory of rooms. It tries until ctx ends, or until trying is of no
// use: NATS may be started later, and a cluster of it elects a leader first.
func (s *store) open(ctx context.Context) (directory.Store, error) {
	conn, err := bus.Dial(ctx, s.url, s.name, slog.Default())
	if errors.Is(err, nats.ErrAuthorization) {
		err = fmt.Errorf("%w: set NATS_TOKEN, or NATS_CREDS, to what NATS was given", err)
	}
	if err != nil {
		return nil, err
	}
	s.conn = conn
	for tries := 0; ; tries++ {
		opened, err := directory.OpenNATS(ctx, conn, s.replicas)
		if err == nil {
			return opened, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("open the directory of rooms: %w", err)
		}
		if tries%60 == 0 {
			slog.Warn("NATS keeps no rooms yet, and none are served until it does; trying on. Does it run with JetStream (-js), and with as many servers as --nats-replicas?", "err", err)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// tell tells gates who owns a room. There is a room only after open.
func (s *store) tell(o fence.Owner) error { return fence.Publish(s.conn, o) }

func (s *store) close() {
	if s.conn != nil {
		s.conn.Close()
	}
}

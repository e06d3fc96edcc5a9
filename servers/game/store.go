package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"croupier/servers/internal/bus"
	"croupier/servers/internal/directory"
)

// storePatience is how long a server that starts waits for NATS to keep anything: a cluster of it
// that has just started elects a leader first.
const storePatience = 30 * time.Second

// openStore opens the directory of rooms at the NATS server.
func openStore(ctx context.Context, o options) (directory.Store, func(), error) {
	conn, err := bus.Dial(ctx, o.nats, o.config.Name, slog.Default())
	if err != nil {
		return nil, nil, fmt.Errorf("connect to NATS: %w", err)
	}
	for until := time.Now().Add(storePatience); ; {
		store, err := directory.OpenNATS(ctx, conn, o.replicas)
		if err == nil {
			return store, conn.Close, nil
		}
		if ctx.Err() != nil || time.Now().After(until) {
			conn.Close()
			return nil, nil, fmt.Errorf("open the directory of rooms: %w", err)
		}
		slog.Warn("the directory of rooms can't be opened yet; trying on", "err", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

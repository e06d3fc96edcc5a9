// Gate is the players' way in: WebSockets with tokens in front, trunks to game servers behind.
package main

import (
	"context"
	"log/slog"
	"os"
	"sync"

	"github.com/nats-io/nats.go"

	"croupier/servers"
	"croupier/servers/internal/bus"
	"croupier/servers/internal/cmdline"
	"croupier/servers/internal/gate"
	"croupier/servers/internal/lifecycle"
)

func main() {
	err := serve(os.Args[1:])
	os.Exit(cmdline.Status("gate", err, os.Stderr))
}

func serve(args []string) error {
	o, err := parse(args, os.Getenv, os.Stderr)
	if err != nil {
		return err
	}
	g, err := gate.New(o.config)
	if err != nil {
		return err
	}
	players, err := cmdline.Listen("listen", o.listen)
	if err != nil {
		return err
	}
	admin, err := cmdline.Listen("ops", o.ops)
	if err != nil {
		return err
	}
	stages, release := lifecycle.Notify(context.Background())
	defer release()
	if o.nats != "" {
		defer join(g, o.nats)()
	}
	slog.Info("gate", "version", servers.Version, "listen", players.Addr(), "ops", admin.Addr(), "games", o.config.Services)
	return g.Run(stages, players, admin)
}

// join connects a gate to NATS, however long that takes: players need not wait for it. The returned
// function ends that, and closes the connection.
func join(g *gate.Gate, urls string) (leave func()) {
	ctx, cancel := context.WithCancel(context.Background())
	name, _ := os.Hostname()
	var conn *nats.Conn
	var work sync.WaitGroup
	work.Go(func() {
		var err error
		if conn, err = bus.Dial(ctx, urls, "gate "+name, slog.Default()); err == nil {
			err = g.Join(conn)
		}
		if err != nil && ctx.Err() == nil {
			slog.Error("no pushes from elsewhere, nor news of rooms whose server is cut off: correct --nats, NATS_TOKEN or NATS_CREDS and start the gate again", "err", err)
		}
	})
	return func() {
		cancel()
		work.Wait()
		if conn != nil {
			conn.Close()
		}
	}
}

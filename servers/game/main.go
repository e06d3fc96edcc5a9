// Game is a game server: rooms, behind the trunks of gates and behind the direct service.
package main

import (
	"context"
	"log/slog"
	"os"

	"croupier/servers"
	"croupier/servers/internal/cmdline"
	"croupier/servers/internal/gameserver"
	"croupier/servers/internal/lifecycle"
)

func main() {
	var err error
	if len(os.Args) > 1 && os.Args[1] == "drain" {
		err = drain(os.Args[2:])
	} else if len(os.Args) > 1 && os.Args[1] == "snapshot" {
		err = snapshot(os.Args[2:], os.Stdin, os.Stdout, os.Stderr)
	} else {
		err = serve(os.Args[1:])
	}
	os.Exit(cmdline.Status("game", err, os.Stderr))
}

func serve(args []string) error {
	o, err := parse(args, os.Getenv("JWT_KEY"), os.Stderr)
	if err != nil {
		return err
	}
	game, err := cmdline.Listen("listen", o.listen)
	if err != nil {
		return err
	}
	admin, err := cmdline.Listen("ops", o.ops)
	if err != nil {
		return err
	}
	if o.config.Address, err = reachable(o.advertise, game.Addr()); err != nil {
		return err
	}
	stages, release := lifecycle.Notify(context.Background())
	defer release()
	if o.nats != "" {
		rooms := &store{url: o.nats, name: o.config.Name, replicas: o.replicas}
		defer rooms.close()
		o.config.Store, o.config.Tell = rooms.open, rooms.tell
	}
	server, err := gameserver.New(o.config)
	if err != nil {
		return err
	}
	slog.Info("game server", "version", servers.Version, "listen", game.Addr(), "ops", admin.Addr(), "advertise", o.config.Address, "directory", o.nats != "",
		"games", o.config.Games.String(), "direct", o.config.Direct)
	return server.Run(stages, game, admin)
}

// Gate is the players' way in: WebSockets with tokens in front, trunks to game servers behind.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"

	"croupier/servers"
	"croupier/servers/internal/cmdline"
	"croupier/servers/internal/gate"
	"croupier/servers/internal/lifecycle"
)

func main() {
	err := serve(os.Args[1:])
	os.Exit(cmdline.Status("gate", err, os.Stderr))
}

func serve(args []string) error {
	o, err := parse(args, os.Getenv("JWT_KEY"), os.Stderr)
	if err != nil {
		return err
	}
	g, err := gate.New(o.config)
	if err != nil {
		return err
	}
	players, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen for players: %w", err)
	}
	admin, err := net.Listen("tcp", o.ops)
	if err != nil {
		return fmt.Errorf("listen for operators: %w", err)
	}
	stages, release := lifecycle.Notify(context.Background())
	defer release()
	slog.Info("gate", "version", servers.Version, "listen", players.Addr(), "ops", admin.Addr(), "games", o.config.Services)
	return g.Run(stages, players, admin)
}

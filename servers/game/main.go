// Game is a game server: rooms, behind the trunks of gates and behind the direct service.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"

	"croupier/servers"
	"croupier/servers/internal/gameserver"
	"croupier/servers/internal/lifecycle"
)

func main() {
	var err error
	if len(os.Args) > 1 && os.Args[1] == "drain" {
		err = drain(os.Args[2:])
	} else {
		err = serve(os.Args[1:])
	}
	var misused usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case errors.As(err, &misused):
		fmt.Fprintln(os.Stderr, "game:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "game:", err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	o, err := parse(args, os.Getenv("JWT_KEY"), os.Stderr)
	if err != nil {
		return err
	}
	server, err := gameserver.New(o.config)
	if err != nil {
		return err
	}
	game, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen for gates and players: %w", err)
	}
	admin, err := net.Listen("tcp", o.ops)
	if err != nil {
		return fmt.Errorf("listen for operators: %w", err)
	}
	stages, release := lifecycle.Notify(context.Background())
	defer release()
	slog.Info("game server", "version", servers.Version, "listen", game.Addr(), "ops", admin.Addr(), "games", o.config.Games.String(), "direct", o.config.Direct)
	return server.Run(stages, game, admin)
}

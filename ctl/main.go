// Command croupier deploys, watches and upgrades live game servers.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"croupier/ctl/internal/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command.Main(ctx, os.Args)
	stop()
	os.Exit(code)
}

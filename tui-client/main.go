// Command tui-client plays dice in a terminal.
//
// Exit codes: 0 the game ended as asked for; 1 it did not, and stderr says why; 2 the command line
// is wrong; 4 --for was over before --rounds were played.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"croupier/tui-client/table"
)

func main() {
	log.SetOutput(io.Discard) // net/http logs there what it finds odd, and would write onto the table
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := app().RunContext(ctx, os.Args)
	stop()
	var wrong *usageError
	switch {
	case err == nil:
		return
	case errors.As(err, &wrong):
		fmt.Fprintln(os.Stderr, "tui-client:", err)
		os.Exit(2)
	case errors.Is(err, table.ErrTimeUp):
		fmt.Fprintln(os.Stderr, "tui-client:", err)
		os.Exit(4)
	}
	fmt.Fprintln(os.Stderr, "tui-client:", err)
	os.Exit(1)
}

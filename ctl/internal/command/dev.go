package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"croupier/servers/client"
	"croupier/servers/stack"
	"croupier/tui-client/table"

	"github.com/urfave/cli/v2"
)

// RunDev runs a whole stack in this process, for development.
type RunDev struct {
	Key      string // as JWT_KEY; empty: a fresh one
	GateAddr string
	GameAddr string
	Round    time.Duration
	Idle     time.Duration
	Seats    int
	Play     bool
	User     int64
	Room     int64
	Bots     int
	Verbose  bool
}

// Dev is the verb `dev`.
func Dev() *cli.Command {
	return &cli.Command{
		Name:      "dev",
		Category:  "Players",
		Usage:     "run a gate and a game server in this process, and play",
		UsageText: "croupier dev [--play] [flags]",
		Description: `Needs nothing but this program: no cluster, no container, no key. Everything listens on
loopback. Players may choose their dice, and see the details of errors. If JWT_KEY is
set, it is the key; otherwise each run makes a fresh one.

It is one gate and one game server, so rooms do not move, and end with it. croupier demo moves
them; "Servers by hand" in the README starts servers that you can stop and kill yourself.

Examples:
  croupier dev --play                 a table, right here, with two bots at it
  croupier dev                        servers only; prints what to type in the next terminal
  croupier dev --play --round 10s
  croupier dev --verbose              every refusal and the end of every session, on stderr`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "play", Usage: "open the table in this terminal; the servers end with it"},
			&cli.Int64Flag{Name: "user", Value: 1, Usage: "with --play: the `ID` to play as"},
			&cli.Int64Flag{Name: "room", Value: 1, Usage: "with --play: the `ROOM` to sit down in"},
			&cli.IntFlag{Name: "bots", Value: 2, DefaultText: "2, or as many as there are seats left", Usage: "with --play: `PLAYERS` at the same table who play by themselves"},
			&cli.DurationFlag{Name: "round", Value: 30 * time.Second, Usage: "length of a round of dice"},
			&cli.DurationFlag{Name: "idle", Value: 5 * time.Second, Usage: "pause between two rounds of dice"},
			&cli.IntFlag{Name: "seats", Value: 4, Usage: "`SEATS` at a table of dice, 1 to 64"},
			&cli.StringFlag{Name: "gate", Value: "127.0.0.1:60006", Usage: "`ADDRESS` of the gate"},
			&cli.StringFlag{Name: "game", Value: "127.0.0.1:60001", Usage: "`ADDRESS` of the game server's direct service"},
			&cli.BoolFlag{Name: "verbose", Usage: "show the servers' logs, down to debug; not with --play, which needs the screen"},
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("dev takes no argument: see `croupier dev --help`")
			}
			o := RunDev{
				Key: os.Getenv("JWT_KEY"), GateAddr: c.String("gate"), GameAddr: c.String("game"),
				Round: c.Duration("round"), Idle: c.Duration("idle"), Seats: c.Int("seats"),
				Play: c.Bool("play"), User: c.Int64("user"), Room: c.Int64("room"), Bots: c.Int("bots"), Verbose: c.Bool("verbose"),
			}
			if !c.IsSet("bots") {
				o.Bots = max(0, min(o.Bots, o.Seats-1))
			}
			if err := o.check(); err != nil {
				return err
			}
			return o.Run(c.Context, streams(c))
		},
	}
}

// mostSeats is the largest table that a game server sets up.
const mostSeats = 64

// check refuses what the servers would not take, or what nobody can have meant.
func (o RunDev) check() error {
	switch {
	case o.Round <= 0 || o.Idle <= 0 || o.User < 1 || o.Room < 1 || o.Bots < 0:
		return usage("dev: --round, --idle, --user and --room must be positive, --bots not negative")
	case o.Seats < 1 || o.Seats > mostSeats:
		return usage("dev: --seats %d: from 1 to %d", o.Seats, mostSeats)
	case o.Play && o.Bots >= o.Seats:
		return usage("dev: %s and you do not fit at %s: write `croupier dev --play --seats N --bots N`, with fewer bots than seats", plural(o.Bots, "bot", "bots"), plural(o.Seats, "seat", "seats"))
	case o.Play && o.Verbose:
		return usage("dev: --verbose would write over the table of --play: run `croupier dev --verbose`, and play in the next terminal")
	}
	for _, flag := range []struct{ name, address string }{{"gate", o.GateAddr}, {"game", o.GameAddr}} {
		_, port, err := net.SplitHostPort(flag.address)
		if err == nil {
			_, err = net.LookupPort("tcp", port)
		}
		if err != nil {
			return usage("dev: --%s %s is not HOST:PORT, as in --%s 127.0.0.1:0", flag.name, flag.address, flag.name)
		}
	}
	return nil
}

// Run serves until ctx ends, or until the table is left.
func (o RunDev) Run(ctx context.Context, s Streams) error {
	log := slog.New(slog.DiscardHandler)
	if o.Verbose {
		// At Info the servers tell little: a development run has few players.
		log = slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if o.Key != "" {
		if _, err := playerKeys(o.Key); err != nil {
			return err
		}
	}
	running, err := stack.Start(stack.Config{
		GateAddr: o.GateAddr, GameAddr: o.GameAddr, Key: o.Key,
		Round: o.Round, Idle: o.Idle, Seats: o.Seats, Log: log,
	})
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: is another `croupier dev` running? --gate %s --game %s take free ports", err, anyPort(o.GateAddr), anyPort(o.GameAddr))
	case err != nil:
		return err
	}
	if o.Play {
		err = o.play(ctx, running)
	} else {
		o.explain(s, running)
		<-ctx.Done()
		fmt.Fprintln(s.Err, "closing")
	}
	return errors.Join(err, running.Close())
}

func anyPort(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, "0")
}

// play opens the table here. The bots sit down first, and go when the player does.
func (o RunDev) play(ctx context.Context, running *stack.Stack) error {
	ctx, leave := context.WithCancel(ctx)
	var bots sync.WaitGroup
	defer bots.Wait()
	defer leave()
	for i := range o.Bots {
		config, err := o.seat(running, o.User+int64(i)+1)
		if err != nil {
			return err
		}
		config.Auto, config.In, config.Out, config.Err = true, strings.NewReader(""), io.Discard, io.Discard
		bots.Go(func() { table.Run(ctx, config) }) //nolint:errcheck // it ends when the player leaves
	}
	config, err := o.seat(running, o.User)
	if err != nil {
		return err
	}
	return table.Run(ctx, config)
}

// seat is a user's way to the room.
func (o RunDev) seat(running *stack.Stack, user int64) (table.Config, error) {
	signed, err := running.Token(user)
	if err != nil {
		return table.Config{}, err
	}
	return table.Config{
		Target: client.Gate(running.Gate, client.Static(signed)),
		User:   user,
		Place:  client.Place{Game: "dice", Room: o.Room, Seat: -1},
	}, nil
}

// explain says what to type in the next terminal. A key that was given is not shown.
func (o RunDev) explain(s Streams, running *stack.Stack) {
	fmt.Fprintf(s.Out, "gate    %s\ngame    %s (gRPC, direct)\nops     %s/metrics, %s/rooms\n\n", running.Gate, running.Game, running.GateOps, running.GameOps)
	if o.Key == "" {
		fmt.Fprintf(s.Out, "In the next terminal, with the key of this run (for development only):\n  export JWT_KEY=%s\n", running.Key)
	} else {
		fmt.Fprintln(s.Out, "In the next terminal, with the same JWT_KEY:")
	}
	fmt.Fprintf(s.Out, "  go run ./tui-client --gate %s --user 1\n", running.Gate)
	fmt.Fprintf(s.Out, "  go run ./tui-client --gate %s --user 2 --auto\n", running.Gate)
	fmt.Fprintf(s.Out, "  go run ./loadgen run --gate %s --bots 200 --for 1m\n\n", running.Gate)
	fmt.Fprintln(s.Err, "Ctrl-C ends everything.")
}

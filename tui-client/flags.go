package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"croupier/servers"
	"croupier/servers/client"
	"croupier/servers/token"
	"croupier/tui-client/table"
)

// usageError is a command line that cannot be obeyed.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

func app() *cli.App {
	return &cli.App{
		Name:      "tui-client",
		Usage:     "play dice at a table of Croupier",
		UsageText: "tui-client [flags]\n\nWithout a terminal, or with TERM=dumb, it prints plain lines and reads: sit [room] [seat], move seat, bench, stand, shake, print, quit.\nRoom 0 is any room with a free seat. Keys of the screen: ? shows them.\n\nExamples:\n  tui-client                                 any free seat, through the gate of this machine\n  tui-client --room 7 --seat 2\n  tui-client --gate ws://a:60006,ws://b:60006   goes on to the other gate when one is lost\n  echo shake | tui-client --direct 127.0.0.1:60001 --user 5",
		Description: `Exit codes: 0 the game ended as asked for; 1 it did not, and stderr says why; 2 the command line
is wrong; 4 --for was over before --rounds were played.`,
		Version:         servers.Version,
		HideHelpCommand: true,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "gate", Value: "ws://127.0.0.1:60006", Usage: "play through the gate at `URL`, or through one of several, with commas between"},
			&cli.StringFlag{Name: "direct", Usage: "play straight at the game server at `HOST:PORT`, or at one of several"},
			&cli.Int64Flag{Name: "user", Usage: "who to be: a positive `NUMBER`", DefaultText: "what the token says, else a random one"},
			&cli.Int64Flag{Name: "room", Usage: "`NUMBER` of the room; 0: any with a free seat"},
			&cli.Int64Flag{Name: "seat", Value: int64(client.AnySeat), Usage: "`NUMBER` of the seat; -1: any"},
			&cli.StringFlag{Name: "game", Value: "dice", Usage: "`NAME` of the game"},
			&cli.StringFlag{Name: "token", EnvVars: []string{"CROUPIER_TOKEN"}, Usage: "`TOKEN` that says who you are; everybody on the machine can read a command line, so prefer CROUPIER_TOKEN", DefaultText: "none"},
			&cli.StringFlag{Name: "key", EnvVars: []string{"JWT_KEY"}, Usage: "mint a token with this `KEY`, for development; everybody on the machine can read a command line, so prefer JWT_KEY", DefaultText: "none"},
			&cli.BoolFlag{Name: "auto", Usage: "play by itself"},
			&cli.DurationFlag{Name: "for", Usage: "end after this `TIME`", DefaultText: "when you quit"},
			&cli.IntFlag{Name: "rounds", Usage: "end after this `NUMBER` of rounds", DefaultText: "when you quit"},
		},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return usage("%v", err) },
		ExitErrHandler: func(*cli.Context, error) {}, // main decides
		Action: func(c *cli.Context) error {
			config, err := configOf(c)
			if err != nil {
				return err
			}
			return table.Run(c.Context, config)
		},
	}
}

// quoted is an argument for a message. A long one may be a token that was given by mistake, and is
// not shown.
func quoted(argument string) string {
	if len(argument) > 20 {
		return ""
	}
	return fmt.Sprintf(" %q", argument)
}

// configOf checks the command line and makes of it what the table needs.
func configOf(c *cli.Context) (table.Config, error) {
	var none table.Config
	if c.Args().Present() {
		return none, usage("unexpected argument%s: everything is given by flags, see --help", quoted(c.Args().First()))
	}
	user := c.Int64("user")
	switch {
	case c.String("game") != "dice":
		return none, usage("--game %s: this table plays dice", c.String("game"))
	case c.IsSet("user") && user <= 0:
		return none, usage("--user %d: a user is a positive number", user)
	case c.Int64("room") < 0:
		return none, usage("--room %d: a room is a positive number, or 0 for any with a free seat", c.Int64("room"))
	case c.Int64("seat") < int64(client.AnySeat) || c.Int64("seat") > 1<<20:
		return none, usage("--seat %d: a seat is a number from 0, or -1 for any", c.Int64("seat"))
	case c.Duration("for") < 0:
		return none, usage("--for %v: it cannot be negative", c.Duration("for"))
	case c.Int("rounds") < 0:
		return none, usage("--rounds %d: it cannot be negative", c.Int("rounds"))
	case c.IsSet("direct") && c.IsSet("gate"):
		return none, usage("--gate and --direct exclude each other")
	}
	source, user, err := identity(c.String("token"), c.String("key"), user)
	if err != nil {
		return none, err
	}
	target := client.Gates(client.GateURLs(c.String("gate")), source)
	if addresses := c.String("direct"); addresses != "" {
		target = client.Directs(strings.Split(addresses, ","), user, source)
	} else if source == nil {
		return none, usage("no token: give --token or CROUPIER_TOKEN, or in development --key or JWT_KEY to mint one")
	}
	if err := target.Check(); err != nil {
		return none, usage("%v", err)
	}
	return table.Config{
		Target: target, User: user,
		Place: client.Place{Game: c.String("game"), Room: c.Int64("room"), Seat: int32(c.Int64("seat"))},
		Auto:  c.Bool("auto"), For: c.Duration("for"), Rounds: c.Int("rounds"),
	}, nil
}

// mintFor is how long a minted token is good for; each connection gets a fresh one.
const mintFor = time.Hour

// identity decides who the player is and how to prove it. A token that is given wins over a key.
func identity(given, key string, user int64) (client.TokenSource, int64, error) {
	if given != "" {
		named := client.UserOf(given)
		switch {
		case named == 0:
			return nil, 0, usage("the token does not say who you are: mint one with `croupier token mint`")
		case user != 0 && user != named:
			return nil, 0, usage("--user %d is not whom the token is for: %d", user, named)
		}
		return client.Static(given), named, nil
	}
	if user == 0 {
		user = 1 + rand.Int64N(999)
	}
	if key == "" {
		return nil, user, nil
	}
	keys, err := token.ParseKeys(key)
	if err != nil {
		return nil, 0, usage("--key or JWT_KEY: %v", err)
	}
	mint := func(context.Context) (string, error) { return keys.Sign(user, mintFor) }
	return mint, user, nil
}

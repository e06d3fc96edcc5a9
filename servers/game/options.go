package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"croupier/servers/internal/cmdline"
	"croupier/servers/internal/games"
	"croupier/servers/internal/games/dice"
	"croupier/servers/internal/gameserver"
	"croupier/servers/token"
)

// options are the command line and the environment, once and typed.
type options struct {
	listen string
	ops    string
	config gameserver.Config
}

const usage = `Usage: game [flags]          serve rooms until a signal
       game drain [flags]    ask the server on this host to drain; returns when it holds no room

First SIGTERM: no new rooms; exit when the last one is gone. Second SIGTERM: settle and close now.
JWT_KEY (KEY or KID:KEY,KID:KEY, in base64) verifies gates and direct players. --dev does without.

`

func parse(args []string, jwtKey string, output io.Writer) (options, error) {
	var o options
	var d dice.Config
	f := flag.NewFlagSet("game", flag.ContinueOnError)
	f.StringVar(&o.listen, "listen", ":60001", "`address` for gates and direct players (gRPC)")
	f.StringVar(&o.ops, "ops", "127.0.0.1:60011", "`address` for operators, who need no password: /healthz /readyz /metrics /rooms /version, POST /drain (HTTP)")
	names := f.String("games", "", "`games` to play, separated by commas (default all)")
	seats := f.Int("seats", 4, "`seats` at a table of dice")
	f.DurationVar(&d.Round, "round", 30*time.Second, "length of a `round` of dice")
	f.DurationVar(&d.Idle, "idle", 5*time.Second, "`pause` between two rounds of dice")
	f.DurationVar(&o.config.DrainTimeout, "drain-timeout", 0, "how long a drain waits for players before it settles and closes; 0: for ever")
	f.IntVar(&o.config.MaxRooms, "max-rooms", 100_000, "how many `rooms` are open at most")
	f.Float64Var(&o.config.Rate, "rate", 100, "`messages` a second that a direct player may send on average")
	direct := f.String("direct", "", "who may come without a gate: off, token or open (default token; with --dev open)")
	f.BoolVar(&o.config.Dev, "dev", false, "development: no key needed, details in errors, preset dice, profiles on the ops port")
	debug := f.Bool("debug", false, "log more")
	if err := cmdline.Parse(f, args, output, usage); err != nil {
		return options{}, err
	}
	if *debug {
		slog.SetLogLoggerLevel(slog.LevelDebug)
	}
	switch {
	case *seats < 1 || *seats > 64:
		return options{}, cmdline.Misuse("--seats %d: from 1 to 64", *seats)
	case d.Round <= 0 || d.Idle <= 0:
		return options{}, cmdline.Misuse("--round and --idle must be positive, for example 30s")
	case o.config.Rate <= 0:
		return options{}, cmdline.Misuse("--rate must be positive")
	case o.config.DrainTimeout < 0:
		return options{}, cmdline.Misuse("--drain-timeout must not be negative")
	case jwtKey == "" && !o.config.Dev:
		return options{}, fmt.Errorf("%w: set JWT_KEY to the key of the gates; `croupier token key` makes one. --dev does without", token.ErrNoKey)
	}
	if jwtKey != "" {
		keys, err := token.ParseKeys(jwtKey)
		if err != nil {
			return options{}, fmt.Errorf("JWT_KEY: %w", err)
		}
		o.config.Keys = keys
	}
	var err error
	if o.config.Direct, err = parseDirect(*direct, o.config.Dev); err != nil {
		return options{}, err
	}
	d.Preset = o.config.Dev
	o.config.Games = games.Builtin(d, *seats)
	if *names != "" {
		if o.config.Games, err = o.config.Games.Only(strings.Split(*names, ",")...); err != nil {
			return options{}, cmdline.Misuse("--games: %w", err)
		}
	}
	return o, nil
}

func parseDirect(text string, dev bool) (gameserver.Direct, error) {
	switch d := gameserver.Direct(text); d {
	case gameserver.DirectOff, gameserver.DirectToken, gameserver.DirectOpen:
		return d, nil
	case "":
		if dev {
			return gameserver.DirectOpen, nil
		}
		return gameserver.DirectToken, nil
	}
	return "", cmdline.Misuse("--direct %q: off, token or open", text)
}

package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"croupier/servers/internal/cmdline"
	"croupier/servers/internal/gate"
	"croupier/servers/token"
)

// options are the command line and the environment, once and typed.
type options struct {
	listen string
	ops    string
	config gate.Config
}

const usage = `Usage: gate [flags]    serve players until a signal

First SIGTERM: no new players; those here are asked to come again, spread over --spread; exit when
they are gone. Second SIGTERM: at once.
JWT_KEY (KEY or KID:KEY,KID:KEY, in base64) verifies players and is needed: ` + "`croupier token key`" + ` makes one.

`

func parse(args []string, jwtKey string, output io.Writer) (options, error) {
	var o options
	c := &o.config
	f := flag.NewFlagSet("gate", flag.ContinueOnError)
	f.StringVar(&o.listen, "listen", ":60006", "`address` for players (WebSocket)")
	f.StringVar(&o.ops, "ops", "127.0.0.1:60016", "`address` for operators, who need no password: /healthz /readyz /metrics /sessions /version (HTTP)")
	services := f.String("games", "dice=dice:60001,coin=coin:60001", "`games` and the Services of their servers: GAME=HOST:PORT,...; a HOST:PORT alone is one more of the game before it")
	origins := f.String("origins", "", "`origins` of web pages that may connect besides the gate's own, separated by commas; *: all")
	f.Float64Var(&c.Rate, "rate", 100, "`messages` a second that a player may send on average")
	f.Float64Var(&c.Burst, "burst", 200, "`messages` that a player may send at once")
	f.IntVar(&c.MaxSessions, "max-sessions", 100_000, "how many `players` are connected at most")
	f.IntVar(&c.MaxPerUser, "max-per-user", 16, "how many `connections` a user has at most")
	f.DurationVar(&c.HandshakeTimeout, "handshake-timeout", 5*time.Second, "`time` for a player's request")
	f.DurationVar(&c.PingEvery, "ping-every", 20*time.Second, "`silence` after which a player is pinged")
	f.DurationVar(&c.IdleTimeout, "idle-timeout", 60*time.Second, "`silence` after which a player is gone")
	f.DurationVar(&c.Spread, "spread", 10*time.Second, "`time` over which a draining gate sends its players away")
	f.BoolVar(&c.Dev, "dev", false, "development: profiles on the ops port")
	debug := f.Bool("debug", false, "log more")
	if err := cmdline.Parse(f, args, output, usage); err != nil {
		return options{}, err
	}
	if *debug {
		slog.SetLogLoggerLevel(slog.LevelDebug)
	}
	if c.Rate <= 0 || c.Burst < 1 {
		return options{}, cmdline.Misuse("--rate must be positive and --burst at least 1")
	}
	if c.IdleTimeout <= c.PingEvery || c.PingEvery <= 0 {
		return options{}, cmdline.Misuse("--idle-timeout must be longer than --ping-every, and both positive")
	}
	keys, err := token.ParseKeys(jwtKey)
	if err != nil {
		return options{}, fmt.Errorf("JWT_KEY: %w", err)
	}
	c.Keys = keys
	if c.Services, err = gate.ParseServices(*services); err != nil {
		return options{}, cmdline.Misuse("--games: %w", err)
	}
	if *origins != "" {
		c.Origins = strings.Split(*origins, ",")
	}
	return o, nil
}

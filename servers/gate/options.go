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
	nats   string // where pushes and news of rooms come from; "": nowhere
	config gate.Config
}

const usage = `Usage: gate [flags]    serve players until a signal

First SIGTERM: no new players; those here are asked to come again, spread over --spread; exit when
they are gone. Second SIGTERM: at once.
JWT_KEY (KEY or KID:KEY,KID:KEY, in base64) verifies players and is needed: ` + "`croupier token key`" + ` makes one.
NATS brings what is pushed to players; without it, or while it is away, everything else works. Its
credentials come from NATS_TOKEN, or NATS_CREDS, a file.

Examples:
  gate --games dice=127.0.0.1:60001
  gate --games dice=dice:60001,coin=coin:60001 --nats nats://nats:4222
  curl -H 'Content-Type: application/json' -d '{"users":[7],"text":"hello"}' http://127.0.0.1:60016/push

Exit codes: 0 stopped as told; 1 failed; 2 the command line can't be followed.

`

func parse(args []string, env func(string) string, output io.Writer) (options, error) {
	var o options
	c := &o.config
	f := flag.NewFlagSet("gate", flag.ContinueOnError)
	f.StringVar(&o.listen, "listen", ":60006", "`address` for players (WebSocket)")
	f.StringVar(&o.ops, "ops", "127.0.0.1:60016", "`address` for operators, who need no password: /healthz /readyz /metrics /sessions /version, POST /push (HTTP)")
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
	// The environment is looked at below: as a default it would be printed by --help, with what is secret in it.
	f.StringVar(&o.nats, "nats", "", "`URL` of NATS, or several separated by commas, e.g. nats://nats:4222 (default $NATS_URL; empty: only this gate's own players are pushed to, and players of a server that is cut off wait)")
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
	switch {
	case c.MaxSessions < 1 || c.MaxPerUser < 1:
		return options{}, cmdline.Misuse("--max-sessions and --max-per-user must be positive")
	case c.HandshakeTimeout <= 0 || c.Spread <= 0:
		return options{}, cmdline.Misuse("--handshake-timeout and --spread must be positive, for example 5s")
	}
	keys, err := token.ParseKeys(env("JWT_KEY"))
	if err != nil {
		return options{}, fmt.Errorf("JWT_KEY: %w", err)
	}
	c.Keys = keys
	if !cmdline.Given(f, "nats") {
		o.nats = env("NATS_URL")
	}
	if err := cmdline.CheckNATS(o.nats); err != nil {
		return options{}, err
	}
	if c.Services, err = gate.ParseServices(*services); err != nil {
		return options{}, cmdline.Misuse("--games: %w", err)
	}
	if *origins != "" {
		c.Origins = strings.Split(*origins, ",")
	}
	return o, nil
}

package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
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
	listen    string
	ops       string
	nats      string // URL; empty: rooms are kept in memory
	replicas  int
	advertise string // empty: from listen
	config    gameserver.Config
}

const usage = `Usage: game [flags]          serve rooms until a signal
       game drain [flags]    ask the server on this host to drain; returns when it holds no room
       game snapshot replay  restore saved rooms with this build, and save them again

First SIGTERM: no new rooms; those here move to other servers, or end with their last player; exit
when none is left. Second SIGTERM: settle and close now.
JWT_KEY (KEY or KID:KEY,KID:KEY, in base64) verifies gates, other game servers and direct players.
--dev does without. NATS_TOKEN or NATS_CREDS (a file) is the password for --nats.

Examples:
  game                                                  one server, rooms in memory
  game --nats nats://127.0.0.1:4222                     rooms outlive the server
  game --nats nats://127.0.0.1:4222 --listen :61001 --ops 127.0.0.1:61011    a second one on this host
  curl -s 127.0.0.1:60011/rooms

Exit codes: 0 stopped as told; 1 failed; 2 the command line can't be followed.

`

func parse(args []string, jwtKey string, output io.Writer) (options, error) {
	var o options
	var d dice.Config
	f := flag.NewFlagSet("game", flag.ContinueOnError)
	f.StringVar(&o.listen, "listen", ":60001", "`address` for gates and direct players (gRPC)")
	f.StringVar(&o.ops, "ops", "127.0.0.1:60011", "`address` for operators, who need no password: /healthz /readyz /metrics /rooms /snapshots /version, POST /drain (HTTP)")
	names := f.String("games", "", "`games` to play, separated by commas (default all)")
	seats := f.Int("seats", 4, "`seats` at a table of dice")
	f.DurationVar(&d.Round, "round", 30*time.Second, "length of a `round` of dice")
	f.DurationVar(&d.Idle, "idle", 5*time.Second, "`pause` between two rounds of dice")
	f.DurationVar(&o.config.DrainTimeout, "drain-timeout", 0, "how long a drain waits for rooms to move or end before it settles and closes; 0: for ever")
	f.IntVar(&o.config.MaxRooms, "max-rooms", 100_000, "how many `rooms` are open at most")
	f.Float64Var(&o.config.Rate, "rate", 100, "`messages` a second that a direct player may send on average")
	f.StringVar(&o.nats, "nats", "", "`URL` of the NATS server that keeps the rooms, so that they outlive this server, e.g. nats://nats:4222 (default $NATS_URL; empty: in memory)")
	f.IntVar(&o.replicas, "nats-replicas", 1, "how many NATS `servers` keep each room: 1, 3 or 5")
	f.StringVar(&o.advertise, "advertise", "", "`address` where gates and other game servers reach this one, HOST:PORT (default that of --listen, or this host's)")
	f.StringVar(&o.config.Name, "name", hostname(), "`name` of this server, in logs and in the directory of rooms")
	f.DurationVar(&o.config.MoveAfter, "move-after", 2*time.Second, "how long a room of a draining server may wait for the end of its round before it moves in the middle of it")
	direct := f.String("direct", "", "who may come without a gate: off, token or open (default token; with --dev open)")
	f.BoolVar(&o.config.Dev, "dev", false, "development: no key needed, details in errors, preset dice, profiles on the ops port")
	debug := f.Bool("debug", false, "log more")
	if err := cmdline.Parse(f, args, output, usage); err != nil {
		return options{}, err
	}
	if *debug {
		slog.SetLogLoggerLevel(slog.LevelDebug)
	}
	if !cmdline.Given(f, "nats") {
		o.nats = os.Getenv("NATS_URL") // not as the default that --help prints: it may hold a password
	}
	if err := cmdline.CheckNATS(o.nats); err != nil {
		return options{}, err
	}
	switch {
	case *seats < 1 || *seats > 64:
		return options{}, cmdline.Misuse("--seats %d: from 1 to 64", *seats)
	case d.Round <= 0 || d.Idle <= 0:
		return options{}, cmdline.Misuse("--round and --idle must be positive, for example 30s")
	case o.config.Rate <= 0:
		return options{}, cmdline.Misuse("--rate must be positive")
	case o.config.MoveAfter <= 0:
		return options{}, cmdline.Misuse("--move-after must be positive, for example 2s")
	case o.replicas != 1 && o.replicas != 3 && o.replicas != 5:
		return options{}, cmdline.Misuse("--nats-replicas %d: 1, 3 or 5", o.replicas)
	case o.config.MaxRooms < 1:
		return options{}, cmdline.Misuse("--max-rooms must be positive")
	case o.config.Name == "":
		return options{}, cmdline.Misuse("--name must not be empty: leave it out for this host's name")
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

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "game"
	}
	return name
}

// reachable is where others reach a listener: at its own address, or, where it listens on all of
// this host's, at the first of those that is not loopback.
func reachable(advertise string, listener net.Addr) (string, error) {
	if advertise != "" {
		return advertise, cmdline.CheckAddress("advertise", advertise)
	}
	tcp, ok := listener.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return listener.String(), nil
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("find this host's address: set --advertise: %w", err)
	}
	for _, address := range addresses {
		if own, ok := address.(*net.IPNet); ok && own.IP.IsGlobalUnicast() {
			return net.JoinHostPort(own.IP.String(), fmt.Sprint(tcp.Port)), nil
		}
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port)), nil
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

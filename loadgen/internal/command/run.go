package command

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"croupier/loadgen/internal/bot"
	"croupier/loadgen/internal/load"
	"croupier/loadgen/internal/report"
	"croupier/servers"
	"croupier/servers/client"
	"croupier/servers/token"
)

// Run is the verb `run`.
type Run struct {
	Gate   string // URL; empty: Direct
	Direct string // HOST:PORT of a game server
	Key    string // as JWT_KEY; never shown
	Load   load.Config
	JSON   bool
	Quiet  bool // no progress
}

// tokenLife is how long a bot's token is valid. Each connection gets a new one.
const tokenLife = time.Hour

// defaultGate is where a gate on this machine listens.
const defaultGate = "ws://127.0.0.1:60006"

func runVerb(stages Stages, env Environment, streams Streams) *cli.Command {
	return &cli.Command{
		Name:            "run",
		Usage:           "play for a while and give the verdict",
		UsageText:       "loadgen run [--gate URL | --direct HOST:PORT] [flags]",
		HideHelpCommand: true,
		OnUsageError:    onUsageError,
		Description: `The key that the gate verifies players with is read from the environment variable JWT_KEY.
An interrupt, or SIGTERM, stops the run: every bot gets up from its table, and the verdict follows.
A second one breaks the run off.

In a Kubernetes Job with completionMode Indexed each pod plays with users and in rooms of its own.

Examples:
  loadgen run --bots 400 --for 1m --flap 6
  loadgen run --direct 127.0.0.1:60001 --bots 40 --for 30s -o json`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "gate", Value: defaultGate, Usage: "play through the gate at this `URL`"},
			&cli.StringFlag{Name: "direct", Usage: "play on the game server at this `HOST:PORT`, without a gate"},
			&cli.StringFlag{Name: "key", Usage: "sign tokens with this `KEY`; JWT_KEY keeps it out of the list of processes", DefaultText: "JWT_KEY"},
			&cli.StringFlag{Name: "game", Value: "dice", Usage: "play this `GAME`"},
			&cli.IntFlag{Name: "bots", Aliases: []string{"b"}, Value: 40, Usage: "how many bots play"},
			&cli.IntFlag{Name: "per-room", Value: 4, Usage: "how many bots share a room"},
			&cli.IntFlag{Name: "rooms", Usage: "how many rooms they share, in place of --per-room"},
			&cli.DurationFlag{Name: "for", Value: time.Minute, Usage: "how long they play; 0: until interrupted"},
			&cli.DurationFlag{Name: "ramp", Usage: "the time over which they arrive", DefaultText: "a second for 200 bots"},
			&cli.Float64Flag{Name: "flap", Usage: "mean number of times a minute that a bot loses its connection"},
			&cli.DurationFlag{Name: "think", Value: 500 * time.Millisecond, Usage: "mean time before a bot rolls"},
			&cli.Float64Flag{Name: "leave", Value: 0.02, Usage: "chance in each round that a bot stands up, to come back later"},
			&cli.DurationFlag{Name: "rest", Value: 2 * time.Second, Usage: "mean time until it comes back"},
			&cli.DurationFlag{Name: "backoff", Value: 5 * time.Second, Usage: "longest pause between two attempts to connect; they begin at 250 ms, double, and have full jitter"},
			&cli.DurationFlag{Name: "patience", Value: 30 * time.Second, Usage: "how long a player may be kept from the table"},
			&cli.Uint64Flag{Name: "seed", Usage: "repeat the chance of an earlier run", DefaultText: "from the clock"},
			&cli.Int64Flag{Name: "first-user", Value: 1_000_001, Usage: "number of the first bot"},
			&cli.Int64Flag{Name: "first-room", Value: 100_001, Usage: "number of the first room"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text", Usage: "`FORMAT` of the report: text or json"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress on stderr"},
		},
		Action: func(c *cli.Context) error {
			r, err := parseRun(c, env)
			if err != nil {
				return err
			}
			return r.Run(stages, streams)
		},
	}
}

// parseRun makes a typed configuration of the flags and the environment, once.
func parseRun(c *cli.Context, env Environment) (Run, error) {
	if c.Args().Present() {
		return Run{}, usage("run takes no argument%s (see `loadgen run --help`)", quoted(c.Args().First()))
	}
	r := Run{Gate: c.String("gate"), Direct: c.String("direct"), Key: c.String("key"), Quiet: c.Bool("quiet"), JSON: c.String("output") == "json"}
	if r.Direct != "" && !c.IsSet("gate") {
		r.Gate = ""
	}
	if r.Key == "" {
		r.Key = env("JWT_KEY")
	}
	l := &r.Load
	l.Game, l.Bots, l.For, l.Ramp = c.String("game"), c.Int("bots"), c.Duration("for"), c.Duration("ramp")
	l.Seed, l.FirstUser, l.FirstRoom, l.Patience = c.Uint64("seed"), c.Int64("first-user"), c.Int64("first-room"), c.Duration("patience")
	l.Style = bot.Style{
		Think: c.Duration("think"), Leave: c.Float64("leave"), Rest: c.Duration("rest"),
		Flap: c.Float64("flap"), BackoffCap: c.Duration("backoff"),
	}
	if !c.IsSet("ramp") {
		l.Ramp = time.Duration(l.Bots) * time.Second / 200
	}
	if !c.IsSet("seed") {
		l.Seed = uint64(time.Now().UnixNano())
	}
	perRoom := c.Int("per-room")
	switch {
	case c.IsSet("rooms") && c.IsSet("per-room"):
		return Run{}, usage("give either --rooms or --per-room")
	case c.IsSet("rooms"):
		l.Rooms = c.Int("rooms")
	case perRoom < 1:
		return Run{}, usage("--per-room %d: at least 1", perRoom)
	default:
		l.Rooms = (l.Bots + perRoom - 1) / perRoom
	}
	if out := c.String("output"); out != "text" && out != "json" {
		return Run{}, usage("--output %q: text or json", out)
	}
	if err := r.check(); err != nil {
		return Run{}, err
	}
	return r, r.take(env("JOB_COMPLETION_INDEX"))
}

// check refuses what can't be played.
func (r *Run) check() error {
	l := r.Load
	switch {
	case (r.Gate == "") == (r.Direct == ""):
		return usage("say where to play: either --gate URL or --direct HOST:PORT")
	case l.Game != "dice":
		return usage("--game %q: the bots know dice only", l.Game)
	case l.Bots < 1 || l.Bots > 1_000_000:
		return usage("--bots %d: from 1 to a million", l.Bots)
	case l.Rooms < 1 || l.Rooms > l.Bots:
		return usage("--rooms %d: from 1 to the number of bots, %d", l.Rooms, l.Bots)
	case l.For < 0 || l.Ramp < 0 || l.Style.Think < 0 || l.Style.Rest < 0:
		return usage("times must not be negative")
	case l.For > 0 && l.Ramp >= l.For:
		return usage("--ramp %v leaves no time to play of --for %v", l.Ramp, l.For)
	case l.Style.BackoffCap <= 0 || l.Patience < 2*l.Style.BackoffCap:
		return usage("--patience %v must be at least twice the --backoff of %v: what the bots wait by themselves is not the servers' fault", l.Patience, l.Style.BackoffCap)
	case l.Style.Flap < 0 || l.Style.Flap > 6000:
		return usage("--flap %g: from 0 to 6000 times a minute", l.Style.Flap)
	case l.Style.Leave < 0 || l.Style.Leave > 1:
		return usage("--leave %g: a chance goes from 0 to 1", l.Style.Leave)
	case l.FirstUser < 1 || l.FirstRoom < 1:
		return usage("--first-user and --first-room count from 1")
	case r.Direct != "":
		if _, _, err := net.SplitHostPort(r.Direct); err != nil {
			return usage("--direct %q: a game server's address looks like HOST:60001", r.Direct)
		}
		return nil
	}
	if !strings.Contains(r.Gate, "://") {
		r.Gate = "ws://" + r.Gate
	}
	if u, err := url.Parse(r.Gate); err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		return usage("--gate %q: a gate's address looks like ws://HOST:60006", r.Gate)
	}
	if r.Key == "" {
		return usage("a gate lets nobody in without a token, and there is no key to sign one: set JWT_KEY to the gate's")
	}
	return nil
}

// take moves a pod of an Indexed Job to users and rooms of its own.
func (r *Run) take(index string) error {
	if index == "" {
		return nil
	}
	n, err := strconv.ParseInt(index, 10, 32)
	if err != nil || n < 0 {
		return usage("JOB_COMPLETION_INDEX %q is not a number of a pod in a Job", index)
	}
	r.Load.FirstUser += n * int64(r.Load.Bots)
	r.Load.FirstRoom += n * int64(r.Load.Rooms)
	return nil
}

// Run plays and writes the report. Its error says what the verdict is, where it is not PASS.
func (r Run) Run(stages Stages, s Streams) error {
	if err := r.aim(); err != nil {
		return err
	}
	first := r.Load.Target(r.Load.FirstUser)
	if err := load.Probe(stages.Stop, first); err != nil {
		return invalid(err)
	}
	progress := func(at load.Moment) {
		if !r.Quiet {
			fmt.Fprintln(s.Err, report.Progress(at))
		}
	}
	result := load.Run(stages.Kill, stages.Stop, r.Load, progress)
	document := report.Make(report.Run{Version: servers.Version, Target: first.String(), Load: r.Load}, result)
	write := document.Text
	if r.JSON {
		write = document.JSON
	}
	if err := write(s.Out); err != nil {
		return invalid(err)
	}
	switch document.Verdict {
	case report.Pass:
		return nil
	case report.Fail:
		return errFailed
	}
	return errInvalid
}

// aim decides where each user plays.
func (r *Run) aim() error {
	var source func(user int64) client.TokenSource
	if r.Key != "" {
		keys, err := token.ParseKeys(r.Key)
		if err != nil {
			return usage("JWT_KEY: %w", err)
		}
		source = func(user int64) client.TokenSource {
			return func(context.Context) (string, error) { return keys.Sign(user, tokenLife) }
		}
	}
	r.Load.Target = func(user int64) client.Target {
		switch {
		case r.Gate != "":
			return client.Gate(r.Gate, source(user))
		case source != nil:
			return client.Direct(r.Direct, user, source(user))
		}
		return client.Direct(r.Direct, user, nil)
	}
	return nil
}

package command

import (
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"croupier/loadgen/play"
	"croupier/loadgen/scenario"
	"croupier/servers/client"
	"croupier/servers/token"
)

// tokenLife is how long a bot's token is valid. Each connection gets a new one.
const tokenLife = time.Hour

// defaultGate is where a gate on this machine listens.
const defaultGate = "ws://127.0.0.1:60006"

// Target is where to play, and as whom.
type Target struct {
	Gate      string // URL, or several with commas between; empty: Direct
	Direct    string // HOST:PORT of a game server, or several with commas between
	Key       string // as JWT_KEY; never shown
	FirstUser int64
	FirstRoom int64
	Pod       int64 // number within an Indexed Job, whose pods keep apart
}

func targetFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "gate", Value: defaultGate, Usage: "play through the gate at this `URL`, or through several, with commas between: a bot that loses one goes on to the next"},
		&cli.StringFlag{Name: "direct", Usage: "play on the game server at this `HOST:PORT`, or on several, without a gate"},
		&cli.StringFlag{Name: "key", Usage: "sign tokens with this `KEY`; JWT_KEY keeps it out of the list of processes", DefaultText: "JWT_KEY"},
		&cli.Int64Flag{Name: "first-user", Value: play.DefaultUser, Usage: "`NUMBER` of the first bot"},
		&cli.Int64Flag{Name: "first-room", Value: play.DefaultRoom, Usage: "`NUMBER` of the first room"},
	}
}

// readTarget makes a typed configuration of the flags and the environment, and refuses where nobody can play.
func readTarget(c *cli.Context, env Environment) (Target, error) {
	t := Target{
		Gate: c.String("gate"), Direct: c.String("direct"), Key: c.String("key"),
		FirstUser: c.Int64("first-user"), FirstRoom: c.Int64("first-room"),
	}
	if t.Direct != "" && !c.IsSet("gate") {
		t.Gate = ""
	}
	if t.Key == "" {
		t.Key = env("JWT_KEY")
	}
	if index := env("JOB_COMPLETION_INDEX"); index != "" {
		n, err := strconv.ParseInt(index, 10, 32)
		if err != nil || n < 0 {
			return Target{}, usage("JOB_COMPLETION_INDEX%s is not a number of a pod in a Job", quoted(index))
		}
		t.Pod = n
	}
	return t, t.check()
}

func (t *Target) check() error {
	const most = 1 << 40 // users and rooms of a million pods fit above
	switch {
	case (t.Gate == "") == (t.Direct == ""):
		return usage("say where to play: either --gate URL or --direct HOST:PORT")
	case t.FirstUser < 1 || t.FirstRoom < 1 || t.FirstUser > most || t.FirstRoom > most:
		return usage("--first-user and --first-room count from 1, to %d", int64(most))
	case t.Direct != "":
		if err := client.Directs(strings.Split(t.Direct, ","), 0, nil).Check(); err != nil {
			return usage("--direct %v", err)
		}
		return nil
	}
	gates := client.GateURLs(t.Gate)
	if err := client.Gates(gates, nil).Check(); err != nil {
		return usage("--gate %v", err)
	}
	t.Gate = strings.Join(gates, ",")
	if t.Key == "" {
		return usage("a gate lets nobody in without a token, and there is no key to sign one: set JWT_KEY to the gate's")
	}
	return nil
}

// config is how to play a scenario there.
func (t Target) config(s scenario.Scenario) (play.Config, error) {
	c := play.Config{
		Scenario: s, Gate: t.Gate, Direct: t.Direct,
		FirstUser: t.FirstUser + t.Pod*int64(s.Most()),
		FirstRoom: t.FirstRoom + t.Pod*int64(s.RoomCount()),
	}
	if t.Key == "" {
		return c, nil
	}
	keys, err := token.ParseKeys(t.Key)
	if err != nil {
		return play.Config{}, usage("JWT_KEY: %w", err)
	}
	c.Token = func(user int64) (string, error) { return keys.Sign(user, tokenLife) }
	return c, nil
}

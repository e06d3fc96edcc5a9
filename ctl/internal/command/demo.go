package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"croupier/ctl/internal/output"
	"croupier/loadgen/play"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
	"croupier/servers/stack"

	"github.com/urfave/cli/v2"
)

// RunDemo replaces every game server of a stack in this process, and kills one, while bots play on it.
type RunDemo struct {
	Bots    int
	Gates   int
	For     time.Duration
	Games   int
	Round   time.Duration
	Idle    time.Duration
	Every   time.Duration // between two restarts; 0: so that each game server has its turn
	Grace   time.Duration // from the first signal to the second one
	Away    time.Duration // how long a server that went stays away, as a pod that starts
	Restart bool
	Kill    bool
	Seed    uint64
	JSON    bool   // on stdout, in place of the report
	HTML    string // file
	Save    string // file
	View    play.View
}

// Demo is the verb `demo`.
func Demo() *cli.Command {
	return &cli.Command{
		Name:      "demo",
		Category:  "Players",
		Usage:     "replace every game server under play, and kill one, right here, and judge it",
		UsageText: "croupier demo [flags]",
		Description: `Needs nothing but this program. Two gates, some game servers, the NATS server that keeps
their rooms, and a crowd of bots run in this process. One game server after the other is
replaced by a new version while they play, and at last one is killed. The bots know the rules
of the game and check all that they are told. At the end there is a verdict, with the reasons.

The rooms of a server that goes move to the others in the middle of play. Those of the one that
is killed are taken over from what was saved. The players keep their connections and their seats.

Keys: q ends the demo with the verdict so far, as the first Ctrl-C does; the second Ctrl-C
breaks it off, and on the full screen asks before.

Exit codes: 0 PASS; 1 a rule was broken; 2 the command line is wrong; 3 the run says nothing.

Examples:
  croupier demo
  croupier demo --bots 2000 --for 5m --games 5
  croupier demo --lines --html demo.html      a line a second, and a page to keep
  croupier demo -o json >demo.json            for a script
  croupier demo --no-restart --no-kill        for comparison`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "bots", Value: 200, Usage: "how many `PLAYERS`, four to a room"},
			&cli.DurationFlag{Name: "for", Value: time.Minute, Usage: "how long they play"},
			&cli.IntFlag{Name: "games", Value: 3, Usage: "how many game `SERVERS`"},
			&cli.IntFlag{Name: "gates", Value: 2, Usage: "how many `GATES`"},
			&cli.DurationFlag{Name: "round", Value: 5 * time.Second, Usage: "length of a round of dice, which ends when all have rolled"},
			&cli.DurationFlag{Name: "idle", Value: time.Second, Usage: "pause between two rounds"},
			&cli.DurationFlag{Name: "restart-every", DefaultText: "so that each game server has its turn", Usage: "`TIME` from one restart to the next"},
			&cli.BoolFlag{Name: "no-restart", Usage: "replace no server"},
			&cli.BoolFlag{Name: "no-kill", Usage: "kill no server"},
			&cli.DurationFlag{Name: "grace", Value: 10 * time.Second, Usage: "`TIME` that a game server has to move its rooms away, before it settles and closes them"},
			&cli.Uint64Flag{Name: "seed", DefaultText: "from the clock", Usage: "`NUMBER` that decides what the bots leave to chance"},
			&cli.BoolFlag{Name: "lines", Usage: "a line a second on stderr, also on a terminal"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text", Usage: "`FORMAT` of the result on stdout: text or json"},
			&cli.StringFlag{Name: "html", Usage: "write the report as a page to this `FILE`, too", TakesFile: true},
			&cli.StringFlag{Name: "save", Usage: "keep the result in this `FILE`, for `loadgen report` and `loadgen compare`", TakesFile: true},
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("demo takes no argument: see `croupier demo --help`")
			}
			s := streams(c)
			o := RunDemo{
				Bots: c.Int("bots"), For: c.Duration("for"), Games: c.Int("games"), Round: c.Duration("round"), Idle: c.Duration("idle"),
				Every: c.Duration("restart-every"), Grace: c.Duration("grace"), Away: time.Second, Restart: !c.Bool("no-restart"),
				Kill: !c.Bool("no-kill"), Gates: c.Int("gates"),
				Seed: c.Uint64("seed"), JSON: c.String("output") == "json", HTML: c.String("html"), Save: c.String("save"), View: play.ViewLines,
			}
			switch {
			case !o.JSON && c.String("output") != "text":
				return usage("demo: unknown output format %q: use text or json", c.String("output"))
			case !o.Restart && c.IsSet("restart-every"):
				return usage("demo: --restart-every and --no-restart: leave one of the two out")
			case c.IsSet("restart-every") && o.Every <= 0:
				return usage("demo: --restart-every must be positive, for example 15s")
			}
			if !c.Bool("lines") && output.IsTerminal(s.In) && output.IsTerminal(s.Out) && os.Getenv("TERM") != "dumb" {
				o.View = play.ViewDashboard
			}
			if err := o.check(openFiles()); err != nil {
				return err
			}
			return o.Run(c.Context, s)
		},
	}
}

// scenario is what the bots do.
func (o RunDemo) scenario() scenario.Scenario {
	s := scenario.Default()
	s.Name, s.Bots, s.For, s.Seed = "demo", o.Bots, o.For, o.Seed
	s.Ramp = min(time.Duration(o.Bots)*time.Second/200, o.For/4)
	s.Think = min(s.Think, o.Round/4)
	s.Backoff = time.Second // a demo is short
	s.Ping = time.Second    // so that it is seen how long players wait where a room moves or is taken over
	return s
}

// moveAfter is how long a room waits for the end of its round before it moves: short enough that
// some have to move in the middle of one.
func (o RunDemo) moveAfter() time.Duration { return min(o.Round/4, time.Second) }

// Run plays, shows it, and returns an error that says which exit code the verdict stands for. When
// ctx ends, the bots get up and there is a verdict; a signal after that breaks everything off.
func (o RunDemo) Run(ctx context.Context, s Streams) error {
	run, err := o.play(ctx, s)
	if run == nil {
		return err
	}
	if err := errors.Join(err, o.deliver(run, s)); err != nil {
		return err
	}
	if code := run.Exit(); code != ExitOK {
		return &codedError{code: code, err: fmt.Errorf("the verdict on the demo is %s", run.Verdict)}
	}
	return nil
}

// play runs the servers, the bots and the restarts. What went wrong beside the run is returned with
// its result.
func (o RunDemo) play(ctx context.Context, s Streams) (*result.Run, error) {
	running, err := stack.Start(stack.Config{
		Games: o.Games, Gates: o.Gates, NATS: true, Version: build(1), Round: o.Round, Idle: o.Idle, MoveAfter: o.moveAfter(), Production: true,
	})
	if err != nil {
		return nil, err
	}
	kill, end := secondSignal(ctx)
	defer end()
	notes := make(chan string, 4)
	restarting, enough := context.WithCancel(ctx)
	var restarts sync.WaitGroup
	restarts.Go(func() { o.disturb(restarting, running, notes) })
	run, err := play.Run(play.Stages{Stop: ctx, Kill: kill}, play.Config{
		Scenario: o.scenario(), Gate: strings.Join(running.Gates, ","), Token: running.Token, View: o.View, Notes: notes,
	}, play.Streams{In: s.In, Out: s.Out, Err: s.Err})
	enough()
	restarts.Wait()
	closed := running.Close()
	var misused *play.UsageError
	switch {
	case errors.As(err, &misused):
		return nil, usage("demo: %w", err)
	case run == nil:
		return nil, &codedError{code: result.ExitInvalid, err: errors.Join(err, closed)}
	}
	return run, errors.Join(err, closed)
}

// secondSignal returns a context that ends at the first signal after stop has ended.
func secondSignal(stop context.Context) (context.Context, context.CancelFunc) {
	kill, cancel := context.WithCancel(context.WithoutCancel(stop))
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-stop.Done():
		case <-kill.Done():
			return
		}
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(signals)
		select {
		case <-signals:
			cancel()
		case <-kill.Done():
		}
	})
	return kill, func() {
		cancel()
		watching.Wait()
	}
}

// deliver writes the result to where it is wanted.
func (o RunDemo) deliver(run *result.Run, s Streams) error {
	var failed error
	if o.Save != "" {
		failed = run.WriteFile(o.Save)
	}
	if o.HTML != "" {
		failed = errors.Join(failed, writePage(o.HTML, run))
	}
	if o.JSON {
		return errors.Join(failed, run.Write(s.Out))
	}
	return errors.Join(failed, play.Text(s.Out, run, play.Columns(s.Out)))
}

func writePage(name string, run *result.Run) error {
	if err := result.ToFile(name, func(w io.Writer) error { return play.HTML(w, run) }); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

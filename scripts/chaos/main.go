// Chaos is the proof, with real processes, that rooms outlive their servers: it builds the servers,
// loadgen and a NATS server, starts them, and drains, kills, stops and cuts them off from each other
// by a plan, while loadgen's bots play and judge. The plan is made from a seed.
//
// On stderr there is a timeline, on stdout the figures and the verdict. The exit code is loadgen's:
// 0 PASS, 1 FAIL, 2 the command line is wrong, 3 INVALID. See scripts/chaos/README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"croupier/loadgen/result"
)

// options are the command line, once and typed.
type options struct {
	mode  string
	seed  uint64
	load  Load
	sizes Sizes
	every time.Duration
	keep  bool
	build Build
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(command(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// command is the program: its exit code is the process's.
func command(ctx context.Context, args []string, out, progress io.Writer) int {
	o, err := parse(args, progress)
	if err == flag.ErrHelp {
		return result.ExitPass
	}
	if err != nil {
		fmt.Fprintf(progress, "chaos: %v\n", err)
		return result.ExitUsage
	}
	code, err := o.prove(ctx, out, progress)
	if err != nil {
		fmt.Fprintf(progress, "chaos: %v\n", err)
	}
	return code
}

func parse(args []string, output io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.SetOutput(output)
	f.Usage = func() {
		fmt.Fprint(output, "Usage: chaos [flags] MODE\n\nModes:\n")
		for _, m := range modes {
			fmt.Fprintf(output, "  %-8s  %s\n", m.name, m.text)
		}
		fmt.Fprint(output, "  none      nothing is done: what the servers cost\n  figures   how long a drain of many live rooms takes, and the recovery from kill -9\n\nFlags:\n")
		f.PrintDefaults()
		fmt.Fprint(output, `
Examples:
  go run ./scripts/chaos drains                                            # ten minutes
  go run ./scripts/chaos --for 60s --bots 400 --rooms 100 kills            # a short one
  go run ./scripts/chaos --delay 5ms --jitter 5ms --loss 0.001 network     # needs root
  go run ./scripts/chaos --for 60s none                                    # and again with --store=false --games 1

Exit codes: 0 PASS; 1 FAIL; 2 the command line is wrong; 3 INVALID, the run says nothing.
`)
	}
	f.Uint64Var(&o.seed, "seed", 0, "repeat the plan of an earlier run; 0: from the clock")
	f.IntVar(&o.load.Bots, "bots", 2000, "how many `bots` play")
	f.IntVar(&o.load.Rooms, "rooms", 500, "in how many `rooms`")
	f.DurationVar(&o.load.For, "for", 10*time.Minute, "how long")
	extra := f.String("loadgen", "", "more `flags` of loadgen, for example \"--flap 1 --late 2s\"")
	f.IntVar(&o.sizes.Games, "games", 3, "how many game servers")
	f.IntVar(&o.sizes.Gates, "gates", 2, "how many gates")
	f.BoolVar(&o.sizes.Store, "store", true, "keep rooms in NATS; without, rooms die with their server")
	f.DurationVar(&o.sizes.Round, "round", 6*time.Second, "length of a round")
	f.DurationVar(&o.sizes.Idle, "idle", 2*time.Second, "pause between rounds")
	f.DurationVar(&o.sizes.MoveAfter, "move-after", 2*time.Second, "how long a draining room may wait for the end of its round")
	f.DurationVar(&o.load.Late, "late", 0, "how late a round may be settled or start (default 2s; where servers die or stand still 10s)")
	f.BoolVar(&o.sizes.Isolated, "isolated", false, "each server in a network namespace, also where the mode is not network (needs root)")
	f.DurationVar(&o.sizes.Weather.Delay, "delay", 2*time.Millisecond, "in namespaces: `delay` of each packet, one way")
	f.DurationVar(&o.sizes.Weather.Jitter, "jitter", 3*time.Millisecond, "in namespaces: at most so much more")
	f.Float64Var(&o.sizes.Weather.Loss, "loss", 0, "in namespaces: `share` of the packets that is lost")
	f.DurationVar(&o.every, "every", 0, "time from one step to the next (default: the mode's own)")
	f.StringVar(&o.build.Source, "source", ".", "build the programs of the checkout in this `folder`")
	f.BoolVar(&o.build.Race, "race", false, "build the servers with the race detector; a race is a fault")
	f.BoolVar(&o.keep, "keep", false, "keep the logs of a run that passed, too")
	f.BoolVar(&o.sizes.Debug, "debug", false, "the servers log more")
	if err := f.Parse(args); err != nil {
		return options{}, err
	}
	o.load.Extra = strings.Fields(*extra)
	o.mode = f.Arg(0)
	if o.mode == "network" {
		o.sizes.Isolated = true
	}
	if o.mode == "figures" { // a thousand rooms, between two servers
		o.sizes.Games = 2
		given := make(map[string]bool)
		f.Visit(func(one *flag.Flag) { given[one.Name] = true })
		if !given["rooms"] {
			o.load.Rooms = 1000
		}
	}
	if o.load.Late == 0 {
		o.load.Late = 10 * time.Second
		if o.mode == "drains" || o.mode == "none" {
			o.load.Late = 2 * time.Second
		}
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	known := o.mode == "none" || o.mode == "figures" || slices.ContainsFunc(modes, func(m struct{ name, text string }) bool { return m.name == o.mode })
	switch {
	case f.NArg() == 0:
		return options{}, fmt.Errorf("say what to do: drains, kills, network, pause, store, none or figures (see --help)")
	case f.NArg() > 1:
		return options{}, fmt.Errorf("one mode, not %q: flags go before it (see --help)", f.Args())
	case !known:
		return options{}, fmt.Errorf("there is no mode %q: drains, kills, network, pause, store, none or figures (see --help)", o.mode)
	case o.load.Bots < 1 || o.load.Rooms < 1 || o.sizes.Games < 1 || o.sizes.Gates < 1 || o.sizes.Games > 100 || o.sizes.Gates > 90:
		return options{}, fmt.Errorf("--bots, --rooms, --games and --gates are at least 1, and there are at most 100 game servers and 90 gates")
	case o.load.For < 30*time.Second && o.mode != "figures":
		return options{}, fmt.Errorf("--for %s is too short: 30s at least", o.load.For)
	case o.sizes.Weather.Loss < 0 || o.sizes.Weather.Loss > 0.5 || o.sizes.Weather.Delay < 0 || o.sizes.Weather.Jitter < 0:
		return options{}, fmt.Errorf("--loss is from 0 to 0.5, --delay and --jitter are not negative")
	case o.sizes.Isolated && os.Geteuid() != 0:
		return options{}, fmt.Errorf("network namespaces and TUN devices need root: run it with sudo")
	case !o.sizes.Store && o.mode == "store":
		return options{}, fmt.Errorf("the mode store is about NATS: leave --store=false out")
	}
	return o, nil
}

// prove runs the mode and returns the exit code.
func (o options) prove(ctx context.Context, out, progress io.Writer) (int, error) {
	dir, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return result.ExitInvalid, err
	}
	timeline, err := os.Create(filepath.Join(dir, "timeline.log"))
	if err != nil {
		return result.ExitInvalid, err
	}
	defer timeline.Close()
	j := &journal{to: io.MultiWriter(progress, timeline), began: time.Now()}
	j.say("%s --seed %d", o.mode, o.seed)
	code, err := o.inside(ctx, dir, j, out)
	if code == result.ExitPass && err == nil && !o.keep {
		return code, os.RemoveAll(dir)
	}
	j.say("logs and the result are in %s", dir)
	return code, err
}

func (o options) inside(ctx context.Context, dir string, j *journal, out io.Writer) (int, error) {
	if err := o.build.into(ctx, dir); err != nil {
		return result.ExitInvalid, err
	}
	h, err := open(dir, o.sizes, o.seed, j)
	if err != nil {
		return result.ExitInvalid, err
	}
	defer h.close()
	var tracks [][]Step
	if o.mode == "figures" {
		return h.figures(ctx, o.load, o.seed, out)
	}
	if o.mode != "none" {
		shape := Shape{Games: o.sizes.Games, Gates: o.sizes.Gates, Begin: o.load.ramp() + 3*time.Second, End: o.load.For - 10*time.Second, Every: o.every}
		if tracks, err = plan(o.mode, shape, o.seed); err != nil {
			return result.ExitUsage, err
		}
	}
	brought, err := run(ctx, h, o.load, tracks, o.seed)
	if err != nil {
		return result.ExitInvalid, err
	}
	verdict, reasons := brought.judge(o.sizes.Store)
	brought.print(out, o.load.Bots)
	for _, v := range brought.load.Violations[:min(3, len(brought.load.Violations))] {
		fmt.Fprintf(out, "\n%s in room %d: %s\n  %s\n", v.Rule, v.Room, v.Text, strings.Join(v.Proof, "\n  "))
	}
	fmt.Fprintf(out, "\n%s %s --seed %d\n", verdict, o.mode, o.seed)
	for _, reason := range reasons {
		fmt.Fprintf(out, "  %s\n", reason)
	}
	brought.load.Verdict = verdict
	return brought.load.Exit(), nil
}

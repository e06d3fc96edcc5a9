package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"croupier/loadgen/result"
)

const (
	figureProbes = 50              // players who measure, each in a room of its own
	figureTurns  = 3               // drains, and then kills
	figureQuiet  = 5 * time.Second // before each of them
	figureAfter  = 6 * time.Second // what is asked so long after a kill counts
)

// figures measures drains of a game server with all live rooms to an empty one, and the recovery of
// them all from kill -9, to and fro between two servers.
func (h *house) figures(ctx context.Context, load Load, seed uint64, out io.Writer) (int, error) {
	here, there := gameName(0), gameName(1)
	for _, name := range h.names() {
		if name != there {
			if err := h.start(ctx, name); err != nil {
				return result.ExitInvalid, err
			}
		}
	}
	load.For = load.ramp() + 2*figureTurns*(figureQuiet+2*figureAfter) + 10*time.Second
	h.journal.begin()
	bots, err := h.bots(load, seed)
	if err != nil {
		return result.ExitInvalid, err
	}
	defer bots.kill()
	h.journal.say("load: %d bots in %d rooms for at most %s, and %d probes", load.Bots, load.Rooms, load.For, figureProbes)
	asking, stop := context.WithCancel(ctx)
	defer stop()
	probes, wait, err := h.startProbes(asking, figureProbes)
	if wait != nil {
		defer wait()
		defer stop()
	}
	if err != nil {
		return result.ExitInvalid, err
	}
	if !h.wait(ctx, load.ramp()+time.Second) {
		return result.ExitInvalid, ctx.Err()
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer t.Flush()
	fmt.Fprintln(t, "\tthe server's exit\tblackout p50\tp99\tmax\tfailed requests\t")
	for turn := range 2 * figureTurns {
		if err := h.start(ctx, there); err != nil {
			return result.ExitInvalid, err
		}
		if !h.wait(ctx, h.journal.since()+figureQuiet) {
			return result.ExitInvalid, ctx.Err()
		}
		act := Drain
		if turn >= figureTurns {
			act = Kill
		}
		from, exit, err := h.fell(ctx, act, here)
		if err != nil {
			return result.ExitFail, err
		}
		until := time.Now()
		h.wait(ctx, h.journal.since()+figureAfter)
		longest, failed := blackouts(probes, from.Add(-time.Second), until.Add(time.Second))
		h.journal.say("%s %s: exit %s, blackout p99 %s", act, here, brief(exit), brief(percentile(longest, 99)))
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t\n", act, brief(exit), brief(percentile(longest, 50)),
			brief(percentile(longest, 99)), brief(percentile(longest, 100)), failed)
		here, there = there, here
	}
	t.Flush()
	stop()
	if err := bots.signal(syscall.SIGTERM); err != nil {
		return result.ExitInvalid, err
	}
	if err := bots.ends(ctx, 90*time.Second); err != nil {
		return result.ExitInvalid, err
	}
	played, err := readResult(filepath.Join(h.dir, "result.json"))
	if err != nil {
		return result.ExitInvalid, fmt.Errorf("loadgen left no result: %w; its last words:\n%s", err, bots.lastWords())
	}
	fmt.Fprintf(out, "rooms %d; a bot's action p50 %s, p99 %s, max %s\n%s figures --seed %d: %s\n", load.Rooms+figureProbes,
		brief(played.Times("action").At(50)), brief(played.Times("action").At(99)), brief(played.Times("action").At(100)),
		played.Verdict, seed, strings.Join(played.Reasons, "; "))
	return played.Exit(), nil
}

// fell ends a server by a drain or a kill, and says when that began and how long it took.
func (h *house) fell(ctx context.Context, act Act, name string) (from time.Time, took time.Duration, err error) {
	p := h.now(name)
	from = time.Now()
	h.journal.say("%s %s", act, name)
	if act == Kill {
		p.kill()
	} else if err = p.signal(syscall.SIGTERM); err == nil {
		err = p.ends(ctx, exitLimit)
	}
	return from, time.Since(from), err
}

package command

import (
	"context"
	"fmt"
	"time"

	"croupier/servers/stack"
)

// build names the game servers of a demo before and after they were replaced.
func build(n int) string { return fmt.Sprintf("v%d", n) }

// restart replaces one game server after the other, each by the next version, until ctx ends or
// not enough time is left. Without a pace of its own each server has its turn once.
func (o RunDemo) restart(ctx context.Context, running *stack.Stack, notes chan<- string) {
	tell := func(format string, args ...any) {
		select {
		case notes <- fmt.Sprintf(format, args...):
		case <-ctx.Done():
		}
	}
	began := time.Now()
	for n, at := range o.turns() {
		if !sleep(ctx, time.Until(began.Add(at))) {
			return
		}
		i, from, to := n%o.Games, build(1+n/o.Games), build(2+n/o.Games)
		name := fmt.Sprintf("game server %d of %d", i+1, o.Games)
		tell("restarting %s (%s -> %s)", name, from, to)
		signalled := time.Now()
		err := running.Restart(ctx, i, stack.Change{Version: to, Grace: o.Grace, Away: o.Away})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			tell("%s: %v", name, err)
		default:
			tell("%s is back after %.1f s", name, time.Since(signalled).Seconds())
		}
	}
}

// turns are the moments at which a game server's turn comes, none so late that the players would
// not see what became of it.
func (o RunDemo) turns() []time.Duration {
	every, turns := o.Every, int(o.For/max(o.Every, 1))
	if every == 0 {
		every, turns = o.For/time.Duration(o.Games+1), o.Games
	}
	var at []time.Duration
	for n := 1; n <= turns; n++ {
		if turn := time.Duration(n) * every; turn+o.Grace+o.Away <= o.For || o.Every == 0 {
			at = append(at, turn)
		}
	}
	return at
}

// sleep returns false when ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

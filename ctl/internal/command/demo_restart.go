package command

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"croupier/servers/stack"
)

// build names the game servers of a demo before and after they were replaced.
func build(n int) string { return fmt.Sprintf("v%d", n) }

// turn is what is done to one game server at a moment of a demo.
type turn struct {
	at       time.Duration
	server   int  // from 0
	kill     bool // without a word; else it is replaced by the next version
	from, to string
}

// name is what the server is called.
func (t turn) name(of int) string { return fmt.Sprintf("game server %d of %d", t.server+1, of) }

// disturb replaces one game server after the other, each by the next version, and kills one, until
// ctx ends.
func (o RunDemo) disturb(ctx context.Context, running *stack.Stack, notes chan<- string) {
	tell := func(format string, args ...any) {
		select {
		case notes <- fmt.Sprintf(format, args...):
		case <-ctx.Done():
		}
	}
	began := time.Now()
	for _, t := range o.turns() {
		if !sleep(ctx, time.Until(began.Add(t.at))) {
			return
		}
		signalled := time.Now()
		if t.kill {
			tell("killing %s (kill -9)", t.name(o.Games))
			running.Kill(t.server)
		} else {
			tell("restarting %s (%s -> %s)", t.name(o.Games), t.from, t.to)
		}
		err := running.Restart(ctx, t.server, stack.Change{Version: t.to, Grace: o.Grace, Away: o.Away})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			tell("%s: %v", t.name(o.Games), err)
		default:
			tell("%s is back after %.1f s", t.name(o.Games), time.Since(signalled).Seconds())
		}
	}
}

// turns are the moments at which something is done, none so late that the players would not see
// what became of it. Without a pace of its own each server has its turn once. The one that is
// killed is killed last.
func (o RunDemo) turns() []turn {
	count, every := 0, o.Every
	if o.Restart {
		count = o.Games
	}
	if o.Restart && o.Every > 0 {
		count = int(o.For / o.Every)
	}
	if o.Kill {
		count++
	}
	if every == 0 {
		every = o.For / time.Duration(count+1)
	}
	var turns []turn
	for n := range count {
		at := time.Duration(n+1) * every
		if at+o.Grace+o.Away > o.For && o.Every != 0 {
			break
		}
		turns = append(turns, turn{at: at, server: n % o.Games, from: build(1 + n/o.Games), to: build(2 + n/o.Games)})
	}
	if last := len(turns) - 1; o.Kill && last >= 0 {
		t := &turns[last]
		t.kill = true
		t.server = int(rand.New(rand.NewPCG(o.Seed, 0)).Int64N(int64(o.Games)))
		t.to = build(1)
		for _, before := range turns[:last] {
			if before.server == t.server {
				t.to = before.to
			}
		}
		t.from = t.to
	}
	return turns
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

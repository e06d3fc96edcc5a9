package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"croupier/ctl/internal/fleet"

	"github.com/urfave/cli/v2"
)

// SwitchTo sends a game's new rooms to its other group.
type SwitchTo struct {
	Change
	Game  string
	Group string
}

// Switch is the verb `switch`.
func Switch() *cli.Command {
	return &cli.Command{
		Name:      "switch",
		Category:  "Upgrade",
		Usage:     "send a game's new rooms to its other group (A/B)",
		UsageText: "croupier switch --to a|b GAME",
		Description: `Changes the selector of the game's Service. Rooms that exist stay where they are, until
their servers are stopped: then they move to servers of either group. Refused if the
other group has no ready pod. Gates follow within a second or two. Switching back is the
same command with the other letter.

Examples:
  croupier switch --to b dice
  croupier switch --to a --dry-run dice`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "the `GROUP` that gets the new rooms: a or b"},
		}, changeFlags()...),
		Action: onCluster("game", func(c *cli.Context, game string) (runner, error) {
			group := c.String("to")
			if group != "a" && group != "b" {
				return nil, usage("switch: to which group? write `croupier switch --to a %s` or `--to b`", game)
			}
			return SwitchTo{Change: change(c), Game: game, Group: group}, nil
		}),
	}
}

// plan decides and describes. now is the group that the Service selects, set
// the StatefulSet of the group that it shall select.
func (o SwitchTo) plan(set *fleet.Workload, now, where string) (Plan, error) {
	if now == "" {
		return Plan{}, refused("Service %s selects no group, so there is nothing to switch: deploy with `croupier deploy --overlay ab`", o.Game)
	}
	ready := readyPods(set)
	if len(ready) == 0 {
		return Plan{}, refused("%s has no ready pod, so new rooms would have nowhere to go: first `croupier scale --replicas N %s`", set.Name, set.Name)
	}
	plan := Plan{Title: fmt.Sprintf("Switch %s to group %s in %s", o.Game, o.Group, where)}
	if now == o.Group {
		plan.Add("nothing to change: Service %s selects group %s already", o.Game, o.Group)
	} else {
		plan.Add("change the selector of Service %s: %s=%s -> %s", o.Game, fleet.GroupLabel, now, o.Group)
	}
	if len(ready) < set.Replicas {
		plan.Note("only %d of %d pods of %s are ready", len(ready), set.Replicas, set.Name)
	}
	plan.Add("wait until the endpoints of %s are the %s of %s (%s)", o.Game, plural(len(ready), "ready pod", "ready pods"), set.Name, set.Image)
	return plan, nil
}

// Run changes the selector and waits until the Service's endpoints are the
// group's ready pods and no other.
func (o SwitchTo) Run(ctx context.Context, f *fleet.Fleet, s Streams) error {
	svc, err := f.Service(ctx, o.Game)
	if err != nil {
		return err
	}
	now := svc.Spec.Selector[fleet.GroupLabel]
	set := &fleet.Workload{}
	if now != "" {
		if set, err = f.Game(ctx, o.Game+"-"+o.Group); err != nil {
			return err
		}
	}
	plan, err := o.plan(set, now, place(f))
	if err != nil {
		return err
	}
	if err := f.SelectGroup(ctx, svc, o.Group, true); err != nil {
		return err
	}
	if ok, err := o.confirm(ctx, s, plan); !ok {
		return err
	}
	if now != o.Group {
		if err := f.SelectGroup(ctx, svc, o.Group, false); err != nil {
			return err
		}
	}
	if err := o.waitEndpoints(ctx, f, s); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "New rooms of %s go to group %s (%s). Rooms on group %s stay; they move when their servers are stopped.\n", o.Game, o.Group, set.Image, otherGroup(o.Group))
	return nil
}

func (o SwitchTo) waitEndpoints(ctx context.Context, f *fleet.Fleet, s Streams) error {
	timeout := o.patience(nil, 0)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(pollEvery / 4)
	defer tick.Stop()
	last := ""
	for {
		set, err := f.Game(ctx, o.Game+"-"+o.Group)
		var have []string
		if err == nil {
			have, err = f.Endpoints(ctx, o.Game)
		}
		line := ""
		switch {
		case err != nil:
			line = err.Error()
		default:
			want := readyPods(set)
			slices.Sort(have)
			if len(want) > 0 && slices.Equal(have, want) {
				return nil
			}
			line = fmt.Sprintf("endpoints %v, waiting for %v", have, want)
		}
		if line != last && ctx.Err() == nil {
			fmt.Fprintf(s.Err, "%s: %s\n", o.Game, line)
			last = line
		}
		if pause(ctx, tick) {
			continue
		}
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("wait for the endpoints of %s: %w (the selector was changed)", o.Game, ctx.Err())
		}
		return timedOut("the endpoints of Service %s did not follow within %s: %s\nnext: croupier switch --to %s %s", o.Game, timeout, last, otherGroup(o.Group), o.Game)
	}
}

func readyPods(w *fleet.Workload) []string {
	var names []string
	for _, p := range w.Pods {
		if p.Ready && !p.Terminating {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

func otherGroup(group string) string {
	if group == "a" {
		return "b"
	}
	return "a"
}

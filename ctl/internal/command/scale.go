package command

import (
	"context"
	"fmt"

	"croupier/ctl/internal/canary"
	"croupier/ctl/internal/fleet"

	"github.com/urfave/cli/v2"
)

// ScaleTo changes how many pods a game or the gate has.
type ScaleTo struct {
	Change
	Name     string
	Replicas int
}

// Scale is the verb `scale`.
func Scale() *cli.Command {
	return &cli.Command{
		Name:      "scale",
		Category:  "Run",
		Usage:     "change how many pods a game or the gate has",
		UsageText: "croupier scale --replicas N NAME",
		Description: `Scaling down takes the highest ordinals away; their rooms drain first. It is refused
while a canary or a rollout is open. A partition that was left behind is cleared in
the same write, since at 0 replicas Kubernetes would take the update revision for
the stable one (kubernetes#121534).

Examples:
  croupier scale --replicas 3 dice
  croupier scale --replicas 0 --yes dice-a`,
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "replicas", Aliases: []string{"r"}, Usage: "how many pods (`N`)"},
		}, changeFlags()...),
		Action: func(c *cli.Context) error {
			name, err := one(c, "game, or gate")
			if err != nil {
				return err
			}
			if !c.IsSet("replicas") {
				return usage("scale: to how many? write `croupier scale --replicas N %s`", name)
			}
			f, err := fleet.Connect(target(c))
			if err != nil {
				return err
			}
			return ScaleTo{Change: change(c), Name: name, Replicas: c.Int("replicas")}.Run(c.Context, f, streams(c))
		},
	}
}

// Run changes the size and waits until exactly that many pods are ready.
func (o ScaleTo) Run(ctx context.Context, f *fleet.Fleet, s Streams) error {
	w, err := f.Workload(ctx, o.Name)
	if err != nil {
		return err
	}
	resize, err := canary.Scale(w.Set, o.Replicas)
	if err != nil {
		return err
	}
	write := fleet.Write{Replicas: &o.Replicas}
	plan := Plan{Title: fmt.Sprintf("Scale %s in namespace %s (%s)", o.Name, f.Namespace, f.Server)}
	if resize.ClearPartition {
		zero := 0
		write.Partition = &zero
		plan.Add("set the partition from %d to 0: no canary is open, and at a smaller size Kubernetes would misread it", w.Partition)
	}
	plan.Add("set the replicas: %d -> %d", w.Replicas, o.Replicas)
	switch {
	case resize.Removed > 0 && w.Kind == fleet.StatefulSet:
		gone := w.Start + o.Replicas
		plan.Add("wait until %s drained and gone", ordinals(o.Name, gone, w.Start+w.Replicas)+isAre(resize.Removed))
		noteRooms(ctx, f, w, &plan, func(p canary.Pod) bool { return p.Ordinal >= gone })
	case resize.Removed > 0:
		plan.Add("wait until %s gone", plural(resize.Removed, "pod is", "pods are"))
	default:
		plan.Add("wait until all %d pods are ready", o.Replicas)
	}
	if w.Replicas == o.Replicas && !resize.ClearPartition {
		plan.Note("it has that size already; this only waits until it is healthy")
	}
	if o.Replicas == 0 && w.Group == "" {
		plan.Note("nobody can play while %s has no pod", o.Name)
	}
	if err := noteSelected(ctx, f, w, o.Replicas, &plan); err != nil {
		return err
	}
	if err := f.Change(ctx, w, write, true); err != nil {
		return err
	}
	if ok, err := o.confirm(ctx, s, plan); !ok {
		return err
	}
	if err := f.Change(ctx, w, write, false); err != nil {
		return err
	}
	_, err = rollout{
		fleet: f, streams: s, timeout: o.Timeout, from: wholeSet,
		next: "look with `croupier status -o wide`; a pod that is stopping waits for its rooms up to its grace period",
	}.wait(ctx, w)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%s has %s\n", o.Name, plural(o.Replicas, "pod", "pods"))
	return nil
}

// noteSelected warns when the group that players are sent to would be empty.
func noteSelected(ctx context.Context, f *fleet.Fleet, w *fleet.Workload, replicas int, plan *Plan) error {
	if w.Group == "" || replicas > 0 {
		return nil
	}
	game := w.Name[:len(w.Name)-len(w.Group)-1]
	svc, err := f.Service(ctx, game)
	if err != nil {
		return err
	}
	if svc.Spec.Selector[fleet.GroupLabel] == w.Group {
		return refused("new rooms of %s are placed on group %s, so %s cannot go to 0: first `croupier switch --to %s %s`",
			game, w.Group, w.Name, otherGroup(w.Group), game)
	}
	plan.Note("players are on group %s; rooms still open on %s drain", svc.Spec.Selector[fleet.GroupLabel], w.Name)
	return nil
}

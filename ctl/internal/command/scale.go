package command

import (
	"context"
	"fmt"
	"strings"

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
		Description: `Scaling down takes the highest ordinals away; their rooms move first. It is refused
while a canary or a rollout is open. A partition that was left behind is cleared in
the same write, since at 0 replicas Kubernetes would take the update revision for
the stable one (kubernetes#121534).

Examples:
  croupier scale --replicas 3 dice
  croupier scale --replicas 0 --yes dice-a`,
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "replicas", Aliases: []string{"r"}, Usage: "how many pods (`N`)"},
		}, changeFlags()...),
		Action: onCluster("game, or gate", func(c *cli.Context, name string) (runner, error) {
			if !c.IsSet("replicas") {
				return nil, usage("scale: to how many? write `croupier scale --replicas N %s`", name)
			}
			return ScaleTo{Change: change(c), Name: name, Replicas: c.Int("replicas")}, nil
		}),
	}
}

// plan decides and describes. selected is the group that new rooms go to,
// empty outside A/B.
func (o ScaleTo) plan(w *fleet.Workload, selected, where string) (Plan, fleet.Write, error) {
	if w.Component == natsComponent {
		return Plan{}, fleet.Write{}, refused("NATS counts its servers in its configuration: one by default, three with `croupier deploy --component nats-three`, chosen before the first game server runs")
	}
	resize, err := canary.Scale(w.Set, o.Replicas)
	if err != nil {
		return Plan{}, fleet.Write{}, err
	}
	if w.Group != "" && w.Group == selected && o.Replicas == 0 {
		return Plan{}, fleet.Write{}, refused("new rooms of %s are placed on group %s, so %s cannot go to 0: first `croupier switch --to %s %s`",
			game(w), w.Group, w.Name, otherGroup(w.Group), game(w))
	}
	write := fleet.Write{Replicas: &o.Replicas}
	plan := Plan{Title: fmt.Sprintf("Scale %s in %s", o.Name, where)}
	if resize.ClearPartition {
		zero := 0
		write.Partition = &zero
		plan.Add("set the partition from %d to 0: no canary is open, and at a smaller size Kubernetes would misread it (kubernetes#121534)", w.Partition)
	}
	plan.Add("set the replicas: %d -> %d", w.Replicas, o.Replicas)
	switch {
	case resize.Removed > 0 && w.Kind == fleet.StatefulSet:
		plan.Add("wait until %s %s drained and gone", ordinals(o.Name, w.Start+o.Replicas, w.Start+w.Replicas), isAre(resize.Removed))
	case resize.Removed > 0:
		plan.Add("wait until %s gone", plural(resize.Removed, "pod is", "pods are"))
	default:
		plan.Add("wait until %s ready", plural(o.Replicas, "pod is", "pods are"))
	}
	if w.Replicas == o.Replicas && !resize.ClearPartition {
		plan.Note("it has that size already; this only waits until it is healthy")
	}
	if o.Replicas == 0 {
		if w.Group == "" {
			plan.Note("nobody can play while %s has no pod", o.Name)
		} else {
			plan.Note("new rooms of %s go to group %s", game(w), selected)
		}
	}
	return plan, write, nil
}

// Run changes the size and waits until exactly that many pods are ready.
func (o ScaleTo) Run(ctx context.Context, f *fleet.Fleet, s Streams) error {
	w, err := f.Workload(ctx, o.Name)
	if err != nil {
		return err
	}
	selected := ""
	if w.Group != "" {
		if selected, err = f.SelectedGroup(ctx, game(w)); err != nil {
			return err
		}
	}
	plan, write, err := o.plan(w, selected, place(f))
	if err != nil {
		return err
	}
	noteRooms(ctx, f, w, &plan, func(p canary.Pod) bool { return p.Ordinal >= w.Start+o.Replicas })
	if done, err := o.act(ctx, f, s, w, plan, write); !done {
		return err
	}
	if _, err = (rollout{
		fleet: f, streams: s, timeout: o.patience(w, max(w.Replicas, o.Replicas)), from: wholeSet,
		next: "look with `croupier status -o wide`; a pod that is stopping waits for its rooms up to its grace period",
	}).wait(ctx, w); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%s has %s\n", o.Name, plural(o.Replicas, "pod", "pods"))
	return nil
}

// game is the game whose group w is: dice for dice-a.
func game(w *fleet.Workload) string { return strings.TrimSuffix(w.Name, "-"+w.Group) }

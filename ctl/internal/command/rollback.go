package command

import (
	"context"
	"fmt"

	"croupier/ctl/internal/canary"
	"croupier/ctl/internal/fleet"

	"github.com/urfave/cli/v2"
)

// RollbackTo puts a game back to its stable revision, or to a named one.
type RollbackTo struct {
	Change
	Name     string
	Revision string // empty: the stable one
	Abort    bool   // only if a canary or a rollout is open
}

// Rollback is the verb `rollback`.
func Rollback() *cli.Command {
	return &cli.Command{
		Name:      "rollback",
		Category:  "Upgrade",
		Usage:     "put a game back to its stable revision",
		UsageText: "croupier rollback [--to REVISION] NAME",
		Description: `During a rollout the stable revision is the one that it started from; after one it is
the revision that was stable before. Either is taken by its name. Pods of the
revision left behind that are not ready are deleted, because with ordered pods the
controller would wait for them for ever.

Examples:
  croupier rollback dice
  croupier rollback --to dice-7f9c6d5b4 --yes dice`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "go to this `REVISION`, by name, instead"},
		}, changeFlags()...),
		Action: onCluster("game", func(c *cli.Context, name string) (runner, error) {
			return RollbackTo{Change: change(c), Name: name, Revision: c.String("to")}, nil
		}),
	}
}

// plan decides and describes the way back to target.
func (o RollbackTo) plan(w *fleet.Workload, target fleet.Revision, where string) (Plan, fleet.Write) {
	zero := 0
	write := fleet.Write{Template: target.Template(), Partition: &zero}
	if w.CurrentRevision == w.UpdateRevision && w.Phase() == canary.Settled {
		write.Previous = w.CurrentRevision // so that a rollback can itself be undone
	}
	plan := Plan{Title: fmt.Sprintf("Roll %s back in %s", o.Name, where)}
	if o.Abort {
		plan.Title = fmt.Sprintf("Abort the canary of %s in %s", o.Name, where)
	}
	if w.UpdateRevision != target.Name {
		plan.Add("put the template back to revision %s: %s -> %s", target.Name, w.Image, target.Image)
	} else {
		plan.Add("the template is already that of revision %s (%s)", target.Name, target.Image)
	}
	if w.Partition > 0 {
		plan.Add("set the partition from %d to 0", w.Partition)
	}
	leaving := 0
	for _, p := range w.Pods {
		if p.Revision == target.Name {
			continue
		}
		leaving++
		if !p.Ready && !p.Terminating {
			plan.Add("delete pod %s, which is not ready and would block the way back%s", p.Name, because(p.Reason))
		}
	}
	plan.Add("wait until all %d pods have revision %s and are ready (%d to replace)", w.Replicas, target.Name, leaving)
	return plan, write
}

// Run reverts the template, clears the partition, deletes what is in the way
// and waits for the whole set.
func (o RollbackTo) Run(ctx context.Context, f *fleet.Fleet, s Streams) error {
	w, err := f.Game(ctx, o.Name)
	if err != nil {
		return err
	}
	if !w.Observed {
		return refused("%s was changed a moment ago and its controller has not looked yet: try again", o.Name)
	}
	if o.Abort {
		if err := canary.Abort(w.Set); err != nil {
			return err
		}
	}
	revisions, err := f.Revisions(ctx, w)
	if err != nil {
		return err
	}
	target, err := o.choose(w, revisions)
	if err != nil {
		return err
	}
	plan, write := o.plan(w, target, place(f))
	noteRooms(ctx, f, w, &plan, func(p canary.Pod) bool { return p.Revision != target.Name })
	if done, err := o.act(ctx, f, s, w, plan, write); !done {
		return err
	}
	if _, err = (rollout{
		fleet: f, streams: s, timeout: o.patience(w, w.Replicas), from: wholeSet,
		each: deleteOnce(f, s, func(w *fleet.Workload) []canary.Pod { return canary.InTheWay(w.Set, target.Name) }),
		next: fmt.Sprintf("look with `croupier status -o wide`, then run `croupier rollback %s` again", o.Name),
	}).wait(ctx, w); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%s is back on revision %s (%s)\n", o.Name, target.Name, target.Image)
	return nil
}

func (o RollbackTo) choose(w *fleet.Workload, revisions []fleet.Revision) (fleet.Revision, error) {
	var known []string
	for _, r := range revisions {
		known = append(known, r.Name)
	}
	name := o.Revision
	if name == "" {
		stable, err := canary.StableRevision(w.Set, w.Previous, known)
		if err != nil {
			return fleet.Revision{}, err
		}
		name = stable
	}
	for _, r := range revisions {
		if r.Name == name {
			return r, nil
		}
	}
	return fleet.Revision{}, refused("%s keeps no revision %q (known: %v)", w.Name, name, known)
}

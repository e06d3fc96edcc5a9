package command

import (
	"context"
	"fmt"

	"croupier/ctl/internal/canary"
	"croupier/ctl/internal/fleet"

	"github.com/urfave/cli/v2"
)

// CanaryStart gives a new image to the highest ordinals of a game.
type CanaryStart struct {
	Change
	Name  string
	Image string
	Pods  int
}

// CanaryPromote gives the canary's revision to every pod.
type CanaryPromote struct {
	Change
	Name string
}

// Canary is the verb `canary` with `canary promote` and `canary abort`.
func Canary() *cli.Command {
	return &cli.Command{
		Name:      "canary",
		Category:  "Upgrade",
		Args:      true,
		Usage:     "try a new image on the highest ordinals of a game",
		UsageText: "croupier canary --image IMAGE [--pods N] NAME\ncroupier canary promote NAME\ncroupier canary abort NAME",
		Description: `The stable revision keeps the lower ordinals until you promote or abort. Rooms on
the replaced pods move to other servers first, as in any update; try the new version on
them before with croupier snapshot check.

Examples:
  croupier canary --image croupier/game:v2 dice
  croupier canary --image croupier/game:v2 --pods 2 --yes dice
  croupier canary promote dice
  croupier canary abort dice`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "image", Aliases: []string{"i"}, Usage: "the `IMAGE` to try"},
			&cli.IntFlag{Name: "pods", Value: 1, Usage: "try it on this many pods"},
		}, changeFlags()...),
		Action: onCluster("game", func(c *cli.Context, name string) (runner, error) {
			if c.String("image") == "" {
				if nearest(name, c.Command.Subcommands) != "" {
					return nil, unknownVerb(c, c.Command.Subcommands)
				}
				return nil, usage("canary: which image? write `croupier canary --image IMAGE %s`", name)
			}
			return CanaryStart{Change: change(c), Name: name, Image: c.String("image"), Pods: c.Int("pods")}, nil
		}),
		Subcommands: []*cli.Command{
			{
				Name:        "promote",
				Usage:       "give the canary's revision to every pod",
				UsageText:   "croupier canary promote NAME",
				Description: "Refused unless every canary pod is updated and ready.\n\nExample:\n  croupier canary promote --yes dice",
				Flags:       changeFlags(),
				Action: onCluster("game", func(c *cli.Context, name string) (runner, error) {
					return CanaryPromote{Change: change(c), Name: name}, nil
				}),
			},
			{
				Name:        "abort",
				Usage:       "put the canary pods back to the stable revision",
				UsageText:   "croupier canary abort NAME",
				Description: "Pods of the canary that never became ready are deleted: they would block the way back.\n\nExample:\n  croupier canary abort --yes dice",
				Flags:       changeFlags(),
				Action: onCluster("game", func(c *cli.Context, name string) (runner, error) {
					return RollbackTo{Change: change(c), Name: name, Abort: true}, nil
				}),
			},
		},
	}
}

// plan decides and describes; where names the namespace and the server.
func (o CanaryStart) plan(w *fleet.Workload, where string) (Plan, fleet.Write, error) {
	partition, err := canary.Begin(w.Set, o.Pods)
	if err != nil {
		return Plan{}, fleet.Write{}, err
	}
	if w.Image == o.Image {
		return Plan{}, fleet.Write{}, refused("%s already runs %s, so the template would not change and nothing would be updated: name another tag, or pin the digest (%s@sha256:...) if the tag was pushed again",
			o.Name, o.Image, repository(o.Image))
	}
	plan := Plan{Title: fmt.Sprintf("Open a canary of %s in %s", o.Name, where)}
	plan.Add("set the partition to %d: %s may change, the rest keeps revision %s", partition, ordinals(o.Name, partition, w.Start+w.Replicas), w.CurrentRevision)
	plan.Add("set the image of the template: %s -> %s", w.Image, o.Image)
	plan.Add("wait until the %s updated and ready", plural(o.Pods, "canary pod is", "canary pods are"))
	return plan, fleet.Write{Image: o.Image, Partition: &partition}, nil
}

// Run opens the canary and waits until its pods are ready.
func (o CanaryStart) Run(ctx context.Context, f *fleet.Fleet, s Streams) error {
	w, err := f.Game(ctx, o.Name)
	if err != nil {
		return err
	}
	plan, write, err := o.plan(w, place(f))
	if err != nil {
		return err
	}
	partition := *write.Partition
	noteRooms(ctx, f, w, &plan, func(p canary.Pod) bool { return p.Ordinal >= partition })
	if done, err := o.act(ctx, f, s, w, plan, write); !done {
		return err
	}
	if _, err = (rollout{
		fleet: f, streams: s, timeout: o.patience(w, o.Pods), from: canaryOnly,
		next: fmt.Sprintf("croupier canary abort %s", o.Name),
	}).wait(ctx, w); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "The canary of %s is healthy on %s. Next: croupier canary promote %s, or croupier canary abort %s\n",
		o.Name, ordinals(o.Name, partition, w.Start+w.Replicas), o.Name, o.Name)
	return nil
}

func (o CanaryPromote) plan(w *fleet.Workload, where string) (Plan, fleet.Write, error) {
	if err := canary.Promote(w.Set); err != nil {
		return Plan{}, fleet.Write{}, err
	}
	plan := Plan{Title: fmt.Sprintf("Promote the canary of %s in %s", o.Name, where)}
	plan.Add("set the partition to 0: %s get %s (revision %s)", ordinals(o.Name, w.Start, w.Partition), w.Image, w.UpdateRevision)
	plan.Add("remember %s as the revision to roll back to", w.CurrentRevision)
	plan.Add("wait until all %d pods are updated and ready", w.Replicas)
	zero := 0
	return plan, fleet.Write{Partition: &zero, Previous: w.CurrentRevision}, nil
}

// Run promotes the canary and waits for the whole set.
func (o CanaryPromote) Run(ctx context.Context, f *fleet.Fleet, s Streams) error {
	w, err := f.Game(ctx, o.Name)
	if err != nil {
		return err
	}
	plan, write, err := o.plan(w, place(f))
	if err != nil {
		return err
	}
	noteRooms(ctx, f, w, &plan, func(p canary.Pod) bool { return p.Ordinal < w.Partition })
	if done, err := o.act(ctx, f, s, w, plan, write); !done {
		return err
	}
	if _, err = (rollout{
		fleet: f, streams: s, timeout: o.patience(w, w.Replicas), from: wholeSet,
		next: fmt.Sprintf("croupier rollback %s", o.Name),
	}).wait(ctx, w); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "All of %s runs %s. To go back: croupier rollback %s\n", o.Name, w.Image, o.Name)
	return nil
}

package command

import (
	"context"
	"fmt"
	"path/filepath"

	"croupier/ctl/internal/image"

	"github.com/urfave/cli/v2"
)

// PushImages copies built images to a registry.
type PushImages struct {
	Change
	From     string
	To       string
	Insecure bool
	Programs []string
}

// Push is the verb `push`.
func Push() *cli.Command {
	return &cli.Command{
		Name:      "push",
		Category:  "Images",
		Usage:     "copy the built images to a registry",
		UsageText: "croupier push --to REGISTRY[/PATH] [--from DIR] [game|gate|loadgen ...]",
		Description: `Credentials are those of docker login (~/.docker/config.json and its helpers). Prints
each image with its digest, which is what to deploy: a tag can be pushed again, and
a template that names it would not change.

Examples:
  croupier push --to registry.example.com/games
  croupier push --to localhost:5000 --insecure --yes game`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "the `REGISTRY`, with a path if wanted"},
			&cli.StringFlag{Name: "from", Value: defaultImages, Usage: "the `DIR` that build wrote", TakesFile: true},
			&cli.BoolFlag{Name: "insecure", Usage: "allow a registry without TLS"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask, go ahead"},
			&cli.BoolFlag{Name: "dry-run", Usage: "print the plan, push nothing"},
		},
		Action: func(c *cli.Context) error {
			if c.String("to") == "" {
				return usage("push: where to? write `croupier push --to REGISTRY[/PATH]`")
			}
			return PushImages{
				Change: change(c), From: c.String("from"), To: c.String("to"),
				Insecure: c.Bool("insecure"), Programs: c.Args().Slice(),
			}.Run(c.Context, streams(c))
		},
	}
}

// Run pushes one image after the other and prints what to deploy.
func (o PushImages) Run(ctx context.Context, s Streams) error {
	images, err := chosen(o.From, o.Programs)
	if err != nil {
		return err
	}
	plan := Plan{Title: "Push to " + o.To}
	for _, b := range images {
		plan.Add("%s (%s)", b.Reference, b.Digest)
	}
	if ok, err := o.confirm(ctx, s, plan); !ok {
		return err
	}
	for _, b := range images {
		fmt.Fprintf(s.Err, "pushing %s\n", b.Reference)
		ref, err := image.Push(ctx, filepath.Join(o.From, b.Archive), o.To, o.Insecure)
		if err != nil {
			return err
		}
		fmt.Fprintln(s.Out, ref)
	}
	return nil
}

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

// Push is the verb `push` with `push image` and `push message`.
func Push() *cli.Command {
	hidden := imageFlags() // only to say what to write instead
	for _, f := range hidden {
		switch f := f.(type) {
		case *cli.StringFlag:
			f.Hidden = true
		case *cli.BoolFlag:
			f.Hidden = true
		}
	}
	return &cli.Command{
		Name:      "push",
		Category:  "Run",
		Args:      true,
		Usage:     "push images to a registry, or a message to players",
		UsageText: "croupier push image --to REGISTRY[/PATH]\ncroupier push message --user ID[,ID...] --text TEXT",
		Description: `Examples:
  croupier push image --to registry.example.com/games
  croupier push message --user 7,8 --text "Your prize is here"
  croupier push message --all --text "The house closes at midnight"`,
		Flags: hidden,
		Action: func(c *cli.Context) error {
			if c.Args().Present() && nearest(c.Args().First(), c.Command.Subcommands) != "" {
				return unknownVerb(c, c.Command.Subcommands)
			}
			to := c.String("to")
			if to == "" {
				to = "REGISTRY[/PATH]"
			}
			return usage("push: an image or a message? write `croupier push image --to %s` or `croupier push message --user 7 --text TEXT`", to)
		},
		Subcommands: []*cli.Command{pushImage(), pushMessage()},
	}
}

func imageFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "to", Usage: "the `REGISTRY`, with a path if wanted"},
		&cli.StringFlag{Name: "from", Value: defaultImages, Usage: "the `DIR` that build wrote", TakesFile: true},
		&cli.BoolFlag{Name: "insecure", Usage: "allow a registry without TLS"},
		&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask, go ahead"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print the plan, push nothing"},
	}
}

func pushImage() *cli.Command {
	return &cli.Command{
		Name:      "image",
		Usage:     "copy the built images to a registry",
		UsageText: "croupier push image --to REGISTRY[/PATH] [--from DIR] [game|gate|loadgen|nats ...]",
		Description: `Credentials are those of docker login (~/.docker/config.json and its helpers). Prints
each image with its digest, which is what to deploy: a tag can be pushed again, and
a template that names it would not change.

Examples:
  croupier push image --to registry.example.com/games
  croupier push image --to localhost:5000 --insecure --yes game`,
		Flags: imageFlags(),
		Action: func(c *cli.Context) error {
			if c.String("to") == "" {
				return usage("push image: where to? write `croupier push image --to REGISTRY[/PATH]`")
			}
			if err := image.CheckPrefix(c.String("to")); err != nil {
				return usage("push image: --to %s is no place in a registry: write HOST[:PORT][/PATH] in lower case, without https:// and without a tag, such as registry.example.com/games", c.String("to"))
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

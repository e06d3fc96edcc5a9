package command

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"croupier/ctl/internal/image"

	"github.com/urfave/cli/v2"
)

const defaultSocket = "/run/containerd/containerd.sock"

// LoadImages puts built images into a local cluster, without a registry.
type LoadImages struct {
	Change
	From     string
	Loader   image.Loader
	Programs []string
}

// Load is the verb `load`.
func Load() *cli.Command {
	return &cli.Command{
		Name:      "load",
		Category:  "Images",
		Usage:     "put the built images into a local cluster, without a registry",
		UsageText: "croupier load [--containerd-socket SOCKET | --kind CLUSTER | --k3s] [--from DIR] [game|gate|loadgen ...]",
		Description: `Imports into the containerd of this machine's node, or hands the archives to kind or
k3s. The manifests use imagePullPolicy IfNotPresent, so nothing is pulled.

Examples:
  croupier load --yes
  croupier load --containerd-socket /run/k8s/containerd.sock --yes game
  croupier load --kind dev`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "containerd-socket", Value: defaultSocket, EnvVars: []string{"CONTAINERD_ADDRESS"}, Usage: "import over this `SOCKET`", TakesFile: true},
			&cli.StringFlag{Name: "kind", Usage: "load into this kind `CLUSTER`"},
			&cli.BoolFlag{Name: "k3s", Usage: "load into this machine's k3s"},
			&cli.StringFlag{Name: "from", Value: defaultImages, Usage: "the `DIR` that build wrote", TakesFile: true},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask, go ahead"},
			&cli.BoolFlag{Name: "dry-run", Usage: "print the plan, load nothing"},
		},
		Action: func(c *cli.Context) error {
			if c.String("kind") != "" && c.Bool("k3s") {
				return usage("load: --kind and --k3s are two different clusters; give one")
			}
			return LoadImages{
				Change: change(c), From: c.String("from"), Programs: c.Args().Slice(),
				Loader: image.Loader{Socket: c.String("containerd-socket"), Kind: c.String("kind"), K3s: c.Bool("k3s")},
			}.Run(c.Context, streams(c))
		},
	}
}

// Run imports one image after the other.
func (o LoadImages) Run(ctx context.Context, s Streams) error {
	images, err := chosen(o.From, o.Programs)
	if err != nil {
		return err
	}
	plan := Plan{Title: "Load into the local cluster"}
	for _, b := range images {
		lines, err := o.Loader.Commands(filepath.Join(o.From, b.Archive), b)
		if err != nil {
			return err
		}
		for _, line := range lines {
			plan.Add("%s", strings.Join(line, " "))
		}
	}
	if ok, err := o.confirm(ctx, s, plan); !ok {
		return err
	}
	for _, b := range images {
		if err := o.Loader.Load(ctx, filepath.Join(o.From, b.Archive), b); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%s@%s\n", repository(b.Reference), b.Digest)
	}
	return nil
}

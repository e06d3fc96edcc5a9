package command

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"croupier/loadgen/result"
)

// Merge is the verb `merge`.
type Merge struct {
	Files []string
	Show  Show
}

func mergeVerb() *cli.Command {
	return &cli.Command{
		Name:      "merge",
		Usage:     "make one result of those of several processes",
		UsageText: "loadgen merge [--save OUT] [flags] FILE...",
		Flags:     append(showFlags(), saveFlag()),
		Description: `The results must be of one run: the same scenario, with users and rooms of their own, as the pods
of an Indexed Job have. They merge exactly: every percentile is that of all measurements together.
The exit code is that of the verdict on all of them.

Examples:
  loadgen merge --save all.json pod-0.json pod-1.json pod-2.json
  loadgen merge --html all.html pods/*.json`,
		Action: func(c *cli.Context) error {
			show, err := readShow(c)
			if err != nil {
				return err
			}
			if !c.Args().Present() {
				return usage("merge which results? name the files that `loadgen run --save` wrote")
			}
			return Merge{Files: c.Args().Slice(), Show: show}.Run(streams(c))
		},
	}
}

// Run merges and writes the result.
func (m Merge) Run(s Streams) error {
	runs, err := readRuns(m.Files)
	if err != nil {
		return err
	}
	merged, err := result.Merge(runs...)
	if err != nil {
		return invalid(fmt.Errorf("the results do not merge: %w", err))
	}
	if err := m.Show.run(s.Out, merged); err != nil {
		return err
	}
	return said(merged.Exit())
}

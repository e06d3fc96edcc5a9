package command

import (
	"github.com/urfave/cli/v2"
)

// Report is the verb `report`.
type Report struct {
	File     string
	Show     Show
	ExitCode bool // end with the verdict's
}

func reportVerb() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "show a result that was saved",
		UsageText: "loadgen report [flags] FILE",
		Flags: append(showFlags(),
			&cli.BoolFlag{Name: "exit-code", Usage: "end with the exit code of the verdict, and not with 0"}),
		Description: `FILE was written by ` + "`loadgen run --save`" + ` or ` + "`loadgen merge --save`" + `.

Examples:
  loadgen report storm.json
  loadgen report --html storm.html storm.json
  loadgen report -o csv storm.json >storm.csv`,
		Action: func(c *cli.Context) error {
			show, err := readShow(c)
			if err != nil {
				return err
			}
			switch c.Args().Len() {
			case 0:
				return usage("report which result? name a file that `loadgen run --save` wrote")
			case 1:
			default:
				return usage("report shows one result, not %d: make one of them with `loadgen merge`, or see what changed with `loadgen compare`", c.Args().Len())
			}
			return Report{File: c.Args().First(), Show: show, ExitCode: c.Bool("exit-code")}.Run(streams(c))
		},
	}
}

// Run writes the report.
func (r Report) Run(s Streams) error {
	runs, err := readRuns([]string{r.File})
	if err != nil {
		return err
	}
	if err := r.Show.run(s.Out, runs[0]); err != nil || !r.ExitCode {
		return err
	}
	return said(runs[0].Exit())
}

package command

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"croupier/loadgen/internal/report"
	"croupier/loadgen/play"
	"croupier/loadgen/result"
)

// Compare is the verb `compare`.
type Compare struct {
	Base      []string // files
	New       []string
	Tolerance float64 // share by which new runs may be worse
	Format    string
	HTML      string // file; empty: none
}

func compareVerb() *cli.Command {
	return &cli.Command{
		Name:      "compare",
		Usage:     "say whether new results are worse than earlier ones",
		UsageText: "loadgen compare [flags] BASE NEW\n   loadgen compare --base BASE [--base BASE...] [flags] NEW...",
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "base", Aliases: []string{"b"}, Usage: "a result `FILE` to compare with; repeat it, more runs tell more of the noise"},
			&cli.StringFlag{Name: "tolerance", Aliases: []string{"t"}, Value: "10%", Usage: "`SHARE` by which a figure may be worse"},
		}, showFlags()...),
		Description: `A figure has regressed only if it is worse by more than the tolerance and noise does not explain
it. Several runs on each side tell what noise there is; with one on each side only what is large is
told. The scenarios must be the same.

The exit code is 0 if nothing got worse, 5 at a regression, and 3 if nothing can be said.

Examples:
  loadgen compare v1.json v2.json
  loadgen compare --tolerance 5% --base v1-a.json --base v1-b.json v2-a.json v2-b.json`,
		Action: func(c *cli.Context) error {
			show, err := readShow(c)
			if err != nil {
				return err
			}
			v := Compare{Base: c.StringSlice("base"), New: c.Args().Slice(), Format: show.Format, HTML: show.HTML}
			switch n := len(v.New); {
			case len(v.Base) == 0 && n == 2:
				v.Base, v.New = v.New[:1], v.New[1:]
			case len(v.Base) == 0 && n > 2:
				return usage("which of the %d results are the base? name each of them with --base", n)
			case len(v.Base) == 0:
				return usage("compare which results? write `loadgen compare BASE NEW`")
			case n == 0:
				return usage("compare the base with which results? name files that `loadgen run --save` wrote behind the flags")
			}
			if v.Tolerance, err = readShare(c.String("tolerance")); err != nil || !(v.Tolerance >= 0 && v.Tolerance <= 10) {
				return usage("--tolerance%s: a share such as 10%%, to 1000%%", quoted(c.String("tolerance")))
			}
			return v.Run(streams(c))
		},
	}
}

// Run compares and writes the outcome.
func (v Compare) Run(s Streams) error {
	base, err := readRuns(v.Base)
	if err != nil {
		return err
	}
	next, err := readRuns(v.New)
	if err != nil {
		return err
	}
	outcome := result.Compare(base, next, v.Tolerance)
	if v.HTML != "" {
		if err := result.ToFile(v.HTML, func(w io.Writer) error { return report.CompareHTML(w, outcome, base, next) }); err != nil {
			return invalid(fmt.Errorf("write the page: %w", err))
		}
	}
	switch v.Format {
	case "json":
		err = json.NewEncoder(s.Out).Encode(outcome)
	case "csv":
		err = report.CompareCSV(s.Out, outcome)
	default:
		err = report.CompareText(s.Out, outcome, play.Columns(s.Out))
	}
	if err != nil {
		return invalid(fmt.Errorf("write the comparison: %w", err))
	}
	return said(outcome.Exit())
}

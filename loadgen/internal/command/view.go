package command

import (
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"croupier/loadgen/play"
)

func viewFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress on stderr"},
		&cli.BoolFlag{Name: "lines", Aliases: []string{"no-dashboard"}, Usage: "progress as one line a second, on a terminal too"},
		&cli.BoolFlag{Name: "json-lines", Usage: "progress as one JSON document a second"},
	}
}

// readView decides how progress is shown: on a terminal as a dashboard, else as lines.
func readView(c *cli.Context, env Environment) (play.View, error) {
	if n := count(c.Bool("quiet"), c.Bool("lines"), c.Bool("json-lines")); n > 1 {
		return play.ViewNone, usage("--quiet, --lines and --json-lines exclude each other: give one of them")
	}
	s := streams(c)
	switch {
	case c.Bool("quiet"):
		return play.ViewNone, nil
	case c.Bool("json-lines"):
		return play.ViewJSON, nil
	case c.Bool("lines") || env("TERM") == "dumb" || !isTerminal(s.In) || !isTerminal(s.Out):
		return play.ViewLines, nil
	}
	return play.ViewDashboard, nil
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// count is how many are true.
func count(all ...bool) int {
	n := 0
	for _, is := range all {
		if is {
			n++
		}
	}
	return n
}

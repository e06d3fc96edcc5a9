package command

import (
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
)

// unitFirst is a flag's unit where the library repeats it before the words about the flag.
var unitFirst = regexp.MustCompile(`\t[A-Z][^ ]*: `)

// The library has one writer of flags in --help for the whole program. This one leaves out what
// says nothing.
func init() {
	full := cli.FlagStringer
	cli.FlagStringer = func(f cli.Flag) string {
		return strings.Replace(unitFirst.ReplaceAllString(full(f), "\t"), " (default: false)", "", 1)
	}
}

// helpVerb is the verb `help`, which some type before they know of --help.
func helpVerb() *cli.Command {
	return &cli.Command{
		Name:        "help",
		Usage:       "explain a command, as its --help does",
		UsageText:   "loadgen help [COMMAND [SUBCOMMAND]]",
		Description: "Example:\n  loadgen help run",
		Action: func(c *cli.Context) error {
			line := append([]string{c.App.Name}, c.Args().Slice()...)
			return c.App.RunContext(c.Context, append(line, "--help"))
		},
	}
}

package command

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"
)

// Help is the verb `help`, which some type before they know of --help.
func Help() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Category:  "Other",
		Usage:     "explain a command, as its --help does",
		UsageText: "croupier help [COMMAND [SUBCOMMAND]]",
		Description: `Example:
  croupier help canary promote`,
		BashComplete: func(c *cli.Context) {
			for _, cmd := range c.App.Commands {
				fmt.Fprintln(c.App.Writer, cmd.Name)
			}
		},
		Action: func(c *cli.Context) error {
			line := slices.Concat([]string{c.App.Name}, c.Args().Slice(), []string{"--help"})
			return c.App.RunContext(c.Context, line)
		},
	}
}

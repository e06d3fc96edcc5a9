package command

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"croupier/loadgen/result"
	"croupier/servers"
)

func versionVerb() *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print the version of loadgen and of the result files that it writes",
		UsageText:   "loadgen version",
		Description: "Example:\n  loadgen version",
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("version takes no argument")
			}
			_, err := fmt.Fprintf(c.App.Writer, "loadgen %s, results %s\n", servers.Version, result.Format)
			return err
		},
	}
}

package command

import "github.com/urfave/cli/v2"

func Deploy() *cli.Command { return &cli.Command{Name: "deploy"} }

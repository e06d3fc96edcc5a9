package command

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

func scenarioVerb() *cli.Command {
	return &cli.Command{
		Name:      "scenario",
		Usage:     "list, show and check scenarios",
		UsageText: "loadgen scenario list | show [flags] SCENARIO | check FILE...",
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownVerb(c, c.Command.Subcommands)
			}
			return cli.ShowSubcommandHelp(c)
		},
		Subcommands: []*cli.Command{scenarioList(), scenarioShow(), scenarioCheck()},
	}
}

func scenarioList() *cli.Command {
	return &cli.Command{
		Name:        "list",
		Usage:       "the scenarios that come with loadgen",
		UsageText:   "loadgen scenario list",
		Description: "Example:\n  loadgen scenario list",
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("scenario list takes no argument")
			}
			w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
			for _, name := range scenario.Presets() {
				fmt.Fprintf(w, "%s\t%s\n", name, scenario.PresetSummary(name))
			}
			return w.Flush()
		},
	}
}

func scenarioShow() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "print a scenario, to begin a file of one's own with",
		UsageText: "loadgen scenario show [--effective] [flags] SCENARIO",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "effective", Usage: "every field with its value, defaults and flags included; any flag of a field does so too"},
		}, scenarioFlags()...),
		Description: `Examples:
  loadgen scenario show storm >mine.yaml
  loadgen scenario show --effective --bots 4000 storm`,
		BashComplete: completeScenarios,
		Action: func(c *cli.Context) error {
			changed := c.Bool("effective")
			for _, f := range scenario.Fields() {
				changed = changed || c.IsSet(f.Name)
			}
			if !changed {
				if c.Args().Len() == 0 {
					return usage("show which scenario? see `loadgen scenario list`, or give --effective for the defaults")
				}
				if data, err := scenario.PresetFile(c.Args().First()); err == nil && c.Args().Len() == 1 {
					_, err := c.App.Writer.Write(data)
					return err
				}
			}
			s, err := readScenario(c)
			if err != nil {
				return err
			}
			data, err := yaml.Marshal(s)
			if err != nil {
				return invalid(fmt.Errorf("write the scenario: %w", err))
			}
			_, err = c.App.Writer.Write(data)
			return err
		},
	}
}

func scenarioCheck() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "say whether scenario files can be played, and what they ask for",
		UsageText: "loadgen scenario check FILE...",
		Description: `The exit code is 2 if one of them can't be played.

Example:
  loadgen scenario check mine.yaml`,
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return usage("check which scenario? name a .yaml file")
			}
			var ended error
			for _, named := range c.Args().Slice() {
				s, err := checkScenario(named)
				if err != nil {
					fmt.Fprintf(c.App.ErrWriter, "loadgen: %v\n", err)
					ended = said(result.ExitUsage)
					continue
				}
				fmt.Fprintf(c.App.Writer, "%s: %s\n", named, summary(s))
			}
			return ended
		},
	}
}

func checkScenario(named string) (scenario.Scenario, error) {
	d := scenario.NewDraft()
	if err := takeScenario(d, named); err != nil {
		return scenario.Scenario{}, err
	}
	return d.Scenario()
}

// summary is a scenario in one line.
func summary(s scenario.Scenario) string {
	length := "until stopped"
	if n := s.Length(); n > 0 {
		length = "for " + n.Round(time.Second).String()
	}
	text := fmt.Sprintf("up to %s in %s %s", many(s.Most(), "bot"), many(s.RoomCount(), "room"), length)
	if s.Flap > 0 {
		text += fmt.Sprintf(", each losing its connection %g times a minute", s.Flap)
	}
	if s.StormEvery > 0 {
		text += fmt.Sprintf(", a storm every %v", s.StormEvery)
	}
	if n := len(s.SLO); n > 0 {
		text += fmt.Sprintf(", %d objectives", n)
	}
	return text
}

// completeScenarios offers the scenarios that come with loadgen, and the flags.
func completeScenarios(c *cli.Context) {
	cli.DefaultCompleteWithFlags(c.Command)(c)
	for _, name := range scenario.Presets() {
		fmt.Fprintln(c.App.Writer, name)
	}
}

// many is a number of things.
func many(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

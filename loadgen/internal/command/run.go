package command

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"croupier/loadgen/play"
	"croupier/loadgen/scenario"
)

// Run is the verb `run`.
type Run struct {
	Scenario scenario.Scenario
	Target   Target
	View     play.View
	Show     Show
	Metrics  string // where Prometheus may ask, as play.Config has it
}

func runVerb(stages Stages, env Environment, enact Enact) *cli.Command {
	flags := append(targetFlags(),
		&cli.StringFlag{Name: "scenario", Aliases: []string{"s"}, Usage: "`NAME` of a scenario that comes with loadgen, or a .yaml file; the argument does the same"},
		saveFlag(),
		&cli.StringFlag{Name: "metrics", Usage: "serve Prometheus metrics at this `PORT` of this machine, or HOST:PORT, while the run goes on"},
	)
	flags = append(append(append(flags, showFlags()...), viewFlags()...), scenarioFlags()...)
	return &cli.Command{
		Name:      "run",
		Usage:     "play for a while and give the verdict",
		UsageText: "loadgen run [--gate URL | --direct HOST:PORT] [flags] [SCENARIO]",
		Flags:     flags,
		Description: `SCENARIO is one that comes with loadgen (see ` + "`loadgen scenario list`" + `) or a .yaml file; flags
stand over its fields. Without one, 40 bots play for a minute.

The key that the gate verifies players with is read from the environment variable JWT_KEY.
An interrupt, or SIGTERM, stops the run: every bot gets up from its table, and the verdict follows.
A second one breaks the run off.

In a Kubernetes Job with completionMode Indexed each pod plays with users and in rooms of its own;
` + "`loadgen merge`" + ` makes one result of theirs.

Examples:
  loadgen run smoke
  loadgen run --bots 400 --for 1m --flap 6 --slo action-p99=50ms
  loadgen run --gate ws://10.0.0.7:60006 --save storm.json --html storm.html storm
  loadgen run --direct 127.0.0.1:60001 --bots 40 --for 30s -o json`,
		BashComplete: completeScenarios,
		Action: func(c *cli.Context) error {
			r, err := readRunVerb(c, env)
			if err != nil {
				return err
			}
			return r.Run(stages, streams(c), enact)
		},
	}
}

// readRunVerb makes a typed configuration of the flags and the environment, once.
func readRunVerb(c *cli.Context, env Environment) (Run, error) {
	var r Run
	var err error
	if r.Scenario, err = readScenario(c); err != nil {
		return Run{}, err
	}
	if r.Target, err = readTarget(c, env); err != nil {
		return Run{}, err
	}
	if r.View, err = readView(c, env); err != nil {
		return Run{}, err
	}
	if r.Show, err = readShow(c); err != nil {
		return Run{}, err
	}
	r.Metrics = c.String("metrics")
	return r, nil
}

// Run plays and writes the result. Its error says what the verdict is, where it is not PASS.
func (r Run) Run(stages Stages, s Streams, enact Enact) error {
	config, err := r.Target.config(seeded(r.Scenario))
	if err != nil {
		return err
	}
	config.View, config.Metrics = r.View, r.Metrics
	run, err := enact(stages, config, s)
	if run == nil {
		return playError(err)
	}
	if err != nil { // the run was played to its end all the same
		fmt.Fprintf(s.Err, "loadgen: the progress could not be shown: %v\n", err)
	}
	if err := r.Show.run(s.Out, run); err != nil {
		return err
	}
	return said(run.Exit())
}

// playError is why nothing could be played, with its exit code.
func playError(err error) error {
	var wrong *play.UsageError
	if errors.As(err, &wrong) {
		return usage("%w", err)
	}
	return invalid(err)
}

// Package command has one file a verb. Each verb is a struct of options with a Run method, which
// can be called without the command line, and a function that makes the urfave/cli command filling
// those options. Data goes to stdout, progress to stderr.
package command

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"croupier/loadgen/play"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
	"croupier/servers"
)

// Stages are the two stages of stopping: at the end of Stop bots get up from their tables, at the
// end of Kill everything is left as it is. Stop ends no later than Kill.
type Stages = play.Stages

// Streams are where a verb reads and writes: data to Out, progress and what is wrong to Err.
type Streams = play.Streams

// Environment reads a variable, as os.Getenv does.
type Environment func(name string) string

// Enact plays a scenario, as play.Run does.
type Enact func(stages Stages, c play.Config, s Streams) (*result.Run, error)

// codedError is an error with its exit code.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &codedError{result.ExitUsage, fmt.Errorf(format, args...)}
}

func invalid(err error) error { return &codedError{result.ExitInvalid, err} }

// saidError ends a verb whose output has been written and says why.
type saidError struct{ code int }

func (e *saidError) Error() string { return fmt.Sprintf("the exit code is %d", e.code) }

// said is the error that ends the process with a code; none for 0.
func said(code int) error {
	if code == result.ExitPass {
		return nil
	}
	return &saidError{code}
}

// Main runs one command line and returns the exit code.
func Main(stages Stages, args []string, env Environment, streams Streams) int {
	return run(stages, args, env, streams, play.Run)
}

func run(stages Stages, args []string, env Environment, streams Streams, enact Enact) int {
	err := newApp(stages, env, streams, enact).RunContext(stages.Kill, args)
	var told *saidError
	var coded *codedError
	switch {
	case err == nil:
		return result.ExitPass
	case errors.As(err, &told):
		return told.code
	case errors.As(err, &coded):
		fmt.Fprintf(streams.Err, "loadgen: %v\n", err)
		return coded.code
	}
	fmt.Fprintf(streams.Err, "loadgen: %v\n", err)
	return result.ExitInvalid
}

func newApp(stages Stages, env Environment, streams Streams, enact Enact) *cli.App {
	app := &cli.App{
		Name:      "loadgen",
		HelpName:  "loadgen",
		Usage:     "bots that play, lose their connections and come back, and a verdict on what the servers did",
		UsageText: "loadgen COMMAND [flags] [arguments]",
		Version:   servers.Version,
		Commands: []*cli.Command{
			runVerb(stages, env, enact),
			capacityVerb(stages, env, enact),
			reportVerb(),
			mergeVerb(),
			compareVerb(),
			scenarioVerb(),
			completionVerb(),
			versionVerb(),
			helpVerb(),
		},
		Flags:                []cli.Flag{cli.HelpFlag},
		EnableBashCompletion: true,
		HideHelpCommand:      true,
		Reader:               streams.In,
		Writer:               streams.Out,
		ErrWriter:            streams.Err,
		ExitErrHandler:       func(*cli.Context, error) {}, // run prints errors and makes exit codes
		OnUsageError:         onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownVerb(c, c.App.Commands)
			}
			return cli.ShowAppHelp(c)
		},
		Description: `Exit codes: 0 PASS; 1 FAIL, a rule was broken; 2 the command line is wrong; 3 INVALID, the run
says nothing because the target could not be played on or the generator fell behind, or a file
cannot be read; 4 SLO, an objective was missed; 5 compare found a regression.

Flags go before the argument: loadgen run --bots 400 storm`,
	}
	for _, cmd := range app.Commands {
		guard(cmd)
	}
	return app
}

// guard puts the checks of a command line in front of a verb and its subcommands.
func guard(cmd *cli.Command) {
	cmd.OnUsageError = onUsageError
	cmd.HideHelpCommand = true
	cmd.UseShortOptionHandling = false
	cmd.Flags = append(cmd.Flags, cli.HelpFlag) // the library adds it too late to list it
	if action := cmd.Action; action != nil {
		cmd.Action = func(c *cli.Context) error {
			if err := checkLine(c); err != nil {
				return err
			}
			return action(c)
		}
	}
	for _, sub := range cmd.Subcommands {
		guard(sub)
	}
}

// dashes finds a flag's long name where the library writes it with one dash.
var dashes = regexp.MustCompile(`(flag|argument:) -([a-z][a-z0-9-]+)`)

func onUsageError(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	help := "loadgen"
	if c.Command != nil && c.Command.HelpName != "" {
		help = c.Command.HelpName
	}
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		text = "unknown flag -" + name
		if len(name) > 1 {
			text = "unknown flag --" + strings.TrimPrefix(name, "-")
		}
		if c.Command != nil && c.Command.Name == "capacity" && slices.Contains(notSearched, strings.TrimPrefix(name, "-")) {
			text = fmt.Sprintf("--%s is what a search sets itself; --start, --most and --trial bound it", strings.TrimPrefix(name, "-"))
		} else if c.Command != nil {
			if near := scenario.Nearest(name, flagNames(c.Command.Flags)); near != "" {
				text += fmt.Sprintf("; did you mean --%s?", near)
			}
		}
	}
	text = dashes.ReplaceAllString(text, "$1 --$2")
	return usage("%s (see `%s --help`)", text, help)
}

// unknownVerb names the nearest verb.
func unknownVerb(c *cli.Context, known []*cli.Command) error {
	name := c.Args().First()
	text := "unknown command" + quoted(name)
	var names []string
	for _, cmd := range known {
		names = append(names, cmd.Name)
	}
	if near := scenario.Nearest(name, names); near != "" {
		text += fmt.Sprintf("; did you mean `%s %s`?", c.Command.HelpName, near)
	}
	return usage("%s (see `%s --help`)", text, c.Command.HelpName)
}

func flagNames(flags []cli.Flag) []string {
	var names []string
	for _, f := range flags {
		for _, name := range f.Names() {
			if len(name) > 1 {
				names = append(names, name)
			}
		}
	}
	return names
}

// quoted is an argument for a message. A long one may be a key or a token that was given by
// mistake, and is not shown.
func quoted(argument string) string {
	if len(argument) > 20 {
		return ""
	}
	return fmt.Sprintf(" %q", argument)
}

// streams are those of a context.
func streams(c *cli.Context) Streams {
	return Streams{In: c.App.Reader, Out: c.App.Writer, Err: c.App.ErrWriter}
}

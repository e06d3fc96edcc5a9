// Package command has one file a verb. Each verb is a struct of options with a Run method, which
// can be called without the command line, and a function that makes the urfave/cli command filling
// those options. Data goes to stdout, progress to stderr.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"croupier/servers"
)

// Exit codes, which scripts rely on.
const (
	ExitPass    = 0
	ExitFail    = 1 // a rule was broken; the report proves it
	ExitUsage   = 2 // the command line is wrong; nothing was done
	ExitInvalid = 3 // the run says nothing: the target or the generator was unusable
)

// Stages are the two stages of stopping: at the end of Stop bots get up from their tables, at the
// end of Kill everything is left as it is. Stop ends no later than Kill.
type Stages struct {
	Stop context.Context
	Kill context.Context
}

// Streams are where a verb writes.
type Streams struct {
	Out io.Writer // the report
	Err io.Writer // progress, and what is wrong
}

// Environment reads a variable, as os.Getenv does.
type Environment func(name string) string

// codedError is an error with its exit code.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &codedError{ExitUsage, fmt.Errorf(format, args...)}
}

func invalid(err error) error { return &codedError{ExitInvalid, err} }

// errFailed and errInvalid end a run whose report has been written and says why.
var (
	errFailed  = &codedError{ExitFail, errors.New("the verdict is FAIL")}
	errInvalid = &codedError{ExitInvalid, errors.New("the verdict is INVALID")}
)

// Main runs one command line and returns the exit code.
func Main(stages Stages, args []string, env Environment, streams Streams) int {
	err := newApp(stages, env, streams).RunContext(stages.Kill, args)
	var coded *codedError
	switch {
	case err == nil:
		return ExitPass
	case errors.Is(err, errFailed), errors.Is(err, errInvalid):
		errors.As(err, &coded)
		return coded.code
	case errors.As(err, &coded):
		fmt.Fprintf(streams.Err, "loadgen: %v\n", err)
		return coded.code
	}
	fmt.Fprintf(streams.Err, "loadgen: %v\n", err)
	return ExitInvalid
}

func newApp(stages Stages, env Environment, streams Streams) *cli.App {
	app := &cli.App{
		Name:            "loadgen",
		HelpName:        "loadgen",
		Usage:           "bots that play, lose their connections and come back, and a verdict on what the servers did",
		UsageText:       "loadgen COMMAND [flags]",
		Version:         servers.Version,
		Commands:        []*cli.Command{runVerb(stages, env, streams)},
		HideHelpCommand: true,
		Writer:          streams.Out,
		ErrWriter:       streams.Err,
		ExitErrHandler:  func(*cli.Context, error) {}, // Main prints errors and makes exit codes
		OnUsageError:    onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("unknown command%s (see `loadgen --help`)", quoted(c.Args().First()))
			}
			return cli.ShowAppHelp(c)
		},
		Description: `Exit codes: 0 PASS; 1 FAIL, a rule was broken; 2 the command line is wrong; 3 INVALID, the
run says nothing because the target could not be played on or the bots fell behind.`,
	}
	return app
}

// quoted is an argument for a message. A long one may be a key or a token that was given by
// mistake, and is not shown.
func quoted(argument string) string {
	if len(argument) > 20 {
		return ""
	}
	return fmt.Sprintf(" %q", argument)
}

func onUsageError(c *cli.Context, err error, _ bool) error {
	text := strings.Replace(err.Error(), "flag provided but not defined: -", "unknown flag -", 1)
	return usage("%s (see `loadgen --help`)", text)
}

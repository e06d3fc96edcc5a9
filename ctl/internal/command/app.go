// Package command has one file a verb. Each verb is a struct of options with a
// Run method, which can be called without the command line, and a function
// that makes the urfave/cli command filling those options.
//
// A verb that changes something plans, confirms and acts: the plan is on
// stdout, the question and the progress on stderr.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"croupier/ctl/internal/output"

	"github.com/urfave/cli/v2"
)

// commands is the one list of verbs.
func commands() []*cli.Command {
	return []*cli.Command{
		Build(),
		Load(),
		Push(),
		Deploy(),
		Status(),
		Canary(),
		Rollback(),
		Switch(),
		Scale(),
		Drain(),
		Snapshot(),
		Dev(),
		Demo(),
		Token(),
		Completion(),
		Help(),
	}
}

// Streams are where a verb reads and writes.
type Streams struct {
	In  io.Reader
	Out io.Writer // data
	Err io.Writer // questions and progress
}

// Main runs one command line and returns the exit code.
func Main(ctx context.Context, args []string) int {
	return Run(ctx, args, Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}

// Run is Main with streams of one's own.
func Run(ctx context.Context, args []string, streams Streams) int {
	err := newApp(streams).RunContext(ctx, args)
	if err == nil {
		return ExitOK
	}
	code := ExitCode(err)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("interrupted: " + strings.TrimSuffix(err.Error(), ": "+context.Canceled.Error()))
	}
	palette := output.NewPalette(streams.Err, os.Getenv)
	fmt.Fprintf(streams.Err, "%s %s\n", palette.Bad("croupier:"), err)
	return code
}

func newApp(streams Streams) *cli.App {
	app := &cli.App{
		Name:                 "croupier",
		HelpName:             "croupier",
		Usage:                "deploy, watch and upgrade live game servers without losing a round",
		UsageText:            "croupier COMMAND [flags] [arguments]",
		Version:              version(),
		Commands:             commands(),
		Flags:                append(globalFlags(), cli.HelpFlag),
		EnableBashCompletion: true,
		HideHelpCommand:      true,
		Reader:               streams.In,
		Writer:               streams.Out,
		ErrWriter:            streams.Err,
		// Errors are printed and turned into an exit code in one place, Run.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownVerb(c, c.App.Commands)
			}
			return cli.ShowAppHelp(c)
		},
		Description: `Exit codes: 0 done; 1 failed; 2 the command line is wrong; 3 refused, nothing was
changed; 4 changed, but not healthy in time; 5 done, but not for all: a user of a
message is offline, a snapshot would not survive an upgrade.

Flags go before the argument: croupier scale --replicas 3 dice`,
	}
	for _, cmd := range app.Commands {
		guard(cmd)
	}
	return app
}

// guard puts the checks of a command line in front of a verb and its
// subcommands.
func guard(cmd *cli.Command) {
	cmd.OnUsageError = onUsageError
	cmd.HideHelpCommand = true
	cmd.UseShortOptionHandling = false
	cmd.Flags = append(cmd.Flags, cli.HelpFlag) // the library adds it too late to list it
	if action := cmd.Action; action != nil {
		subcommands, named := cmd.Subcommands, cmd.Args
		cmd.Action = func(c *cli.Context) error {
			// A misspelled subcommand is no argument that a flag stands after.
			if len(subcommands) > 0 && c.Args().Present() &&
				(!named || c.Args().Len() > 1 && nearest(c.Args().First(), subcommands) != "") {
				return unknownVerb(c, subcommands)
			}
			if err := checkLine(c); err != nil {
				return err
			}
			if len(subcommands) > 0 && c.Args().Len() > 1 {
				return unknownVerb(c, subcommands)
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

// parsing is what the standard library adds to the value of a flag, which is named already.
var parsing = regexp.MustCompile(`strconv\.\w+: parsing ".*": `)

func onUsageError(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		text = "unknown flag -" + name
		if c.Command != nil {
			if near := nearestFlag(name, c.Command.Flags); near != "" {
				text += fmt.Sprintf("; did you mean --%s?", near)
			}
		}
	}
	text = parsing.ReplaceAllString(text, "")
	text = dashes.ReplaceAllString(text, "$1 --$2")
	return usage("%s (see `%s --help`)", text, c.Command.HelpName)
}

// unknownVerb names the nearest verb.
func unknownVerb(c *cli.Context, known []*cli.Command) error {
	name := c.Args().First()
	text := fmt.Sprintf("unknown command %q", name)
	if near := nearest(name, known); near != "" {
		text += fmt.Sprintf("; did you mean `%s %s`?", c.Command.HelpName, near)
	}
	return usage("%s (see `%s --help`)", text, c.Command.HelpName)
}

// nearestFlag is the flag that at most every third letter makes another.
func nearestFlag(name string, flags []cli.Flag) string {
	best, least := "", (len(name)+1)/3+1
	for _, f := range flags {
		for _, known := range f.Names() {
			if d := edits(name, known); len(known) > 1 && d < least {
				best, least = known, d
			}
		}
	}
	return best
}

// nearest is the verb that is at most two edits away, or starts the same.
func nearest(name string, known []*cli.Command) string {
	best, least := "", 3
	for _, cmd := range known {
		if len(name) >= 2 && strings.HasPrefix(cmd.Name, name) {
			return cmd.Name
		}
		if d := edits(name, cmd.Name); d < least {
			best, least = cmd.Name, d
		}
	}
	return best
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

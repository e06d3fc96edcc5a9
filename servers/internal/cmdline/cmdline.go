// Package cmdline is what the mains of the servers share: how a command line is read, and with
// which status a program ends.
package cmdline

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Exit statuses.
const (
	StatusOK     = 0
	StatusFailed = 1
	StatusUsage  = 2 // the command line can't be followed
)

// usageError is a command line that can't be followed.
type usageError struct{ error }

// Misuse returns an error that ends the program with StatusUsage.
func Misuse(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

// Parse reads flags, after which no argument may follow. Asked for help it prints usage and the
// flags to output, and returns flag.ErrHelp. What is wrong fits on one line, which is what an operator sees
// of a container that does not start.
func Parse(f *flag.FlagSet, args []string, output io.Writer, usage string) error {
	f.SetOutput(io.Discard)
	err := f.Parse(args)
	f.SetOutput(output)
	switch {
	case errors.Is(err, flag.ErrHelp):
		var flags strings.Builder
		f.SetOutput(&flags)
		f.PrintDefaults()
		f.SetOutput(output)
		fmt.Fprint(output, usage, oneDash.ReplaceAllString(flags.String(), "  --"))
		return err
	case err != nil:
		return Misuse("%s: see %s --help", better(f, err), f.Name())
	case f.NArg() > 0:
		return Misuse("unexpected argument %q: see %s --help", f.Arg(0), f.Name())
	}
	return nil
}

// oneDash is how the library lists a flag.
var oneDash = regexp.MustCompile(`(?m)^  -`)

// invalid is how the library says that a flag can't have a value.
var invalid = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([a-z-]+): `)

// better is the library's word on a flag, in the form in which flags are written here, and with the
// flag's default as an example.
func better(f *flag.FlagSet, err error) string {
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return "unknown flag --" + strings.TrimPrefix(name, "-")
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return "--" + name + " needs a value"
	}
	if parts := invalid.FindStringSubmatch(err.Error()); parts != nil {
		if known := f.Lookup(parts[2]); known != nil && known.DefValue != "" {
			return fmt.Sprintf("--%s can't be %s: write, for example, --%s=%s", parts[2], parts[1], parts[2], known.DefValue)
		}
	}
	return err.Error()
}

// Given says whether a flag of that name was on the command line, whatever its value.
func Given(f *flag.FlagSet, name string) bool {
	given := false
	f.Visit(func(one *flag.Flag) { given = given || one.Name == name })
	return given
}

// Status says how the program of that name ends, and tells output what went wrong.
func Status(name string, err error, output io.Writer) int {
	var misused usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return StatusOK
	case errors.As(err, &misused):
		fmt.Fprintf(output, "%s: %v\n", name, err)
		return StatusUsage
	}
	fmt.Fprintf(output, "%s: %v\n", name, err)
	return StatusFailed
}

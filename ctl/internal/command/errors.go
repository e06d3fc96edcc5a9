package command

import (
	"errors"
	"fmt"

	"croupier/ctl/internal/canary"
	"croupier/ctl/internal/fleet"
)

// Exit codes, which scripts rely on.
const (
	ExitOK      = 0
	ExitFailed  = 1
	ExitUsage   = 2 // the command line is wrong; nothing was done
	ExitRefused = 3 // the user said no, or a precondition does not hold; nothing was done
	ExitTimeout = 4 // the change was made, but did not become healthy in time
	ExitPartly  = 5 // it was done, and not all is as wished: a user is offline, a snapshot would not survive
)

// codedError is an error with its exit code.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &codedError{code: ExitUsage, err: fmt.Errorf(format, args...)}
}

func refused(format string, args ...any) error {
	return &codedError{code: ExitRefused, err: fmt.Errorf(format, args...)}
}

func timedOut(format string, args ...any) error {
	return &codedError{code: ExitTimeout, err: fmt.Errorf(format, args...)}
}

func partly(format string, args ...any) error {
	return &codedError{code: ExitPartly, err: fmt.Errorf(format, args...)}
}

// ExitCode tells which code an error ends the process with.
func ExitCode(err error) int {
	var (
		coded   *codedError
		refusal canary.Refusal
		foreign fleet.ForeignError
		missing fleet.NotFoundError
	)
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &refusal), errors.As(err, &foreign), errors.As(err, &missing), errors.Is(err, fleet.ErrChanged):
		return ExitRefused
	}
	return ExitFailed
}

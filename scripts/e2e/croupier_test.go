//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// root is the top of the repository; tests run in their own folder.
const root = "../.."

// ctl runs the croupier program as an operator's script would.
type ctl struct{ path string }

// Exit codes that scripts rely on.
const (
	exitOK      = 0
	exitRefused = 3
	exitTimeout = 4
	exitPartly  = 5
)

// run runs one command in the repository and requires its exit code.
func (c ctl) run(t *testing.T, want int, args ...string) {
	t.Helper()
	c.start(t, args...).wait(t, want)
}

// command is a croupier command under way.
type command struct {
	line   string
	began  time.Time
	cmd    *exec.Cmd
	output bytes.Buffer
	cancel context.CancelFunc
}

// start starts a command, which must be waited for.
func (c ctl) start(t *testing.T, args ...string) *command {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	r := &command{line: "croupier " + strings.Join(args, " "), began: time.Now(), cancel: cancel}
	r.cmd = exec.CommandContext(ctx, c.path, args...)
	r.cmd.Dir = root
	r.cmd.Stdout, r.cmd.Stderr = &r.output, &r.output
	if err := r.cmd.Start(); err != nil {
		cancel()
		t.Fatalf("%s: %v", r.line, err)
	}
	// Where a test fails before it waits, the command must not outlive it.
	t.Cleanup(cancel)
	return r
}

func (r *command) wait(t *testing.T, want int) {
	t.Helper()
	err := r.cmd.Wait()
	r.cancel()
	t.Logf("$ %s   (%.1f s)\n%s", r.line, time.Since(r.began).Seconds(), r.output.String())
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", r.line, err)
	}
	if got := r.cmd.ProcessState.ExitCode(); got != want {
		t.Fatalf("%s: exit code %d, want %d", r.line, got, want)
	}
}

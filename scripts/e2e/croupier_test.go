//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// root is the top of the repository; tests run in their own folder.
const root = "../.."

// program builds one of the repository's programs and returns its path.
func program(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(folder))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./"+folder)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", folder, err, out)
	}
	return path
}

// ctl runs the croupier program as an operator's script would.
type ctl struct{ path string }

// Exit codes that scripts rely on.
const (
	exitOK      = 0
	exitRefused = 3
	exitTimeout = 4
)

// run runs one command in the repository, requires its exit code, and returns what it printed.
func (c ctl) run(t *testing.T, want int, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	return c.in(ctx, t, want, args...)
}

func (c ctl) in(ctx context.Context, t *testing.T, want int, args ...string) string {
	t.Helper()
	began := time.Now()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, c.path, args...)
	command.Dir = root
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	line := "croupier " + strings.Join(args, " ")
	t.Logf("$ %s   (%.1f s)\n%s%s", line, time.Since(began).Seconds(), stdout.String(), stderr.String())
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", line, err)
	}
	if got := command.ProcessState.ExitCode(); got != want {
		t.Fatalf("%s: exit code %d, want %d", line, got, want)
	}
	return stdout.String()
}

package command

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"croupier/loadgen/result"
	"croupier/servers/stack"
)

// lines is a writer that tells of what is written to it.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	tell func(string)
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	if l.tell != nil {
		l.tell(string(b))
	}
	return len(b), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// runMain runs a command line on real servers until stop ends.
func runMain(t *testing.T, stop context.Context, env map[string]string, progress func(string), args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout bytes.Buffer
	stderr := &lines{tell: progress}
	code = Main(Stages{Stop: stop, Kill: t.Context()}, append([]string{"loadgen"}, args...),
		func(name string) string { return env[name] }, Streams{In: strings.NewReader(""), Out: &stdout, Err: stderr})
	return code, stdout.String(), stderr.String()
}

func start(t *testing.T, c stack.Config) *stack.Stack {
	t.Helper()
	s, err := stack.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// An interrupt ends a run with a verdict on what was seen.
func TestRunUntilInterrupted(t *testing.T) {
	s := start(t, stack.Config{Round: 200 * time.Millisecond, Idle: 20 * time.Millisecond})
	for name, target := range map[string][]string{
		"gate":   {"--gate", s.Gate},
		"direct": {"--direct", s.Game},
	} {
		t.Run(name, func(t *testing.T) {
			stop, interrupt := context.WithTimeout(t.Context(), time.Minute)
			defer interrupt()
			settled := func(line string) {
				var now struct{ Checked uint64 }
				if json.Unmarshal([]byte(line), &now) == nil && now.Checked > 100 {
					interrupt()
				}
			}
			args := append([]string{"run", "--bots", "8", "--for", "0", "--think", "20ms", "--flap", "20", "--late", "10s", "--json-lines", "-o", "json"}, target...)
			code, out, errs := runMain(t, stop, map[string]string{"JWT_KEY": s.Key}, settled, args...)
			run, err := result.Read(strings.NewReader(out))
			if err != nil {
				t.Fatalf("%v: %q, %q", err, out, errs)
			}
			if run.Counts.Settlements == 0 || run.Seated != 8 || run.Abandoned || code != run.Exit() {
				t.Errorf("exit code %d: %s%s", code, out, errs)
			}
			// A busy machine makes the generator late, and then the run is INVALID with reason.
			if run.Verdict != result.Pass && run.Verdict != result.Invalid {
				t.Errorf("%s: %v", run.Verdict, run.Reasons)
			}
			if strings.Contains(out+errs, s.Key) {
				t.Error("shows the key")
			}
		})
	}
}

func TestAnUnreachableTargetIsInvalid(t *testing.T) {
	for name, target := range map[string][]string{
		"server": {"--direct", "127.0.0.1:1"},
		"gate":   {"--gate", "127.0.0.1:1"},
	} {
		code, out, errs := runMain(t, t.Context(), map[string]string{"JWT_KEY": key}, nil, append([]string{"run"}, target...)...)
		if code != result.ExitInvalid || !strings.Contains(errs, "connection refused") || out != "" {
			t.Errorf("%s: exit code %d, %q on stderr, %q on stdout", name, code, errs, out)
		}
	}
}

// A run in which nothing could be checked is no PASS.
func TestNothingCheckedIsInvalid(t *testing.T) {
	s := start(t, stack.Config{Round: time.Hour})
	code, out, _ := runMain(t, t.Context(), map[string]string{"JWT_KEY": s.Key}, nil,
		"run", "--gate", s.Gate, "--bots", "1", "--ramp", "0s", "--for", "300ms", "-q")
	if code != result.ExitInvalid || !strings.HasPrefix(out, "INVALID") {
		t.Errorf("exit code %d, %s", code, out)
	}
}

// A game server that wants tokens is not played on without, and the run does not wait for long.
func TestNoKeyForAServerThatWantsOne(t *testing.T) {
	s := start(t, stack.Config{Production: true})
	code, out, errs := runMain(t, t.Context(), nil, nil, "run", "--direct", s.Game, "--bots", "2", "--for", "1h", "-q")
	if code != result.ExitInvalid || !strings.Contains(out+errs, "token") {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
}

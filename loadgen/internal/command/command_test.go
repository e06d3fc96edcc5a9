package command

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"croupier/loadgen/internal/report"
	"croupier/servers/stack"
	"croupier/servers/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// runMain runs a command line until stop ends.
func runMain(t *testing.T, stop context.Context, env map[string]string, progress func(string), args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout bytes.Buffer
	stderr := &lines{tell: progress}
	code = Main(Stages{Stop: stop, Kill: t.Context()}, append([]string{"loadgen"}, args...),
		func(name string) string { return env[name] }, Streams{Out: &stdout, Err: stderr})
	return code, stdout.String(), stderr.String()
}

func TestBadCommandLines(t *testing.T) {
	key := map[string]string{"JWT_KEY": token.NewKey()}
	for name, c := range map[string]struct {
		env  map[string]string
		args string
		want string
	}{
		"no target":         {key, "run --gate=", "say where to play"},
		"two targets":       {key, "run --gate ws://g:1 --direct g:1", "say where to play"},
		"no key":            {nil, "run --gate ws://g:1", "set JWT_KEY"},
		"no flag":           {nil, "run", "set JWT_KEY"},
		"a bad key":         {map[string]string{"JWT_KEY": "!hunter2!"}, "run --gate ws://g:1", "JWT_KEY: key 1 is not standard base64"},
		"a strange gate":    {key, "run --gate ftp://g", "looks like ws://HOST:60006"},
		"a strange server":  {key, "run --direct g", "looks like HOST:60001"},
		"another game":      {key, "run --gate g:1 --game coin", "dice only"},
		"no bots":           {key, "run --gate g:1 --bots 0", "--bots 0"},
		"no room":           {key, "run --gate g:1 --per-room 0", "--per-room 0"},
		"rooms twice":       {key, "run --gate g:1 --per-room 4 --rooms 3", "either --rooms"},
		"empty rooms":       {key, "run --gate g:1 --bots 4 --rooms 5", "--rooms 5"},
		"a long ramp":       {key, "run --gate g:1 --for 5s --ramp 6s", "leaves no time"},
		"negative breaks":   {key, "run --gate g:1 --flap=-1", "--flap -1"},
		"impatience":        {key, "run --gate g:1 --patience 5s", "twice the --backoff"},
		"a chance above 1":  {key, "run --gate g:1 --leave 2", "--leave 2"},
		"a strange format":  {key, "run --gate g:1 -o xml", "text or json"},
		"a secret argument": {key, "run hunter2hunter2hunter2", "takes no argument"},
		"an argument":       {key, "run ws://g:1 --bots 4", "takes no argument"},
		"an unknown flag":   {key, "run --gats g:1", "unknown flag"},
		"an unknown verb":   {key, "runn", "unknown command"},
		"a strange pod":     {map[string]string{"JWT_KEY": key["JWT_KEY"], "JOB_COMPLETION_INDEX": "x"}, "run --gate g:1", "JOB_COMPLETION_INDEX"},
		"an unreadable for": {key, "run --gate g:1 --for soon", "soon"},
	} {
		code, out, errs := runMain(t, t.Context(), c.env, nil, strings.Fields(c.args)...)
		if code != ExitUsage || !strings.Contains(errs, c.want) || out != "" {
			t.Errorf("%s: exit code %d, %q on stderr, %q on stdout", name, code, errs, out)
		}
		if strings.Contains(out+errs, "hunter2") || strings.Contains(out+errs, key["JWT_KEY"]) {
			t.Errorf("%s: shows the key: %s%s", name, out, errs)
		}
	}
}

func TestAnUnreachableTargetIsInvalid(t *testing.T) {
	code, out, errs := runMain(t, t.Context(), nil, nil, "run", "--direct", "127.0.0.1:1")
	if code != ExitInvalid || !strings.Contains(errs, "connection refused") || out != "" {
		t.Errorf("exit code %d, %q on stderr, %q on stdout", code, errs, out)
	}
}

func TestPodsOfAJobKeepApart(t *testing.T) {
	r := Run{}
	r.Load.Bots, r.Load.Rooms, r.Load.FirstUser, r.Load.FirstRoom = 10, 3, 1, 1
	if err := r.take("2"); err != nil || r.Load.FirstUser != 21 || r.Load.FirstRoom != 7 {
		t.Errorf("user %d, room %d, %v", r.Load.FirstUser, r.Load.FirstRoom, err)
	}
}

// An interrupt ends a run with a verdict on what was seen.
func TestRunUntilInterrupted(t *testing.T) {
	s, err := stack.Start(stack.Config{Round: 200 * time.Millisecond, Idle: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, target := range map[string][]string{
		"gate":   {"--gate", s.Gate},
		"direct": {"--direct", s.Game},
	} {
		t.Run(name, func(t *testing.T) {
			stop, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			settled := func(line string) {
				if strings.Contains(line, "settled") && !strings.Contains(line, "settled 0") {
					interrupt()
				}
			}
			args := append([]string{"run", "--bots", "8", "--for", "0", "--think", "20ms", "--flap", "20", "-o", "json"}, target...)
			code, out, errs := runMain(t, stop, map[string]string{"JWT_KEY": s.Key}, settled, args...)
			var document report.Document
			if err := json.Unmarshal([]byte(out), &document); err != nil {
				t.Fatalf("%v: %q, %q", err, out, errs)
			}
			if code != ExitPass || document.Verdict != report.Pass || document.Counts.Settlements == 0 || document.Seated != 8 {
				t.Errorf("exit code %d: %s%s", code, out, errs)
			}
			if strings.Contains(out+errs, s.Key) {
				t.Error("shows the key")
			}
		})
	}
}

// A run in which nothing could be checked is no PASS.
func TestNothingCheckedIsInvalid(t *testing.T) {
	s, err := stack.Start(stack.Config{Round: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	code, out, _ := runMain(t, t.Context(), map[string]string{"JWT_KEY": s.Key}, nil,
		"run", "--gate", s.Gate, "--bots", "1", "--ramp", "0s", "--for", "300ms", "-q")
	if code != ExitInvalid || !strings.HasPrefix(out, "INVALID") {
		t.Errorf("exit code %d, %s", code, out)
	}
}

// A game server that wants tokens is not played on without, and the run does not wait for long.
func TestNoKeyForAServerThatWantsOne(t *testing.T) {
	s, err := stack.Start(stack.Config{Production: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	code, out, _ := runMain(t, t.Context(), nil, nil, "run", "--direct", s.Game, "--bots", "2", "--for", "1h", "-q")
	if code != ExitInvalid || !strings.Contains(strings.Join(strings.Fields(out), " "), "nobody may play: the server does not accept this token") {
		t.Errorf("exit code %d, %s", code, out)
	}
}

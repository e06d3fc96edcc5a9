package play

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/lines"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
	"croupier/servers/stack"
)

func short() scenario.Scenario {
	s := scenario.Default()
	s.Bots, s.For, s.Ramp, s.Seed = 8, 2500*time.Millisecond, 0, 1
	s.Think, s.Leave = 30*time.Millisecond, 0
	s.Late = 10 * time.Second // how quick all is, is not for a test that runs beside others
	return s
}

func house(t *testing.T) *stack.Stack {
	t.Helper()
	s, err := stack.Start(stack.Config{Round: 300 * time.Millisecond, Idle: 20 * time.Millisecond})
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

// heard is what a run says on its streams.
type heard struct{ out, err bytes.Buffer }

func (h *heard) streams() Streams {
	return Streams{In: strings.NewReader(""), Out: &h.out, Err: &h.err}
}

func always(t *testing.T) Stages { return Stages{Stop: t.Context(), Kill: t.Context()} }

func TestUsage(t *testing.T) {
	bad := short()
	bad.Bots = 0
	many := short()
	many.Bots, many.Sources = 900_000, 1
	for name, c := range map[string]struct {
		config Config
		want   string
	}{
		"scenario":    {Config{Scenario: bad, Gate: "ws://h:1"}, "bots 0: from 1"},
		"no target":   {Config{Scenario: short()}, "say where to play"},
		"two targets": {Config{Scenario: short(), Gate: "ws://h:1", Direct: "h:1"}, "not both"},
		"HTTP":        {Config{Scenario: short(), Gate: "http://h:1"}, "looks like ws://host:60006"},
		"no URL":      {Config{Scenario: short(), Gate: "ws://%zz"}, "looks like ws://host:60006"},
		"no host":     {Config{Scenario: short(), Gate: "ws://"}, "looks like ws://host:60006"},
		"no port":     {Config{Scenario: short(), Direct: "host"}, "looks like host:60001"},
		"user":        {Config{Scenario: short(), Gate: "ws://h:1", FirstUser: -1}, "count from 1"},
		"room":        {Config{Scenario: short(), Gate: "ws://h:1", FirstRoom: -1}, "count from 1"},
		"too many":    {Config{Scenario: many, Gate: "ws://h:1"}, "900000 bots need"},
		"no metrics":  {Config{Scenario: short(), Gate: "ws://127.0.0.1:1", Metrics: "nowhere"}, "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			var h heard
			run, err := Run(always(t), c.config, h.streams())
			var usage *UsageError
			if run != nil || !errors.As(err, &usage) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v (%T), want a UsageError with %q", err, err, c.want)
			}
			if h.out.Len()+h.err.Len() > 0 {
				t.Errorf("it says %q", h.out.String()+h.err.String())
			}
		})
	}
}

// What can't be reached is no usage error, and there is no result of it.
func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, c := range []Config{{Gate: "ws://" + l.Addr().String()}, {Direct: l.Addr().String()}} {
		c.Scenario = short()
		var h heard
		run, err := Run(always(t), c, h.streams())
		var usage *UsageError
		if run != nil || err == nil || errors.As(err, &usage) || !strings.Contains(err.Error(), "is the server running") && !strings.Contains(err.Error(), "is the gate running") {
			t.Errorf("%v (%T)", err, err)
		}
	}
}

func TestViews(t *testing.T) {
	s := house(t)
	for name, c := range map[string]struct {
		view View
		good func(*heard) bool
	}{
		"none": {ViewNone, func(h *heard) bool { return h.err.Len() == 0 }},
		"lines": {ViewLines, func(h *heard) bool {
			text := strings.TrimRight(h.err.String(), "\n")
			return strings.Count(text, "\n") >= 1 && !strings.Contains(text, "\x1b")
		}},
		"JSON": {ViewJSON, func(h *heard) bool {
			n := 0
			for text := range strings.Lines(h.err.String()) {
				var line lines.Line
				if json.Unmarshal([]byte(text), &line) != nil || line.At <= 0 {
					return false
				}
				n++
			}
			return n >= 1
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h heard
			first := int64(1 + 1000*int(c.view))
			run, err := Run(always(t), Config{Scenario: short(), Gate: s.Gate, Token: s.Token, FirstUser: first, FirstRoom: first, View: c.view, Metrics: "127.0.0.1:0"}, h.streams())
			if err != nil {
				t.Fatal(err)
			}
			if run.Seated != 8 || run.Verdict == result.Fail || run.Abandoned || run.Unusable != "" {
				t.Errorf("%s: %v", run.Verdict, run.Reasons)
			}
			if !c.good(&h) || h.out.Len() > 0 {
				t.Errorf("on stderr %q, on stdout %q", h.err.String(), h.out.String())
			}
		})
	}
}

// A run that is stopped is judged like one that came to its end; one that is killed says nothing.
func TestStoppedAndKilled(t *testing.T) {
	s := house(t)
	for name, killed := range map[string]bool{"stopped": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kill, end := context.WithCancel(t.Context())
			defer end()
			stop, cancel := context.WithCancel(kill)
			defer cancel()
			sc := short()
			sc.For = time.Hour
			notes := make(chan string)
			time.AfterFunc(2*time.Second, func() {
				notes <- "enough"
				if killed {
					end()
				}
				cancel()
			})
			first := int64(1)
			if killed {
				first = 1001
			}
			var h heard
			run, err := Run(Stages{Stop: stop, Kill: kill}, Config{
				Scenario: sc, Gate: s.Gate, Token: s.Token, FirstUser: first, FirstRoom: first, Notes: notes,
			}, h.streams())
			if err != nil {
				t.Fatal(err)
			}
			troubled := slices.ContainsFunc(run.Troubles, func(trouble result.Trouble) bool {
				return !strings.Contains(trouble.Text, "no round is being played") // a roll on its way when the round ends
			})
			if run.Abandoned != killed || run.Verdict == result.Fail || len(run.Notes) != 1 || troubled {
				t.Errorf("%s: %v, notes %v, troubles %v", run.Verdict, run.Reasons, run.Notes, run.Troubles)
			}
			if killed != (run.Verdict == result.Invalid) && run.Health.Lag.P99 < 5*time.Millisecond {
				t.Errorf("%s: %v", run.Verdict, run.Reasons)
			}
			if run.Seconds > 20 {
				t.Errorf("it went on for %v s", run.Seconds)
			}
		})
	}
}

// Many connections come from many addresses, also those that rest after their end.
func TestSources(t *testing.T) {
	few, many, told := Config{Scenario: short()}, Config{Scenario: short()}, Config{Scenario: short()}
	many.Scenario.Bots, many.Scenario.Flap = 50_000, 60
	told.Scenario.Sources = 7
	if few.sources() != 1 || many.sources() < 50 || told.sources() != 7 {
		t.Errorf("%d, %d and %d sources", few.sources(), many.sources(), told.sources())
	}
}

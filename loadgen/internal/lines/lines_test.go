package lines

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/live/rehearsal"
	"croupier/loadgen/result"
)

var update = flag.Bool("update", false, "write what is shown into testdata instead of comparing with it")

// show is what is written of some seconds of a run.
func show(t *testing.T, format Format, run rehearsal.Run, seconds ...int) string {
	t.Helper()
	updates := make(chan live.Snapshot, len(seconds))
	for _, at := range seconds {
		updates <- run.At(at)
	}
	close(updates)
	var out bytes.Buffer
	if err := Show(t.Context(), &out, format, updates); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestShow(t *testing.T) {
	for name, got := range map[string]string{
		"steady.txt":  show(t, ForPeople, rehearsal.Steady, 1, 2, 3, 30, 59, 60, 61, 62, 130, 131, 132, 140, 160),
		"broken.txt":  show(t, ForPeople, rehearsal.Broken, 148, 149, 150, 151, 152, 180),
		"late.txt":    show(t, ForPeople, rehearsal.Late, 100, 120, 124, 125, 126),
		"steady.json": show(t, ForPrograms, rehearsal.Steady, 1, 132),
		"broken.json": show(t, ForPrograms, rehearsal.Broken, 152),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(want) != got {
				t.Errorf("what is shown differs from %s (go test ./loadgen/internal/lines -update writes it):\n%s", path, got)
			}
		})
	}
}

// TestLinesFit: a line of figures has 80 columns, as its header has, and no text commands the terminal.
func TestLinesFit(t *testing.T) {
	big := rehearsal.Broken
	big.Bots = 1_000
	for _, run := range []rehearsal.Run{rehearsal.Steady, rehearsal.Broken, rehearsal.Late, big} {
		for _, at := range []int{0, 1, 15, 60, 61, 130, 131, 155} {
			line := Text(run.At(at))
			if w := ansi.StringWidth(line); w != ansi.StringWidth(Header) || w > 80 {
				t.Errorf("a line of %d columns: %q", w, line)
			}
		}
	}
	if out := show(t, ForPeople, rehearsal.Broken, 152); strings.ContainsAny(out, "\x1b\a\r\u202e") {
		t.Errorf("what a server said commands the terminal: %q", out)
	}
}

// TestViolationsAreToldOnce: each is, up to the bound.
func TestViolationsAreToldOnce(t *testing.T) {
	run := rehearsal.Broken
	out := show(t, ForPeople, run, 150, 151, 151, 154)
	if n := strings.Count(out, "violated: settlement"); n != 5 {
		t.Errorf("%d violations are told, want the 5 that are kept:\n%s", n, out)
	}
	many := rehearsal.Steady.At(30)
	for room := range int64(100) {
		many.Run.Violations = append(many.Run.Violations, result.Violation{Rule: "roll", Room: room, Text: "forgotten"})
	}
	updates := make(chan live.Snapshot, 1)
	updates <- many
	close(updates)
	var b bytes.Buffer
	if err := Show(t.Context(), &b, ForPeople, updates); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "violated: roll"); n != mostViolations || strings.Count(b.String(), "see the report") != 1 {
		t.Errorf("of 100 violations %d are told:\n%s", n, b.String())
	}
}

// TestFieldsAreStable: programs read these. A name that is missing here was added; one that is here
// stays.
func TestFieldsAreStable(t *testing.T) {
	text, err := JSON(rehearsal.Steady.At(140))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for field, inner := range map[string][]string{
		"at": nil, "left": nil, "stage": nil, "verdict": nil, "reasons": nil, "checked": nil, "violated": nil, "unknown": nil, "troubles": nil, "note": nil,
		"bots":      {"wanted", "connecting", "seated", "watching", "away", "out"},
		"rates":     {"actions", "settlements", "requests", "events", "connects", "broken", "lost", "returns"},
		"phases":    {"action", "skew", "late", "lag"},
		"rules":     {"settlement", "roll"},
		"wave":      {"at", "lost", "own", "back", "half_ns", "most_ns"},
		"generator": {"lag_p99_ns", "lag_p99_run_ns", "cpu", "machine", "memory", "per_bot", "ports_left", "files_left"},
	} {
		value, there := fields[field]
		if !there {
			t.Errorf("no field %q", field)
			continue
		}
		if inner == nil {
			continue
		}
		var parts map[string]json.RawMessage
		if err := json.Unmarshal(value, &parts); err != nil {
			t.Errorf("%s: %v", field, err)
		}
		for _, name := range inner {
			if _, there := parts[name]; !there {
				t.Errorf("no field %q in %q", name, field)
			}
		}
	}
	var line Line
	if err := json.Unmarshal(text, &line); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(line)
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("a program that reads a Line reads something else: %s, %v", again, err)
	}
}

func TestOpenEndAndNothing(t *testing.T) {
	for name, s := range map[string]live.Snapshot{
		"nothing": {Left: -1}, "empty": {Left: -1, Run: &result.Run{}}, "late": rehearsal.Late.At(3),
	} {
		text, err := JSON(s)
		var line Line
		if err = errors.Join(err, json.Unmarshal(text, &line)); err != nil || line.Left != nil || line.Generator.PortsLeft == 0 {
			t.Errorf("%s: %s, %v", name, text, err)
		}
		if Text(s) == "" {
			t.Errorf("%s: no line", name)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestShowEnds(t *testing.T) {
	updates := make(chan live.Snapshot, 1)
	updates <- rehearsal.Steady.At(3)
	if err := Show(t.Context(), broken{}, ForPeople, updates); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a writer that fails ends with %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Show(ctx, io.Discard, ForPeople, updates); err != nil {
		t.Errorf("the end of the context ends with %v", err)
	}
}

// TestALineASecond: whatever is told beside it, each snapshot has its line, and they are in order.
func TestALineASecond(t *testing.T) {
	var clocks []string
	scanner := bufio.NewScanner(strings.NewReader(show(t, ForPeople, rehearsal.Broken, 149, 150, 151, 152)))
	for scanner.Scan() {
		if line := scanner.Text(); strings.Contains(line, " ms ") {
			clocks = append(clocks, strings.Fields(line)[0])
		}
	}
	if want := []string{"2:29", "2:30", "2:31", "2:32"}; !slices.Equal(clocks, want) || scanner.Err() != nil {
		t.Errorf("the lines are of %v", clocks)
	}
}

package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", path, got)
	}
}

func text(t *testing.T, run *result.Run, width int) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, run, width); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	pass := sample(60, 1)
	pass.Waves = pass.Waves[:1]
	invalid := &result.Run{Version: "v0.9.0", Target: "gate ws://127.0.0.1:1", Seconds: 2, Came: 40, Unusable: "nobody got to the gate: connection refused: is it running there?"}
	invalid.Judge()
	for name, run := range map[string]*result.Run{"pass.txt": pass, "fail.txt": broke(sample(60, 1)), "invalid.txt": invalid} {
		got := text(t, run, 0)
		golden(t, name, []byte(got))
		for _, line := range strings.Split(got, "\n") {
			if n := utf8.RuneCountInString(line); n > narrowest {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Errorf("%s: space at the end of %q", name, line)
			}
		}
	}
}

func TestTextUsesTheWidth(t *testing.T) {
	run := sample(60, 1)
	run.Reasons = []string{strings.Repeat("word ", 40)}
	if line := strings.Split(text(t, run, 120), "\n")[1]; len(line) <= narrowest || len(line) > 120 {
		t.Errorf("%d columns", len(line))
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct{ head, text, want string }{
		{"rooms: ", strings.Repeat("word ", 20), "rooms: " + strings.Repeat("word ", 13) + "word\n       " + strings.Repeat("word ", 5) + "word\n"},
		{"  ", "", "\n"},
		{"head ", "", "head\n"},
		{"  ", strings.Repeat("x", 100), "  " + strings.Repeat("x", 78) + "\n  " + strings.Repeat("x", 22) + "\n"},
		{"", "a " + strings.Repeat("x", 80) + " b", "a\n" + strings.Repeat("x", 80) + "\nb\n"},
	} {
		p := &paper{width: 80}
		p.wrap(c.head, c.text)
		if p.String() != c.want {
			t.Errorf("%q %q:\n%s", c.head, c.text, p.String())
		}
	}
}

func TestFold(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"   1.000s  bot 1  #2 short  ", "       1.000s  bot 1  #2 short\n"},
		{"   1.000s  bot 1  #2 a text of several words and more", "       1.000s  bot 1  #2 a text of several words\n                      and more\n"},
		{strings.Repeat("x", 60), "    " + strings.Repeat("x", 44) + "\n      " + strings.Repeat("x", 16) + "\n"},
		{"", "\n"},
	} {
		p := &paper{width: 48}
		p.fold("    ", c.text)
		if p.String() != c.want {
			t.Errorf("%q:\n%s", c.text, p.String())
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain – ünïcode ✓":  "plain – ünïcode ✓",
		"\x1b[2Jgone":        `\x1b[2Jgone`,
		"a\nb\tc":            "a b c",
		"left\u202eright":    `left\u202eright`,
		"cut \xff\xfe short": `cut \xff\xfe short`,
		"\x00\u007f\u0085":   `\x00\x7f\u0085`,
		"\uFFFD":             "\uFFFD",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// A number and its unit stand in one line.
func TestUnitsStayWithTheirNumbers(t *testing.T) {
	if got, want := unbroken("for 8.23 s (p99 5 ms, 3 s) it is s"), []string{"for", "8.23 s", "(p99", "5 ms,", "3 s)", "it", "is", "s"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What happened is folded below itself, whatever stands before it.
func TestProofsAreFoldedInTheirColumn(t *testing.T) {
	p := &paper{width: 80}
	p.fold("    ", "    4.750s  bots 1000002 1000001 1000003 1000004  the connection was lost: the server asks to connect again")
	for i, line := range strings.Split(strings.TrimSpace(p.String()), "\n") {
		if i > 0 && strings.LastIndex(line, "  ") != 52 || len(line) > 80 {
			t.Errorf("line %d: %q", i, line)
		}
	}
}

// The most bots were seated in the last second, in which none was wanted any more.
func TestBotsWereWanted(t *testing.T) {
	best, ok := fullest([]result.Second{
		{Bots: result.Population{Seated: 19, Wanted: 20}},
		{Bots: result.Population{Seated: 20}},
	})
	if !ok || best.Seated != 20 || best.Wanted != 20 {
		t.Errorf("%+v", best)
	}
}

// A run that was ended early says what it was to be.
func TestLasted(t *testing.T) {
	run := &result.Run{Seconds: 8.2, Scenario: scenario.Scenario{For: 8 * time.Second}}
	if got := lasted(run); got != "8.2 s" {
		t.Errorf("whole: %q", got)
	}
	run.Scenario.For = 40 * time.Second
	if got := lasted(run); got != "8.2 s of the 40 s that it was to take" {
		t.Errorf("ended early: %q", got)
	}
}

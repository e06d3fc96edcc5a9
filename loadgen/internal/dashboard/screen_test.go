package dashboard

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/live/rehearsal"
	"croupier/loadgen/result"
)

var update = flag.Bool("update", false, "write the screens in testdata instead of comparing with them")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// orders is a live.Control that writes down what it is told.
type orders struct{ given []string }

func (o *orders) Storm(share float64)  { o.given = append(o.given, fmt.Sprintf("storm %g", share)) }
func (o *orders) Scale(factor float64) { o.given = append(o.given, fmt.Sprintf("scale %.3f", factor)) }
func (o *orders) Stop()                { o.given = append(o.given, "stop") }

// at is a model on a screen without colours, at noon.
func at(width, height int, messages ...tea.Msg) Model {
	return painted(termenv.Ascii, width, height, messages...)
}

func painted(profile termenv.Profile, width, height int, messages ...tea.Msg) Model {
	renderer := lipgloss.NewRenderer(io.Discard)
	renderer.SetColorProfile(profile)
	m := New(Config{Control: &orders{}, Renderer: renderer, Now: noon})
	return send(m, append([]tea.Msg{tea.WindowSizeMsg{Width: width, Height: height}}, messages...)...)
}

// send feeds messages and lets no command run.
func send(m Model, messages ...tea.Msg) Model {
	for _, message := range messages {
		next, _ := m.Update(message)
		m = next.(Model)
	}
	return m
}

func told(s live.Snapshot) tea.Msg { return snapshotMsg{s, noon.Add(s.At)} }

func press(keys ...string) []tea.Msg {
	special := map[string]tea.KeyType{"tab": tea.KeyTab, "shift+tab": tea.KeyShiftTab, "ctrl+c": tea.KeyCtrlC, "esc": tea.KeyEsc, "end": tea.KeyEnd, "pgdown": tea.KeyPgDown, "down": tea.KeyDown, "up": tea.KeyUp}
	var messages []tea.Msg
	for _, key := range keys {
		message := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(key)}
		if kind, ok := special[key]; ok {
			message = tea.KeyMsg{Type: kind}
		}
		messages = append(messages, message)
	}
	return messages
}

// stories are what a model is told, by name.
var stories = map[string][]tea.Msg{
	"nothing": nil,
	"begins":  {told(rehearsal.Steady.At(1))},
	"steady":  {told(rehearsal.Steady.At(162))},
	"young":   {told(rehearsal.Steady.At(25))},
	"wave":    {told(rehearsal.Steady.At(133))},
	"broken":  {told(rehearsal.Broken.At(149)), told(rehearsal.Broken.At(162))},
	"late":    {told(rehearsal.Late.At(125))},
	"silent":  {told(rehearsal.Steady.At(162)), tickMsg(noon.Add(167 * time.Second))},
	"asking":  slices.Concat([]tea.Msg{told(rehearsal.Steady.At(162))}, press("q", "q")),
}

func TestScreens(t *testing.T) {
	for name, story := range stories {
		for _, size := range [][2]int{{200, 60}, {120, 40}, {80, 24}, {60, 16}, {30, 6}} {
			name := fmt.Sprintf("%s-%dx%d", name, size[0], size[1])
			t.Run(name, func(t *testing.T) { golden(t, name, at(size[0], size[1], story...).View()) })
		}
	}
	for key, name := range map[string]string{"?": "help", "v": "violations", "e": "errors", "n": "notes"} {
		name += "-80x24"
		t.Run(name, func(t *testing.T) {
			golden(t, name, at(80, 24, slices.Concat(stories["broken"], press(key))...).View())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	lines := strings.Split(got, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	got = strings.Join(lines, "\n") + "\n"
	path := filepath.Join("testdata", name+".golden")
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
		t.Errorf("the screen differs from %s (go test ./loadgen/internal/dashboard -update writes it):\n%s", path, got)
	}
}

// whole fails where a screen is not exactly as large as it should be, or commands the terminal.
func whole(t *testing.T, what, view string, width, height int) {
	t.Helper()
	lines := strings.Split(view, "\n")
	if len(lines) != height {
		t.Errorf("%s at %dx%d has %d lines", what, width, height, len(lines))
	}
	for i, line := range lines {
		if w := ansi.StringWidth(line); w != width {
			t.Errorf("%s at %dx%d: line %d is %d wide: %q", what, width, height, i, w, line)
		}
	}
	if strings.ContainsAny(view, "\x1b\r\a\b\u202e") {
		t.Errorf("%s at %dx%d commands the terminal: %q", what, width, height, view)
	}
}

// TestEverySize draws every story on every screen from a stamp to a wall.
func TestEverySize(t *testing.T) {
	for name, story := range stories {
		for _, key := range []string{"", "?", "v", "e", "n", "6"} {
			m := at(80, 24, story...)
			if key != "" {
				m = send(m, press(key, "end", "up", "pgdown")...)
			}
			for _, width := range []int{1, 5, 20, 43, 44, 60, 76, 80, 100, 115, 116, 120, 300} {
				for _, height := range []int{1, 2, 3, 5, 9, 10, 16, 19, 20, 24, 29, 30, 40, 100} {
					m := send(m, tea.WindowSizeMsg{Width: width, Height: height})
					whole(t, name+key, m.View(), width, height)
				}
			}
		}
	}
}

// TestLongNote: what was done is read to its end, however narrow the screen is.
func TestLongNote(t *testing.T) {
	const text = "restarting game server 12 of 13 (v1 -> v2), with a reason that takes more than one line"
	s := rehearsal.Steady.At(162)
	s.Notes = append(slices.Clone(s.Notes), result.Note{At: s.At, Text: text})
	for _, size := range [][2]int{{40, 14}, {44, 24}, {60, 20}, {80, 24}, {100, 30}, {116, 36}} {
		view := at(size[0], size[1], told(s)).View()
		missing := slices.DeleteFunc(strings.Fields(text), func(word string) bool { return strings.Contains(view, word) })
		if len(missing) > 0 {
			t.Errorf("%dx%d does not say %q:\n%s", size[0], size[1], missing, view)
		}
	}
}

// TestColoursSayNothing: what is left without colours is the same screen, and without colours there
// is no escape sequence at all.
func TestColoursSayNothing(t *testing.T) {
	for name, story := range stories {
		for _, size := range [][2]int{{120, 40}, {80, 24}, {30, 6}} {
			plain := at(size[0], size[1], story...).View()
			if strings.Contains(plain, "\x1b") {
				t.Errorf("%s: an escape sequence without colours", name)
			}
			coloured := painted(termenv.TrueColor, size[0], size[1], story...).View()
			if !strings.Contains(coloured, "\x1b[") {
				t.Errorf("%s: no colours with colours", name)
			}
			if ansi.Strip(coloured) != plain {
				t.Errorf("%s at %dx%d: colours change the text", name, size[0], size[1])
			}
		}
	}
}

// TestColours is one screen with its colours, as a terminal gets it.
func TestColours(t *testing.T) {
	golden(t, "colours-80x24", painted(termenv.ANSI256, 80, 24, stories["broken"]...).View())
}

// FuzzScreen lets servers say anything: the screen stays whole, and nothing that a terminal takes for
// a command gets on it.
func FuzzScreen(f *testing.F) {
	f.Add("the connection ended: EOF", 80, 24)
	f.Add("骰子\x1b[2J\r\n\u202e🎲", 120, 40)
	f.Add(strings.Repeat("a\u0300\u200d🇩🇪", 400), 60, 16)
	base := rehearsal.Broken.At(152)
	f.Fuzz(func(t *testing.T, text string, width, height int) {
		width, height = 1+(width&0xff), 1+(height&0x3f)
		s, run := base, *base.Run
		run.Reasons, run.Target, run.Scenario.Name = []string{text}, text, text
		run.Troubles = append(slices.Clone(run.Troubles), run.Troubles[0])
		run.Troubles[0].Text = text
		run.Violations = slices.Clone(run.Violations)
		run.Violations[0].Text, run.Violations[0].Rule, run.Violations[0].Proof = text, text, []string{text}
		s.Notes = append(slices.Clone(s.Notes), result.Note{Text: text})
		s.Stage, s.Run = text, &run
		m := at(width, height, told(s))
		for _, key := range []string{"1", "v", "v", "e", "e", "n"} {
			m = send(m, press(key)...)
			whole(t, key, m.View(), width, height)
		}
	})
}

func BenchmarkView(b *testing.B) {
	for _, size := range [][2]int{{200, 60}, {80, 24}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			m := painted(termenv.TrueColor, size[0], size[1], stories["broken"]...)
			b.ReportAllocs()
			for b.Loop() {
				_ = m.View()
			}
		})
	}
}

// BenchmarkSnapshot is what a second of a run costs the dashboard besides its picture.
func BenchmarkSnapshot(b *testing.B) {
	m, s := at(200, 60), rehearsal.Steady.At(600)
	b.ReportAllocs()
	for b.Loop() {
		m.history.seconds = m.history.seconds[:max(0, len(m.history.seconds)-1)]
		m = send(m, told(s))
	}
}

package dashboard

import (
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"croupier/loadgen/internal/live/rehearsal"
	"croupier/loadgen/internal/measure"
)

func given(m Model) []string { return m.control.(*orders).given }

func TestKeysChangeTheRun(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want []string
		says string
	}{
		{[]string{"+"}, []string{"scale 1.250"}, "population: 125% of the scenario's"},
		{[]string{"+", "+", "-"}, []string{"scale 1.250", "scale 1.562", "scale 1.250"}, "125%"},
		{[]string{"+", "-"}, []string{"scale 1.250", "scale 1.000"}, "100%"},
		{[]string{"-"}, []string{"scale 0.800"}, "80%"},
		{[]string{"s"}, []string{"storm 0.1"}, "10% of the bots"},
		{[]string{"S"}, []string{"storm 1"}, "100% of the bots"},
		{[]string{"q"}, []string{"stop"}, "q again to break off"},
		{[]string{"ctrl+c"}, []string{"stop"}, "q again to break off"},
		{[]string{"q", "s", "+"}, []string{"stop"}, "nobody else comes"},
		{[]string{"q", "q"}, []string{"stop"}, "y: yes, other keys: no"},
		{[]string{"q", "q", "n"}, []string{"stop"}, "orderly end"},
		{[]string{"v", "q"}, nil, "q stop"}, // left the pane
		{[]string{"v", "ctrl+c"}, []string{"stop"}, "violations, with their proof"},
		{[]string{"x", "9", "0"}, nil, "q stop"},
	} {
		m := at(120, 40, told(rehearsal.Steady.At(30)))
		m = send(m, press(c.keys...)...)
		if !slices.Equal(given(m), c.want) {
			t.Errorf("%v: the run was told %v, want %v", c.keys, given(m), c.want)
		}
		if view := m.View(); !strings.Contains(view, c.says) {
			t.Errorf("%v: the screen does not say %q:\n%s", c.keys, c.says, view)
		}
	}
}

func TestScaleEndsWhereAControlDoes(t *testing.T) {
	for key, last := range map[string]string{"+": "scale 9.313", "-": "scale 0.107"} {
		m := at(120, 40, told(rehearsal.Steady.At(30)))
		for range 20 {
			m = send(m, press(key)...)
		}
		if n := len(given(m)); n != mostStep || given(m)[n-1] != last {
			t.Errorf("%s: the run was told %v", key, given(m))
		}
		if !strings.Contains(m.View(), "as far as it goes") {
			t.Errorf("%s: nothing says that this is the end", key)
		}
	}
}

func TestOnlyAYesBreaksOff(t *testing.T) {
	for _, c := range []struct {
		keys   []string
		broken bool
	}{
		{[]string{"q"}, false}, {[]string{"q", "q"}, false}, {[]string{"q", "q", "y"}, true}, {[]string{"q", "q", "x"}, false},
		{[]string{"q", "q", "q"}, false}, {[]string{"ctrl+c", "ctrl+c", "ctrl+c"}, true}, {[]string{"y"}, false},
		{[]string{"q", "q", "x", "y"}, false}, {[]string{"q", "q", "x", "q", "y"}, true},
	} {
		if m := send(at(80, 24), press(c.keys...)...); m.broken != c.broken || m.quitting != c.broken {
			t.Errorf("%v: broken off is %v", c.keys, m.broken)
		}
	}
}

func TestKeysChooseThePhase(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want measure.Phase
	}{
		{nil, measure.Action}, {[]string{"1"}, measure.Dial}, {[]string{"8"}, measure.Lag}, {[]string{"tab"}, measure.Skew},
		{[]string{"1", "shift+tab"}, measure.Recovery}, {[]string{"1", "shift+tab", "tab"}, measure.Dial}, {[]string{"9"}, measure.Move},
	} {
		m := send(at(120, 40, told(rehearsal.Steady.At(30))), press(c.keys...)...)
		if m.phase != c.want || !strings.Contains(m.View(), c.want.String()+" by the second") {
			t.Errorf("%v: the chart is of %v", c.keys, m.phase)
		}
	}
}

// TestFastFingers: keys typed at once are all taken, and pasted text is none.
func TestFastFingers(t *testing.T) {
	for _, c := range []struct {
		key  tea.KeyMsg
		want []string
	}{
		{tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("++s")}, []string{"scale 1.250", "scale 1.562", "storm 0.1"}},
		{tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("vqq")}, []string{"stop"}},
		{tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("Ssq"), Paste: true}, nil},
		{tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("s"), Paste: true}, nil},
	} {
		m := send(at(120, 40, told(rehearsal.Steady.At(30))), c.key)
		if !slices.Equal(given(m), c.want) {
			t.Errorf("%v: the run was told %v, want %v", c.key, given(m), c.want)
		}
	}
	next, command := at(80, 24).Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("qqy")})
	if !next.(Model).broken || command == nil {
		t.Error("the run is not broken off")
	}
}

func TestAWordPasses(t *testing.T) {
	m := send(at(120, 40, told(rehearsal.Steady.At(30))), press("s")...)
	m = send(m, tickMsg(noon.Add(34*time.Second)))
	if !strings.Contains(m.View(), "lose their connections") {
		t.Error("it was gone too soon")
	}
	m = send(m, tickMsg(noon.Add(36*time.Second)))
	if strings.Contains(m.View(), "lose their connections") {
		t.Error("it stayed")
	}
}

func TestPanesScroll(t *testing.T) {
	m := at(80, 24, slices.Concat(stories["broken"], press("v"))...)
	first := m.View()
	if !strings.Contains(first, "✗ 1 of 5") || !strings.Contains(first, "lines 1-21 of ") {
		t.Errorf("it does not begin with the first:\n%s", first)
	}
	m = send(m, press("end")...)
	end := m.View()
	if !strings.Contains(end, "8 more were counted, without proof") {
		t.Errorf("the end is not the end:\n%s", end)
	}
	if m = send(m, press("down", "down")...); m.View() != end {
		t.Error("it scrolls beyond the end")
	}
	m = send(m, tea.WindowSizeMsg{Width: 80, Height: 400})
	if !strings.Contains(m.View(), "✗ 1 of 5") {
		t.Error("a screen that shows all hides the first")
	}
}

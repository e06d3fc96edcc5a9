package dashboard

import (
	"fmt"
	"math"

	tea "github.com/charmbracelet/bubbletea"

	"croupier/loadgen/internal/measure"
)

const (
	step     = 1.25 // that + and - change the population or the rate by
	mostStep = 10   // 1.25^10 is 9.3: what a Control takes is up to 10, and down to a tenth

	smallStorm = 0.1
	wholeStorm = 1
)

// press takes a key. Keys that were typed faster than they were read come as one; what is pasted is
// not meant as keys.
func (m Model) press(key tea.KeyMsg) (tea.Model, tea.Cmd) {
	if key.Paste {
		return m, nil
	}
	if key.Type != tea.KeyRunes || len(key.Runes) <= 1 {
		return m.pressOne(key.String())
	}
	var commands []tea.Cmd
	for _, r := range key.Runes {
		next, command := m.pressOne(string(r))
		m = next.(Model)
		commands = append(commands, command)
	}
	return m, tea.Batch(commands...)
}

func (m Model) pressOne(name string) (tea.Model, tea.Cmd) {
	m.flash = "" // the answer to the key before
	if m.asking {
		m.asking = false
		switch name {
		case "y", "Y", "ctrl+c": // and not q, which may be a key held down
			m.broken, m.quitting = true, true
			return m, tea.Quit
		}
		m.say("the run goes on to its orderly end")
		return m, nil
	}
	switch name {
	case "ctrl+c":
		m.stop()
		return m, nil
	case "q":
		if m.pane == paneNone { // else q leaves what covers the dashboard first
			m.stop()
			return m, nil
		}
		m.pane = paneNone
	case "esc", "enter":
		m.pane = paneNone
	case "?", "h":
		m.toggle(paneHelp)
	case "v":
		m.toggle(paneViolations)
	case "e":
		m.toggle(paneErrors)
	case "n":
		m.toggle(paneNotes)
	case "up", "k":
		m.scrollBy(-1)
	case "down", "j":
		m.scrollBy(1)
	case "pgup", "b":
		m.scrollBy(-m.paneRows())
	case "pgdown", " ", "f":
		m.scrollBy(m.paneRows())
	case "home", "g":
		m.scrollBy(-math.MaxInt32)
	case "end", "G":
		m.scrollBy(math.MaxInt32)
	case "tab", "right":
		m.phase = (m.phase + 1) % measure.Phases
	case "shift+tab", "left":
		m.phase = (m.phase + measure.Phases - 1) % measure.Phases
	case "+", "=":
		m.scale(1)
	case "-", "_":
		m.scale(-1)
	case "s":
		m.storm(smallStorm)
	case "S":
		m.storm(wholeStorm)
	default:
		if len(name) == 1 && name[0] >= '1' && int(name[0]-'1') < int(measure.Phases) {
			m.phase = measure.Phase(name[0] - '1')
		}
	}
	return m, nil
}

func (m *Model) toggle(p pane) {
	m.scroll = 0
	if m.pane == p {
		p = paneNone
	}
	m.pane = p
}

// stop ends the run politely, and asks whether to break it off the second time.
func (m *Model) stop() {
	if m.stopping {
		m.asking = true
		return
	}
	m.stopping = true
	m.control.Stop()
}

// scale changes the population, or the rate of an open scenario, by steps.
func (m *Model) scale(by int) {
	what := "population"
	if r := m.snapshot.Run; r != nil && r.Scenario.Rate > 0 {
		what = "rate"
	}
	steps := m.steps + by
	switch {
	case m.stopping:
		m.say("the run is stopping: nobody else comes")
	case steps > mostStep || steps < -mostStep:
		m.say(fmt.Sprintf("the %s is at %s of the scenario's: this is as far as it goes", what, m.factor()))
	default:
		m.steps = steps
		m.control.Scale(math.Pow(step, float64(steps)))
		m.say(fmt.Sprintf("%s: %s of the scenario's", what, m.factor()))
	}
}

// factor is how far the population or the rate is from what the scenario says.
func (m Model) factor() string {
	f := math.Pow(step, float64(m.steps)) * 100
	if f < 20 {
		return fmt.Sprintf("%.1f%%", f)
	}
	return fmt.Sprintf("%.0f%%", f)
}

func (m *Model) storm(share float64) {
	if m.stopping {
		m.say("the run is stopping: no storm any more")
		return
	}
	m.control.Storm(share)
	m.say(fmt.Sprintf("storm: %.0f%% of the bots lose their connections now", share*100))
}

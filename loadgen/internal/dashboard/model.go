package dashboard

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/result"
)

// Config is what a Model starts from.
type Config struct {
	Control  live.Control
	Renderer *lipgloss.Renderer
	Now      time.Time
}

// Model is a run on a screen. It is told of the run by messages and knows nothing else: the same
// messages make the same screen.
type Model struct {
	control live.Control
	styles  styles
	listen  func() tea.Cmd // waits for the next snapshot
	tick    func() tea.Cmd // the clock, once a second

	width, height int
	now, heard    time.Time // heard: when the last snapshot came
	snapshot      live.Snapshot
	history       *history
	finder        *live.Finder
	newest        *result.Violation // nil: none so far

	phase  measure.Phase // of the chart
	pane   pane
	scroll int // lines down from the top of a pane

	flash      string // the answer to a key, until flashUntil
	flashUntil time.Time
	steps      int // that the population or the rate was changed by, up or down
	stopping   bool
	asking     bool // whether to break the run off
	broken     bool // it was
	quitting   bool
}

// pane is what covers the dashboard.
type pane int

const (
	paneNone pane = iota
	paneHelp
	paneViolations
	paneErrors
	paneNotes
)

const (
	flashFor = 5 * time.Second
	quiet    = 3 * time.Second // without a snapshot is worth a word
)

// New returns the model of a run that nothing is known of yet.
func New(c Config) Model {
	return Model{
		control: c.Control, styles: newStyles(c.Renderer),
		listen: func() tea.Cmd { return nil }, tick: func() tea.Cmd { return nil },
		now: c.Now, heard: c.Now, history: &history{}, finder: &live.Finder{}, phase: measure.Action,
	}
}

type (
	snapshotMsg struct {
		snapshot live.Snapshot
		at       time.Time
	}
	tickMsg time.Time
	overMsg struct{} // no more snapshots
)

// Init waits for the first snapshot and starts the clock.
func (m Model) Init() tea.Cmd { return tea.Batch(m.listen(), m.tick()) }

// Update takes a message.
func (m Model) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = message.Width, message.Height
		m.scrollBy(0)
	case tea.KeyMsg:
		return m.press(message)
	case snapshotMsg:
		m.take(message.snapshot, message.at)
		return m, m.listen()
	case tickMsg:
		m.later(time.Time(message))
		return m, m.tick()
	case overMsg:
		m.quitting = true
		return m, tea.Quit
	}
	return m, nil
}

// take applies a snapshot.
func (m *Model) take(s live.Snapshot, at time.Time) {
	m.later(at)
	m.heard = m.now
	if s.Run == nil {
		return
	}
	m.snapshot = s
	m.history.add(s.Run.Series)
	if news := m.finder.Fresh(s); len(news) > 0 {
		m.newest = &news[len(news)-1]
	}
	m.scrollBy(0)
}

// later moves the clock, which never goes back.
func (m *Model) later(t time.Time) {
	if t.After(m.now) {
		m.now = t
	}
	if m.flash != "" && !m.now.Before(m.flashUntil) {
		m.flash = ""
	}
}

func (m *Model) say(text string) { m.flash, m.flashUntil = text, m.now.Add(flashFor) }

// population is how many bots are where now, and how many are wanted.
func (m Model) population() result.Population {
	if r := m.snapshot.Run; r != nil && len(r.Series) > 0 {
		return r.Series[len(r.Series)-1].Bots
	}
	return result.Population{}
}

// silent is for how long the run has not been heard of, where that is worth a word.
func (m Model) silent() (time.Duration, bool) {
	d := m.now.Sub(m.heard)
	return d, d >= quiet
}

// verdict is what the run says so far.
func (m Model) verdict() (result.Verdict, string) {
	verdict, why := live.Verdict(m.snapshot)
	if m.snapshot.Run == nil {
		why = "waiting for the first second of the run"
	}
	return verdict, why
}

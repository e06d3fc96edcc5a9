package ui

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"croupier/servers/client"
	"croupier/servers/wire"
	"croupier/tui-client/internal/scene"
)

// Player is what the table asks of a client.
type Player interface {
	Sit(context.Context, client.Place) (*wire.User, error)
	Move(ctx context.Context, seat int32) (*wire.User, error)
	Stand(context.Context) error
	Shake(ctx context.Context, preset int32) (*wire.DiceShake, error)
	Print(context.Context) (string, error)
	Ping(context.Context) (time.Duration, error)
}

// Config is what a Model starts from.
type Config struct {
	Player   Player
	Events   <-chan client.Event
	User     int64
	Place    client.Place
	Target   string // where the player is connected to, for the header
	Auto     bool   // play by itself
	Rounds   int    // quit after so many settled rounds; 0: never
	Renderer *lipgloss.Renderer
	Now      time.Time
}

// Model is the table on a screen.
type Model struct {
	config Config
	styles styles
	scene  *scene.Scene
	tick   func(time.Duration) tea.Cmd // the clock

	width, height int
	now           time.Time
	log           []scene.Line // the newest last
	pane          pane
	scroll        int    // lines up from the end of a long pane
	inspected     string // what the room said of itself

	flash      string // a word to the player, until flashUntil
	flashFault bool
	flashUntil time.Time

	rolling   bool // a roll is on its way to the room
	sitting   bool
	moving    bool // a change of the seat is on its way
	asked     bool // by the player, with a key
	pinging   bool
	rtt       time.Duration // 0: not known
	noPing    bool          // the server does not know PING
	nextPing  time.Time
	nextRetry time.Time // before which a player who plays by itself does not try again
	quitting  bool
}

// pane is what covers the table.
type pane int

const (
	paneNone pane = iota
	paneHelp
	paneLog
	paneInspect
)

const (
	keepLog      = 500                    // lines
	fast         = 80 * time.Millisecond  // between two pictures of something that moves
	slow         = 200 * time.Millisecond // between two pictures of a clock
	tumble       = 800 * time.Millisecond // how long a die rolls on the screen
	celebration  = 4 * time.Second        // of the winners
	pingEvery    = 2 * time.Second
	flashFor     = 3 * time.Second // the keys are covered no longer
	retryAfter   = time.Second     // a player who plays by itself and was refused
	requestLimit = 10 * time.Second
)

// New returns the model of a table that nothing is known of yet.
func New(c Config) Model {
	table := scene.New(c.User, c.Place)
	table.Target = c.Target
	return Model{config: c, styles: newStyles(c.Renderer), scene: table, tick: tick, now: c.Now}
}

// Scene is what the player knows.
func (m Model) Scene() *scene.Scene { return m.scene }

type (
	tickMsg  time.Time
	eventMsg struct {
		event client.Event
		at    time.Time
	}
	overMsg struct{} // no more events
	doneMsg struct {
		op   wire.Command
		text string
		took time.Duration
		err  error
	}
)

// Init waits for the first event and starts the clock.
func (m Model) Init() tea.Cmd { return tea.Batch(m.listen(), m.tick(fast)) }

func tick(after time.Duration) tea.Cmd {
	return tea.Tick(after, func(t time.Time) tea.Msg { return tickMsg(t) })
}

func (m Model) listen() tea.Cmd {
	events := m.config.Events
	if events == nil {
		return nil
	}
	return func() tea.Msg {
		event, open := <-events
		if !open {
			return overMsg{}
		}
		return eventMsg{event, time.Now()}
	}
}

// Update takes a message.
func (m Model) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = message.Width, message.Height
	case tea.KeyMsg:
		return m.press(message)
	case tickMsg:
		return m.beat(time.Time(message))
	case eventMsg:
		m.later(message.at)
		command := m.take(message.event)
		return m, tea.Batch(command, m.listen())
	case overMsg:
		if m.config.Auto {
			m.quitting = true
			return m, tea.Quit
		}
	case doneMsg:
		m.settle(message)
	}
	return m, nil
}

// later moves the clock, which never goes back.
func (m *Model) later(t time.Time) {
	if t.After(m.now) {
		m.now = t
	}
}

// take applies an event.
func (m *Model) take(event client.Event) tea.Cmd {
	if m.flashFault && turnsPage(event) {
		m.flash = ""
	}
	m.note(m.scene.Apply(event, m.now)...)
	switch event.(type) {
	case client.Connected:
		m.noPing, m.nextPing = false, m.now.Add(pingEvery/4)
		if m.scene.Wants && !m.scene.Seated {
			return m.sit(m.config.Place.Seat) // the clock would do it too, but later
		}
	case client.Lost, client.Closed:
		m.rtt = 0
	case client.Message:
		if m.config.Rounds > 0 && m.scene.Finished >= m.config.Rounds {
			m.quitting = true
			return tea.Quit
		}
	}
	return nil
}

// turnsPage says that what was refused a moment ago may be allowed now.
func turnsPage(event client.Event) bool {
	switch e := event.(type) {
	case client.Connected:
		return true
	case client.Message:
		return e.Op == wire.Command_DICE_START || e.Op == wire.Command_STAND_UP || e.Op == wire.Command_SIT_DOWN
	}
	return false
}

func (m *Model) note(lines ...scene.Line) {
	m.log = append(m.log, lines...)
	if over := len(m.log) - keepLog; over > 0 {
		m.log = append(m.log[:0:0], m.log[over:]...)
	}
	for _, line := range lines {
		if line.Kind == scene.Notice || line.Kind == scene.Fault {
			m.say(line.Text, line.Kind == scene.Fault)
		}
	}
}

func (m *Model) say(text string, fault bool) {
	m.flash, m.flashFault, m.flashUntil = text, fault, m.now.Add(flashFor)
}

// beat is the clock's tick.
func (m Model) beat(t time.Time) (tea.Model, tea.Cmd) {
	m.later(t)
	commands := []tea.Cmd{m.tick(m.pace())}
	if m.scene.Seated && m.scene.Link == scene.Online && !m.noPing && !m.pinging && !m.now.Before(m.nextPing) {
		m.pinging = true
		m.nextPing = m.now.Add(pingEvery)
		commands = append(commands, m.ping())
	}
	if s := m.scene; s.Link == scene.Online && s.Wants && !s.Seated && !m.now.Before(m.nextRetry) {
		commands = append(commands, m.sit(m.config.Place.Seat))
	}
	if m.config.Auto && !m.now.Before(m.nextRetry) {
		switch m.scene.Next(m.now) {
		case scene.Sit:
			commands = append(commands, m.sit(client.AnySeat))
		case scene.Roll:
			commands = append(commands, m.roll())
		}
	}
	return m, tea.Batch(commands...)
}

// pace is how soon the next picture is due.
func (m Model) pace() time.Duration {
	if m.rolling || m.now.Sub(m.scene.Settled) < celebration {
		return fast
	}
	for _, began := range m.scene.RolledAt {
		if m.now.Sub(began) < tumble {
			return fast
		}
	}
	return slow
}

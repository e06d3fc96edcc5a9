package ui

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"croupier/servers/client"
	"croupier/servers/wire"
	"croupier/tui-client/internal/scene"
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
		if m.quitting {
			break
		}
		next, command := m.pressOne(string(r))
		m = next.(Model)
		commands = append(commands, command)
	}
	return m, tea.Batch(commands...)
}

func (m Model) pressOne(key string) (tea.Model, tea.Cmd) {
	m.flash = "" // the answer to the key before
	switch key {
	case "ctrl+c", "q":
		if m.pane != paneNone && key == "q" {
			break // q leaves what covers the table first
		}
		m.quitting = true
		return m, tea.Quit
	case "?", "h":
		return m.toggle(paneHelp), nil
	case "l":
		return m.toggle(paneLog), nil
	case "up", "k":
		m.scroll++
		return m, nil
	case "down", "j":
		m.scroll = max(0, m.scroll-1)
		return m, nil
	case "pgup":
		m.scroll += max(1, m.height-4)
		return m, nil
	case "pgdown":
		m.scroll = max(0, m.scroll-max(1, m.height-4))
		return m, nil
	}
	if m.pane != paneNone {
		switch key {
		case "esc", "enter", "q", "p", " ":
			m.pane = paneNone
		}
		return m, nil
	}
	switch key {
	case "r", " ", "enter":
		return m, m.roll()
	case "s":
		return m, m.takeSeat()
	case "b":
		return m, m.bench()
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9":
		return m, m.changeSeat(int32(key[0] - '0'))
	case "u":
		return m, m.stand()
	case "p":
		return m, m.inspect()
	}
	return m, nil
}

func (m Model) toggle(p pane) Model {
	m.scroll = 0
	if m.pane == p {
		p = paneNone
	}
	m.pane = p
	return m
}

// request makes a command of a request.
func request(op wire.Command, do func(context.Context) (string, error)) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), requestLimit)
		defer cancel()
		began := time.Now()
		text, err := do(ctx)
		return doneMsg{op: op, text: text, took: time.Since(began), err: err}
	}
}

func (m *Model) roll() tea.Cmd {
	if m.rolling {
		return nil
	}
	me, there := m.scene.Self()
	switch {
	case !m.online():
		return nil
	case !there:
		m.say("you are not at the table: press s to sit down", true)
	case me.Seat < 0:
		m.say("spectators do not roll: press s for a seat", true)
	case m.scene.Phase != scene.Rolling:
		m.say("wait for the next round", true)
	case m.scene.Rolled(m.scene.Me):
		m.say("you have rolled in this round already", true)
	default:
		m.rolling = true
		player := m.config.Player
		return request(wire.Command_DICE_SHAKE, func(ctx context.Context) (string, error) {
			_, err := player.Shake(ctx, 0)
			return "", err
		})
	}
	return nil
}

// online says whether requests can be sent, and tells the player where they cannot.
func (m *Model) online() bool {
	switch m.scene.Link {
	case scene.Online:
		return true
	case scene.Closed:
		m.say("the connection is closed: press q to quit", true)
	default:
		m.say("not connected: trying again by itself", true)
	}
	return false
}

// takeSeat is the player's key: into any seat, from the spectators too.
func (m *Model) takeSeat() tea.Cmd {
	if me, there := m.scene.Self(); there && me.Seat >= 0 {
		m.say(fmt.Sprintf("you have seat %d already", me.Seat), true)
		return nil
	}
	if !m.online() {
		return nil
	}
	m.asked = true
	return m.sit(client.AnySeat)
}

func (m *Model) sit(seat int32) tea.Cmd {
	if m.sitting {
		return nil
	}
	m.sitting = true
	m.scene.SitAt(m.scene.Room)
	player, place := m.config.Player, client.Place{Game: m.scene.Game, Room: m.scene.Room, Seat: seat}
	return request(wire.Command_SIT_DOWN, func(ctx context.Context) (string, error) {
		_, err := player.Sit(ctx, place)
		return "", err
	})
}

// bench is the player's key: from the seat to the spectators.
func (m *Model) bench() tea.Cmd {
	switch me, there := m.scene.Self(); {
	case !there:
		m.say("you are not at the table", true)
	case me.Seat < 0:
		m.say("you are on the bench already: press s for a seat", true)
	default:
		return m.move(client.AnySeat)
	}
	return nil
}

// changeSeat is the player's key: to that seat, or to the table where the player is at none.
func (m *Model) changeSeat(seat int32) tea.Cmd {
	me, there := m.scene.Self()
	_, taken := m.scene.At(int(seat))
	switch {
	case there && me.Seat == seat:
		m.say(fmt.Sprintf("you have seat %d already", seat), true)
	case int(seat) >= m.scene.Seats:
		m.say(fmt.Sprintf("there is no seat %d: they count from 0 to %d", seat, m.scene.Seats-1), true)
	case there && taken:
		m.say(fmt.Sprintf("seat %d is taken: choose a free one", seat), true)
	case there:
		return m.move(seat)
	case m.online():
		m.asked = true
		return m.sit(seat)
	}
	return nil
}

// move asks for another seat, or for the bench.
func (m *Model) move(seat int32) tea.Cmd {
	switch me, _ := m.scene.Self(); {
	case !m.online() || m.moving:
		return nil
	case me.Seat >= 0 && m.scene.Phase == scene.Rolling && m.scene.Rolled(m.scene.Me):
		m.say("you have rolled: wait for the end of the round", true)
		return nil
	}
	m.moving = true
	if seat < 0 {
		m.config.Auto = false // who wants to watch does not want to play
	}
	player := m.config.Player
	return request(wire.Command_MOVE, func(ctx context.Context) (string, error) {
		_, err := player.Move(ctx, seat)
		return "", err
	})
}

func (m *Model) stand() tea.Cmd {
	if _, there := m.scene.Self(); !there {
		m.say("you are not at the table", true)
		return nil
	}
	if !m.online() {
		return nil
	}
	m.config.Auto = false // who stands up wants to stay so
	player := m.config.Player
	return request(wire.Command_STAND_UP, func(ctx context.Context) (string, error) { return "", player.Stand(ctx) })
}

func (m *Model) inspect() tea.Cmd {
	if !m.online() {
		return nil
	}
	return request(wire.Command_PRINT, m.config.Player.Print)
}

func (m *Model) ping() tea.Cmd {
	player := m.config.Player
	return request(wire.Command_PING, func(ctx context.Context) (string, error) {
		_, err := player.Ping(ctx)
		return "", err
	})
}

// settle takes the end of a request.
func (m *Model) settle(done doneMsg) {
	var refused *client.RefusedError
	isRefused := errors.As(done.err, &refused)
	switch done.op {
	case wire.Command_PING:
		m.pinging = false
		m.noPing = isRefused && refused.Code == wire.Code_UNKNOWN_COMMAND
		if m.rtt = done.took; done.err != nil {
			m.rtt = 0
		}
		return
	case wire.Command_DICE_SHAKE:
		m.rolling = false
	case wire.Command_MOVE:
		m.moving = false
	case wire.Command_SIT_DOWN:
		m.sitting = false
		if me, there := m.scene.Self(); m.asked && done.err == nil && there && me.Seat < 0 {
			m.say("no seat is free: you are watching", true)
		}
		m.asked = false
		if isRefused && !m.scene.Seated {
			m.scene.Wants = false
		}
	case wire.Command_PRINT:
		if done.err == nil {
			m.inspected, m.pane, m.scroll = scene.CleanLines(done.text), paneInspect, 0
		}
	}
	if done.err != nil {
		m.nextRetry = m.now.Add(retryAfter)
		m.note(scene.Line{At: m.now, Kind: scene.Fault, Text: scene.Clean(done.err.Error())})
	}
}

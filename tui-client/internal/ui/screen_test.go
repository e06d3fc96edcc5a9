package ui

import (
	"errors"
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

	"croupier/servers/client"
	"croupier/servers/wire"
)

var update = flag.Bool("update", false, "write the screens in testdata instead of comparing with them")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// at is a model of user 7 on a screen without colours, at noon.
func at(width, height int, messages ...tea.Msg) Model {
	return painted(termenv.Ascii, width, height, messages...)
}

func painted(profile termenv.Profile, width, height int, messages ...tea.Msg) Model {
	renderer := lipgloss.NewRenderer(io.Discard)
	renderer.SetColorProfile(profile)
	m := New(Config{
		Player: &fake{}, User: 7, Place: client.Place{Game: "dice", Room: 4, Seat: client.AnySeat},
		Target: "gate ws://127.0.0.1:60006", Renderer: renderer, Now: noon,
	})
	m.tick = func(time.Duration) tea.Cmd { return nil } // tests are the clock
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

// after is an event some time after noon.
func after(d time.Duration, e client.Event) tea.Msg { return eventMsg{e, noon.Add(d)} }

func said(op wire.Command, body wire.WithMeta) client.Event {
	return client.Message{Op: op, Body: body}
}

func user(id int64, seat int32, online bool) client.Event {
	return said(wire.Command_SIT_DOWN, &wire.User{Id: id, Seat: seat, Online: online})
}

// then tells a story on without touching it.
func then(story []tea.Msg, more ...tea.Msg) []tea.Msg { return slices.Concat(story, more) }

// The story of a table, told in parts.
var (
	connecting = []tea.Msg{after(0, client.Connecting{Attempt: 1})}
	turn       = then(connecting,
		after(time.Second, client.Connected{}),
		after(time.Second, user(11, 0, true)),
		after(time.Second, user(12, 3, false)),
		after(time.Second, user(13, -1, true)),
		after(time.Second, user(7, 2, true)),
		after(time.Second, said(wire.Command_DICE_SCENE, &wire.DiceScene{InRound: true, LeftMs: 24_000, Round: 12, Dice: map[int64]int32{12: 0}})),
		doneMsg{op: wire.Command_SIT_DOWN},
		doneMsg{op: wire.Command_PING, took: 12 * time.Millisecond},
		tickMsg(noon.Add(7*time.Second)))
	tumbles = then(turn,
		after(8*time.Second, said(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 7, Points: 5, Round: 12})),
		tickMsg(noon.Add(8200*time.Millisecond)))
	rolled = then(tumbles, tickMsg(noon.Add(10*time.Second)))
	opened = then(rolled,
		after(12*time.Second, said(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 11, Round: 12})),
		after(13*time.Second, said(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{
			IdleMs: 5000, Winners: []int64{7, 11}, Dice: map[int64]int32{7: 5, 11: 5, 12: 2}, Round: 12})),
		tickMsg(noon.Add(15*time.Second)))
	lost = then(rolled,
		after(11*time.Second, client.Lost{Err: errors.New("the connection ended without a goodbye: EOF"), RetryIn: 4 * time.Second}),
		tickMsg(noon.Add(12500*time.Millisecond)))
	closed = then(lost, after(13*time.Second, client.Closed{Err: client.ErrReplaced}), tickMsg(noon.Add(20*time.Second)))
	away   = then(rolled, after(11*time.Second, said(wire.Command_STAND_UP, &wire.Int64{Value: 7})), tickMsg(noon.Add(20*time.Second)))
	watch  = then(turn, after(8*time.Second, user(7, -1, true)), tickMsg(noon.Add(9*time.Second)))
	eight  = then(turn, after(8*time.Second, user(14, 7, true)), after(8*time.Second, user(15, 4, true)), tickMsg(noon.Add(9*time.Second)))
)

var stories = map[string][]tea.Msg{
	"connecting": connecting, "turn": turn, "tumbles": tumbles, "rolled": rolled, "opened": opened,
	"lost": lost, "closed": closed, "away": away, "watch": watch, "eight": eight,
}

func TestScreens(t *testing.T) {
	for name, story := range stories {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 20}} {
			name := fmt.Sprintf("%s-%dx%d", name, size[0], size[1])
			t.Run(name, func(t *testing.T) { golden(t, name, at(size[0], size[1], story...).View()) })
		}
	}
	for key, name := range map[string]string{"?": "help", "l": "log"} {
		for _, size := range [][2]int{{80, 24}, {40, 20}} {
			name := fmt.Sprintf("%s-%dx%d", name, size[0], size[1])
			t.Run(name, func(t *testing.T) {
				golden(t, name, at(size[0], size[1], then(opened, press(key))...).View())
			})
		}
	}
	t.Run("inspect", func(t *testing.T) {
		m := at(80, 24, then(turn, doneMsg{op: wire.Command_PRINT, text: "room 4\n  user 7 seat 2\x1b[2J\nend"})...)
		golden(t, "inspect-80x24", m.View())
	})
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
		t.Errorf("the screen differs from %s (go test ./tui-client/internal/ui -update writes it):\n%s", path, got)
	}
}

// TestEverySize draws every story on every screen from a stamp to a wall: each line fits, and so
// do all of them.
func TestEverySize(t *testing.T) {
	sizes := [][2]int{}
	for _, width := range []int{1, 2, 5, 11, 20, 39, 40, 41, 60, 71, 72, 73, 80, 99, 100, 120, 200} {
		for _, height := range []int{1, 2, 3, 5, 8, 13, 14, 19, 20, 21, 24, 31, 40, 60} {
			sizes = append(sizes, [2]int{width, height})
		}
	}
	for name, story := range stories {
		m := at(80, 24, story...)
		for _, key := range []string{"", "?", "l"} {
			for _, size := range sizes {
				m := send(m, tea.WindowSizeMsg{Width: size[0], Height: size[1]})
				if key != "" {
					m = send(m, press(key), press("down"), press("up"), press("pgup"))
				}
				lines := strings.Split(m.View(), "\n")
				if len(lines) != size[1] {
					t.Errorf("%s%s at %dx%d has %d lines", name, key, size[0], size[1], len(lines))
				}
				for i, line := range lines {
					if w := ansi.StringWidth(line); w != size[0] {
						t.Errorf("%s%s at %dx%d: line %d is %d wide: %q", name, key, size[0], size[1], i, w, line)
					}
				}
			}
		}
	}
}

// TestColoursSayNothing: what is left without colours is the same screen, and without colours
// there is no escape sequence at all.
func TestColoursSayNothing(t *testing.T) {
	for name, story := range stories {
		for _, size := range [][2]int{{80, 24}, {40, 20}} {
			plain := at(size[0], size[1], story...).View()
			if strings.Contains(plain, "\x1b") {
				t.Errorf("%s: an escape sequence without colours", name)
			}
			coloured := painted(termenv.TrueColor, size[0], size[1], story...).View()
			if !strings.Contains(coloured, "\x1b[") {
				t.Errorf("%s: no colours with colours", name)
			}
			if ansi.Strip(coloured) != plain {
				t.Errorf("%s: colours change the text", name)
			}
		}
	}
}

package ui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"croupier/servers/client"
	"croupier/servers/wire"
	"croupier/tui-client/internal/scene"
)

// fake is a player's client that notes what it is asked for.
type fake struct {
	asked []string
	err   error
}

func (f *fake) ask(format string, args ...any) error {
	f.asked = append(f.asked, fmt.Sprintf(format, args...))
	return f.err
}

func (f *fake) Sit(_ context.Context, p client.Place) (*wire.User, error) {
	return nil, f.ask("sit %s %d %d", p.Game, p.Room, p.Seat)
}
func (f *fake) Stand(context.Context) error { return f.ask("stand") }
func (f *fake) Move(_ context.Context, seat int32) (*wire.User, error) {
	return nil, f.ask("move %d", seat)
}
func (f *fake) Shake(_ context.Context, preset int32) (*wire.DiceShake, error) {
	return nil, f.ask("shake %d", preset)
}
func (f *fake) Print(context.Context) (string, error)       { return "text", f.ask("print") }
func (f *fake) Ping(context.Context) (time.Duration, error) { return 0, f.ask("ping") }

func press(key string) tea.Msg {
	switch key {
	case "up":
		return tea.KeyMsg{Type: tea.KeyUp}
	case "down":
		return tea.KeyMsg{Type: tea.KeyDown}
	case "pgup":
		return tea.KeyMsg{Type: tea.KeyPgUp}
	case "esc":
		return tea.KeyMsg{Type: tea.KeyEsc}
	case "space":
		return tea.KeyMsg{Type: tea.KeySpace, Runes: []rune(" ")}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(key)}
}

// act sends a message and runs the requests that follow, until they have nothing more to say.
func act(m Model, message tea.Msg) Model {
	next, command := m.Update(message)
	m = next.(Model)
	for _, done := range outcome(command) {
		m = act(m, done)
	}
	return m
}

// outcome runs a command.
func outcome(command tea.Cmd) []tea.Msg {
	if command == nil {
		return nil
	}
	switch message := command().(type) {
	case doneMsg:
		return []tea.Msg{message}
	case tea.BatchMsg:
		var all []tea.Msg
		for _, one := range message {
			all = append(all, outcome(one)...)
		}
		return all
	}
	return nil
}

// playing is a model in the middle of a round, whose client is empty of requests.
func playing(story []tea.Msg) (Model, *fake) {
	m := at(80, 24, story...)
	f := m.config.Player.(*fake)
	f.asked = nil
	m.nextPing = noon.Add(time.Hour)
	return m, f
}

func TestKeys(t *testing.T) {
	for _, test := range []struct {
		story []tea.Msg
		key   string
		asked string // of the client
		says  string // in the last line
	}{
		{turn, "r", "shake 0", ""},
		{turn, "space", "shake 0", ""},
		{rolled, "r", "", "you have rolled in this round already"},
		{opened, "r", "", "wait for the next round"},
		{watch, "r", "", "spectators do not roll"},
		{away, "r", "", "you are not at the table"},
		{lost, "r", "", "not connected"},
		{closed, "r", "", "the connection is closed"},
		{turn, "s", "", "you have seat 2 already"},
		{away, "s", "sit dice 4 -1", ""},
		{watch, "s", "sit dice 4 -1", ""},
		{turn, "b", "move -1", ""},
		{watch, "b", "", "you are on the bench already"},
		{away, "b", "", "you are not at the table"},
		{rolled, "b", "", "you have rolled"},
		{turn, "2", "", "you have seat 2 already"},
		{turn, "9", "", "there is no seat 9: they count from 0 to 3"},
		{turn, "0", "", "seat 0 is taken"},
		{turn, "1", "move 1", ""},
		{away, "1", "sit dice 4 1", ""},
		{lost, "b", "", "not connected"},
		{turn, "u", "stand", ""},
		{away, "u", "", "you are not at the table"},
		{turn, "p", "print", ""},
		{turn, "x", "", ""},
	} {
		m, f := playing(test.story)
		m = act(m, press(test.key))
		if got := strings.Join(f.asked, ", "); got != test.asked {
			t.Errorf("%s asks for %q, want %q", test.key, got, test.asked)
		}
		lines := strings.Split(m.View(), "\n")
		if last := lines[len(lines)-1]; test.says != "" && !strings.Contains(last, test.says) {
			t.Errorf("%s says %q, want %q", test.key, last, test.says)
		}
	}
}

// TestAWordGoesWithItsCause: the next key, or what changes the matter, brings the keys back.
func TestAWordGoesWithItsCause(t *testing.T) {
	last := func(m Model) string {
		lines := strings.Split(m.View(), "\n")
		return lines[len(lines)-1]
	}
	for name, cause := range map[string]tea.Msg{
		"a key":            press("x"),
		"the next round":   after(16*time.Second, said(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000, Round: 13})),
		"three seconds on": tickMsg(noon.Add(18500 * time.Millisecond)),
	} {
		m, _ := playing(opened)
		if m = act(m, press("r")); !strings.Contains(last(m), "wait for") {
			t.Fatalf("says %q", last(m))
		}
		if m = send(m, cause); !strings.Contains(last(m), "q quit") {
			t.Errorf("after %s it says %q", name, last(m))
		}
	}
}

func TestOneRollAtATime(t *testing.T) {
	m, _ := playing(turn)
	m = send(m, press("r"))
	if _, again := m.Update(press("r")); again != nil {
		t.Error("two rolls are under way")
	}
	if !strings.Contains(m.View(), "the dice are rolling") {
		t.Error("nothing rolls")
	}
}

func TestRefusedRoll(t *testing.T) {
	m, f := playing(turn)
	f.err = &client.RefusedError{Op: wire.Command_DICE_SHAKE, Code: wire.Code_ALREADY_SHAKEN, Desc: "rolled\x1b[2J already"}
	m = act(m, press("r"))
	if view := m.View(); !strings.Contains(view, "! shake refused: rolled[2J already (code 10001)") || strings.Contains(view, "\x1b") {
		t.Errorf("the screen is\n%s", view)
	}
	f.err = nil
	f.asked = nil
	if act(m, press("r")); !slices.Equal(f.asked, []string{"shake 0"}) {
		t.Errorf("after a refusal r asks for %v", f.asked)
	}
}

func TestSitsByItself(t *testing.T) {
	m := at(80, 24, connecting...)
	f := m.config.Player.(*fake)
	m.config.Place.Seat = 3
	m = act(m, after(time.Second, client.Connected{}))
	if !slices.Equal(f.asked, []string{"sit dice 4 3"}) {
		t.Fatalf("asked for %v", f.asked)
	}
	// Refused: it does not insist.
	f.err = &client.RefusedError{Op: wire.Command_SIT_DOWN, Desc: "taken"}
	m.sitting = false
	m = act(m, tickMsg(noon.Add(5*time.Second)))
	m = act(m, tickMsg(noon.Add(9*time.Second)))
	if len(f.asked) != 2 || m.Scene().Wants {
		t.Errorf("asked for %v", f.asked)
	}
	// An unknown outcome is another matter: it tries again once there is a connection.
	m = at(80, 24, connecting...)
	f = m.config.Player.(*fake)
	f.err = fmt.Errorf("sit: %w", client.ErrUnknownOutcome)
	m = act(m, after(time.Second, client.Connected{}))
	m = act(m, tickMsg(noon.Add(1500*time.Millisecond)))
	m = act(m, tickMsg(noon.Add(3*time.Second)))
	if len(f.asked) != 2 {
		t.Errorf("asked for %v", f.asked)
	}
}

func TestAuto(t *testing.T) {
	m, f := playing(turn)
	m.config.Auto = true
	m = act(m, tickMsg(noon.Add(9*time.Second)))
	if !slices.Equal(f.asked, []string{"shake 0"}) {
		t.Errorf("asked for %v", f.asked)
	}
	m = send(m, after(9*time.Second, said(wire.Command_DISCONNECT, &wire.Int32{Value: 1})))
	f.asked = nil
	m = act(m, tickMsg(noon.Add(20*time.Second)))
	if !slices.Equal(f.asked, []string{"sit dice 4 -1"}) {
		t.Errorf("after the room closed it asked for %v", f.asked)
	}
	// Who stands up by hand plays by hand from then on.
	m, f = playing(turn)
	m.config.Auto = true
	m = act(m, press("u"))
	if m.config.Auto || !slices.Equal(f.asked, []string{"stand"}) {
		t.Error("still plays by itself")
	}
}

func TestPing(t *testing.T) {
	m, f := playing(turn)
	m.nextPing, m.pinging = noon, false
	m = act(m, tickMsg(noon.Add(8*time.Second)))
	if !slices.Equal(f.asked, []string{"ping"}) || m.pinging {
		t.Fatalf("asked for %v", f.asked)
	}
	m = act(m, tickMsg(noon.Add(8500*time.Millisecond)))
	if len(f.asked) != 1 {
		t.Errorf("pings too often: %v", f.asked)
	}
	f.err = &client.RefusedError{Code: wire.Code_UNKNOWN_COMMAND}
	m = act(m, tickMsg(noon.Add(12*time.Second)))
	m = act(m, tickMsg(noon.Add(16*time.Second)))
	if len(f.asked) != 2 || !m.noPing {
		t.Errorf("asks a server that does not know PING: %v", f.asked)
	}
}

// TestFastKeys: over a slow line several keys come at once. What is pasted is none.
func TestFastKeys(t *testing.T) {
	m, f := playing(turn)
	if m = act(m, press("l?q")); m.pane != paneNone || m.quitting {
		t.Errorf("pane %v, quitting %v", m.pane, m.quitting)
	}
	if m = act(m, press("rp")); !slices.Equal(f.asked, []string{"shake 0", "print"}) {
		t.Errorf("asked %q", f.asked)
	}
	m = act(m, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("uq"), Paste: true})
	if m.quitting || len(f.asked) > 2 {
		t.Errorf("pasted keys were pressed: %q", f.asked)
	}
	if m = send(m, press("qqr")); !m.quitting {
		t.Error("does not quit")
	}
}

// TestKeysOnTheScreen: the last line ends with how to quit, and names the keys for seats where it can.
func TestKeysOnTheScreen(t *testing.T) {
	for width := 40; width <= 120; width++ {
		m, _ := playing(turn)
		lines := strings.Split(send(m, tea.WindowSizeMsg{Width: width, Height: 24}).View(), "\n")
		last := strings.TrimRight(lines[len(lines)-1], " ")
		if !strings.HasSuffix(last, "q quit") || width >= allKeys && !strings.Contains(last, "0-9 seat") {
			t.Errorf("%d columns: %q", width, last)
		}
	}
}

func TestQuit(t *testing.T) {
	quits := func(m Model, message tea.Msg) bool {
		next, command := m.Update(message)
		if command == nil || !next.(Model).quitting {
			return false
		}
		_, ok := command().(tea.QuitMsg)
		return ok
	}
	m, _ := playing(turn)
	if !quits(m, press("q")) || !quits(m, tea.KeyMsg{Type: tea.KeyCtrlC}) {
		t.Error("q or ctrl+c does not quit")
	}
	covered := send(m, press("?"))
	if quits(covered, press("q")) {
		t.Error("q quits from the help")
	}
	if covered = send(covered, press("q")); covered.pane != paneNone {
		t.Error("q does not leave the help")
	}
	if covered = send(covered, press("l"), press("esc")); covered.pane != paneNone {
		t.Error("esc does not leave the log")
	}
	m.config.Rounds = 1
	next, _ := m.Update(opened[len(opened)-2])
	if !next.(Model).quitting {
		t.Error("does not quit after the rounds")
	}
	m.config.Auto = true
	if !quits(m, overMsg{}) {
		t.Error("who plays by itself waits at a closed table")
	}
}

func TestLogIsBounded(t *testing.T) {
	m, _ := playing(turn)
	for range 3 * keepLog {
		m.note(scene.Line{Text: "x"})
	}
	if len(m.log) != keepLog {
		t.Errorf("%d lines are kept", len(m.log))
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 µs", 850 * time.Microsecond: "850 µs", 1234 * time.Microsecond: "1.2 ms",
		45 * time.Millisecond: "45 ms", 1500 * time.Millisecond: "1500 ms", 12 * time.Second: "12 s",
	} {
		if got := brief(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

package lines

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"croupier/servers/client"
	"croupier/servers/wire"
	"croupier/tui-client/internal/scene"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a client that answers everything by itself, with the events that go with it.
type house struct {
	events chan client.Event
	mu     sync.Mutex
	asked  []string
	refuse error
	rounds int // to settle at once after a roll
}

func newHouse() *house {
	h := &house{events: make(chan client.Event, 100)}
	h.events <- client.Connecting{Attempt: 1}
	h.events <- client.Connected{}
	return h
}

func (h *house) ask(format string, args ...any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, fmt.Sprintf(format, args...))
	return h.refuse
}

func (h *house) say(op wire.Command, body wire.WithMeta) {
	h.events <- client.Message{Op: op, Body: body}
}

func (h *house) Sit(_ context.Context, p client.Place) (*wire.User, error) {
	if err := h.ask("sit %d %d", p.Room, p.Seat); err != nil {
		return nil, err
	}
	h.say(wire.Command_SIT_DOWN, &wire.User{Id: 7, Seat: 0, Online: true})
	h.say(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 100, Round: 1})
	return &wire.User{Id: 7}, nil
}

func (h *house) Stand(context.Context) error {
	h.say(wire.Command_STAND_UP, &wire.Int64{Value: 7})
	return h.ask("stand")
}

func (h *house) Move(_ context.Context, seat int32) (*wire.User, error) {
	h.say(wire.Command_SIT_DOWN, &wire.User{Id: 7, Seat: seat, Online: true})
	return nil, h.ask("move %d", seat)
}

func (h *house) Shake(_ context.Context, preset int32) (*wire.DiceShake, error) {
	if err := h.ask("shake %d", preset); err != nil {
		return nil, err
	}
	h.say(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 7, Points: 4})
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rounds++; h.rounds <= 3 {
		h.say(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{Winners: []int64{7}, Dice: map[int64]int32{7: 4}, Round: uint64(h.rounds)})
		h.say(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 100, Round: uint64(h.rounds) + 1})
	}
	return &wire.DiceShake{User: 7, Points: 4}, nil
}

func (h *house) Print(context.Context) (string, error)       { return "room 1\nend", h.ask("print") }
func (h *house) Ping(context.Context) (time.Duration, error) { return 0, h.ask("ping") }

// play runs a session to its end.
func play(t *testing.T, h *house, c Config) (out, err string, seen *scene.Scene) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	c.Player, c.Events, c.User, c.Out, c.Err = h, h.events, 7, &stdout, &stderr
	c.Place = client.Place{Game: "dice", Room: 1, Seat: 2}
	seen = Run(ctx, c)
	if ctx.Err() != nil {
		t.Error("the session did not end by itself")
	}
	return stdout.String(), stderr.String(), seen
}

func TestCommands(t *testing.T) {
	h := newHouse()
	script := "shake\n\nroll 3\nprint\nsit 5 1\nsit\nstand\nquit\nshake\n"
	out, _, _ := play(t, h, Config{In: strings.NewReader(script)})
	want := []string{"sit 1 2", "shake 0", "shake 3", "print", "sit 5 1", "sit 5 -1", "stand"}
	if !slices.Equal(h.asked, want) {
		t.Errorf("asked for %q, want %q", h.asked, want)
	}
	for _, line := range []string{"you sit down in room 1, seat 0\n", "you roll a 4\n", "room 1\nend\n", "round 1: you win with 4\n"} {
		if !strings.Contains(out, line) {
			t.Errorf("stdout lacks %q:\n%s", line, out)
		}
	}
	if strings.Contains(out, "connected") {
		t.Errorf("the connection is on stdout:\n%s", out)
	}
}

func TestBadCommands(t *testing.T) {
	h := newHouse()
	_, errs, _ := play(t, h, Config{In: strings.NewReader("jump\nsit x\nsit 1 2 3\nprint 5\nsit 99999999999\nhelp\n")})
	if want := []string{"sit 1 2"}; !slices.Equal(h.asked, want) {
		t.Errorf("asked for %q", h.asked)
	}
	for _, line := range []string{`unknown command "jump"`, `"x" is not a number`, "sit takes at most 2 numbers", "print takes at most 0 numbers", `"99999999999" is not a number`, usage} {
		if !strings.Contains(errs, line) {
			t.Errorf("stderr lacks %q:\n%s", line, errs)
		}
	}
}

func TestRefusals(t *testing.T) {
	h := newHouse()
	h.refuse = &client.RefusedError{Op: wire.Command_SIT_DOWN, Desc: "seat 2 is\x1b[2J taken"}
	_, errs, seen := play(t, h, Config{In: strings.NewReader("print\n")})
	if !strings.Contains(errs, "sit refused: seat 2 is[2J taken (code 0)\n") || seen.Came {
		t.Errorf("stderr is\n%s", errs)
	}
	if want := []string{"sit 1 2", "print"}; !slices.Equal(h.asked, want) {
		t.Errorf("asked for %q, want %q", h.asked, want)
	}
}

func TestAutoAndRounds(t *testing.T) {
	h := newHouse()
	_, _, seen := play(t, h, Config{Auto: true, Stay: true, Rounds: 2, In: strings.NewReader("")})
	if seen.Finished != 2 || !seen.Came {
		t.Errorf("saw %d rounds", seen.Finished)
	}
}

func TestEndsWithTheEvents(t *testing.T) {
	h := newHouse()
	h.events <- client.Closed{Err: client.ErrReplaced}
	close(h.events)
	in, hold := io.Pipe() // nobody types
	defer hold.Close()
	_, _, seen := play(t, h, Config{In: in, Stay: true})
	if seen.Link != scene.Closed || seen.Trouble != client.ErrReplaced {
		t.Errorf("saw %v, %v", seen.Link, seen.Trouble)
	}
}

// TestQuitNeedsNoConnection: what else is typed waits for the table, but nobody waits to leave.
func TestQuitNeedsNoConnection(t *testing.T) {
	h := &house{events: make(chan client.Event, 100)}
	h.events <- client.Connecting{Attempt: 1}
	h.events <- client.Lost{Err: client.ErrSilent}
	in, hold := io.Pipe()
	defer hold.Close()
	go io.WriteString(hold, "quit\n") //nolint:errcheck // the session ends by it, or the test fails
	play(t, h, Config{In: in, Stay: true})
	if len(h.asked) > 0 {
		t.Errorf("asked for %q", h.asked)
	}
}

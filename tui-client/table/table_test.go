package table

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"croupier/servers/client"
	"croupier/servers/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs gate and game server for a test.
func serve(t *testing.T) *stack.Stack {
	t.Helper()
	return start(t, stack.Config{Round: 2 * time.Second, Idle: 50 * time.Millisecond})
}

func start(t *testing.T, c stack.Config) *stack.Stack {
	t.Helper()
	s, err := stack.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// play runs a player with commands and returns what was printed.
func play(t *testing.T, c Config, commands string) (out, errs string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	c.In, c.Out, c.Err = strings.NewReader(commands), &stdout, &stderr
	if c.Place.Game == "" {
		c.Place = client.Place{Game: "dice", Room: 1, Seat: client.AnySeat}
	}
	err = Run(ctx, c)
	return stdout.String(), stderr.String(), err
}

func through(t *testing.T, s *stack.Stack, user int64) Config {
	t.Helper()
	token, err := s.Token(user)
	if err != nil {
		t.Fatal(err)
	}
	return Config{Target: client.Gate(s.Gate, client.Static(token)), User: user}
}

func TestPlayThroughTheGate(t *testing.T) {
	out, errs, err := play(t, through(t, start(t, stack.Config{Round: time.Minute}), 7), "stand\nsit 2 1\nmove 3\nbench\nmove 2\nshake 5\nprint\nshake\nmove 0\n")
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	for _, line := range []string{"you sit down in room 1, seat 0\n", "you stand up\n", "you sit down in room 2, seat 1\n", "you move to seat 3\n", "you go to the bench\n", "you take seat 2\n", "you roll a 5\n", "user 7 seat 2\n"} {
		if !strings.Contains(out, line) {
			t.Errorf("stdout lacks %q:\n%s", line, out)
		}
	}
	if !strings.Contains(errs, "shake refused: you have rolled in this round already (code 10001)") {
		t.Errorf("stderr is\n%s", errs)
	}
	if !strings.Contains(errs, "move refused: you take part in what is being played") {
		t.Errorf("stderr is\n%s", errs)
	}
}

// Who names no room is given one with a free seat, and told which.
func TestAnyRoom(t *testing.T) {
	s := serve(t)
	c := through(t, s, 7)
	c.Place = client.Place{Game: "dice", Seat: client.AnySeat}
	out, errs, err := play(t, c, "print\nstand\n")
	if err != nil || strings.Contains(out, "room 0") || !strings.Contains(out, "you sit down in room ") {
		t.Errorf("%v\n%s%s", err, out, errs)
	}
}

// A server that goes under the player does not interrupt the game, nor does one that dies.
func TestServersThatGo(t *testing.T) {
	s := start(t, stack.Config{Games: 2, Gates: 2, Round: 2 * time.Second, Idle: 50 * time.Millisecond, MoveAfter: 100 * time.Millisecond})
	c := through(t, s, 7)
	c.Target = client.Gates(s.Gates, client.Static(mustToken(t, s, 7)))
	c.Auto, c.Rounds = true, 4
	struck := make(chan error, 1)
	go func() {
		if err := s.Restart(t.Context(), 0, stack.Change{}); err != nil {
			struck <- err
			return
		}
		s.Kill(1)
		struck <- s.Restart(t.Context(), 1, stack.Change{})
	}()
	out, errs, err := play(t, c, "")
	if err := <-struck; err != nil {
		t.Fatal(err)
	}
	if err != nil || strings.Count(out, "you sit down") != 1 || strings.Contains(errs, "connection lost") {
		t.Errorf("%v\n%s%s", err, out, errs)
	}
}

func mustToken(t *testing.T, s *stack.Stack, user int64) string {
	t.Helper()
	token, err := s.Token(user)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestPlayDirect(t *testing.T) {
	s := serve(t)
	out, errs, err := play(t, Config{Target: client.Direct(s.Game, 9, nil), User: 9}, "shake 2\nprint\nstand\nsit 2\n")
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	if !strings.Contains(out, "you roll a 2\n") || !strings.Contains(out, "user 9 seat 0\n") {
		t.Errorf("stdout is\n%s", out)
	}
}

func TestPlayDirectWithAToken(t *testing.T) {
	s := start(t, stack.Config{Production: true})
	signed, err := s.Token(9)
	if err != nil {
		t.Fatal(err)
	}
	out, errs, err := play(t, Config{Target: client.Direct(s.Game, 9, client.Static(signed)), User: 9}, "shake\nprint\n")
	if err != nil || !strings.Contains(out, "you roll a ") || !strings.Contains(out, "user 9 seat 0\n") {
		t.Errorf("%v\n%s%s", err, out, errs)
	}
	if _, _, err = play(t, Config{Target: client.Direct(s.Game, 9, nil), User: 9}, ""); !errors.Is(err, client.ErrUnauthorized) {
		t.Errorf("without a token: %v", err)
	}
}

func TestAutoPlaysRounds(t *testing.T) {
	s := serve(t)
	first := through(t, s, 1)
	first.Auto, first.Rounds = true, 2
	second := through(t, s, 2)
	second.Auto, second.For = true, 20*time.Second
	ctx, cancel := context.WithCancel(t.Context())
	second.In, second.Out, second.Err = strings.NewReader(""), io.Discard, io.Discard
	second.Place = client.Place{Game: "dice", Room: 1, Seat: client.AnySeat}
	other := make(chan error, 1)
	go func() { other <- Run(ctx, second) }()
	out, errs, err := play(t, first, "")
	cancel()
	if err != nil || strings.Count(out, "win") != 2 {
		t.Errorf("%v\n%s%s", err, out, errs)
	}
	if err := <-other; err != nil {
		t.Errorf("a game that was interrupted: %v", err)
	}
}

func TestEndings(t *testing.T) {
	s := serve(t)
	bad := Config{Target: client.Gate(s.Gate, client.Static("e30.e30.e30")), User: 7}
	if _, _, err := play(t, bad, ""); !errors.Is(err, client.ErrUnauthorized) {
		t.Errorf("with a bad token: %v", err)
	}
	late := through(t, s, 7)
	late.Rounds, late.For = 1000, 2*time.Second
	if _, _, err := play(t, late, ""); !errors.Is(err, ErrTimeUp) {
		t.Errorf("rounds that cannot be played: %v", err)
	}
	nowhere := Config{Target: client.Gate("ws://127.0.0.1:1", nil), User: 7, For: time.Second}
	if _, _, err := play(t, nowhere, ""); !errors.Is(err, ErrNeverSat) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("where nobody listens: %v", err)
	}
	full := through(t, s, 8)
	full.Place = client.Place{Game: "dice", Room: 1, Seat: 99}
	full.For = 2 * time.Second
	if _, errs, err := play(t, full, ""); !errors.Is(err, ErrNeverSat) || !strings.Contains(errs, "sit refused") {
		t.Errorf("at a seat that is not: %v\n%s", err, errs)
	}
}

package room_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a game that does what a test says. What is nil does nothing, and everyone may leave.
type script struct {
	start    func(*room.Table) error
	enter    func(*room.Table, *room.Player)
	receive  func(*room.Table, room.Request) error
	mayLeave func(*room.Table, *room.Player) bool
	left     func(*room.Table, *room.Player)
	atRest   func(*room.Table) bool
	settle   func(*room.Table)
	state    func(reveal bool) string
	snapshot func() ([]byte, error)
	restore  func(*room.Table, []byte) error
}

func (g *script) Start(t *room.Table) error {
	if g.start != nil {
		return g.start(t)
	}
	return nil
}

func (g *script) Enter(t *room.Table, p *room.Player) {
	if g.enter != nil {
		g.enter(t, p)
	}
}

func (g *script) Receive(t *room.Table, q room.Request) error {
	if g.receive != nil {
		return g.receive(t, q)
	}
	return nil
}

func (g *script) MayLeave(t *room.Table, p *room.Player) bool {
	return g.mayLeave == nil || g.mayLeave(t, p)
}

func (g *script) Left(t *room.Table, p *room.Player) {
	if g.left != nil {
		g.left(t, p)
	}
}

func (g *script) AtRest(t *room.Table) bool {
	return g.atRest == nil || g.atRest(t)
}

func (g *script) Settle(t *room.Table) {
	if g.settle != nil {
		g.settle(t)
	}
}

func (g *script) State(_ *room.Table, reveal bool) string {
	if g.state != nil {
		return g.state(reveal)
	}
	return "script"
}

func (g *script) Snapshot(*room.Table) ([]byte, error) {
	if g.snapshot != nil {
		return g.snapshot()
	}
	return []byte("script"), nil
}

func (g *script) Restore(t *room.Table, data []byte) error {
	if g.restore != nil {
		return g.restore(t, data)
	}
	if string(data) != "script" {
		return errors.New("not a script")
	}
	return nil
}

// held is a game that lets nobody leave while *on.
func held(on *bool) *script {
	return &script{
		mayLeave: func(*room.Table, *room.Player) bool { return !*on },
		settle:   func(*room.Table) { *on = false },
	}
}

// bubble runs a test on a room of a game with two seats, in synthetic time.
func bubble(t *testing.T, game room.Game, f func(*testing.T, *roomtest.Room)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, roomtest.Open(t, room.Config{ID: 7, Seats: 2, Bench: 2, Mailbox: 8}, game))
	})
}

// hears checks what a session was sent since it was last asked.
func hears(t *testing.T, s *roomtest.Session, want ...string) {
	t.Helper()
	if got := s.Texts(); !slices.Equal(got, want) {
		t.Errorf("user %d hears\n%q, want\n%q", s.User(), got, want)
	}
}

// ends checks that the room has ended a session, and why.
func ends(t *testing.T, s *roomtest.Session, want room.Reason) {
	t.Helper()
	if got, ended := s.Ended(); !ended || got != want {
		t.Errorf("the session of user %d is ended %v, by %v; want %v", s.User(), ended, got, want)
	}
}

// stays checks that a session goes on.
func stays(t *testing.T, s *roomtest.Session) {
	t.Helper()
	if why, ended := s.Ended(); ended {
		t.Errorf("the session of user %d is ended: %v", s.User(), why)
	}
}

// must fails a test for an error that can't be.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

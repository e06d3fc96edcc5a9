package room_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

// A game that panics, wherever it does, ends its room: everyone is told, sessions that were about
// to leave are ended, those who were about to enter are handed on, and another room goes on.
func TestPanics(t *testing.T) {
	boom := func() { panic("boom") }
	for _, test := range []struct {
		name string
		game *script
		do   func(t *testing.T, r *roomtest.Room, s *roomtest.Session)
		last string // what user 2 hears last; empty: the session was lost
	}{
		{"Enter", &script{enter: func(_ *room.Table, p *room.Player) {
			if p.ID() == 3 {
				boom()
			}
		}}, func(t *testing.T, r *roomtest.Room, _ *roomtest.Session) {
			ends(t, r.Sit(3, room.AnySeat), room.Disbanded)
		}, "disconnected: disbanded"},
		{"Receive", &script{receive: func(*room.Table, room.Request) error { boom(); return nil }},
			func(t *testing.T, r *roomtest.Room, s *roomtest.Session) { must(t, r.Play(s, 200, nil, room.Input{})) }, "disconnected: disbanded"},
		{"MayLeave of one who stands up", &script{mayLeave: func(*room.Table, *room.Player) bool { boom(); return true }},
			func(t *testing.T, r *roomtest.Room, s *roomtest.Session) { must(t, r.Stand(s, room.Input{})) }, "disconnected: disbanded"},
		{"MayLeave of one who is lost", &script{mayLeave: func(*room.Table, *room.Player) bool { boom(); return true }},
			func(_ *testing.T, r *roomtest.Room, s *roomtest.Session) { r.Lose(s) }, ""},
		{"Left", &script{left: func(*room.Table, *room.Player) { boom() }},
			func(t *testing.T, r *roomtest.Room, s *roomtest.Session) { must(t, r.Stand(s, room.Input{})) }, "user 2 stood up"},
		{"Settle", &script{settle: func(*room.Table) { boom() }},
			func(_ *testing.T, r *roomtest.Room, _ *roomtest.Session) { r.Settle(room.Retry) }, "disconnected: disbanded"},
		{"State", &script{state: func(bool) string { boom(); return "" }},
			func(t *testing.T, r *roomtest.Room, s *roomtest.Session) { must(t, r.Print(s, room.Input{})) }, "disconnected: disbanded"},
		{"Snapshot", &script{snapshot: func() ([]byte, error) { boom(); return nil, nil }},
			func(t *testing.T, r *roomtest.Room, _ *roomtest.Session) {
				err := r.Do(t.Context(), func(table *room.Table) { table.Snapshot() }) //nolint:errcheck // it panics
				if !errors.Is(err, room.ErrClosed) {
					t.Errorf("Do of what panics: %v, want ErrClosed", err)
				}
			}, "disconnected: disbanded"},
		{"a timer", &script{}, func(t *testing.T, r *roomtest.Room, _ *roomtest.Session) {
			must(t, r.Do(t.Context(), func(table *room.Table) { table.NewTimer(boom).Reset(time.Second) }))
			<-r.Done()
		}, "disconnected: disbanded"},
		{"Do", &script{}, func(t *testing.T, r *roomtest.Room, _ *roomtest.Session) {
			if err := r.Do(t.Context(), func(*room.Table) { boom() }); !errors.Is(err, room.ErrClosed) {
				t.Errorf("Do of what panics: %v, want ErrClosed", err)
			}
		}, "disconnected: disbanded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, test.game, func(t *testing.T, r *roomtest.Room) {
				other := roomtest.Open(t, room.Config{ID: 8}, &script{})
				elsewhere := other.Sit(1, 0)
				witness, s := r.Sit(1, 0), r.Sit(2, 1)
				test.do(t, r, s)
				if !r.Over() {
					t.Fatal("the room goes on")
				}
				lines := witness.Texts()
				if got := lines[len(lines)-1]; got != "disconnected: disbanded" {
					t.Errorf("the other player hears %q last", got)
				}
				ends(t, witness, room.Disbanded)
				if test.last != "" {
					if _, ended := s.Ended(); !ended {
						t.Error("the session of user 2 has no end")
					}
					lines = s.Texts()
					if got := lines[len(lines)-1]; got != test.last {
						t.Errorf("user 2 hears %q last, want %q", got, test.last)
					}
				}
				stays(t, elsewhere)
				other.Check()
				for _, fault := range r.Faults() {
					if !strings.Contains(fault, "boom") {
						t.Error(fault)
					}
				}
			})
		})
	}
}

// Who came in the same breath as the fault was told nothing, and may try another room.
func TestPanicHandsOnWhoIsWaiting(t *testing.T) {
	var handed []room.Entry
	game := &script{receive: func(*room.Table, room.Request) error { panic("boom") }}
	synctest.Test(t, func(t *testing.T) {
		r := open(t, room.Config{Ended: func(late []room.Entry, _ []room.Unread) { handed = late }}, game)
		first, second := roomtest.NewSession(1), roomtest.NewSession(2)
		must(t, r.Enter(first, 0, 0))
		synctest.Wait()
		gate := make(chan struct{})
		stalled := make(chan error, 1)
		go func() { stalled <- r.Do(t.Context(), func(*room.Table) { <-gate }) }()
		synctest.Wait()
		must(t, r.Play(first, 200, nil, room.Input{}))
		must(t, r.Enter(second, 3, 55))
		close(gate)
		must(t, <-stalled)
		<-r.Done()
		ends(t, first, room.Disbanded)
		hears(t, second)
		if len(handed) != 1 || handed[0] != (room.Entry{Session: second, Seat: 3, Request: 55}) {
			t.Errorf("handed on: %+v, want user 2 for seat 3", handed)
		}
	})
}

// Whoever the game panics for at the door was told of the room and of its end, and is not handed on.
func TestPanicAtTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		game := &script{enter: func(*room.Table, *room.Player) { panic("boom") }}
		r := open(t, room.Config{Ended: func(late []room.Entry, _ []room.Unread) {
			if len(late) > 0 {
				t.Errorf("handed on: %+v", late)
			}
		}}, game)
		s := roomtest.NewSession(1)
		must(t, r.Enter(s, 0, 0))
		<-r.Done()
		hears(t, s, "user 1 sits in 0, online", "disconnected: disbanded")
		ends(t, s, room.Disbanded)
	})
}

func TestOpenFails(t *testing.T) {
	failed := errors.New("no cards")
	for _, test := range []struct {
		name   string
		config room.Config
		game   *script
		want   string
	}{
		{"the game does not start", room.Config{}, &script{start: func(*room.Table) error { return failed }}, "start game: no cards"},
		{"the game panics", room.Config{}, &script{start: func(*room.Table) error { panic("boom") }}, "start game: panic: boom"},
		{"no encoder", room.Config{Encoder: nil}, nil, "no encoder"},
		{"negative seats", room.Config{Seats: -1}, &script{}, "must not be negative"},
		{"negative bench", room.Config{Bench: -1}, &script{}, "must not be negative"},
		{"negative mailbox", room.Config{Mailbox: -1}, &script{}, "must not be negative"},
		{"a hall", room.Config{Seats: 1025}, &script{}, "at most 1024"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := roomtest.Goroutines()
				if test.game != nil {
					test.config.Encoder = roomtest.Encoder{}
				}
				test.config.Ended = func([]room.Entry, []room.Unread) { t.Error("a room that never was has ended") }
				r, err := room.Open(test.config, test.game)
				if r != nil || err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("Open returns %v and %v, want the error to say %q", r, err, test.want)
				}
				if n := roomtest.Goroutines(); n != before {
					t.Errorf("%d goroutines instead of %d", n, before)
				}
			})
		})
	}
	if _, err := room.Open(room.Config{Encoder: roomtest.Encoder{}}, &script{start: func(*room.Table) error { return failed }}); !errors.Is(err, failed) {
		t.Errorf("the game's own error is lost: %v", err)
	}
}

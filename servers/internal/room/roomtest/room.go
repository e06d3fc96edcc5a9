package roomtest

import (
	"log/slog"
	"maps"
	"testing"
	"testing/synctest"

	"croupier/servers/internal/room"
)

// Room is a room under test, inside a synctest bubble: each of its own methods returns when the
// room has come to rest. It is settled when the test ends, and who came by Sit is watched.
type Room struct {
	*room.Room
	tb       testing.TB
	watch    *watched
	record   *Record // nil: it has none
	sessions []*Session
	requests uint64 // number of the last one that Say has made
}

// Open opens a room, with an Encoder and a log where c has none.
func Open(tb testing.TB, c room.Config, game room.Game) *Room {
	tb.Helper()
	watch := &watched{Game: game}
	r, err := room.Open(complete(tb, c, watch), watch)
	if err != nil {
		tb.Fatalf("open a room: %v", err)
	}
	return attend(tb, r, watch, c)
}

// Restore opens a room from a snapshot.
func Restore(tb testing.TB, c room.Config, game room.Game, snapshot []byte) *Room {
	tb.Helper()
	watch := &watched{Game: game}
	r, err := room.Restore(complete(tb, c, watch), watch, snapshot)
	if err != nil {
		tb.Fatalf("restore a room from %s: %v", snapshot, err)
	}
	return attend(tb, r, watch, c)
}

func complete(tb testing.TB, c room.Config, watch *watched) room.Config {
	if c.ID == 0 {
		c.ID = 1
	}
	if c.Encoder == nil {
		c.Encoder = Encoder{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(tb.Output(), nil))
	}
	if c.Ended == nil {
		c.Ended = watch.ended
	}
	return c
}

func attend(tb testing.TB, r *room.Room, watch *watched, c room.Config) *Room {
	at := &Room{Room: r, tb: tb, watch: watch, requests: 1000} // beyond what tests count by hand
	at.record, _ = c.Record.(*Record)
	tb.Cleanup(at.close)
	return at
}

// close may be called early, so that a room costs no time any more, and twice. It settles the room, where the test has not, and reports what was wrong until the end.
func (r *Room) close() {
	r.Settle(room.Disbanded)
	<-r.Done()
	r.report()
	for _, s := range r.sessions {
		if _, ended := s.Ended(); !ended && !r.watch.lost[s] && !r.watch.late[s] {
			r.tb.Errorf("session of user %d: the room ended and told it nothing", s.user)
		}
	}
}

// report fails the test for what the watchers of the game and of the sessions have found.
func (r *Room) report() {
	r.tb.Helper()
	for _, fault := range r.Faults() {
		r.tb.Errorf("%s", fault)
	}
}

// Faults returns what was wrong so far, so that it does not fail the test.
func (r *Room) Faults() []string {
	faults := r.watch.found()
	if r.record != nil {
		faults = append(faults, r.record.Faults()...)
	}
	for _, s := range r.sessions {
		faults = append(faults, s.Faults()...)
	}
	return faults
}

// Wait returns when the room has come to rest.
func (r *Room) Wait() { synctest.Wait() }

// Sit lets a user in on a new session.
func (r *Room) Sit(user int64, seat int) *Session {
	r.tb.Helper()
	s := NewSession(user)
	s.record = r.record
	if err := r.Enter(s, seat, 0); err != nil {
		r.tb.Fatalf("user %d enters: %v", user, err)
	}
	r.sessions = append(r.sessions, s)
	r.Wait()
	return s
}

// Rejoin lets the player of a session that a move or a loss has ended go on here, on the session
// that it returns.
func (r *Room) Rejoin(s *Session, seamless bool) *Session {
	r.tb.Helper()
	next := s.Resumed(seamless)
	next.record = r.record
	if err := r.Resume(next, false); err != nil {
		r.tb.Fatalf("user %d resumes: %v", s.user, err)
	}
	r.sessions = append(r.sessions, next)
	r.Wait()
	return next
}

// Cut severs a session.
func (r *Room) Cut(s *Session) {
	r.watch.lose(s)
	r.Sever(s)
	r.Wait()
}

// Late returns who came too late to a room that has ended, and what it left unread.
func (r *Room) Late() ([]room.Entry, []room.Unread) {
	<-r.Done()
	return r.watch.entries, r.watch.unread
}

// Lose ends a session from the player's side.
func (r *Room) Lose(s *Session) {
	r.watch.lose(s)
	r.Leave(s)
	r.Wait()
}

// Say has a player send a message to the game, and returns the answer: the first message that
// echoes the request. The rest stays to be taken.
func (r *Room) Say(s *Session, op uint32, body []byte) (answer Sent, answered bool) {
	r.tb.Helper()
	r.requests++
	if err := r.Play(s, op, body, room.Input{Request: r.requests}); err != nil {
		r.tb.Fatalf("user %d sends op %d: %v", s.user, op, err)
	}
	r.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.sent) - 1; i >= 0; i-- {
		if s.sent[i].Request == r.requests {
			return s.sent[i], true
		}
	}
	return Sent{}, false
}

// Inside runs f on the room's goroutine.
func (r *Room) Inside(f func(*room.Table)) {
	r.tb.Helper()
	if err := r.Do(r.tb.Context(), f); err != nil {
		r.report()
		r.tb.Fatalf("reach the room: %v", err)
	}
	r.Wait()
}

// Over says whether the room has ended.
func (r *Room) Over() bool {
	r.Wait()
	select {
	case <-r.Done():
		return true
	default:
		return false
	}
}

// Store takes a snapshot.
func (r *Room) Store() []byte {
	r.tb.Helper()
	var data []byte
	var err error
	r.Inside(func(t *room.Table) { data, err = t.Snapshot() })
	if err != nil {
		r.tb.Fatalf("take a snapshot: %v", err)
	}
	return data
}

// State is the game's state with everything revealed.
func (r *Room) State() string {
	r.tb.Helper()
	var state string
	r.Inside(func(t *room.Table) { state = r.watch.Game.State(t, true) })
	return state
}

// Check compares what everyone in the room believes with the room.
func (r *Room) Check() {
	r.tb.Helper()
	truth := make(map[int64]Seen)
	online := make(map[int64]bool)
	var seq uint64
	r.Inside(func(t *room.Table) {
		taken := make(map[int]int64)
		for _, p := range t.Players() {
			if other, twice := taken[p.Seat()]; twice && p.Seated() {
				r.tb.Errorf("users %d and %d share seat %d", other, p.ID(), p.Seat())
			}
			if p.Seat() >= t.Seats() || p.Seat() < room.Spectating {
				r.tb.Errorf("user %d is in seat %d of %d", p.ID(), p.Seat(), t.Seats())
			}
			taken[p.Seat()] = p.ID()
			truth[p.ID()] = Seen{Seat: p.Seat(), Online: p.Online()}
			online[p.ID()] = p.Online()
		}
		seq = t.Seq()
	})
	for _, s := range r.sessions {
		if _, ended := s.Ended(); ended || r.watch.lost[s] {
			continue
		}
		if !online[s.user] {
			r.tb.Errorf("user %d has a session, and the room believes them offline or gone", s.user)
		}
		if view := s.View(); !maps.Equal(view, truth) {
			r.tb.Errorf("user %d believes that the room holds %v, it holds %v", s.user, view, truth)
		}
		if s.Seq() != seq {
			r.tb.Errorf("user %d has heard of event %d, the room is at %d", s.user, s.Seq(), seq)
		}
	}
	r.report()
}

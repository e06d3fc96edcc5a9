package roomtest

import (
	"math/rand/v2"
	"testing"
	"time"

	"croupier/servers/internal/room"
)

// randomWalks: whatever players do, in whatever order, everyone sees the same room.
func randomWalks(tb testing.TB, g Game) {
	for seed := range uint64(10) {
		Walk(tb, g, seed, 150)
	}
}

// Walk does random things to a room, one at a time and several at once, and compares what
// everyone believes with the room after each. Where the room ends, it goes on in a new one.
func Walk(tb testing.TB, g Game, seed uint64, steps int) {
	tb.Helper()
	rng := source(seed)
	r := Open(tb, room.Config{Seats: g.Seats, Bench: 3}, g.New())
	for range steps {
		for range 1 + rng.IntN(4) {
			g.step(r, rng)
		}
		if r.Over() {
			r.close()
			r = Open(tb, room.Config{Seats: g.Seats, Bench: 3}, g.New())
		}
		r.Check()
	}
	r.close()
}

// step posts one thing to the room and does not wait for it.
func (g Game) step(r *Room, rng *rand.Rand) {
	if len(r.sessions) == 0 || rng.IntN(4) == 0 {
		s := NewSession(1 + rng.Int64N(int64(g.Seats)+5))
		if r.Enter(s, rng.IntN(g.Seats+3)-2, rng.Uint64N(3)) == nil {
			r.sessions = append(r.sessions, s)
		}
		return
	}
	s := r.sessions[rng.IntN(len(r.sessions))]
	switch m := g.Act(rng); rng.IntN(11) {
	case 0:
		r.watch.lose(s)
		r.Leave(s)
	case 1:
		r.post(r.Stand(s, room.Input{Request: 1}))
	case 2:
		r.post(r.Move(s, rng.IntN(g.Seats+3)-2, room.Input{Request: 1}))
	case 3:
		r.post(r.Print(s, room.Input{Request: 1}))
	case 4:
		time.Sleep(time.Duration(rng.Int64N(int64(40 * time.Second))))
	case 5:
		r.post(r.Change(s, rng.IntN(g.Seats+2)-1, room.Input{Request: 1}))
	case 6:
		r.watch.lose(s)
		r.Sever(s)
	case 7:
		r.LetGo(s.user, func(bool) {})
	default:
		r.post(r.Play(s, m.Op, m.Body, room.Input{Request: 1}))
	}
}

// post takes the answer of a room to a message that it may be too late for.
func (r *Room) post(err error) {
	if err != nil && !r.Over() {
		r.tb.Errorf("a room that is open takes no message: %v", err)
	}
}

package roomtest

import (
	"testing"
	"time"

	"croupier/servers/internal/room"
)

// patience is longer than any game may keep a room that nobody is in.
const patience = 24 * time.Hour

// keepsSeats: a player who may leave does so with the connection, anyone else keeps the seat.
func keepsSeats(tb testing.TB, g Game) {
	taken, kept := 0, 0
	for seed := range uint64(40) {
		r, players := g.table(tb, g.Seats)
		rng := source(seed)
		taken += g.play(r, players, rng, rng.IntN(2*g.Seats))
		i := rng.IntN(len(players))
		user := players[i].user
		var mayLeave bool
		r.Inside(func(t *room.Table) { mayLeave = r.watch.MayLeave(t, t.Player(user)) })
		r.Lose(players[i])
		if r.Over() {
			continue
		}
		var present, online bool
		var seat int
		r.Inside(func(t *room.Table) {
			if p := t.Player(user); p != nil {
				present, online, seat = true, p.Online(), p.Seat()
			}
		})
		if mayLeave {
			if present {
				tb.Errorf("user %d may leave, loses the connection and is still in the room", user)
			}
			continue
		}
		kept++
		if !present || online || seat != i {
			tb.Fatalf("user %d may not leave, and loses seat %d with the connection", user, i)
		}
		for _, want := range []int{room.AnySeat, i} {
			other := r.Sit(100+int64(want), want)
			if got := other.View()[other.user]; got.Online && got.Seat == i {
				tb.Errorf("seat %d is kept for user %d, and user %d gets it", i, user, other.user)
			}
		}
		back := r.Sit(user, room.AnySeat)
		if got := back.View()[user]; got != (Seen{Seat: i, Online: true}) {
			tb.Errorf("user %d comes back to seat %d and is told %+v", user, i, got)
		}
		r.Check()
		r.close()
	}
	if taken == 0 {
		tb.Errorf("the game took no message that Game.Act made")
	}
	tb.Logf("%d acts taken, %d seats kept", taken, kept)
}

// endsEmpty: after everyone has left, by whichever way, the room ends by itself.
func endsEmpty(tb testing.TB, g Game) {
	for seed := range uint64(40) {
		rng := source(seed)
		r, players := g.table(tb, 1+rng.IntN(g.Seats))
		g.play(r, players, rng, rng.IntN(2*g.Seats))
		for _, i := range rng.Perm(len(players)) {
			if _, ended := players[i].Ended(); ended {
				continue
			}
			if rng.IntN(2) == 0 {
				r.Lose(players[i])
			} else if err := r.Stand(players[i], room.Input{Request: 1}); err != nil && !r.Over() {
				tb.Fatalf("user %d stands up: %v", players[i].user, err)
			}
			time.Sleep(time.Duration(rng.Int64N(int64(8 * time.Second))))
		}
		r.mustEnd("everyone has left")
	}
}

// endsForsaken: a restored room to which nobody comes back ends by itself.
func endsForsaken(tb testing.TB, g Game) {
	for seed := range uint64(20) {
		rng := source(seed)
		r, players := g.table(tb, rng.IntN(g.Seats+1))
		if len(players) > 0 {
			g.play(r, players, rng, rng.IntN(2*g.Seats))
		}
		if r.Over() {
			continue
		}
		Restore(tb, room.Config{}, g.New(), r.Store()).mustEnd("nobody came back after its move")
	}
}

func (r *Room) mustEnd(why string) {
	r.tb.Helper()
	select {
	case <-r.Done():
	case <-time.After(patience):
		r.tb.Fatalf("%s, and the room is still there after %v:\n%s", why, patience, r.State())
	}
}

// settles: Settle leaves nobody held (watched sees to that), may come at any time and twice, and
// everyone hears why the room ends.
func settles(tb testing.TB, g Game) {
	for seed := range uint64(40) {
		r, players := g.table(tb, g.Seats)
		rng := source(seed)
		g.play(r, players, rng, rng.IntN(2*g.Seats))
		gone := players[rng.IntN(len(players))]
		r.Lose(gone)
		if r.Over() {
			continue
		}
		r.Inside(func(t *room.Table) {
			r.watch.Settle(t)
			r.watch.Settle(t)
		})
		r.Settle(room.Retry)
		<-r.Done()
		r.report()
		for _, s := range players {
			if reason, ended := s.Ended(); s != gone && (!ended || reason != room.Retry) {
				tb.Errorf("the room is settled because it moves, user %d is told %v (told at all: %v)", s.user, reason, ended)
			}
		}
	}
}

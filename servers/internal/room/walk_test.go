package room_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

// moody is a game that holds players, lets them go and speaks up by a whim that changes with its
// clock: the core must keep everyone's idea of the room right whatever the game wants.
type moody struct {
	script
	mood  int
	clock *room.Timer
}

func newMoody() room.Game {
	g := &moody{}
	g.start = func(t *room.Table) error {
		g.clock = t.NewTimer(func() {
			g.clock.Reset(7 * time.Second)
			g.change(t)
		})
		g.clock.Reset(7 * time.Second)
		return nil
	}
	g.mayLeave = func(_ *room.Table, p *room.Player) bool { return g.holds(p.ID()) }
	g.left = func(t *room.Table, _ *room.Player) { t.DismissAbsent() }
	g.receive = func(t *room.Table, q room.Request) error {
		if len(q.Body)%3 == 0 {
			return room.Refuse(room.CodeFail, "not now")
		}
		t.Announce(room.Event{Message: room.Message{Op: 201}, Own: q.From, OwnView: room.Message{Op: 202, Body: fmt.Append(nil, g.mood)}, Request: q.ID})
		g.change(t)
		return nil
	}
	g.atRest = func(*room.Table) bool { return g.mood%2 == 0 }
	g.snapshot = func() ([]byte, error) { return fmt.Append(nil, g.mood, " ", int64(g.clock.Left())), nil }
	g.restore = func(t *room.Table, data []byte) error {
		var left time.Duration
		if _, err := fmt.Sscan(string(data), &g.mood, &left); err != nil {
			return err
		}
		if err := g.start(t); err != nil {
			return err
		}
		g.clock.Reset(left)
		return nil
	}
	g.settle = func(t *room.Table) { g.mood = -1 }
	return g
}

func (g *moody) holds(user int64) bool {
	return g.mood < 0 || rand.NewPCG(uint64(g.mood), uint64(user)).Uint64()%2 == 0
}

func (g *moody) change(t *room.Table) {
	g.mood++
	t.Announce(room.Event{Message: room.Message{Op: 200}})
	t.DismissAbsent()
}

// TestRandomWalks: seats are unique, every observer's numbers have no gap, nothing is said after
// an end, and everyone's view of who sits where is the room's, after every step of a random walk.
func TestRandomWalks(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				roomtest.Walk(t, moodyGame(seed), seed, 200)
			})
		})
	}
}

func moodyGame(seed uint64) roomtest.Game {
	return roomtest.Game{
		New:   newMoody,
		Seats: 1 + int(seed%4),
		Act:   func(rng *rand.Rand) room.Message { return room.Message{Op: 200, Body: make([]byte, rng.IntN(9))} },
	}
}

// TestJourneys: the same for a room that is handed from server to server, and lost by every other.
func TestJourneys(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { roomtest.Journey(t, moodyGame(seed), seed, 60, seed%2 == 0) })
		})
	}
}

// Package roomtest tests games against the contract of room.Game, and lends tests of rooms what
// they need: a Room in a synctest bubble, Sessions that record, an Encoder.
//
// A game's test is one call:
//
//	func TestConform(t *testing.T) {
//		roomtest.Conform(t, roomtest.Game{New: func() room.Game { return chess.New() }, Seats: 2, Act: move})
//	}
package roomtest

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"croupier/servers/internal/room"
)

// Game is what the suite must know of a game. Its snapshots must be JSON objects with a number
// "version".
type Game struct {
	New   func() room.Game
	Seats int
	// Act makes a message of the kind that seated players send. The game may refuse it, for example
	// because it is not the player's turn, but it must take some of them.
	Act func(*rand.Rand) room.Message
	// Secrets are two messages that the first player in a new room may send, and that differ only
	// in what nobody else may know yet. Leave them empty for a game that hides nothing.
	Secrets [2]room.Message
}

// check is one sentence of the contract.
type check struct {
	name string
	run  func(tb testing.TB, g Game)
}

var checks = []check{
	{"refuses unknown opcodes", unknownOpcodes},
	{"refuses garbage", garbage},
	{"refuses spectators", spectators},
	{"hides secrets", secrets},
	{"keeps seats", keepsSeats},
	{"ends when everyone has left", endsEmpty},
	{"ends when nobody comes back", endsForsaken},
	{"settles", settles},
	{"goes on from a snapshot", goesOn},
	{"refuses damaged snapshots", damagedSnapshots},
	{"survives a random walk", randomWalks},
	{"moves on", movesOn},
	{"lives on", livesOn},
}

// Conform tests a game against the contract. Every check also asks that no goroutine is left.
func Conform(t *testing.T, g Game) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.within(t, g)
			})
		})
	}
}

// within runs a check in a bubble that exists.
func (c check) within(tb testing.TB, g Game) {
	before := Goroutines()
	// The first cleanup registered is the last to run: the rooms are closed by then.
	tb.Cleanup(func() { leaks(tb, before) })
	c.run(tb, g)
}

// leaks fails the test for goroutines in the bubble that were not there before.
func leaks(tb testing.TB, before int) {
	synctest.Wait()
	if left := Goroutines() - before; left > 0 {
		tb.Errorf("the game leaves %d goroutines behind", left)
	}
}

// Goroutines counts the goroutines of the synctest bubble that it runs in.
func Goroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	own, _, _ := bytes.Cut(stacks, []byte("\n")) // the calling goroutine comes first
	_, name, found := bytes.Cut(own, []byte("synctest bubble "))
	if !found {
		panic("roomtest: not in a synctest bubble: " + string(own))
	}
	return bytes.Count(stacks, append([]byte("synctest bubble "), name...))
}

// source makes randomness that is the same in every run.
func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// table opens a room and seats players in it, users 1 to n in seats 0 to n-1.
func (g Game) table(tb testing.TB, players int) (*Room, []*Session) {
	tb.Helper()
	r := Open(tb, room.Config{Seats: g.Seats}, g.New())
	return r, r.fill(players)
}

// fill seats users 1 to n, new ones or back again.
func (r *Room) fill(players int) []*Session {
	sessions := make([]*Session, players)
	for i := range sessions {
		sessions[i] = r.Sit(int64(i+1), i)
	}
	return sessions
}

// play has the players act in some order, with pauses, and leaves the game wherever that leads.
// It says how many acts the game took.
func (g Game) play(r *Room, players []*Session, rng *rand.Rand, acts int) (taken int) {
	for range acts {
		s, m := players[rng.IntN(len(players))], g.Act(rng)
		if _, ended := s.Ended(); !ended && !r.Over() {
			if answer, answered := r.Say(s, m.Op, m.Body); answered && answer.Code() == 0 {
				taken++
			}
		}
		time.Sleep(time.Duration(rng.Int64N(int64(8 * time.Second))))
	}
	return taken
}

// frozen is everything that a refused message must not change.
func (r *Room) frozen() string { return string(r.Store()) + "\n" + r.State() }

// mustRefuse has a player send a message which the game must refuse, without any effect. code 0:
// with whatever code.
func (r *Room) mustRefuse(s *Session, m room.Message, code int32) {
	r.tb.Helper()
	for _, other := range r.sessions {
		other.Take()
	}
	before := r.frozen()
	answer, answered := r.Say(s, m.Op, m.Body)
	if r.Over() {
		r.report()
		r.tb.Fatalf("op %d %q of user %d ends the room", m.Op, m.Body, s.user)
	}
	switch {
	case !answered || answer.Code() == 0:
		r.tb.Errorf("op %d %q of user %d is not refused: the answer is %v", m.Op, m.Body, s.user, answer)
	case code != 0 && answer.Code() != code:
		r.tb.Errorf("op %d %q of user %d is refused with code %d, want %d", m.Op, m.Body, s.user, answer.Code(), code)
	}
	if after := r.frozen(); after != before {
		r.tb.Errorf("op %d %q of user %d is refused, and changes the game from\n%s\nto\n%s", m.Op, m.Body, s.user, before, after)
	}
	for _, other := range r.sessions {
		if heard := other.Texts(); other != s && len(heard) > 0 {
			r.tb.Errorf("op %d %q of user %d is refused, and user %d hears %q", m.Op, m.Body, s.user, other.user, heard)
		}
	}
}

package roomtest

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"croupier/servers/internal/room"
)

// unknownOpcodes: an opcode that the game does not know is refused with the published code.
func unknownOpcodes(tb testing.TB, g Game) {
	r, players := g.table(tb, g.Seats)
	rng := source(1)
	for range 3 {
		for _, op := range []uint32{0, 99, 1 << 20, math.MaxUint32} {
			r.mustRefuse(players[0], room.Message{Op: op, Body: g.Act(rng).Body}, room.CodeUnknownCommand)
		}
		g.play(r, players, rng, 3)
	}
}

// garbage: what can't be decoded is refused; what happens to decode is the game's to judge, but it
// never panics.
func garbage(tb testing.TB, g Game) {
	r, players := g.table(tb, g.Seats)
	rng := source(2)
	for range 300 {
		time.Sleep(time.Duration(rng.Int64N(int64(3 * time.Second))))
		s := players[rng.IntN(len(players))]
		m := g.Act(rng)
		r.mustRefuse(s, room.Message{Op: m.Op, Body: bytes.Repeat([]byte{0xff}, 1+rng.IntN(40))}, 0)
		m.Body = mutate(rng, m.Body)
		before := r.frozen()
		answer, answered := r.Say(s, m.Op, m.Body)
		if r.Over() {
			r.report()
			tb.Fatalf("op %d %q of user %d ends the room", m.Op, m.Body, s.user)
		}
		if refused := answered && answer.Code() != 0; refused && r.frozen() != before {
			tb.Errorf("op %d %q of user %d is refused, and changes the game", m.Op, m.Body, s.user)
		}
	}
	r.Check()
}

// mutate damages bytes in one of several ways.
func mutate(rng *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	switch rng.IntN(4) {
	case 0: // noise
		b = make([]byte, rng.IntN(60))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
	case 1: // one bit
		if len(b) > 0 {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
	case 2: // cut
		b = b[:rng.IntN(len(b)+1)]
	case 3: // doubled
		b = append(b, b...)
	}
	return b
}

// spectators: who has no seat may not act.
func spectators(tb testing.TB, g Game) {
	r, players := g.table(tb, g.Seats)
	watcher := r.Sit(100, room.AnySeat)
	if got := watcher.View()[100]; got.Seat != room.Spectating {
		tb.Fatalf("all %d seats are taken, and a newcomer gets seat %d: are there as many as Game.Seats says?", g.Seats, got.Seat)
	}
	rng := source(3)
	for range 10 {
		r.mustRefuse(watcher, g.Act(rng), room.CodeSpectator)
		g.play(r, players, rng, 2)
	}
	r.Check()
}

// secrets: two rooms that differ only in a secret look the same to everyone but its owner.
func secrets(tb testing.TB, g Game) {
	if g.Secrets[0].Op == 0 {
		tb.Log("the game hides nothing")
		return
	}
	var seen [2][]string
	var revealed [2]string
	for i, secret := range g.Secrets {
		r, players := g.table(tb, g.Seats)
		if answer, answered := r.Say(players[0], secret.Op, secret.Body); !answered || answer.Code() != 0 {
			tb.Fatalf("Game.Secrets[%d] is not taken: %v", i, answer)
		}
		late := r.Sit(100, room.AnySeat) // sees the scene
		for _, s := range append(players[1:], late) {
			if err := r.Print(s, room.Input{}); err != nil {
				tb.Fatalf("user %d asks for the state: %v", s.user, err)
			}
			r.Wait()
			seen[i] = append(seen[i], s.Texts()...)
		}
		revealed[i] = r.State()
	}
	if !slices.Equal(seen[0], seen[1]) {
		tb.Errorf("others can tell a secret: with one they are told\n%q\nwith the other\n%q", seen[0], seen[1])
	}
	if revealed[0] == revealed[1] {
		tb.Errorf("State does not tell the secret even if it is to reveal it: %s", revealed[0])
	}
}

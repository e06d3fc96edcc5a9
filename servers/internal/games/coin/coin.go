// Package coin is the smallest game: two players call heads or tails, the coin is tossed when both
// have called, whoever called right wins. A call that nobody answers lapses. It is here to keep the
// room core honest: it has two seats, a clock that mostly stands, and nothing of dice.
package coin

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/room"
	"croupier/servers/wire"
)

// Seats is how many play.
const Seats = 2

// Lapse is how long a call waits for that of the other player, be they silent, offline or not there
// at all. Then it is void, and nobody is kept for it.
const Lapse = 30 * time.Second

// Game is the coin toss in one room.
type Game struct {
	toss  uint64 // the one being called, from 1
	calls map[int64]int32
	clock *room.Timer // runs from the first call to the toss
}

// New returns a game for a new room.
func New() *Game { return &Game{toss: 1, calls: make(map[int64]int32, Seats)} }

// Start waits for the first call.
func (g *Game) Start(t *room.Table) error {
	g.prepare(t)
	return nil
}

// prepare makes what both a new game and a restored one need.
func (g *Game) prepare(t *room.Table) {
	g.clock = t.NewTimer(func() { g.end(t, wire.CoinFace_COIN_NONE, nil) })
}

// Enter shows who has called, but not what. The call of one who goes to the bench is void.
func (g *Game) Enter(t *room.Table, p *room.Player) {
	if !p.Seated() {
		g.forget(p.ID())
	}
	calls := make(map[int64]int32, len(g.calls))
	for user, face := range g.calls {
		if user != p.ID() {
			face = 0
		}
		calls[user] = face
	}
	t.Tell(p, encode(wire.Command_COIN_SCENE, &wire.CoinScene{Calls: calls, Toss: g.toss}), 0)
}

// MayLeave keeps everyone who has called until the coin has fallen, unless nobody is left to wait for.
func (g *Game) MayLeave(t *room.Table, p *room.Player) bool {
	if g.calls[p.ID()] == 0 {
		return true
	}
	return !slices.ContainsFunc(t.Players(), func(other *room.Player) bool { return other != p && other.Seated() && other.Online() })
}

// AtRest says that a toss which nobody has called is the time to move.
func (g *Game) AtRest(*room.Table) bool { return len(g.calls) == 0 }

// forget makes a user's call void.
func (g *Game) forget(user int64) {
	delete(g.calls, user)
	if len(g.calls) == 0 {
		g.clock.Stop()
	}
}

// Left forgets a call, and closes the room after the last one.
func (g *Game) Left(t *room.Table, p *room.Player) {
	g.forget(p.ID())
	t.DismissAbsent()
	if t.Empty() {
		t.Close()
	}
}

// Settle drops the calls: a coin that one player has not called is not tossed.
func (g *Game) Settle(t *room.Table) {
	clear(g.calls)
	g.clock.Stop()
	t.DismissAbsent()
}

// Receive takes a call and tosses when both have called.
func (g *Game) Receive(t *room.Table, q room.Request) error {
	if q.Op != uint32(wire.Command_COIN_CALL) {
		return &room.Refusal{Code: room.CodeUnknownCommand, Reason: "unknown command", Detail: fmt.Sprintf("coin knows no opcode %d", q.Op)}
	}
	var m wire.Int32
	if err := proto.Unmarshal(q.Body, &m); err != nil {
		return &room.Refusal{Code: room.CodeFail, Reason: "malformed message", Detail: err.Error()}
	}
	face := wire.CoinFace(m.GetValue())
	switch {
	case !q.From.Seated():
		return room.Refuse(room.CodeSpectator, "spectators may not call: sit down first")
	case !valid(face):
		return room.Refuse(room.CodeFail, "call 1 for heads or 2 for tails")
	case g.calls[q.From.ID()] != 0:
		return room.Refuse(room.CodeStatusMismatch, "you have called this toss already")
	}
	user := q.From.ID()
	g.calls[user] = int32(face)
	t.Announce(room.Event{
		Message: encode(wire.Command_COIN_CALL, &wire.CoinCall{User: user, Toss: g.toss}),
		Own:     q.From,
		OwnView: encode(wire.Command_COIN_CALL, &wire.CoinCall{User: user, Face: face, Toss: g.toss}),
		Request: q.ID,
	})
	switch len(g.calls) {
	case 1:
		g.clock.Reset(Lapse)
	case Seats:
		g.fall(t)
	}
	return nil
}

func valid(face wire.CoinFace) bool {
	return face == wire.CoinFace_HEADS || face == wire.CoinFace_TAILS
}

// fall tosses the coin.
func (g *Game) fall(t *room.Table) {
	face := 1 + rand.Int32N(2)
	var winners []int64
	for user, call := range g.calls {
		if call == face {
			winners = append(winners, user)
		}
	}
	slices.Sort(winners)
	g.end(t, wire.CoinFace(face), winners)
}

// end ends a toss, and tells everyone how it fell. A toss that lapses has no face.
func (g *Game) end(t *room.Table, face wire.CoinFace, winners []int64) {
	toss := g.toss
	g.toss++
	clear(g.calls)
	g.clock.Stop()
	t.Announce(room.Event{Message: encode(wire.Command_COIN_RESULT, &wire.CoinResult{Face: face, Winners: winners, Toss: toss})})
	t.DismissAbsent()
}

// State tells who has called.
func (g *Game) State(_ *room.Table, reveal bool) string {
	text := fmt.Sprintf("coin toss %d", g.toss)
	for _, user := range slices.Sorted(maps.Keys(g.calls)) {
		if reveal {
			text += fmt.Sprintf("\nuser %d called %v", user, wire.CoinFace(g.calls[user]))
		} else {
			text += fmt.Sprintf("\nuser %d called", user)
		}
	}
	return text
}

// stored is a game in a snapshot.
type stored struct {
	Version int             `json:"version"`
	Toss    uint64          `json:"toss"`
	Calls   map[int64]int32 `json:"calls"`
	Left    time.Duration   `json:"left_ns,omitempty"` // until the call lapses; 0: nobody has called
}

const storedVersion = 1

// Snapshot encodes the calls.
func (g *Game) Snapshot(*room.Table) ([]byte, error) {
	return json.Marshal(stored{Version: storedVersion, Toss: g.toss, Calls: g.calls, Left: g.clock.Left()})
}

// Restore goes on with a stored toss.
func (g *Game) Restore(t *room.Table, snapshot []byte) error {
	var s stored
	if err := json.Unmarshal(snapshot, &s); err != nil {
		return fmt.Errorf("coin: %w", err)
	}
	if s.Version != storedVersion {
		return fmt.Errorf("coin: snapshot has version %d, this server reads %d", s.Version, storedVersion)
	}
	if s.Toss == 0 || len(s.Calls) >= Seats {
		return fmt.Errorf("coin: toss %d with %d calls can't be waiting for another", s.Toss, len(s.Calls))
	}
	for user, face := range s.Calls {
		p := t.Player(user)
		if p == nil || !p.Seated() || !valid(wire.CoinFace(face)) {
			return fmt.Errorf("coin: snapshot has call %d of user %d, who can't have made it", face, user)
		}
		g.calls[user] = face
	}
	if s.Left < 0 || s.Left > Lapse {
		return fmt.Errorf("coin: snapshot has a call that lapses in %v", s.Left)
	}
	g.toss = s.Toss
	g.prepare(t)
	if len(g.calls) > 0 {
		g.clock.Reset(s.Left)
	}
	return nil
}

func encode(op wire.Command, m proto.Message) room.Message {
	return room.Message{Op: uint32(op), Body: wire.MustMarshal(m)}
}

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"slices"
	"testing"

	"croupier/servers/wire"
)

// TestDeparture takes away, in turn, the gates that players are connected to, one of two servers, and
// the last server, whose players have nowhere to go.
func TestDeparture(t *testing.T) {
	w := open(t)
	w.deploy(t, "--replicas", "dice=2")
	d := w.door(t)
	tables := w.tableOnEach(t, d, "dice")
	w.step(t, "new gates", func(t *testing.T) { w.newGates(t, tables) })
	w.step(t, "one server less", func(t *testing.T) { w.oneLess(t, tables) })
	w.step(t, "nobody leaves", func(t *testing.T) { w.nobodyLeaves(t, tables) })
	for _, b := range tables {
		b.leave(t)
	}
}

// newGates upgrades the gates. Their players are asked to come again, and find their seats.
func (w *world) newGates(t *testing.T, tables []*table) {
	for _, b := range tables {
		if err := b.round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.change(t, "--image", "gate=croupier/gate:v2")
	eventually(t, "the new gates are alone", func(ctx context.Context) error { return w.gateRuns(ctx, "v2") })

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, b := range tables {
		for _, p := range b.players {
			err := p.hears(ctx, "that it sits again", func() bool { return len(p.seats) > 0 })
			if err != nil {
				t.Fatal(err)
			}
			if p.returns()[0].Moved {
				t.Errorf("player %d came back to another seat", p.user)
			}
		}
		if err := b.round(ctx); err != nil {
			t.Error(err)
		}
		t.Logf("room %d: back in their seats after at most %.1f s", b.room, b.longestAway().Seconds())
	}
}

// oneLess scales the servers down to one. The table on the one that goes moves.
func (w *world) oneLess(t *testing.T, tables []*table) {
	before := make([]int, len(tables))
	for i, b := range tables {
		before[i] = len(b.players[0].returns())
	}
	w.run(t, exitOK, "scale", "--replicas", "1", "--yes", "dice")
	for i, b := range tables {
		w.ordinal(t, b, "dice")
		if err := b.round(t.Context()); err != nil {
			t.Error(err)
		}
		if n := len(b.players[0].returns()) - before[i]; n > 0 {
			t.Errorf("room %d: a player lost the connection %d times in the move", b.room, n)
		}
	}
}

// nobodyLeaves upgrades the only server while people sit at its tables and stay. They are told what
// will happen, play until the drain's time-out, are asked to come again, and find their seats at new
// tables of these numbers on the new server.
func (w *world) nobodyLeaves(t *testing.T, tables []*table) {
	var stay []*player
	for _, b := range tables {
		stay = append(stay, b.players...)
	}
	before := make([]int, len(stay))
	for i, p := range stay {
		before[i] = len(p.returns())
	}
	w.change(t, "--image", "game=croupier/game:v2")

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, p := range stay {
		err := errors.Join(
			p.hears(ctx, "that the room will be closed", func() bool {
				return slices.ContainsFunc(p.notices, func(n *wire.Notice) bool { return n.Kind == wire.Notice_CLOSING })
			}),
			p.hears(ctx, "that it shall come again", func() bool { return slices.Contains(p.partings, wire.DisconnectReason_RETRY) }),
			p.hears(ctx, "that it sits again", func() bool { return len(p.seats) > before[i] }),
		)
		if err != nil {
			t.Fatal(err)
		}
		if p.returns()[before[i]].Moved {
			t.Errorf("player %d came back to another seat", p.user)
		}
	}
	for _, b := range tables {
		if err := b.round(ctx); err != nil {
			t.Error(err)
		}
		t.Logf("room %d: back in their seats after at most %.1f s", b.room, b.longestAway().Seconds())
	}
	w.mustRun(t, "dice", "v2")
}

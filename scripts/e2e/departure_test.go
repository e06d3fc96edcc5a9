//go:build e2e

package e2e

import (
	"context"
	"errors"
	"slices"
	"testing"

	"croupier/servers/wire"
)

// TestDeparture takes away, in turn, the gate that players are connected to and a server whose
// players do not leave.
func TestDeparture(t *testing.T) {
	w := open(t)
	w.deploy(t, "--replicas", "dice=2", "--component", "quick-drain")
	d := w.door(t)
	tables := w.tableOnEach(t, d, "dice")
	w.step(t, "a new gate", func(t *testing.T) { w.newGate(t, tables) })
	w.step(t, "nobody leaves", func(t *testing.T) { w.nobodyLeaves(t, tables) })
	for _, b := range tables {
		b.leave(t)
	}
}

// newGate upgrades the gate. Its players are asked to come again, and find their seats.
func (w *world) newGate(t *testing.T, tables []*table) {
	for _, b := range tables {
		if err := b.round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.run(t, exitOK, "deploy", "--manifests", w.manifests, "--component", "quick-rounds", "--component", "quick-drain", "--image", "gate=croupier/gate:v2", "--yes")
	eventually(t, "the new gate is alone", func(ctx context.Context) error { return w.gateRuns(ctx, "v2") })

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

// nobodyLeaves upgrades the highest ordinal while people sit at its table and stay. They are told
// what will happen, play until the drain's time-out, are asked to come again, and find their seats
// at a new table of that number on another server.
func (w *world) nobodyLeaves(t *testing.T, tables []*table) {
	stay := tables[len(tables)-1]
	before := make([]int, len(stay.players))
	for i, p := range stay.players {
		before[i] = len(p.returns())
	}
	change := w.start(t, "canary", "--image", "croupier/game:v2", "--yes", "dice")

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, p := range stay.players {
		err := errors.Join(
			p.hears(ctx, "that the room will be closed", func() bool { return len(p.notices) > 0 }),
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
	if err := stay.round(ctx); err != nil {
		t.Error(err)
	}
	t.Logf("room %d: back in their seats after at most %.1f s", stay.room, stay.longestAway().Seconds())
	change.wait(t, exitOK)
	w.mustRun(t, "dice", "v1", "v2")
	if err := tables[0].round(ctx); err != nil {
		t.Error(err)
	}
}

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// TestSwitch runs two groups of one game side by side and sends new rooms from one to the other,
// while the rooms that exist play on where they are, until their servers go: then they move.
func TestSwitch(t *testing.T) {
	w := open(t)
	w.deploy(t, "--overlay", "ab", "--image", "dice-b=croupier/game:v2", "--replicas", "1")
	w.step(t, "deployed", func(t *testing.T) {
		eventually(t, "group a runs v1, group b runs v2", func(ctx context.Context) error {
			return errors.Join(w.runs(ctx, "dice-a", "v1"), w.runs(ctx, "dice-b", "v2"), w.gateRuns(ctx, "v1"))
		})
	})
	d := w.door(t)
	old := d.open(t, 1, 2)
	w.ordinal(t, old, "dice-a")
	playing := old.keepPlaying(t)

	var moved *table
	w.step(t, "switch", func(t *testing.T) {
		w.run(t, exitOK, "switch", "--to", "b", "--yes", "dice")
		// Each gate looks the Service's name up once a second or so, so one may follow before the
		// other: six rooms in a row have come through both, nearly always.
		room, inARow := int64(1), 0
		eventually(t, "new rooms open on b", func(ctx context.Context) error {
			for inARow < 6 {
				room++
				b := d.open(t, room, 2)
				holders, err := w.where(ctx, b.room, "dice-b")
				if err != nil || len(holders) != 1 {
					inARow = 0
					b.leave(t)
					return errors.Join(err, fmt.Errorf("room %d is held by %d pods of b", b.room, len(holders)))
				}
				inARow++
				if moved == nil {
					moved = b
				} else {
					b.leave(t)
				}
			}
			return nil
		})
		goesOn(t, playing)
		w.ordinal(t, old, "dice-a")
	})
	newcomers := moved.keepPlaying(t)

	w.step(t, "scale a to 0", func(t *testing.T) {
		w.run(t, exitOK, "scale", "--replicas", "0", "--yes", "dice-a")
		if pods, err := w.pods(t.Context(), "dice-a"); err != nil || len(pods) != 0 {
			t.Fatalf("%d pods of a are left: %v", len(pods), err)
		}
		goesOn(t, playing) // on b: the room moved
		w.ordinal(t, old, "dice-b")
		playing.stop(t)
		old.leave(t)
		goesOn(t, newcomers)
	})
	newcomers.stop(t)
	moved.leave(t)
}

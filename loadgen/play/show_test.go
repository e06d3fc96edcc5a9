package play

import (
	"testing"
	"time"

	"croupier/loadgen/internal/live"
)

// A viewer that is slow gets the newest snapshot, and nobody waits for it.
func TestLatest(t *testing.T) {
	updates := make(chan live.Snapshot, 1)
	for second := range 5 {
		latest(updates, live.Snapshot{At: time.Duration(second) * time.Second})
	}
	if now := <-updates; now.At != 4*time.Second || len(updates) != 0 {
		t.Errorf("it got that of %v, and %d more", now.At, len(updates))
	}
}

// Package live is a run while it goes on: the Snapshot that everyone who shows the run gets each second,
// the Control that changes it, the verdict so far, and what a snapshot brings that those before it did
// not. It knows nothing of bots, so that what shows a run does not either.
//
// A Snapshot is shared by all who got it, and nobody writes to it. A Finder and Notes are for one
// goroutine each.
package live

import (
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/result"
)

// Snapshot is a run at one moment. Everyone who shows a run gets one each second.
type Snapshot struct {
	At     time.Duration                // since the begin of the run
	Run    *result.Run                  // so far, judged as if it ended now; read-only; Series has one entry a second
	Recent map[string]measure.Quantiles // by phase name: the last ten seconds
	Notes  []result.Note                // what was done to the servers or the run meanwhile, the newest last; bounded
	Left   time.Duration                // until the scenario ends; negative: open end
	Stage  string                       // for people: "ramp", "hold", "stage 2 of 3", "stopping"
}

// Control changes a run under way. No method blocks, and each may be called from any goroutine.
type Control interface {
	Storm(share float64)  // breaks the connections of that share of the bots now; 0..1
	Scale(factor float64) // the population, or the rate at which bots arrive, to so many times what the scenario says; 0.1..10
	Stop()                // ends the run in an orderly way: the bots get up from their tables
}

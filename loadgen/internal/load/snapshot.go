package load

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
	Notes  []Note                       // what was done to the servers or the run meanwhile, the newest last; bounded
	Left   time.Duration                // until the scenario ends; negative: open end
	Stage  string                       // for people: "ramp", "hold", "stage 2 of 3", "stopping"
}

// Note is something that was done to the servers or to the run.
type Note = result.Note

// Control changes a run under way. No method blocks, and each may be called from any goroutine.
type Control interface {
	Storm(share float64)  // breaks the connections of that share of the bots now; 0..1
	Scale(factor float64) // the population, or the rate at which bots arrive, to so many times what the scenario says; 0.1..10
	Stop()                // ends the run in an orderly way: the bots get up from their tables
}

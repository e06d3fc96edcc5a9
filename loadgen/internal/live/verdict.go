package live

import (
	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
)

// NoVerdict is the word for a run in which nothing was checked yet.
const NoVerdict result.Verdict = "no verdict yet"

// Verdict is what the run says so far, and the most important reason. A run that has only begun is
// not INVALID: nothing is known of it.
func Verdict(s Snapshot) (result.Verdict, string) {
	if s.Run == nil {
		return NoVerdict, ""
	}
	why := ""
	if len(s.Run.Reasons) > 0 {
		why = words.Clean(s.Run.Reasons[0])
	}
	if s.Run.Verdict == "" || s.Run.Verdict == result.Invalid && early(s.Run) {
		return NoVerdict, why
	}
	return s.Run.Verdict, why
}

// early says that a run is invalid for no other reason than that it goes on: the first round is not
// over, or those who come have no seats yet.
func early(r *result.Run) bool {
	if r.Unusable != "" {
		return false
	}
	if r.Counts.Settlements == 0 || r.Checks().Checked == 0 {
		return true
	}
	unseated, coming := r.Came-r.Seated, 0
	if n := len(r.Series); n > 0 {
		coming = r.Series[n-1].Bots.Connecting
	}
	return len(r.Reasons) == 1 && unseated > r.Came/100 && unseated <= int64(coming)
}

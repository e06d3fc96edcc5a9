package result

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/scenario"
)

const (
	// WorstLag is how late the generator may be, at the 99th percentile, for its times to be the
	// servers'.
	WorstLag = 5 * time.Millisecond
	// EnoughLags is how many measurements say so.
	EnoughLags = 100
	// busy is the share of the machine's processors from which on the machine is the likely reason.
	busy = 0.8
	// fewUnseated is the share of bots, one in so many, that need not have had a place: those that
	// were on their way as the run ended.
	fewUnseated = 100
)

// Taken is the trouble of a bot whose place a connection took that was not its own.
const Taken = "another connection of the same user took a bot's place: does another loadgen play with these users? give each its own --first-user and --first-room"

// taken is how often that happened.
func (r *Run) taken() uint64 {
	var n uint64
	for _, t := range r.Troubles {
		if t.Text == Taken {
			n += t.Count
		}
	}
	return n
}

// Judge sets the verdict, its reasons, and what became of the objectives, from everything else in
// the run. A broken rule outweighs all: its proof stands whatever else went wrong. A run that says
// nothing is invalid, however good its times look. Only then are the objectives asked.
func (r *Run) Judge() {
	r.Objectives = r.outcomes()
	if reasons := r.broken(); len(reasons) > 0 {
		if n := r.taken(); n > 0 {
			reasons = append(reasons, count(n, "time")+" "+Taken)
		}
		if n := r.Counts.Vanished; n > 0 {
			reasons = append(reasons, fmt.Sprintf("%s lost under the players, with what had been rolled there", count(n, "room")))
		}
		r.Verdict, r.Reasons = Fail, reasons
		return
	}
	if reasons := r.doubts(); len(reasons) > 0 {
		r.Verdict, r.Reasons = Invalid, reasons
		return
	}
	if reasons := r.missed(); len(reasons) > 0 {
		r.Verdict, r.Reasons = Missed, reasons
		return
	}
	r.Verdict, r.Reasons = Pass, r.passed()
}

// broken says which rules were.
func (r *Run) broken() []string {
	var reasons []string
	for _, name := range r.ruleNames() {
		if n := r.Rules[name].Violated; n > 0 {
			reasons = append(reasons, fmt.Sprintf("%s: broken %s%s", name, count(n, "time"), meaning(name)))
		}
	}
	if len(reasons) == 0 && len(r.Violations) > 0 { // no tally says so, but there is proof
		for _, v := range r.Violations {
			if reason := v.Rule + ": broken" + meaning(v.Rule); !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
			}
		}
	}
	return reasons
}

// ruleNames are the names of the rules: those of the oracle in its order, then any others.
func (r *Run) ruleNames() []string {
	var names []string
	for _, rule := range oracle.Rules() {
		names = append(names, rule.String())
	}
	for _, name := range slices.Sorted(maps.Keys(r.Rules)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func meaning(name string) string {
	for _, rule := range oracle.Rules() {
		if rule.String() == name {
			return " (" + rule.Meaning() + ")"
		}
	}
	return ""
}

// doubts are why the run says nothing, and what to do about each.
func (r *Run) doubts() []string {
	var reasons []string
	doubt := func(format string, values ...any) { reasons = append(reasons, fmt.Sprintf(format, values...)) }
	if r.Unusable != "" {
		reasons = append(reasons, strings.Split(r.Unusable, "\n")...)
	}
	reasons = append(reasons, r.unplayed()...)
	if l := r.Health.Lag; l.Count >= EnoughLags && l.P99 > WorstLag {
		what := "use fewer bots, or more machines"
		if r.Health.Machine > busy {
			what = fmt.Sprintf("this machine was %.0f%% busy, with the servers and with whatever else runs here: use fewer bots, or a machine that has time", 100*r.Health.Machine)
		}
		doubt("the generator fell behind: one request in a hundred was sent %s late or more, beyond %s: %s", brief(l.P99), brief(WorstLag), what)
	}
	if r.Health.Slow > 0 {
		doubt("the bots fell behind the servers %s: use fewer bots, or more machines", count(r.Health.Slow, "time"))
	}
	if r.Health.Seconds > 0 && r.Health.PortsLeft == 0 {
		doubt("the generator ran out of ports: use more source addresses (--sources), or fewer bots")
	}
	if r.Health.Seconds > 0 && r.Health.FilesLeft == 0 {
		doubt("the generator ran out of open files: raise the limit (ulimit -n), or use fewer bots")
	}
	if n := r.taken(); n > 0 {
		doubt("%s %s", count(n, "time"), Taken)
	}
	if r.Abandoned {
		doubt("the run was broken off before the bots had got up: let it end, or interrupt it once and wait")
	}
	for _, o := range r.Objectives {
		if o.Count == 0 && !o.Met {
			doubt("the objective %s was never measured: play so that it is, or leave it out", o.Name)
		}
	}
	return reasons
}

// unplayed says why nothing was tested, or not with the bots that were meant to.
func (r *Run) unplayed() []string {
	var reasons []string
	doubt := func(format string, values ...any) { reasons = append(reasons, fmt.Sprintf(format, values...)) }
	switch unseated := r.Came - r.Seated; {
	case r.Unusable != "" && r.Seated == 0: // and so it is no wonder
	case r.Came == 0:
		doubt("no bot started: let the run last longer, or ramp up faster")
	case r.Seated == 0 && len(r.Troubles) == 0:
		doubt("none of %s got to a table, and nobody refused them: the servers do not answer, or the run was too short", count(uint64(r.Came), "bot"))
	case r.Seated == 0:
		doubt("none of %s got to a table: see the troubles for why", count(uint64(r.Came), "bot"))
	case unseated > r.Came/fewUnseated:
		doubt("%d of %d bots never got to a table: see the troubles for why", unseated, r.Came)
	}
	switch {
	case r.Counts.Settlements == 0:
		doubt("no settlement was seen, so nothing was checked: play longer than a round takes")
	case r.Checks().Checked == 0:
		doubt("nothing was checked: play with the oracle on")
	}
	return reasons
}

// missed says which objectives were.
func (r *Run) missed() []string {
	var reasons []string
	for _, o := range r.Objectives {
		if !o.Met {
			reasons = append(reasons, fmt.Sprintf("%s was %s, and its limit is %s", o.Name, brief(o.Measured), brief(o.Limit)))
		}
	}
	return reasons
}

// passed says what a run that passed has shown, and what it has not.
func (r *Run) passed() []string {
	reasons := []string{count(r.Checks().Checked, "check") + ", no rule was broken"}
	if n := len(r.Objectives); n > 0 {
		met := make([]string, n)
		for i, o := range r.Objectives {
			met[i] = fmt.Sprintf("%s %s of %s", o.Name, brief(o.Measured), brief(o.Limit))
			if o.Count == 0 {
				met[i] = o.Name + " had nothing to measure"
			}
		}
		reasons = append(reasons, "objectives met: "+strings.Join(met, ", "))
	}
	if n := r.Counts.Migrated; n > 0 {
		reasons = append(reasons, fmt.Sprintf("no round was lost in %s of rooms, %d after their server had died", count(n, "move"), r.Counts.Recovered))
	}
	if n := r.Counts.Closed; n > 0 {
		reasons = append(reasons, fmt.Sprintf("but the servers closed %s under their players, after their rounds were settled; %s came back to another seat", count(n, "room"), count(r.Counts.Moved, "player")))
	}
	if n := r.Counts.Vanished; n > 0 {
		reasons = append(reasons, "but "+count(n, "room")+" vanished under their players")
	}
	if n := r.Came - r.Seated; n > 0 {
		reasons = append(reasons, fmt.Sprintf("but %d of %d bots never got to a table", n, r.Came))
	}
	return reasons
}

// Checks is what became of the checks of all rules together.
func (r *Run) Checks() oracle.Tally {
	var all oracle.Tally
	for _, t := range r.Rules {
		add(&all, t)
	}
	return all
}

// outcomes measures the objectives, over servers of all versions.
func (r *Run) outcomes() []Outcome {
	outcomes := make([]Outcome, 0, len(r.Scenario.SLO))
	for _, o := range r.Scenario.SLO {
		times := r.Times(o.Phase)
		out := Outcome{Name: o.Name(), Limit: o.Limit, Measured: times.At(o.Percentile), Count: times.Count()}
		out.Met = out.Count > 0 && out.Measured <= out.Limit || out.Count == 0 && r.vacuous(o)
		outcomes = append(outcomes, out)
	}
	return outcomes
}

// vacuous says whether an objective has nothing to measure because all is well: nobody comes back
// where nobody lost a connection, and nobody waits for a room to move where none did.
func (r *Run) vacuous(o scenario.Objective) bool {
	c := r.Counts
	switch o.Phase {
	case measure.Reseat.String():
		return c.Lost == 0 && c.Broken == 0
	case measure.Blackout.String():
		return true // nobody waited
	case measure.Recovery.String():
		return c.Lost == 0 && c.Recovered == 0
	case measure.Move.String():
		return r.Scenario.Bench == 0
	case measure.Ping.String():
		return r.Scenario.Ping == 0
	}
	return false
}

// Times are the times of a phase with servers of all versions.
func (r *Run) Times(phase string) *measure.Histogram {
	all := measure.NewHistogram()
	for _, p := range r.Phases {
		if p.Phase == phase {
			// Counts that no histogram holds are no result of a run; Read refuses them.
			_ = all.Merge(p.Times)
		}
	}
	return all
}

// count is a number of things: 1 time, 2 times.
func count(n uint64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// brief is a duration to three digits.
func brief(d time.Duration) string {
	unit := time.Microsecond
	for d >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit).String()
}

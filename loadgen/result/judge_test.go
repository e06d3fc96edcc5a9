package result

import (
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/scenario"
)

// good is a run that passes.
func good() *Run {
	action := measure.NewHistogram()
	for i := range 1000 {
		action.Record(time.Duration(i+1) * 100 * time.Microsecond)
	}
	return &Run{
		Format: Format, Version: "v1", Target: "ws://there", Began: time.Unix(1_790_000_000, 0).UTC(), Seconds: 60, Processes: 1,
		Shares: []Share{{FirstUser: 1, Users: 100, FirstRoom: 1, Rooms: 25}},
		Came:   100, Seated: 100,
		Counts: oracle.Counts{Events: 1000, Rounds: 50, Settlements: 40, Rolls: 160},
		Rules:  map[string]oracle.Tally{"settlement": {Checked: 40}, "seat": {Checked: 100, Unknown: 3}},
		Phases: []Phase{{Phase: "action", Server: "a", Summary: action.Quantiles(), Times: action}},
		Health: Health{Seconds: 60, Lag: measure.Quantiles{Count: 5000, P50: time.Millisecond, P99: 2 * time.Millisecond}, PortsLeft: 1000, FilesLeft: 1000},
	}
}

func TestJudge(t *testing.T) {
	slo := func(phase string, percentile float64, limit time.Duration) func(*Run) {
		return func(r *Run) {
			r.Scenario.SLO = append(r.Scenario.SLO, scenario.Objective{Phase: phase, Percentile: percentile, Limit: limit})
		}
	}
	broken := func(r *Run) { r.Rules["seat"] = oracle.Tally{Checked: 100, Violated: 2} }
	slowLag := func(r *Run) { r.Health.Lag.P99 = 7 * time.Millisecond }
	for name, c := range map[string]struct {
		change []func(*Run)
		want   Verdict
		exit   int
		reason string // part of the reasons
	}{
		"all well":                {nil, Pass, 0, "140 checks, no rule was broken"},
		"a broken rule":           {[]func(*Run){broken}, Fail, 1, "seat: broken 2 times (a seat stays with its player, through a lost connection too)"},
		"broken, and all else":    {[]func(*Run){broken, slowLag, slo("action", 99, 1), func(r *Run) { r.Unusable, r.Abandoned = "gone", true }}, Fail, 1, "seat: broken"},
		"proof without a tally":   {[]func(*Run){func(r *Run) { r.Violations = []Violation{{Rule: "roll"}} }}, Fail, 1, "roll: broken"},
		"a rule not known here":   {[]func(*Run){func(r *Run) { r.Rules["new"] = oracle.Tally{Violated: 1} }}, Fail, 1, "new: broken 1 time"},
		"unusable":                {[]func(*Run){func(r *Run) { r.Unusable = "nobody answers at ws://there" }}, Invalid, 3, "nobody answers at ws://there"},
		"no bots":                 {[]func(*Run){func(r *Run) { r.Came, r.Seated = 0, 0 }}, Invalid, 3, "no bot started"},
		"nobody seated":           {[]func(*Run){func(r *Run) { r.Seated = 0 }}, Invalid, 3, "none of 100 bots got to a table, and nobody refused them"},
		"nobody let in":           {[]func(*Run){func(r *Run) { r.Seated, r.Troubles = 0, []Trouble{{Text: "refused", Count: 1}} }}, Invalid, 3, "none of 100 bots got to a table: see the troubles"},
		"some never seated":       {[]func(*Run){func(r *Run) { r.Seated = 90 }}, Invalid, 3, "10 of 100 bots never got to a table"},
		"one never seated":        {[]func(*Run){func(r *Run) { r.Seated = 99 }}, Pass, 0, "but 1 of 100 bots never got to a table"},
		"no settlement":           {[]func(*Run){func(r *Run) { r.Counts.Settlements = 0 }}, Invalid, 3, "nothing was checked: play longer"},
		"no checks":               {[]func(*Run){func(r *Run) { r.Rules = nil }}, Invalid, 3, "nothing was checked: play with the oracle on"},
		"nothing at all":          {[]func(*Run){func(r *Run) { *r = Run{} }}, Invalid, 3, "nothing was checked"},
		"generator behind":        {[]func(*Run){slowLag}, Invalid, 3, "one request in a hundred was sent 7ms late or more, beyond 5ms"},
		"behind, says too little": {[]func(*Run){slowLag, func(r *Run) { r.Health.Lag.Count = 99 }}, Pass, 0, ""},
		"slow":                    {[]func(*Run){func(r *Run) { r.Health.Slow = 1 }}, Invalid, 3, "fell behind the servers 1 time: use fewer bots"},
		"others' connections":     {[]func(*Run){func(r *Run) { r.Troubles = []Trouble{{Text: Taken, Count: 3}} }}, Invalid, 3, "3 times another connection of the same user took a bot's place"},
		"abandoned":               {[]func(*Run){func(r *Run) { r.Abandoned = true }}, Invalid, 3, "broken off"},
		"out of ports":            {[]func(*Run){func(r *Run) { r.Health.PortsLeft = 0 }}, Invalid, 3, "--sources"},
		"out of files":            {[]func(*Run){func(r *Run) { r.Health.FilesLeft = 0 }}, Invalid, 3, "ulimit -n"},
		"ports unknown":           {[]func(*Run){func(r *Run) { r.Health.PortsLeft, r.Health.FilesLeft = measure.Unknown, measure.Unknown }}, Pass, 0, ""},
		"nobody looked":           {[]func(*Run){func(r *Run) { r.Health = Health{} }}, Pass, 0, ""},
		"objective met":           {[]func(*Run){slo("action", 99, 100*time.Millisecond)}, Pass, 0, "objectives met: action-p99 99ms of 100ms"},
		"objective missed":        {[]func(*Run){slo("action", 99, 50*time.Millisecond), slo("action", 50, time.Second)}, Missed, 4, "action-p99 was 99ms, and its limit is 50ms"},
		"objectives missed":       {[]func(*Run){slo("action", 99, 50*time.Millisecond), slo("action", 100, time.Millisecond)}, Missed, 4, "action-max was 100ms, and its limit is 1ms"},
		"missed and behind":       {[]func(*Run){slo("action", 99, 50*time.Millisecond), slowLag}, Invalid, 3, "generator fell behind"},
		"never measured":          {[]func(*Run){slo("seat", 99, time.Second)}, Invalid, 3, "the objective seat-p99 was never measured"},
		"nobody came back":        {[]func(*Run){slo("reseat", 99, time.Second), func(r *Run) { r.Counts.Lost = 5 }}, Invalid, 3, "reseat-p99 was never measured"},
		"nobody went":             {[]func(*Run){slo("reseat", 99, time.Second)}, Pass, 0, "reseat-p99 had nothing to measure"},
		"closed rooms":            {[]func(*Run){func(r *Run) { r.Counts.Closed, r.Counts.Moved = 1, 4 }}, Pass, 0, "but the servers closed 1 room under their players, after their rounds were settled; 4 players came back to another seat"},
		"vanished rooms":          {[]func(*Run){func(r *Run) { r.Counts.Vanished = 2 }}, Pass, 0, "but 2 rooms vanished"},
	} {
		r := good()
		for _, change := range c.change {
			change(r)
		}
		r.Judge()
		if reasons := strings.Join(r.Reasons, "\n"); r.Verdict != c.want || r.Exit() != c.exit || !strings.Contains(reasons, c.reason) || len(r.Reasons) == 0 {
			t.Errorf("%s: %s (%d): %s", name, r.Verdict, r.Exit(), reasons)
		}
		before := len(r.Reasons)
		if r.Judge(); len(r.Reasons) != before {
			t.Errorf("%s: judged again, it has other reasons: %q", name, r.Reasons)
		}
	}
}

// An objective asks for the times with servers of all versions together.
func TestJudgeAllVersions(t *testing.T) {
	r := good()
	slow := measure.NewHistogram()
	for range 50 {
		slow.Record(time.Second)
	}
	r.Phases = append(r.Phases, Phase{Phase: "action", Server: "b", Times: slow})
	r.Scenario.SLO = []scenario.Objective{{Phase: "action", Percentile: 99, Limit: 200 * time.Millisecond}}
	r.Judge()
	if r.Verdict != Missed || r.Objectives[0].Count != 1050 {
		t.Errorf("%s, %+v", r.Verdict, r.Objectives)
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 1234567: "1.23ms", 999 * time.Microsecond: "999µs", 61234 * time.Millisecond: "1m1.2s", time.Hour: "1h0m0s"} {
		if got := brief(d); got != want {
			t.Errorf("%d is %s, want %s", d, got, want)
		}
	}
}

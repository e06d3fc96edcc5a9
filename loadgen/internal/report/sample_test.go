package report

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

// sample makes a run of so many seconds as a run with storms, a canary and a restart of the servers
// is: the same each time for the same seed.
func sample(seconds int, seed uint64) *result.Run {
	random := rand.New(rand.NewPCG(seed, 1))
	const bots = 10_000
	run := &result.Run{
		Format: result.Format, Version: "v0.9.0", Target: "gate ws://127.0.0.1:60006", Seconds: float64(seconds), Processes: 1,
		Began:    time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC),
		Scenario: scenario.Default(), Came: bots, Seated: bots,
		Rules: make(map[string]oracle.Tally), Violations: []result.Violation{},
	}
	run.Scenario.Name, run.Scenario.Bots, run.Scenario.For, run.Scenario.Seed = "storm", bots, time.Duration(seconds)*time.Second, seed
	run.Scenario.SLO = []scenario.Objective{
		{Phase: "action", Percentile: 99, Limit: 50 * time.Millisecond},
		{Phase: "reseat", Percentile: 100, Limit: 20 * time.Second},
	}
	totals := make(map[[2]string]*measure.Histogram)
	// times draws n durations about a median.
	times := func(into map[string]*measure.Histogram, phase, version string, n int, median time.Duration, spread float64) {
		if n == 0 {
			return
		}
		h, total := into[phase], totals[[2]string{phase, version}]
		if h == nil {
			h = measure.NewHistogram()
			into[phase] = h
		}
		if total == nil {
			total = measure.NewHistogram()
			totals[[2]string{phase, version}] = total
		}
		for range n {
			d := time.Duration(float64(median) * math.Exp(random.NormFloat64()*spread))
			h.Record(d)
			total.Record(d)
		}
	}
	storm, restart := seconds/3, seconds*2/3
	away := 0
	for i := range seconds {
		s := result.Second{At: float64(i + 1), Times: make(map[string]*measure.Histogram)}
		wanted := min(bots, bots*(i+1)*10/seconds)
		before := min(bots, bots*i*10/seconds)
		s.Bots.Wanted = wanted
		slow := 1.0
		switch i {
		case storm:
			s.Broken, away = bots/2, bots/2
		case restart:
			s.Lost, away = bots/4, bots/4
		}
		if i >= restart && i < restart+4 {
			slow = 30
		}
		back := min(away, bots/16)
		away -= back
		s.Bots.Away, s.Bots.Out, s.Bots.Watching, s.Bots.Connecting = away, wanted/50, wanted/20, (wanted-before)/2
		s.Bots.Seated = wanted - away - s.Bots.Out - s.Bots.Watching - s.Bots.Connecting
		play := float64(s.Bots.Seated)
		s.Sent, s.Rolls, s.Settlements = uint64(play/10+random.Float64()*100), uint64(play/12+random.Float64()*50), uint64(play/48+random.Float64()*20)
		s.Events = s.Settlements*8 + s.Rolls*3
		s.Connects, s.Returns = uint64(back+wanted-before), uint64(back)
		s.Checked = s.Events * 3
		s.Unknown = uint64(back / 7)
		if i == restart {
			s.Troubles, s.Violated = 180, 2
		}
		s.CPU = 0.3 + play/bots*0.4 + float64(back)/bots
		some := min(40, 4000/seconds+1)
		version := "v1.4.0"
		times(s.Times, "action", version, some, time.Duration(slow*float64(900*time.Microsecond)), 0.5)
		if i > restart {
			times(s.Times, "action", "v1.5.0-rc1", some/3+1, time.Duration(slow*float64(1300*time.Microsecond)), 0.8)
			times(s.Times, "seat", "v1.5.0-rc1", some/8+1, 2*time.Millisecond, 0.7)
		}
		times(s.Times, "skew", version, some, 300*time.Microsecond, 0.6)
		times(s.Times, "late", version, some/2, 2*time.Millisecond, 0.4)
		times(s.Times, "lag", "", some, 40*time.Microsecond, 0.9)
		if s.Connects > 0 {
			times(s.Times, "dial", "", some, 200*time.Microsecond, 0.8)
			times(s.Times, "auth", "", some, 700*time.Microsecond, 0.6)
			times(s.Times, "seat", version, some, 1500*time.Microsecond, 0.6)
		}
		if back > 0 {
			since := i - storm
			if i >= restart {
				since = i - restart
			}
			times(s.Times, "reseat", version, some, time.Duration(since+1)*time.Second, 0.2)
		}
		run.Series = append(run.Series, s)
		c := &run.Counts
		c.Events, c.Settlements, c.Rolls = c.Events+s.Events, c.Settlements+s.Settlements, c.Rolls+s.Rolls
		c.Broken, c.Lost, c.Returns = c.Broken+s.Broken, c.Lost+s.Lost, c.Returns+s.Returns
	}
	for _, key := range slices.SortedFunc(maps.Keys(totals), func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }) {
		h := totals[key]
		run.Phases = append(run.Phases, result.Phase{Phase: key[0], Server: key[1], Summary: h.Quantiles(), Times: h})
	}
	for i, rule := range oracle.Rules() {
		run.Rules[rule.String()] = oracle.Tally{Checked: uint64(1_000_000 / (i + 1)), Unknown: uint64(37 * i)}
	}
	run.Waves = []result.Wave{
		{At: float64(storm), Lost: bots / 2, Own: true, Back: bots / 2, Half: 4100 * time.Millisecond, Most: 7900 * time.Millisecond, Whole: 8200 * time.Millisecond},
		{At: float64(restart), Lost: bots / 4, Back: bots/4 - 3, Half: 2 * time.Second, Most: 3900 * time.Millisecond},
	}
	run.Notes = []result.Note{
		{At: time.Duration(restart) * time.Second, Text: "restarting game-0, version v1.5.0-rc1"},
		{At: time.Duration(restart+5) * time.Second, Text: "game-0 is back"},
	}
	run.Health = result.Health{
		Seconds: float64(seconds), Lag: run.Times("lag").Quantiles(), CPU: 0.71, Machine: 0.83, GC: 0.031, Pause: 320 * time.Microsecond,
		Memory: 190 << 20, PerBot: 19456, PortsLeft: 18_000, FilesLeft: 1_038_000,
	}
	run.Troubles = []result.Trouble{
		{Text: "dial tcp 127.0.0.1:60006: connect: connection refused", Count: 171},
		{Text: "the gate closed the connection: 4000 try again later", Count: 9},
	}
	run.Judge()
	return run
}

// broke makes the run one in which the servers broke rules.
func broke(run *result.Run) *result.Run {
	run.Rules["hidden"] = oracle.Tally{Checked: 250_000, Violated: 1, Unknown: 111}
	run.Rules["settlement"] = oracle.Tally{Checked: 1_000_000, Violated: 1}
	run.Violations = []result.Violation{
		{Rule: "settlement", Room: 100_017, Text: "round 31 was settled twice, as event 211 and as event 212", Proof: proof(100_017)},
		{Rule: "hidden", Room: 100_200, Text: "bot 1000801 was shown the 5 points of user 1000803 before the settlement", Proof: proof(100_200)[:5]},
	}
	run.Judge()
	return run
}

func proof(room int) []string {
	user := func(n int) string { return strconv.Itoa(1_000_000 + (room-100_001)*4 + n) }
	return []string{
		"  120.101s  all four              #207 round 31 starts",
		"  120.613s  bot " + user(1) + "           #208 user " + user(1) + " rolls 4 in round 31",
		"  120.614s  bots " + user(2) + " " + user(3) + "  #208 user " + user(1) + " rolls in round 31",
		"  120.820s  bot " + user(2) + "           #209 user " + user(2) + " rolls 6 in round 31",
		"  121.001s  all four              #210 user " + user(3) + " rolls in round 31",
		"  121.350s  all four              #211 round 31 is settled: dice [" + user(1) + ":4 " + user(2) + ":6 " + user(3) + ":2], won by [" + user(2) + "]",
		"  121.352s  bot " + user(1) + "           #212 round 31 is settled: dice [" + user(1) + ":4 " + user(2) + ":6 " + user(3) + ":2], won by [" + user(2) + "]",
	}
}

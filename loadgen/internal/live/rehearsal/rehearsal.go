// Package rehearsal makes up runs that never were, second by second, for the tests of what shows
// runs and for looking at it without servers. The same second of the same run is always the same.
package rehearsal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

// Run is what happens in a run that is made up.
type Run struct {
	Bots    int
	Ramp    int // seconds
	For     int // seconds; 0: open end
	StormAt int // the scenario's own; 0: none
	LostAt  int // the servers lose connections; 0: they don't
	FailAt  int // a rule is broken from here on; 0: none is
	LagAt   int // the generator falls behind from here on; 0: it doesn't
	Hostile bool
}

// Steady is a run in which all is well, though a storm comes and a server is restarted.
var Steady = Run{Bots: 10_000, Ramp: 20, For: 600, StormAt: 60, LostAt: 130}

// Broken is one with servers that break rules, and send texts that no terminal should see.
var Broken = Run{Bots: 10_000, Ramp: 20, For: 600, StormAt: 60, LostAt: 130, FailAt: 150, Hostile: true}

// Late is one whose generator falls behind.
var Late = Run{Bots: 10_000, Ramp: 20, LagAt: 100}

// rules are those of a run that is made up, whatever an oracle knows.
var rules = [...]string{"settlement", "winners", "agreement", "hidden", "roll", "seat", "sequence", "epoch", "back", "clock"}

// At is the run after so many seconds; at most 3600 of them.
func (r Run) At(seconds int) live.Snapshot {
	seconds = min(max(seconds, 0), 3600)
	run := &result.Run{
		Format: result.Format, Version: "rehearsal", Target: "gate ws://127.0.0.1:60006", Seconds: float64(seconds), Processes: 1,
		Scenario: scenario.Scenario{Name: "steady", Game: "dice", Bots: r.Bots, For: time.Duration(r.For) * time.Second},
		Rules:    make(map[string]oracle.Tally),
	}
	recent := make(map[string]*measure.Histogram)
	for second := 1; second <= seconds; second++ {
		s := r.second(second)
		run.Series = append(run.Series, s)
		run.Counts.Rolls += s.Rolls
		run.Counts.Settlements += s.Settlements
		for name, times := range s.Times {
			if second > seconds-10 {
				if recent[name] == nil {
					recent[name] = measure.NewHistogram()
				}
				_ = recent[name].Merge(times) // they are few
			}
		}
	}
	snapshot := live.Snapshot{
		At: time.Duration(seconds) * time.Second, Run: run, Left: -1, Stage: "hold",
		Recent: make(map[string]measure.Quantiles),
	}
	if r.For > 0 {
		snapshot.Left = time.Duration(max(0, r.For-seconds)) * time.Second
	}
	if seconds < r.Ramp {
		snapshot.Stage = "ramp"
	}
	for name, times := range recent {
		snapshot.Recent[name] = times.Quantiles()
	}
	r.judge(seconds, &snapshot)
	return snapshot
}

// second is what happened in one second.
func (r Run) second(at int) result.Second {
	chance := rand.New(rand.NewPCG(uint64(at), 7))
	wanted := r.Bots
	if at < r.Ramp {
		wanted = r.Bots * at / r.Ramp
	}
	away := r.gone(at, r.StormAt, r.Bots/10) + r.gone(at, r.LostAt, r.Bots/3)
	connecting := min(wanted, wanted/500+away/8)
	s := result.Second{At: float64(at), CPU: 0.4 + 0.3*chance.Float64(), Times: make(map[string]*measure.Histogram)}
	s.Bots = result.Population{Wanted: wanted, Connecting: connecting, Away: max(0, away-connecting), Watching: wanted / 20, Out: wanted / 200}
	s.Bots.Seated = max(0, wanted-s.Bots.Connecting-s.Bots.Away-s.Bots.Watching-s.Bots.Out)
	s.Rolls = uint64(s.Bots.Seated/5 + chance.IntN(1+s.Bots.Seated/40))
	s.Sent, s.Events = s.Rolls+50, s.Rolls*4
	s.Settlements = s.Rolls / 4
	s.Connects = uint64(connecting / 2)
	s.Checked = s.Rolls * 5
	if at == r.StormAt {
		s.Broken = uint64(r.Bots / 10)
	}
	if at == r.LostAt {
		s.Lost = uint64(r.Bots / 3)
	}
	s.Returns = uint64(max(0, r.gone(at-1, r.StormAt, r.Bots/10)+r.gone(at-1, r.LostAt, r.Bots/3)+int(s.Broken+s.Lost)-away))
	slow := 1 + 20*float64(away)/float64(max(1, r.Bots))
	r.times(&s, measure.Action, int(s.Rolls/8), 900*time.Microsecond, slow, chance)
	r.times(&s, measure.Skew, int(s.Settlements/8), 200*time.Microsecond, slow, chance)
	r.times(&s, measure.Late, int(s.Settlements/8), 700*time.Microsecond, slow, chance)
	r.times(&s, measure.Dial, int(s.Connects/8), 150*time.Microsecond, slow, chance)
	r.times(&s, measure.Auth, int(s.Connects/8), 600*time.Microsecond, slow, chance)
	r.times(&s, measure.Seat, int(s.Connects/8), 1200*time.Microsecond, slow, chance)
	if away > 0 {
		r.times(&s, measure.Reseat, int(s.Connects/8), 400*time.Millisecond, slow, chance)
	}
	lag := 60 * time.Microsecond
	if r.LagAt > 0 && at >= r.LagAt {
		lag *= time.Duration(min(40, 1+at-r.LagAt))
	}
	r.times(&s, measure.Lag, int(s.Sent/8), lag, 1, chance)
	return s
}

// gone is how many of those that lost their connections at some time are not back yet.
func (r Run) gone(at, when, many int) int {
	if when == 0 || at < when {
		return 0
	}
	return int(float64(many) * math.Exp(-float64(at-when)/4))
}

func (r Run) times(s *result.Second, phase measure.Phase, count int, typical time.Duration, slow float64, chance *rand.Rand) {
	if count == 0 {
		return
	}
	h := measure.NewHistogram()
	for range count {
		h.Record(time.Duration(float64(typical) * slow * math.Exp(chance.NormFloat64()*0.7)))
	}
	s.Times[phase.String()] = h
}

// judge fills in what is known of the whole run.
func (r Run) judge(seconds int, s *live.Snapshot) {
	run := s.Run
	for i, rule := range rules {
		run.Rules[rule] = oracle.Tally{Checked: run.Counts.Rolls / uint64(1+i*i*i), Unknown: uint64(i) * uint64(seconds) / 40}
	}
	run.Verdict, run.Reasons = result.Pass, []string{"no rule was broken, and every objective was met"}
	if seconds < 2 {
		run.Verdict, run.Reasons, run.Rules = result.Invalid, []string{"no settlement was seen, so nothing was checked: play longer than a round takes"}, nil
	}
	run.Came, run.Seated = int64(r.Bots), int64(r.Bots)
	wave := func(at, lost int, own bool) {
		if at == 0 || seconds < at {
			return
		}
		w := result.Wave{At: float64(at), Lost: lost, Own: own, Back: lost - r.gone(seconds, at, lost)}
		if w.Back*2 >= lost {
			w.Half = 2770 * time.Millisecond
		}
		if float64(w.Back) >= 0.99*float64(lost) {
			w.Most = 18_420 * time.Millisecond
		}
		run.Waves = append(run.Waves, w)
	}
	wave(r.StormAt, r.Bots/10, true)
	wave(r.LostAt, r.Bots/3, false)
	if r.StormAt > 0 && seconds >= r.StormAt {
		s.Notes = append(s.Notes, result.Note{At: time.Duration(r.StormAt) * time.Second, Text: "storm: 10% of the bots"})
	}
	if r.LostAt > 0 && seconds >= r.LostAt {
		s.Notes = append(s.Notes, result.Note{At: time.Duration(r.LostAt) * time.Second, Text: "restart of game server 2 of 3"})
		run.Troubles = []result.Trouble{
			{Text: "the connection ended without a goodbye: EOF", Count: uint64(r.Bots / 3)},
			{Text: "refused: the room is on its way to another server (code 103)", Count: 412},
			{Text: "dial 127.0.0.1:60006: connect: connection refused", Count: 17},
		}
	}
	run.Health = result.Health{
		Seconds: float64(seconds),
		Lag:     s.Recent[measure.Lag.String()], CPU: 0.55, Machine: 0.71, GC: 0.034, Pause: 412 * time.Microsecond,
		Memory: 150 << 20, PerBot: 14_540, PortsLeft: 18_231, FilesLeft: 1_038_576,
	}
	if lag := run.Health.Lag.P99; lag > 5*time.Millisecond {
		run.Verdict = result.Invalid
		run.Reasons = []string{fmt.Sprintf("the generator fell behind: lag p99 %v, at most 5ms", lag)}
	}
	if r.FailAt > 0 && seconds >= r.FailAt {
		r.fail(seconds, s)
	}
}

// fail breaks a rule once a second.
func (r Run) fail(seconds int, s *live.Snapshot) {
	run := s.Run
	stranger := ""
	if r.Hostile {
		stranger = "\x1b[2J\x1b]0;owned\a骰子\u202e"
		run.Troubles = append([]result.Trouble{{Text: "refused: " + stranger + " go away", Count: 99_999}}, run.Troubles...)
	}
	const rule = "settlement"
	tally := run.Rules[rule]
	tally.Violated = uint64(seconds - r.FailAt + 1)
	run.Rules[rule] = tally
	for i := range min(5, int(tally.Violated)) {
		v := result.Violation{
			Rule: rule, Room: int64(4711 + i),
			Text: fmt.Sprintf("round %d started and was never settled, though the round after it did start%s", 12+i, stranger),
		}
		for j := range 20 {
			v.Proof = append(v.Proof, fmt.Sprintf("%7.3f s  user %d  seq %d  epoch 2  round %d  ROLL of user %d acknowledged%s", float64(r.FailAt)-20+float64(j), 100+j%4, 300+j, 11+i, 100+j%4, stranger))
		}
		run.Violations = append(run.Violations, v)
	}
	run.Verdict = result.Fail
	run.Reasons = []string{fmt.Sprintf("%d violations of %s: the first in room %d", tally.Violated, rule, 4711)}
}

package load

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"croupier/loadgen/internal/bot"
	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/result"
)

// teller keeps the books of a run: once a second it makes of them what is shown.
type teller struct {
	swarm   *Swarm
	sampler *measure.Sampler
	series  []result.Second
	before  totals // when the last second ended
}

// totals are what counts up through the run.
type totals struct {
	sent, links, troubles      uint64
	counts                     oracle.Counts
	checked, violated, unknown uint64
}

func newTeller(s *Swarm) *teller {
	return &teller{swarm: s, sampler: measure.NewSampler(func() int { return s.ports() })}
}

// ports is how many ports are in use on one of the source addresses, as evenly as they are used.
func (s *Swarm) ports() int {
	return s.here() / max(1, int(s.config.Target.From))
}

// here is how many bots have come and not gone.
func (s *Swarm) here() int {
	return -int(s.states[bot.Gone].Load()) // which counts down from 0
}

// tell shows the run once a second until it is done, and gives it up when it comes to nothing.
func (t *teller) tell(done <-chan struct{}, show func(live.Snapshot)) {
	s := t.swarm
	next := time.Second
	clock := time.NewTimer(next - s.Now())
	defer clock.Stop()
	for {
		select {
		case <-done:
			return
		case <-clock.C:
		}
		at := s.Now()
		run := t.second(at)
		show(live.Snapshot{
			At: at, Run: run, Recent: s.recorder.Recent(10), Notes: run.Notes,
			Left: t.left(at), Stage: t.stage(at),
		})
		_, unauthorized := s.troubles.count()
		switch {
		case s.seated.Load() > 0:
		case unauthorized > 0:
			s.giveUp(unusable{"nobody may play: " + s.troubles.first() + "; is JWT_KEY set, to the key of the servers?"})
		case at > s.config.Startup:
			s.giveUp(unusable{fmt.Sprintf("nobody got a seat in %v: %s", s.config.Startup, s.troubles.first())})
		}
		for next <= s.Now() {
			next += time.Second
		}
		clock.Reset(next - s.Now())
	}
}

// unusable is why a run is given up.
type unusable struct{ text string }

func (u unusable) Error() string { return u.text }

func (t *teller) left(at time.Duration) time.Duration {
	length := t.swarm.config.Scenario.Length()
	if length == 0 {
		return -1
	}
	return max(length-at, 0)
}

func (t *teller) stage(at time.Duration) string {
	if t.swarm.stop.Err() != nil {
		return "stopping"
	}
	return t.swarm.config.Scenario.Stage(at)
}

// second closes a second of the run and returns the run so far.
func (t *teller) second(at time.Duration) *result.Run {
	s := t.swarm
	found := s.oracle.Findings()
	population := s.population()
	sample := t.sampler.Sample(population.Present())
	now := t.count(found)
	was := t.before
	t.before = now
	second := result.Second{
		At: at.Seconds(), Bots: population,
		Sent: now.sent - was.sent, Connects: now.links - was.links, Troubles: now.troubles - was.troubles,
		Events: now.counts.Events - was.counts.Events, Settlements: now.counts.Settlements - was.counts.Settlements,
		Rolls: now.counts.Rolls - was.counts.Rolls, Broken: now.counts.Broken - was.counts.Broken,
		Lost: now.counts.Lost - was.counts.Lost, Returns: now.counts.Returns - was.counts.Returns,
		Checked: now.checked - was.checked, Violated: now.violated - was.violated, Unknown: now.unknown - was.unknown,
		Times: make(map[string]*measure.Histogram), CPU: sample.CPU,
	}
	for phase, times := range s.recorder.Second() {
		if times != nil {
			second.Times[measure.Phase(phase).String()] = times
		}
	}
	if lag := second.Times[measure.Lag.String()]; lag != nil {
		s.oracle.Behind(at, lag.At(100))
	}
	t.series = append(t.series, second)
	return t.run(at, found)
}

func (t *teller) count(found oracle.Findings) totals {
	s := t.swarm
	all, _ := s.troubles.count()
	now := totals{sent: s.sent.Load(), links: s.links.Load(), troubles: all, counts: found.Counts}
	for tally := range maps.Values(found.Tallies) {
		now.checked += tally.Checked
		now.violated += tally.Violated
		now.unknown += tally.Unknown
	}
	return now
}

// population is how many bots are where.
func (s *Swarm) population() result.Population {
	n := func(state bot.State) int { return int(s.states[state].Load()) }
	return result.Population{
		Wanted: int(s.wanted.Load()), Connecting: n(bot.Connecting), Seated: n(bot.Seated),
		Watching: n(bot.Watching), Away: n(bot.Away), Out: n(bot.Out),
	}
}

// run is the result so far, judged.
func (t *teller) run(at time.Duration, found oracle.Findings) *result.Run {
	s := t.swarm
	r := &result.Run{
		Format: result.Format, Version: s.config.Version, Target: s.config.Target.String(),
		Began: s.began, Seconds: at.Seconds(), Processes: 1, Scenario: s.config.Scenario,
		Shares: []result.Share{{
			FirstUser: s.config.FirstUser, Users: int64(s.config.Scenario.Most()),
			FirstRoom: s.config.FirstRoom, Rooms: int64(s.config.Scenario.RoomCount()),
		}},
		Came: s.came.Load(), Seated: s.seated.Load(), Counts: found.Counts,
		Rules: make(map[string]oracle.Tally), Violations: []result.Violation{},
		Series: slices.Clip(t.series), Waves: s.waves.list(), Troubles: s.troubles.list(),
	}
	for rule, tally := range found.Tallies {
		r.Rules[rule.String()] = tally
	}
	for _, v := range found.Violations {
		r.Violations = append(r.Violations, result.Violation{Rule: v.Rule.String(), Room: v.Room, Text: v.Text, Proof: v.Lines()})
	}
	var lag measure.Quantiles
	s.recorder.Totals(func(p measure.Phase, server string, times *measure.Histogram) {
		if p == measure.Lag { // which no server has a part in
			lag = times.Quantiles()
		}
		r.Phases = append(r.Phases, result.Phase{Phase: p.String(), Server: server, Summary: times.Quantiles(), Times: times})
	})
	r.Health = result.HealthOf(t.sampler.Usage(), lag, s.slow.Load())
	s.mu.Lock()
	r.Notes = slices.Clone(s.notes)
	s.mu.Unlock()
	if why, given := context.Cause(s.stop).(unusable); given {
		r.Unusable = why.text
	}
	r.Abandoned = s.kill.Err() != nil
	r.Judge()
	return r
}

// finish makes the result of a run in which nobody plays any more.
func (t *teller) finish() *result.Run {
	at := t.swarm.Now()
	t.swarm.oracle.Finish(at)
	return t.second(at)
}

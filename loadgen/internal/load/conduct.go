package load

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"croupier/loadgen/internal/bot"
	"croupier/loadgen/internal/clock"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/result"
)

// beat is how often the conductor looks who has to come or go.
const beat = 5 * time.Millisecond

// conductor lets bots in and out. One goroutine owns it; bots is also read by the storms, which that
// goroutine waits for.
type conductor struct {
	bots     []*bot.Bot // by number
	admitted int        // closed: those below are in, or were
	factor   float64    // of the population or rate, as Scale says
	arrived  int        // open: arrivals so far
	next     time.Duration
	storms   int
	random   *rand.Rand
	breaking sync.WaitGroup
}

// conduct runs from the first bot to the last.
func (s *Swarm) conduct() {
	s.factor = 1
	s.random = rand.New(rand.NewPCG(s.config.Scenario.Seed, 0x5707))
	beats := make(chan struct{}, 1)
	metronome := clock.Alarm{Act: func() {
		select {
		case beats <- struct{}{}:
		default: // the last beat was not heard yet
		}
	}}
	s.SetAlarm(&metronome, 0)
	notes := s.config.Notes
	for due := time.Duration(0); ; {
		select {
		case <-beats:
			now := s.Now()
			s.behind(now, now-due)
			s.admit(now)
			s.scheduledStorm(now)
			for due <= s.Now() {
				due += beat
			}
			s.SetAlarm(&metronome, due)
		case c := <-s.commands:
			s.obey(c)
		case text, open := <-notes:
			if !open {
				notes = nil
				continue
			}
			s.note(text)
		case <-s.stop.Done():
			s.sendHome(beats, &metronome)
			return
		}
	}
}

// behind takes how late the conductor was.
func (s *Swarm) behind(at, by time.Duration) {
	s.recorder.Record(measure.Lag, 0, by)
	s.oracle.Behind(at, by)
}

// mostTime is how long the bots take to get up from their tables: all at one moment would be a storm of
// its own. At least one in a beat begins to.
const mostTime = 5 * time.Second

// sendHome ends the run, politely until kill is done.
func (s *Swarm) sendHome(beats <-chan struct{}, metronome *clock.Alarm) {
	s.wanted.Store(0)
	s.breaking.Wait()
	each := len(s.bots)/int(mostTime/beat) + 1
	for left := s.bots; len(left) > 0 && s.kill.Err() == nil; {
		n := min(each, len(left))
		for _, b := range left[:n] {
			if b != nil {
				b.Stop()
			}
		}
		left = left[n:]
		s.SetAlarm(metronome, s.Now()+beat)
		select {
		case <-beats:
		case <-s.kill.Done():
		}
	}
	gone := make(chan struct{})
	go func() { // ends with the last bot
		s.playing.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-s.kill.Done():
		for _, b := range s.bots {
			if b != nil {
				b.Kill()
			}
		}
		<-gone
	}
}

// admit lets in and out who is due.
func (s *Swarm) admit(now time.Duration) {
	want := int(float64(s.config.Scenario.Wanted(now)) * s.factor)
	s.wanted.Store(int64(want))
	if s.config.Scenario.Rate > 0 {
		s.arrive(now)
		return
	}
	for s.admitted < want && s.start(s.admitted, now) {
		s.admitted++
	}
	for s.admitted > want {
		s.admitted--
		s.bots[s.admitted].Stop()
	}
}

// arrive lets in those who have arrived: evenly, at times that do not depend on what became of those
// before.
func (s *Swarm) arrive(now time.Duration) {
	most := s.config.Scenario.Most()
	for ; s.next <= now; s.next += time.Duration(float64(time.Second) / (s.config.Scenario.Rate * s.factor)) {
		free := false
		for tries := 0; tries < most && s.here() < most; tries++ { // and no long search where all are there
			n := s.arrived % most
			s.arrived++
			if free = s.start(n, s.next); free {
				break
			}
		}
		if !free {
			s.Trouble(fmt.Errorf("an arrival found %d bots there, which is as many as there may be", most))
		}
	}
}

// start lets a bot in, meant for a time. False: it is there already, or on its way out.
func (s *Swarm) start(n int, meant time.Duration) bool {
	for n >= len(s.bots) {
		s.bots = append(s.bots, nil)
	}
	if b := s.bots[n]; b != nil && b.State() != bot.Gone {
		return false
	}
	s.bots[n] = bot.New(bot.Config{
		User: s.config.FirstUser + int64(n), Room: s.room(n), Game: s.config.Scenario.Game,
		Style: &s.style, Watches: s.watches(n), Seed: s.config.Scenario.Seed, Patience: s.config.Scenario.Patience,
	}, s)
	s.playing.Add(1)
	s.bots[n].Start(meant)
	return true
}

// watches says whether a bot is a spectator.
func (s *Swarm) watches(n int) bool {
	sc := s.config.Scenario
	return n >= sc.Most()-sc.Spectators*sc.RoomCount() && n < sc.Most()
}

// room is where a bot plays first. Those who come one after the other share a room; spectators come to
// one room after the other; and those whom only Scale lets in have rooms of their own.
func (s *Swarm) room(n int) int64 {
	sc := s.config.Scenario
	rooms := sc.RoomCount()
	players := sc.Most() - sc.Spectators*rooms
	switch {
	case n < players:
		return s.config.FirstRoom + int64(n)*int64(rooms)/int64(players)
	case n < sc.Most():
		return s.config.FirstRoom + int64(n-players)%int64(rooms)
	}
	each := max(1, sc.Most()/rooms)
	return s.config.FirstRoom + int64(rooms+(n-sc.Most())/each)
}

// scheduledStorm breaks connections when the scenario says so.
func (s *Swarm) scheduledStorm(now time.Duration) {
	if at, there := s.config.Scenario.StormAt(s.storms); there && at <= now {
		s.storms++
		s.storm(s.config.Scenario.StormShare)
	}
}

// breakers is how many goroutines break connections in a storm.
const breakers = 4

// storm breaks the connections of a share of the bots, all at once.
func (s *Swarm) storm(share float64) {
	s.breaking.Wait() // the one before
	var hit []*bot.Bot
	for _, b := range s.bots {
		if b != nil && s.random.Float64() < share {
			hit = append(hit, b)
		}
	}
	s.note(fmt.Sprintf("storm: %.0f%% of the connections break", 100*share))
	s.waves.begin(s.Now(), s.atTables())
	for i := range breakers {
		s.breaking.Go(func() {
			for n := i; n < len(hit); n += breakers {
				hit[n].Break()
				runtime.Gosched() // nobody waits for all of them
			}
		})
	}
}

// How far Scale goes.
const leastFactor, mostFactor = 0.1, 10

func (s *Swarm) obey(c command) {
	if c.storm > 0 {
		s.storm(min(c.storm, 1))
	}
	if c.scale > 0 {
		s.factor = min(max(c.scale, leastFactor), mostFactor)
		what := "population"
		if s.config.Scenario.Rate > 0 {
			what = "rate of arrivals"
		}
		s.note(fmt.Sprintf("%s: %.0f%% of the scenario's", what, 100*s.factor))
	}
}

// mostNotes bounds what is kept of them.
const mostNotes = 200

func (s *Swarm) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.notes) < mostNotes {
		s.notes = append(s.notes, result.Note{At: s.Now(), Text: text})
	}
}

package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Bounds of what one process can be asked for.
const (
	MostBots    = 1_000_000
	mostRooms   = MostBots
	mostStages  = 100
	mostLength  = 30 * 24 * time.Hour
	mostSources = 1000
	leastLate   = 10 * time.Millisecond
)

// FieldError is a value that can't be played.
type FieldError struct {
	Field string
	Value string
	Text  string // the bound, and what to do
}

func (e *FieldError) Error() string { return e.Field + " " + e.Value + ": " + e.Text }

// Check refuses what can't be played. Its error is a *FieldError.
func (s Scenario) Check() error {
	bad := func(name, text string, args ...any) error {
		f, err := field(name)
		if err != nil {
			return err
		}
		value := f.Text(s)
		if len(value) > 60 {
			value = value[:60] + "..."
		}
		if strings.ContainsFunc(value, unprintable) {
			value = strconv.Quote(value)
		}
		return &FieldError{Field: name, Value: value, Text: fmt.Sprintf(text, args...)}
	}
	for _, check := range []func(func(string, string, ...any) error) error{
		s.checkBounds, s.checkPopulation, s.checkConnections, s.checkJudgement,
	} {
		if err := check(bad); err != nil {
			return err
		}
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }

// checkBounds looks at each value by itself.
func (s Scenario) checkBounds(bad func(string, string, ...any) error) error {
	for _, f := range fields {
		switch v := f.in(&s).(type) {
		case *time.Duration:
			if *v < 0 || *v > mostLength {
				return bad(f.Name, "a time goes from 0 to %s", formatDuration(mostLength))
			}
		case *float64:
			if (f.Unit == "CHANCE" || f.Unit == "SHARE") && !(*v >= 0 && *v <= 1) {
				return bad(f.Name, "a %s goes from 0 to 1", strings.ToLower(f.Unit))
			}
		case *int:
			if *v < 0 {
				return bad(f.Name, "must not be negative")
			}
		}
	}
	switch {
	case strings.ContainsFunc(s.Name, unprintable) || len(s.Name) > 100:
		return bad("name", "up to 100 letters in one line")
	case s.Game != "dice":
		return bad("game", "the bots know dice only")
	case !(s.Rate == 0 || s.Rate >= 0.001 && s.Rate <= 100_000):
		return bad("rate", "0, or from 0.001 to 100000 bots a second")
	case !(s.Flap == 0 || s.Flap >= 0.0001 && s.Flap <= 6000):
		return bad("flap", "0, or from 0.0001 to 6000 times a minute")
	case s.Sources > mostSources:
		return bad("sources", "up to %d addresses", mostSources)
	case s.Spectators > 1000:
		return bad("spectators", "up to 1000 in each room")
	case len(s.Stages) > mostStages:
		return bad("stages", "up to %d stages", mostStages)
	}
	return nil
}

func (s Scenario) checkPopulation(bad func(string, string, ...any) error) error {
	switch {
	case len(s.Stages) > 0:
		if err := s.checkStages(bad); err != nil {
			return err
		}
	case s.Bots < 1 || s.Bots > MostBots:
		return bad("bots", "from 1 to a million")
	case s.For > 0 && s.Ramp >= s.For:
		return bad("ramp", "leaves no time to play of the %s that the run is for; make ramp shorter, or for longer", formatDuration(s.For))
	case s.Rate > 0 && s.Ramp > 0:
		return bad("ramp", "bots that come at a rate need no ramp: leave one of the two out")
	}
	switch players := s.players(); {
	case s.Rate > 0 && s.Stay <= 0:
		return bad("rate", "say how long a bot stays with stay, or there are more and more of them")
	case s.Rate <= 0 && s.Stay > 0:
		return bad("stay", "is for bots that come at a rate: give rate too, or leave it out")
	case s.Rate > 0 && s.Rate*s.Stay.Seconds() > float64(s.Bots):
		return bad("bots", "rate %g and stay %s make %.0f bots at once: raise bots, or lower one of these", s.Rate, formatDuration(s.Stay), s.Rate*s.Stay.Seconds())
	case s.Rooms == 0 && s.PerRoom < 1:
		return bad("per-room", "at least 1")
	case s.Rooms > players:
		return bad("rooms", "some would stay empty: from 1 to the number of bots, %d", players)
	case s.Spectators > 0 && (len(s.Stages) > 0 || s.Rate > 0):
		return bad("spectators", "go with a fixed number of bots, not with stages or a rate; a larger per-room makes spectators too")
	case s.Most() > MostBots:
		return bad("spectators", "with those in %d rooms there are %d bots: at most a million", s.RoomCount(), s.Most())
	case s.Hop > 0 && s.RoomCount() < 2:
		return bad("hop", "there is one room only, and no other to go to: use more bots, or leave hop out")
	case s.Hop > 0 && s.Leave <= 0:
		return bad("hop", "who never leaves its table goes to no other: raise leave, or leave hop out")
	}
	return nil
}

func (s Scenario) checkStages(bad func(string, string, ...any) error) error {
	switch {
	case s.Bots != 0:
		return bad("bots", "stages say how many bots play: leave out one of the two")
	case s.For != 0:
		return bad("for", "stages say how long the run is: leave out one of the two")
	case s.Ramp != 0:
		return bad("ramp", "in a stage the number of bots goes evenly to the stage's already: leave out ramp, and begin with a stage as long")
	case s.Rate != 0:
		return bad("rate", "stages hold a number of bots: leave out one of the two")
	}
	var length time.Duration
	for i, stage := range s.Stages {
		switch {
		case stage.Bots < 0 || stage.Bots > MostBots:
			return bad("stages", "stage %d has %d bots: from 0 to a million", i+1, stage.Bots)
		case stage.For < 0 || stage.For > mostLength:
			return bad("stages", "stage %d lasts %s: from 0 to %s", i+1, formatDuration(stage.For), formatDuration(mostLength))
		}
		length += stage.For
	}
	switch {
	case s.players() == 0:
		return bad("stages", "no stage has a bot")
	case length == 0:
		return bad("stages", "no stage takes any time")
	case length > mostLength:
		return bad("stages", "together they last %s: at most %s", formatDuration(length), formatDuration(mostLength))
	}
	return nil
}

func (s Scenario) checkConnections(bad func(string, string, ...any) error) error {
	switch {
	case s.Reconnect != Jitter && s.Reconnect != Fixed && s.Reconnect != Storm && s.Reconnect != Never:
		return bad("reconnect", "choose among jitter, fixed, storm and none%s", meant(string(s.Reconnect), []string{"jitter", "fixed", "storm", "none"}))
	case s.Reconnect != Never && s.Backoff < 10*time.Millisecond:
		return bad("backoff", "at least 10ms, or the bots would do nothing but connect")
	case s.StormEvery > 0 && s.StormEvery < time.Second:
		return bad("storm-every", "at least a second")
	case s.StormEvery > 0 && s.StormShare <= 0:
		return bad("storm-share", "a storm that hits nobody is none: raise it, or leave storm-every out")
	case s.StormEvery > 0 && s.Length() > 0 && s.StormEvery >= s.Length():
		return bad("storm-every", "no storm comes in the %s of the run: make the run longer, or storms more frequent", formatDuration(s.Length()))
	}
	return nil
}

func (s Scenario) checkJudgement(bad func(string, string, ...any) error) error {
	switch {
	case s.Patience < time.Second:
		return bad("patience", "at least a second")
	case s.Reconnect != Never && s.Patience < 2*s.Backoff:
		return bad("patience", "must be at least twice the backoff of %s: what the bots wait by themselves is not the servers' fault", formatDuration(s.Backoff))
	case s.Late < leastLate:
		return bad("late", "at least %s: no clock on a busy machine is better", formatDuration(leastLate))
	case len(s.SLO) > 100:
		return bad("slo", "up to 100 objectives")
	}
	seen := make(map[string]bool)
	for _, o := range s.SLO {
		if err := o.check(); err != nil {
			return bad("slo", "%v", err)
		}
		if seen[o.Name()] {
			return bad("slo", "%s is there twice: leave one out", o.Name())
		}
		seen[o.Name()] = true
	}
	return nil
}

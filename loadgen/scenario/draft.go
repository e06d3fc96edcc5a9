package scenario

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Draft is a scenario that is being put together: from the defaults, a file or a preset over them,
// and flags over that. It remembers where each value came from, for errors, and decides at the end
// what depends on what was given. It is nothing for several goroutines.
type Draft struct {
	scenario Scenario
	given    map[string]origin
}

// origin is where a value came from.
type origin struct {
	layer layer
	where string // begins the error about the value
}

type layer uint8

const (
	byDefault layer = iota
	inFile
	asFlag
)

// NewDraft begins with Default.
func NewDraft() *Draft { return &Draft{scenario: Default(), given: make(map[string]origin)} }

// Flag sets a field from the text of its flag.
func (d *Draft) Flag(name, text string) error {
	f, err := field(name)
	if err != nil {
		return err
	}
	if err := set(f.in(&d.scenario), text); err != nil {
		return fmt.Errorf("--%s %w", name, err)
	}
	d.given[name] = origin{asFlag, "--"}
	return nil
}

// Scenario is what was put together, checked.
func (d *Draft) Scenario() (Scenario, error) {
	if err := d.clash("rooms", "per-room"); err != nil {
		return Scenario{}, err
	}
	s := d.scenario
	s.Stages = append([]Stage(nil), s.Stages...)
	s.SLO = append([]Objective(nil), s.SLO...)
	d.resolve(&s)
	err := s.Check()
	var bad *FieldError
	if errors.As(err, &bad) {
		return Scenario{}, fmt.Errorf("%s%w", d.given[bad.Field].where, err)
	}
	return s, err
}

// resolve fills in what depends on other fields. What was given later sets aside what was given
// earlier and contradicts it; what was given together is for Check to refuse.
func (d *Draft) resolve(s *Scenario) {
	if d.later("per-room", "rooms") {
		s.Rooms = 0
	}
	if len(s.Stages) > 0 {
		for name, clear := range map[string]func(){
			"bots": func() { s.Bots = 0 }, "for": func() { s.For = 0 }, "ramp": func() { s.Ramp = 0 },
			"rate": func() { s.Rate = 0 }, "stay": func() { s.Stay = 0 },
		} {
			if d.later("stages", name) {
				clear()
			}
		}
		return
	}
	if s.Rate > 0 {
		if d.later("rate", "bots") {
			s.Bots = int(math.Ceil(min(max(2*s.Rate*s.Stay.Seconds(), 10), MostBots)))
		}
		if d.later("rate", "ramp") {
			s.Ramp = 0
		}
		return
	}
	if d.given["ramp"].layer == byDefault {
		s.Ramp = usualRamp(min(s.Bots, MostBots))
		if s.For > 0 {
			s.Ramp = min(s.Ramp, s.For/2).Round(time.Millisecond)
		}
	}
}

// later says whether one field was given after another was.
func (d *Draft) later(name, other string) bool { return d.given[name].layer > d.given[other].layer }

// clash refuses two fields that exclude each other and were given together.
func (d *Draft) clash(name, other string) error {
	a, b := d.given[name], d.given[other]
	if a.layer == byDefault || a.layer != b.layer || d.scenario.Rooms == 0 {
		return nil
	}
	if a.layer == asFlag {
		other = "--" + other
	}
	return fmt.Errorf("%s%s and %s exclude each other: give one of them", a.where, name, other)
}

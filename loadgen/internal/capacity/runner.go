package capacity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

// Config is a search and how its trials are played.
type Config struct {
	What   What
	Base   scenario.Scenario // how the bots play, and what must hold
	Plan   Plan
	Trial  time.Duration // of each, after all bots have come
	Within time.Duration // no trial begins later than this; 0: no bound

	// Play plays one trial, with users and rooms that begin so much higher than the first trial's:
	// nobody meets what an earlier trial left behind.
	Play func(s scenario.Scenario, users, rooms int64) (*result.Run, error)
}

// Answer is what a search found.
type Answer struct {
	What       What     `json:"what"`
	Held       int      `json:"held"`     // largest load that was held; 0: none was
	Returns    float64  `json:"returns"`  // reconnects a second that were measured meanwhile
	Limit      int      `json:"limit"`    // smallest load that was not; 0: none was found
	Servers    bool     `json:"servers"`  // they gave way at the limit, and not the generator
	GaveWay    string   `json:"gave_way"` // what did, in words
	Narrow     bool     `json:"narrow"`   // the search came to its end
	Stopped    bool     `json:"stopped"`  // somebody interrupted it
	Objectives []string `json:"objectives"`
	Trials     []Trial  `json:"trials"`
}

// String is the outcome in reports.
func (o Outcome) String() string {
	return [...]string{"held", "gave way", "generator gave way"}[o]
}

// MarshalText is String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Run searches until it knows, the plan ends, or ctx does. It writes to progress
// what is tried as each trial begins, and what came of it. An error means that nothing could be tried.
func Run(ctx context.Context, c Config, progress io.Writer) (Answer, error) {
	search := NewSearch(c.Plan)
	var trials []Trial
	var users, rooms int64
	began := time.Now()
	fmt.Fprintf(progress, "%9s  %-18s %9s %7s  %s\n", c.What, "outcome", "back/s", "machine", "what gave way first")
	for load, more := search.Next(); more && ctx.Err() == nil; load, more = search.Next() {
		if c.Within > 0 && time.Since(began) > c.Within {
			break
		}
		s := c.What.scenario(c.Base, load, c.Trial)
		if err := s.Check(); err != nil {
			return Answer{}, fmt.Errorf("no scenario of %d %s: %w", load, c.What, err)
		}
		if s.For >= time.Second {
			fmt.Fprintf(progress, "%9d  playing for %s with %s\n", load, s.For.Round(time.Second), many(s.Most(), "bot"))
		}
		run, err := c.Play(s, users, rooms)
		if err != nil && len(trials) == 0 {
			return Answer{}, err
		}
		if ctx.Err() != nil {
			break // an interrupted trial says nothing
		}
		users, rooms = users+int64(s.Most()), rooms+int64(s.RoomCount())
		var trial Trial
		if err != nil {
			trial = Trial{Load: load, Outcome: Gave, Why: err.Error()}
		} else {
			trial = c.What.judge(run, load)
			if len(trials) == 0 && run.Seated == 0 {
				return Answer{}, fmt.Errorf("nobody could play at all: %s", trial.Why)
			}
		}
		trials = append(trials, trial)
		search.Tell(trial.Outcome)
		fmt.Fprintf(progress, "%9d  %-18s %9.0f %6.0f%%  %s\n", load, trial.Outcome, trial.Returns, 100*trial.Machine, trial.Why)
	}
	if len(trials) == 0 {
		return Answer{}, errors.New("interrupted before the first trial came to its end: nothing is known")
	}
	answer := c.answer(search.Found(), trials)
	answer.Stopped = ctx.Err() != nil && !answer.Narrow
	return answer, nil
}

// answer tells what was found.
func (c Config) answer(f Found, trials []Trial) Answer {
	a := Answer{What: c.What, Held: f.Best, Limit: f.Limit, Servers: f.Why == Gave, Narrow: f.Narrow, Trials: trials}
	slo := c.Base.SLO
	if len(slo) == 0 {
		slo = c.What.Objectives()
	}
	for _, o := range slo {
		a.Objectives = append(a.Objectives, o.String())
	}
	held := 0.0
	for _, t := range trials {
		switch {
		case t.Load == f.Limit && t.Outcome == f.Why && a.GaveWay == "":
			a.GaveWay = t.Why
		case t.Load == f.Best && t.Outcome == Held:
			a.Returns += t.Returns
			held++
		}
	}
	a.Returns = math.Round(a.Returns / math.Max(held, 1))
	return a
}

// certain says whether the answer is the servers' capacity.
func (a Answer) certain() bool { return a.Narrow && a.Limit > 0 && a.Servers }

// Exit is the exit code of a program that ends with the answer: 0 if it is the servers' capacity,
// or they held all that was allowed; 4 if they hold nothing; and 3 if nobody knows.
func (a Answer) Exit() int {
	switch {
	case a.certain() && a.Held == 0:
		return result.ExitMissed
	case a.certain(), a.Narrow && a.Limit == 0:
		return result.ExitPass
	}
	return result.ExitInvalid
}

// JSON writes the answer as a document.
func (a Answer) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(a)
}

// many is a number of things.
func many(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// Text writes the answer for people.
func (a Answer) Text(w io.Writer) error {
	thing := string(a.What)
	if a.What == Reconnects {
		thing += " a second"
	}
	var lines []string
	switch {
	case a.Held == 0 && a.Limit > 0 && !a.Servers:
		lines = append(lines, fmt.Sprintf("unknown: the generator gave way first, at %d %s already", a.Limit, thing))
	case a.Held == 0:
		lines = append(lines, fmt.Sprintf("0 %s: not even %d were held", thing, a.Limit))
	case a.certain():
		lines = append(lines, fmt.Sprintf("%d %s", a.Held, thing))
	default:
		lines = append(lines, fmt.Sprintf("at least %d %s", a.Held, thing))
	}
	if a.What == Reconnects && a.Held > 0 {
		lines[0] += fmt.Sprintf(", of which %.0f were measured", a.Returns)
	}
	if a.GaveWay != "" {
		lines = append(lines, fmt.Sprintf("at %d: %s", a.Limit, a.GaveWay))
	}
	switch {
	case a.Limit > 0 && !a.Servers:
		lines = append(lines, "the generator gave way first, and not the servers: use more machines to learn what they hold")
	case a.Limit == 0 && a.Narrow:
		lines = append(lines, "nothing gave way; to learn more, raise --most")
	case a.Stopped:
		lines = append(lines, "it was interrupted before the search came to its end")
	case !a.Narrow:
		lines = append(lines, "the search did not come to its end: give it more --trials, or more time --within")
	}
	lines = append(lines, fmt.Sprintf("%s; objectives: %s", many(len(a.Trials), "trial"), strings.Join(a.Objectives, ", ")))
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

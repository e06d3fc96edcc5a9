// Package capacity finds how much load servers hold, by trials.
//
// search.go decides what to try next and is pure; trial.go makes a scenario of a load and judges
// what came of it; runner.go plays the trials one after the other.
package capacity

import (
	"math"
	"slices"
)

// Outcome is what came of a trial.
type Outcome uint8

const (
	Held  Outcome = iota // every rule and every objective
	Gave                 // the servers broke one
	Spent                // the generator fell behind: the trial says nothing of the servers
)

// Plan bounds a search.
type Plan struct {
	Start      int     // first load
	Most       int     // largest load to try
	Resolution float64 // the search ends when the border is known within this share, such as 0.05
	Votes      int     // equal outcomes that decide at the border, where measurements disagree; at least 1
	Trials     int     // at most so many
}

// Search looks for the largest load that is held: it doubles from Start until one is not, then
// bisects. One trial that held lets it double on; a trial that did not hold is repeated until
// Votes agree, and so is every trial near the border, and the answer. It is nothing for several
// goroutines.
type Search struct {
	plan  Plan
	tried int
	votes map[int]*votes
	held  []int // rising; the last one is the largest that is held, so far
	limit int   // smallest that is not held; 0: none yet
	load  int   // under trial
	over  bool
}

// votes are the outcomes of one load.
type votes [Spent + 1]int

func (v *votes) against() int { return v[Gave] + v[Spent] }

// Found is what a search knows so far.
type Found struct {
	Best   int     // largest load that was held; 0: none was
	Limit  int     // smallest load that was not; 0: none was found
	Why    Outcome // of Limit
	Narrow bool    // Best and Limit are as near as the plan wants, or Best is all that the plan allows
}

// NewSearch begins one.
func NewSearch(p Plan) *Search {
	p.Start = max(p.Start, 1)
	p.Most = max(p.Most, p.Start)
	p.Votes = max(p.Votes, 1)
	return &Search{plan: p, votes: make(map[int]*votes), load: p.Start}
}

// Next is the load to try. False: the search is over.
func (s *Search) Next() (int, bool) {
	return s.load, !s.over && s.tried < s.plan.Trials
}

// Tell is the outcome of the load that Next gave.
func (s *Search) Tell(o Outcome) {
	s.tried++
	v := s.votes[s.load]
	if v == nil {
		v = new(votes)
		s.votes[s.load] = v
	}
	v[o]++
	switch growing := s.limit == 0; {
	case v.against() >= s.plan.Votes:
		s.giveUp(s.load)
	case v[Held] >= s.plan.Votes, growing && v.against() == 0:
		s.keep(s.load)
	default:
		return // once more
	}
	s.choose()
}

// keep notes a load that is held.
func (s *Search) keep(load int) {
	if !slices.Contains(s.held, load) {
		s.held = append(s.held, load)
		slices.Sort(s.held)
	}
}

// giveUp notes a load that is not held. What was held above it once was luck.
func (s *Search) giveUp(load int) {
	s.limit = load
	s.held = slices.DeleteFunc(s.held, func(h int) bool { return h >= load })
}

// best is the largest load that is held; 0: none.
func (s *Search) best() int {
	if len(s.held) == 0 {
		return 0
	}
	return s.held[len(s.held)-1]
}

// choose decides on the next load.
func (s *Search) choose() {
	best := s.best()
	switch {
	case s.limit == 0 && best < s.plan.Most:
		s.load = min(best*2, s.plan.Most)
	case best == 0 && s.limit == 1:
		s.over = true
	case best == 0:
		s.load = max(s.limit/2, 1)
	case s.near(best) && s.votes[best][Held] < s.plan.Votes:
		s.load = best // the answer must not be luck
	case s.near(best):
		s.over = true
	default:
		s.load = middle(best, s.limit)
	}
}

// near says whether the border is known well enough.
func (s *Search) near(best int) bool {
	return s.limit == 0 || s.limit-best <= 1 || float64(s.limit) <= float64(best)*(1+s.plan.Resolution)
}

// middle is between two loads that are at least 2 apart, by their ratio.
func middle(low, high int) int {
	m := int(math.Round(math.Sqrt(float64(low) * float64(high))))
	return min(max(m, low+1), high-1)
}

// Found is what is known.
func (s *Search) Found() Found {
	f := Found{Best: s.best(), Limit: s.limit}
	if v := s.votes[f.Limit]; v != nil && v[Spent] >= v[Gave] {
		f.Why = Spent
	} else if f.Limit > 0 {
		f.Why = Gave
	}
	f.Narrow = s.over
	return f
}

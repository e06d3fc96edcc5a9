package result

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
)

const (
	keepViolations = 5 // of a rule; all are counted
	keepWaves      = 200
	keepNotes      = 200
)

// Merge makes one result of those of several processes that played the same scenario against the
// same servers, each with users and rooms of its own. Counts, rules and histograms are those that
// one process would have had that did it all; what happened is put on one clock, by the second. The
// order of the runs does not matter, nor does it what was merged before. The merged run is judged.
func Merge(runs ...*Run) (*Run, error) {
	if len(runs) == 0 {
		return nil, errors.New("no result was given to merge")
	}
	if err := mergeable(runs); err != nil {
		return nil, err
	}
	sum := &Run{
		Format: Format, Version: runs[0].Version, Target: runs[0].Target, Scenario: runs[0].Scenario,
		Rules: make(map[string]oracle.Tally),
	}
	sum.clock(runs)
	var unusable []string
	for _, r := range runs {
		sum.Scenario.Seed = min(sum.Scenario.Seed, r.Scenario.Seed)
		sum.Processes += r.processes()
		sum.Shares = append(sum.Shares, r.Shares...)
		sum.Came += r.Came
		sum.Seated += r.Seated
		add(&sum.Counts, r.Counts)
		for name, t := range r.Rules {
			all := sum.Rules[name]
			add(&all, t)
			sum.Rules[name] = all
		}
		sum.Violations = append(sum.Violations, r.Violations...)
		sum.Health = sum.Health.and(r.Health)
		sum.Abandoned = sum.Abandoned || r.Abandoned
		unusable = append(unusable, r.useless()...)
	}
	slices.SortFunc(sum.Shares, func(a, b Share) int { return cmp.Compare(a.FirstUser, b.FirstUser) })
	slices.Sort(unusable)
	sum.Unusable = strings.Join(slices.Compact(unusable), "\n")
	sum.Violations = someViolations(sum.Violations)
	sum.Troubles = mergeTroubles(runs)
	var err error
	if sum.Phases, err = mergePhases(runs); err != nil {
		return nil, err
	}
	if sum.Series, err = sum.mergeSeries(runs); err != nil {
		return nil, err
	}
	sum.Waves = sum.mergeWaves(runs)
	sum.Notes = sum.mergeNotes(runs)
	sum.Judge()
	return sum, nil
}

// mergeable says why the runs are not parts of one.
func mergeable(runs []*Run) error {
	type share struct {
		Share
		file int
	}
	var shares []share
	for i, r := range runs {
		first := runs[0]
		switch {
		case r.Version != first.Version:
			return fmt.Errorf("result %d was measured by loadgen %s, and result 1 by %s: use one version", i+1, r.Version, first.Version)
		case r.Target != first.Target:
			return fmt.Errorf("result %d is about %s, and result 1 about %s: merge what was measured at one target, or compare", i+1, r.Target, first.Target)
		}
		if fields := r.Scenario.Differences(first.Scenario); len(fields) > 0 {
			return fmt.Errorf("result %d has another scenario than result 1 (%s): merge what came of one scenario, or compare", i+1, strings.Join(fields, ", "))
		}
		if len(r.Shares) == 0 {
			return fmt.Errorf("result %d does not say with which users and rooms it played", i+1)
		}
		for _, s := range r.Shares {
			shares = append(shares, share{s, i + 1})
		}
	}
	overlap := func(what string, from, size func(Share) int64) error {
		slices.SortFunc(shares, func(a, b share) int { return cmp.Compare(from(a.Share), from(b.Share)) })
		last := -1 // the share that reaches farthest
		for i, s := range shares {
			if size(s.Share) == 0 {
				continue
			}
			if last >= 0 {
				if l := shares[last]; from(s.Share) < from(l.Share)+size(l.Share) {
					return fmt.Errorf("results %d and %d both played with %s %d, so rounds would be counted twice: give each file once, and each process %[3]ss of its own (--first-%[3]s)", min(l.file, s.file), max(l.file, s.file), what, from(s.Share))
				}
			}
			last = i
		}
		return nil
	}
	if err := overlap("user", func(s Share) int64 { return s.FirstUser }, func(s Share) int64 { return s.Users }); err != nil {
		return err
	}
	return overlap("room", func(s Share) int64 { return s.FirstRoom }, func(s Share) int64 { return s.Rooms })
}

func (r *Run) processes() int { return max(r.Processes, 1) }

// useless says why a part of the whole is of no use, which the sums would hide.
func (r *Run) useless() []string {
	var lines []string
	if r.Unusable != "" {
		lines = strings.Split(r.Unusable, "\n")
	}
	if r.processes() > 1 {
		return lines // they were asked
	}
	name := fmt.Sprintf("process with users %d to %d: ", r.Shares[0].FirstUser, r.Shares[0].FirstUser+r.Shares[0].Users-1)
	lines = append(lines, r.unplayed()...)
	for i, line := range lines {
		lines[i] = name + strings.TrimPrefix(line, name) // it has it where it was merged alone
	}
	return lines
}

// add adds counters to counters: structs of uint64.
func add[T any](into *T, more T) {
	a, b := reflect.ValueOf(into).Elem(), reflect.ValueOf(more)
	for i := range a.NumField() {
		a.Field(i).SetUint(a.Field(i).Uint() + b.Field(i).Uint())
	}
}

// clock sets begin and length of the whole.
func (r *Run) clock(runs []*Run) {
	r.Began = runs[0].Began
	var end time.Time
	for _, one := range runs {
		if one.Began.Before(r.Began) {
			r.Began = one.Began
		}
		if e := one.Began.Add(seconds(one.Seconds)); e.After(end) {
			end = e
		}
	}
	r.Began = r.Began.UTC().Round(0)
	r.Seconds = end.Sub(r.Began).Seconds()
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }

// shift is how many seconds what has happened in a part is later on the whole's clock. Clocks are
// put together by their whole seconds, so that no second of a part falls between two of the whole.
func (r *Run) shift(part *Run) float64 {
	whole := func(t time.Time) int64 { return t.Add(time.Second / 2).Unix() }
	return float64(whole(part.Began) - whole(r.Began))
}

func mergePhases(runs []*Run) ([]Phase, error) {
	type key struct{ phase, server string }
	all := make(map[key]*measure.Histogram)
	for _, r := range runs {
		for _, p := range r.Phases {
			k := key{p.Phase, p.Server}
			if all[k] == nil {
				all[k] = measure.NewHistogram()
			}
			if err := all[k].Merge(p.Times); err != nil {
				return nil, fmt.Errorf("times of %s: %w", p.Phase, err)
			}
		}
	}
	keys := slices.SortedFunc(maps.Keys(all), func(a, b key) int {
		return cmp.Or(measure.ComparePhases(a.phase, b.phase), cmp.Compare(a.server, b.server))
	})
	phases := make([]Phase, len(keys))
	for i, k := range keys {
		phases[i] = Phase{Phase: k.phase, Server: k.server, Summary: all[k].Quantiles(), Times: all[k]}
	}
	return phases, nil
}

func (r *Run) mergeSeries(runs []*Run) ([]Second, error) {
	all := make(map[float64]*Second)
	for _, part := range runs {
		shift := r.shift(part)
		var last *Second // of this part
		var bots Population
		for i := range part.Series {
			s := &part.Series[i]
			at := math.Round(s.At) + shift
			sum := all[at]
			if sum == nil {
				sum = &Second{At: at}
				all[at] = sum
			}
			if sum == last { // two of a part in one second: it has the later one's bots
				sum.Bots.add(bots, -1)
			}
			bots = s.Bots
			sum.Bots.add(bots, 1)
			last = sum
			if err := sum.add(s); err != nil {
				return nil, fmt.Errorf("second %v: %w", at, err)
			}
		}
	}
	series := make([]Second, 0, len(all))
	for _, at := range slices.Sorted(maps.Keys(all)) {
		for _, h := range all[at].Times {
			h.Compact()
		}
		series = append(series, *all[at])
	}
	return series, nil
}

// add adds everything but the bots, who are not counted up.
func (s *Second) add(o *Second) error {
	for _, pair := range [...][2]*uint64{
		{&s.Sent, &o.Sent}, {&s.Events, &o.Events}, {&s.Settlements, &o.Settlements}, {&s.Rolls, &o.Rolls},
		{&s.Connects, &o.Connects}, {&s.Broken, &o.Broken}, {&s.Lost, &o.Lost}, {&s.Returns, &o.Returns},
		{&s.Troubles, &o.Troubles}, {&s.Checked, &o.Checked}, {&s.Violated, &o.Violated}, {&s.Unknown, &o.Unknown},
	} {
		*pair[0] += *pair[1]
	}
	s.CPU += o.CPU
	for phase, times := range o.Times {
		if s.Times == nil {
			s.Times = make(map[string]*measure.Histogram)
		}
		if s.Times[phase] == nil {
			s.Times[phase] = measure.NewHistogram()
		}
		if err := s.Times[phase].Merge(times); err != nil {
			return fmt.Errorf("times of %s: %w", phase, err)
		}
	}
	return nil
}

func (p *Population) add(o Population, sign int) {
	p.Wanted += sign * o.Wanted
	p.Connecting += sign * o.Connecting
	p.Seated += sign * o.Seated
	p.Watching += sign * o.Watching
	p.Away += sign * o.Away
	p.Out += sign * o.Out
}

// mergeWaves makes one wave of those that began in the same second. The greatest are kept.
func (r *Run) mergeWaves(runs []*Run) []Wave {
	type key struct {
		at  float64
		own bool
	}
	all := make(map[key]*Wave)
	for _, part := range runs {
		shift := r.shift(part)
		for _, w := range part.Waves {
			w.At = math.Round(w.At) + shift
			k := key{w.At, w.Own}
			sum := all[k]
			if sum == nil {
				all[k] = &w
				continue
			}
			sum.Lost += w.Lost
			sum.Back += w.Back
			sum.Half, sum.Most, sum.Whole = inEach(sum.Half, w.Half), inEach(sum.Most, w.Most), inEach(sum.Whole, w.Whole)
		}
	}
	waves := make([]Wave, 0, len(all))
	for _, w := range all {
		waves = append(waves, *w)
	}
	slices.SortFunc(waves, func(a, b Wave) int {
		return cmp.Or(-cmp.Compare(a.Lost, b.Lost), cmp.Compare(a.At, b.At), boolean(a.Own)-boolean(b.Own))
	})
	waves = waves[:min(len(waves), keepWaves)]
	slices.SortFunc(waves, func(a, b Wave) int {
		return cmp.Or(cmp.Compare(a.At, b.At), boolean(a.Own)-boolean(b.Own))
	})
	return waves
}

// inEach is when something was so in both; 0: never.
func inEach(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a, b)
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// mergeNotes puts the notes in order, each once.
func (r *Run) mergeNotes(runs []*Run) []Note {
	notes := []Note{}
	for _, part := range runs {
		shift := seconds(r.shift(part))
		for _, n := range part.Notes {
			notes = append(notes, Note{At: n.At.Round(time.Second) + shift, Text: n.Text})
		}
	}
	slices.SortFunc(notes, func(a, b Note) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Text, b.Text)) })
	notes = slices.Compact(notes)
	return notes[:min(len(notes), keepNotes)]
}

// someViolations are the first of each rule, by their rooms.
func someViolations(all []Violation) []Violation {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Room, b.Room), cmp.Compare(a.Text, b.Text))
	})
	kept := make([]Violation, 0, len(all))
	of := make(map[string]int)
	for _, v := range all {
		if of[v.Rule]++; of[v.Rule] <= keepViolations {
			kept = append(kept, v)
		}
	}
	return kept
}

func mergeTroubles(runs []*Run) []Trouble {
	counts := make(map[string]uint64)
	for _, r := range runs {
		for _, t := range r.Troubles {
			counts[t.Text] += t.Count
		}
	}
	troubles := make([]Trouble, 0, len(counts))
	for text, n := range counts {
		troubles = append(troubles, Trouble{text, n})
	}
	slices.SortFunc(troubles, func(a, b Trouble) int {
		return cmp.Or(-cmp.Compare(a.Count, b.Count), cmp.Compare(a.Text, b.Text))
	})
	return troubles
}

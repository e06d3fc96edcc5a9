package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"croupier/loadgen/internal/measure"
)

// Max is the percentile of an objective that bounds the longest time.
const Max = 100

// percentiles are those that results tell.
var percentiles = []float64{50, 90, 99, 99.9, Max}

// Name is what the objective bounds: action-p99, reseat-p99.9, late-max.
func (o Objective) Name() string {
	if o.Percentile == Max {
		return o.Phase + "-max"
	}
	return o.Phase + "-p" + strconv.FormatFloat(o.Percentile, 'f', -1, 64)
}

// String is the objective as a flag gives it: action-p99=50ms.
func (o Objective) String() string { return o.Name() + "=" + formatDuration(o.Limit) }

// MarshalText is String.
func (o Objective) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads action-p99=50ms; a < or a colon may stand for the =.
func (o *Objective) UnmarshalText(text []byte) error {
	read, err := ParseObjective(string(text))
	if err == nil {
		*o = read
	}
	return err
}

// ParseObjective reads action-p99=50ms; a < or a colon may stand for the =.
func ParseObjective(text string) (Objective, error) {
	at := strings.IndexAny(text, "=<:")
	if at < 0 {
		return Objective{}, fmt.Errorf("%s names no limit: write it like action-p99=50ms", shown(text))
	}
	return makeObjective(strings.TrimSpace(text[:at]), strings.TrimSpace(text[at+1:]))
}

// makeObjective reads the two parts of an objective.
func makeObjective(name, limit string) (Objective, error) {
	phase, percentile, found := strings.Cut(name, "-")
	if !found {
		return Objective{}, fmt.Errorf("%s names no percentile: write it like %s-p99 or %[2]s-max", shown(name), nearestOr(phase, phases(), "action"))
	}
	o := Objective{Phase: phase}
	if _, ok := measure.ParsePhase(phase); !ok {
		return Objective{}, fmt.Errorf("%s is no phase%s: choose among %s", shown(phase), meant(phase, phases()), strings.Join(phases(), ", "))
	}
	if percentile == "max" {
		o.Percentile = Max
	} else if n, err := strconv.ParseFloat(strings.TrimPrefix(percentile, "p"), 64); err == nil && strings.HasPrefix(percentile, "p") {
		o.Percentile = n
	}
	if !slices.Contains(percentiles, o.Percentile) {
		return Objective{}, fmt.Errorf("%s is no percentile that is measured: choose among p50, p90, p99, p99.9, max", shown(percentile))
	}
	var err error
	if o.Limit, err = parseDuration(limit); err != nil {
		return Objective{}, fmt.Errorf("%s: %w", name, err)
	}
	return o, o.check()
}

// check refuses an objective that can't be met or not be measured.
func (o Objective) check() error {
	if _, ok := measure.ParsePhase(o.Phase); !ok || !slices.Contains(percentiles, o.Percentile) {
		return fmt.Errorf("%s is not measured", shown(o.Name()))
	}
	if o.Limit <= 0 || o.Limit > time.Hour {
		return fmt.Errorf("%s: a limit of %s: from a microsecond to an hour", o.Name(), formatDuration(o.Limit))
	}
	return nil
}

// phases are the names of all phases.
func phases() []string {
	names := make([]string, measure.Phases)
	for p := range names {
		names[p] = measure.Phase(p).String()
	}
	return names
}

package report

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/result"
)

// row is the times of a phase: of all servers, or of those of one version.
type row struct {
	Phase  string
	Server string // of one of several versions
	Whole  bool   // all servers
	measure.Quantiles
	Times *measure.Histogram
}

// rows are the phases in the order in which they happen. Where servers of several versions took
// part in a phase, its sum is followed by a row for each of them.
func rows(phases []result.Phase) []row {
	parts := make(map[string][]result.Phase)
	for _, p := range phases {
		parts[p.Phase] = append(parts[p.Phase], p)
	}
	var all []row
	for _, name := range phaseNames(parts) {
		some := parts[name]
		slices.SortStableFunc(some, func(a, b result.Phase) int { return cmp.Compare(a.Server, b.Server) })
		whole := row{Phase: name, Whole: true, Quantiles: some[0].Summary, Times: some[0].Times}
		if len(some) > 1 {
			whole.Times = measure.NewHistogram()
			for _, p := range some {
				add(whole.Times, p.Times)
			}
			whole.Quantiles = whole.Times.Quantiles()
		}
		all = append(all, whole)
		if len(some) == 1 {
			continue
		}
		for _, p := range some {
			all = append(all, row{Phase: name, Server: serverName(p.Server), Quantiles: p.Summary, Times: p.Times})
		}
	}
	return all
}

// phaseNames are the keys of a map in the order in which phases happen.
func phaseNames[V any](m map[string]V) []string {
	return slices.SortedFunc(maps.Keys(m), measure.ComparePhases)
}

func serverName(version string) string {
	if version == "" {
		return "(not said)"
	}
	return version
}

// versions are those that servers named.
func versions(phases []result.Phase) []string {
	var all []string
	for _, p := range phases {
		if p.Server != "" && !slices.Contains(all, p.Server) {
			all = append(all, p.Server)
		}
	}
	slices.Sort(all)
	return all
}

// add merges a histogram into another one. One that would not fit, which takes 2^63 times, is left
// out.
func add(into, from *measure.Histogram) {
	if err := into.Merge(from); err != nil {
		return
	}
}

// merge adds up histograms by phase.
func merge(into, from map[string]*measure.Histogram) {
	for name, h := range from {
		if h.Count() == 0 {
			continue
		}
		if into[name] == nil {
			into[name] = h.Clone()
			continue
		}
		add(into[name], h)
	}
}

// stepsOfNine is how many points a line through percentiles has for each further nine.
const stepsOfNine = 12

// odds are the places at which a distribution of up to n times is drawn, as one in how many is
// longer: so close together that each nine gets as many, up to where one of the n stands for itself.
func odds(n uint64) []float64 {
	var all []float64
	last := math.Log10(float64(max(n, 1)))
	for i := 0; float64(i)/stepsOfNine < last-1e-9; i++ {
		all = append(all, math.Pow(10, float64(i)/stepsOfNine))
	}
	return append(all, float64(max(n, 1)))
}

// percentile is the name of the one that one in so many exceeds: 99.9%.
func percentile(odds float64) string {
	s := strconv.FormatFloat(100-100/odds, 'f', int(max(1, math.Ceil(math.Log10(odds)-1e-9))), 64)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".") + "%"
}

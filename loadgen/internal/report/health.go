package report

import (
	"cmp"
	"fmt"
	"slices"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/report/chart"
	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
)

// vital is one thing about the generator's own health.
type vital struct {
	Name, Value string
	Limit       string // within which it must be for the run to say anything; empty: there is none
	Over        bool
}

// vitals are the generator's health for people. What nobody looked at is left out.
func vitals(run *result.Run) []vital {
	h := run.Health
	all := []vital{{
		Name: "send lag", Value: "not measured",
		Limit: "at most " + chart.Duration(result.WorstLag) + " at p99", Over: h.Lag.Count >= result.EnoughLags && h.Lag.P99 > result.WorstLag,
	}}
	if h.Lag.Count > 0 {
		all[0].Value = fmt.Sprintf("p50 %s, p99 %s, max %s", chart.Duration(h.Lag.P50), chart.Duration(h.Lag.P99), chart.Duration(h.Lag.Max))
	}
	if h.Seconds > 0 {
		all = append(all,
			vital{Name: "processor", Value: fmt.Sprintf("%.2f cores, %s of that in garbage collection", h.CPU, percent(h.GC))},
			vital{Name: "machine", Value: percent(h.Machine) + " busy in all"},
			vital{Name: "memory", Value: words.Bytes(h.Memory) + " at most" + perBot(h.PerBot)},
			vital{Name: "longest pause", Value: chart.Duration(h.Pause)},
			vital{Name: "ports left", Value: left(h.PortsLeft), Limit: "more than none", Over: h.PortsLeft == 0},
			vital{Name: "files left", Value: left(h.FilesLeft), Limit: "more than none", Over: h.FilesLeft == 0},
		)
	}
	return append(all, vital{Name: "fell behind", Value: many(h.Slow, "time"), Limit: "never", Over: h.Slow > 0})
}

// left is a number that may not be known.
func left(n int) string {
	if n == measure.Unknown {
		return "not known"
	}
	return words.Count(n)
}

func perBot(n uint64) string {
	if n == 0 {
		return ""
	}
	return ", " + words.Bytes(n) + " a bot"
}

// worstWaves are the n waves in which most bots lost their connections, in the order of time.
func worstWaves(waves []result.Wave, n int) []result.Wave {
	some := slices.Clone(waves)
	slices.SortStableFunc(some, func(a, b result.Wave) int { return cmp.Compare(b.Lost, a.Lost) })
	some = some[:min(n, len(some))]
	slices.SortStableFunc(some, func(a, b result.Wave) int { return cmp.Compare(a.At, b.At) })
	return some
}

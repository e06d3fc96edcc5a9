package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/result"
)

// column is one of the CSV's.
type column struct {
	name string
	of   func(result.Second) string
}

func amount[N int | uint64](of func(result.Second) N) func(result.Second) string {
	return func(s result.Second) string { return fmt.Sprint(of(s)) }
}

func decimal(of func(result.Second) float64) func(result.Second) string {
	return func(s result.Second) string { return strconv.FormatFloat(of(s), 'f', -1, 64) }
}

// columns are what CSV writes, in order; a later version adds at the end only.
var columns = func() []column {
	all := []column{
		{"at", decimal(func(s result.Second) float64 { return s.At })},
		{"wanted", amount(func(s result.Second) int { return s.Bots.Wanted })},
		{"connecting", amount(func(s result.Second) int { return s.Bots.Connecting })},
		{"seated", amount(func(s result.Second) int { return s.Bots.Seated })},
		{"watching", amount(func(s result.Second) int { return s.Bots.Watching })},
		{"away", amount(func(s result.Second) int { return s.Bots.Away })},
		{"out", amount(func(s result.Second) int { return s.Bots.Out })},
		{"sent", amount(func(s result.Second) uint64 { return s.Sent })},
		{"events", amount(func(s result.Second) uint64 { return s.Events })},
		{"settlements", amount(func(s result.Second) uint64 { return s.Settlements })},
		{"rolls", amount(func(s result.Second) uint64 { return s.Rolls })},
		{"connects", amount(func(s result.Second) uint64 { return s.Connects })},
		{"broken", amount(func(s result.Second) uint64 { return s.Broken })},
		{"lost", amount(func(s result.Second) uint64 { return s.Lost })},
		{"returns", amount(func(s result.Second) uint64 { return s.Returns })},
		{"troubles", amount(func(s result.Second) uint64 { return s.Troubles })},
		{"checked", amount(func(s result.Second) uint64 { return s.Checked })},
		{"violated", amount(func(s result.Second) uint64 { return s.Violated })},
		{"unknown", amount(func(s result.Second) uint64 { return s.Unknown })},
		{"cpu_cores", decimal(func(s result.Second) float64 { return math.Round(s.CPU*1000) / 1000 })},
	}
	for p := range measure.Phases {
		name := p.String()
		all = append(all, column{name + "_count", amount(func(s result.Second) uint64 { return s.Times[name].Count() })})
		for _, q := range []struct {
			name       string
			percentile float64
		}{{"p50", 50}, {"p99", 99}, {"max", 100}} {
			all = append(all, column{name + "_" + q.name + "_ms", func(s result.Second) string {
				h := s.Times[name]
				if h.Count() == 0 {
					return ""
				}
				return strconv.FormatFloat(float64(h.At(q.percentile).Microseconds())/1000, 'f', -1, 64)
			}})
		}
	}
	return all
}()

// CSV writes the run's series, a line for each second after one with the columns' names:
//
//   - at: the end of the second, in seconds since the begin of the run.
//   - wanted: how many bots the scenario wants at this moment.
//   - connecting, seated, watching, away, out: how many bots are there. The away lost their
//     connection and want back; the out stood up and rest.
//   - sent, events, settlements, rolls, connects, broken, lost, returns, troubles: how many there were
//     in this second: requests of bots, events that rooms told bots, rounds settled, rolls
//     acknowledged, connections made, broken by bots, and lost otherwise, returns to the table after
//     either, and whatever went wrong.
//   - checked, violated, unknown: what became of the checks of all rules in this second.
//   - cpu_cores: what the generator used.
//   - for each phase, such as action: action_count, action_p50_ms, action_p99_ms, action_max_ms, of
//     the times that ended in this second; empty where there were none.
func CSV(w io.Writer, run *result.Run) error {
	c := csv.NewWriter(w)
	line := make([]string, len(columns))
	for i, one := range columns {
		line[i] = one.name
	}
	err := c.Write(line)
	for _, second := range run.Series {
		if err != nil {
			break
		}
		for i, one := range columns {
			line[i] = one.of(second)
		}
		err = c.Write(line)
	}
	c.Flush()
	if err == nil {
		err = c.Error()
	}
	return err
}

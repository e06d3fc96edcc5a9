package lines

import (
	"encoding/json"
	"math"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/result"
)

// Line is a snapshot for programs: a published format, to which fields are added and from which none
// are taken. Times are in nanoseconds where the name ends in _ns, else in seconds. Rates and counts
// named after a second are those of the second that ended at At.
type Line struct {
	At      float64        `json:"at"`      // since the begin of the run
	Left    *float64       `json:"left"`    // until the scenario ends; null: open end
	Stage   string         `json:"stage"`   // for people
	Verdict result.Verdict `json:"verdict"` // so far: PASS, FAIL, SLO or INVALID; empty: too early to say
	Reasons []string       `json:"reasons"`

	Bots  result.Population `json:"bots"`
	Rates Rates             `json:"rates"`

	Phases map[string]measure.Quantiles `json:"phases"` // of the last ten seconds; phases without times are left out

	Checked  uint64          `json:"checked"` // of the whole run, as the next two
	Violated uint64          `json:"violated"`
	Unknown  uint64          `json:"unknown"`
	Rules    map[string]Rule `json:"rules"`

	Wave      *result.Wave `json:"wave"` // the newest one; null: there was none
	Generator Generator    `json:"generator"`
	Troubles  uint64       `json:"troubles"` // in the second
	Note      string       `json:"note"`     // the newest of what was done to the servers or the run
}

// Rates are how often something happened in a second.
type Rates struct {
	Actions     float64 `json:"actions"`
	Settlements float64 `json:"settlements"`
	Requests    float64 `json:"requests"`
	Events      float64 `json:"events"`
	Connects    float64 `json:"connects"`
	Broken      float64 `json:"broken"` // connections, by bots
	Lost        float64 `json:"lost"`   // connections, by others
	Returns     float64 `json:"returns"`
}

// Rule is what became of the checks of one rule.
type Rule struct {
	Checked  uint64 `json:"checked"`
	Violated uint64 `json:"violated"`
	Unknown  uint64 `json:"unknown"`
}

// Generator is how the generator itself does.
type Generator struct {
	LagP99    int64   `json:"lag_p99_ns"`     // of the last ten seconds
	LagP99Run int64   `json:"lag_p99_run_ns"` // of the whole run; it decides whether the run is INVALID
	CPU       float64 `json:"cpu"`            // cores, in the second
	Machine   float64 `json:"machine"`        // share of the machine that is busy with anything, mean of the run
	Memory    uint64  `json:"memory"`         // bytes
	PerBot    uint64  `json:"per_bot"`        // bytes
	PortsLeft int     `json:"ports_left"`     // -1: not known
	FilesLeft int     `json:"files_left"`     // -1: not known
}

// JSON is a snapshot as a JSON object in one line, without its end. Its fields are those of Line.
func JSON(s live.Snapshot) ([]byte, error) { return json.Marshal(line(s)) }

func line(s live.Snapshot) Line {
	r := s.Run
	if r == nil {
		r = &result.Run{}
	}
	last, took := lastSecond(r)
	rate := func(count uint64) float64 {
		if took <= 0 {
			return 0
		}
		return math.Round(float64(count)/took*1000) / 1000
	}
	verdict, _ := live.Verdict(s)
	if verdict == live.NoVerdict {
		verdict = ""
	}
	checks := r.Checks()
	l := Line{
		At: s.At.Seconds(), Stage: s.Stage, Verdict: verdict, Reasons: append([]string{}, r.Reasons...),
		Bots: last.Bots,
		Rates: Rates{
			Actions: rate(last.Rolls), Settlements: rate(last.Settlements), Requests: rate(last.Sent), Events: rate(last.Events),
			Connects: rate(last.Connects), Broken: rate(last.Broken), Lost: rate(last.Lost), Returns: rate(last.Returns),
		},
		Phases:  make(map[string]measure.Quantiles),
		Checked: checks.Checked, Violated: checks.Violated, Unknown: checks.Unknown,
		Rules: make(map[string]Rule, len(r.Rules)),
		Generator: Generator{
			LagP99: int64(s.Recent[measure.Lag.String()].P99), LagP99Run: int64(r.Health.Lag.P99),
			CPU: last.CPU, Machine: r.Health.Machine, Memory: r.Health.Memory, PerBot: r.Health.PerBot,
			PortsLeft: r.Health.PortsLeft, FilesLeft: r.Health.FilesLeft,
		},
		Troubles: last.Troubles,
	}
	if r.Health.Seconds == 0 {
		l.Generator.PortsLeft, l.Generator.FilesLeft = measure.Unknown, measure.Unknown
	}
	if s.Left >= 0 {
		left := s.Left.Seconds()
		l.Left = &left
	}
	for name, q := range s.Recent {
		if q.Count > 0 {
			l.Phases[name] = q
		}
	}
	for name, t := range r.Rules {
		l.Rules[name] = Rule(t)
	}
	if n := len(r.Waves); n > 0 {
		l.Wave = &r.Waves[n-1]
	}
	if n := len(s.Notes); n > 0 {
		l.Note = s.Notes[n-1].Text
	}
	return l
}

// Package result is what a run brought: the published format of loadgen's result files, the
// verdict on it, and how the results of several processes become one.
//
// A Run is plain data without a lock. Those who are shown a run that goes on only read it.
package result

import (
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/scenario"
)

// Format names the version of the file format.
const Format = "croupier-loadgen/1"

// Verdict is what a run says about the servers.
type Verdict string

const (
	Pass    Verdict = "PASS"    // every rule was checked as far as it could be, none was broken, and every objective was met
	Fail    Verdict = "FAIL"    // a rule was broken, and there is proof
	Missed  Verdict = "SLO"     // no rule was broken, but an objective was missed
	Invalid Verdict = "INVALID" // the run says nothing: the target could not be played on, or the generator fell behind
)

// Run is a result. While the run goes on it is the result so far.
type Run struct {
	Format  string   `json:"format"`
	Verdict Verdict  `json:"verdict"`
	Reasons []string `json:"reasons"`

	Version   string            `json:"version"` // of loadgen
	Target    string            `json:"target"`
	Began     time.Time         `json:"began"`
	Seconds   float64           `json:"seconds"`
	Processes int               `json:"processes"` // whose results this is
	Shares    []Share           `json:"shares"`    // of each of them, by their first users
	Scenario  scenario.Scenario `json:"scenario"`

	Came       int64                   `json:"came"`   // bots that started
	Seated     int64                   `json:"seated"` // of them, those that had a place at a table at some time
	Counts     oracle.Counts           `json:"counts"`
	Rules      map[string]oracle.Tally `json:"rules"`
	Violations []Violation             `json:"violations"`

	Phases     []Phase   `json:"phases"` // totals, by phase and server version
	Objectives []Outcome `json:"objectives"`
	Series     []Second  `json:"series"`
	Waves      []Wave    `json:"waves"`
	Notes      []Note    `json:"notes"`
	Health     Health    `json:"health"`
	Troubles   []Trouble `json:"troubles"` // the most frequent first

	Unusable  string `json:"unusable,omitempty"` // why the run was given up
	Abandoned bool   `json:"abandoned"`          // the run was broken off, and bots did not get up from their tables
}

// Share is what one process plays with: users and rooms that are nobody else's. Rounds that two
// processes watch would be counted twice.
type Share struct {
	FirstUser int64 `json:"first_user"`
	Users     int64 `json:"users"`
	FirstRoom int64 `json:"first_room"`
	Rooms     int64 `json:"rooms"`
}

// Violation is a broken rule with the room's last events, as people read them.
type Violation struct {
	Rule  string   `json:"rule"`
	Room  int64    `json:"room"`
	Text  string   `json:"text"`
	Proof []string `json:"proof"`
}

// Phase is the times of one phase with servers of one version.
type Phase struct {
	Phase   string             `json:"phase"`
	Server  string             `json:"server"` // version; empty: it did not say, or none was reached yet
	Summary measure.Quantiles  `json:"summary"`
	Times   *measure.Histogram `json:"times"`
}

// Outcome is what became of an objective.
type Outcome struct {
	Name     string        `json:"name"` // action-p99
	Limit    time.Duration `json:"limit_ns"`
	Measured time.Duration `json:"measured_ns"`
	Count    uint64        `json:"count"` // of measurements; none: the objective was not tested
	Met      bool          `json:"met"`
}

// Population is how many bots are where.
type Population struct {
	Wanted     int `json:"wanted"` // by the scenario, at this moment
	Connecting int `json:"connecting"`
	Seated     int `json:"seated"`
	Watching   int `json:"watching"`
	Away       int `json:"away"` // they lost the connection and want back
	Out        int `json:"out"`  // they stood up, or the room was closed, and they will sit down again
}

// Present is how many bots there are, wherever they are.
func (p Population) Present() int {
	return p.Connecting + p.Seated + p.Watching + p.Away + p.Out
}

// Second is what happened in one second of a run, with the bots of all processes.
type Second struct {
	At          float64                       `json:"at"` // its end, in seconds since the begin of the run
	Bots        Population                    `json:"bots"`
	Sent        uint64                        `json:"sent"`   // requests of bots
	Events      uint64                        `json:"events"` // that rooms told bots
	Settlements uint64                        `json:"settlements"`
	Rolls       uint64                        `json:"rolls"`
	Connects    uint64                        `json:"connects"`
	Broken      uint64                        `json:"broken"` // connections, by bots
	Lost        uint64                        `json:"lost"`   // connections, by others
	Returns     uint64                        `json:"returns"`
	Troubles    uint64                        `json:"troubles"`
	Checked     uint64                        `json:"checked"`
	Violated    uint64                        `json:"violated"`
	Unknown     uint64                        `json:"unknown"`
	Times       map[string]*measure.Histogram `json:"times"` // by phase, all versions together; phases without times are left out
	CPU         float64                       `json:"cpu"`   // of the generator, in cores
}

// Wave is a time in which many bots lost their connections at once, and what it took until they
// were back: where several processes saw it, until they were in each.
type Wave struct {
	At    float64       `json:"at"` // seconds since the begin of the run
	Lost  int           `json:"lost"`
	Own   bool          `json:"own"`     // the scenario's own storm, and not the servers' doing
	Back  int           `json:"back"`    // of them, in their seats again
	Half  time.Duration `json:"half_ns"` // until half of them were; 0: they were not
	Most  time.Duration `json:"most_ns"` // until 99 of 100 were
	Whole time.Duration `json:"whole_ns"`
}

// Note is something that was done to the servers or to the run: a storm, a restart.
type Note struct {
	At   time.Duration `json:"at_ns"` // since the begin of the run
	Text string        `json:"text"`
}

// Health is how the generator itself did: the means over the time of all processes, and the worst of
// any.
type Health struct {
	Seconds   float64           `json:"seconds"` // over which the means are, of all processes together; 0: nobody looked
	Lag       measure.Quantiles `json:"lag"`     // of the process in which it was worst
	CPU       float64           `json:"cpu"`     // mean of a process, in cores
	Machine   float64           `json:"machine"` // mean share of the machine's processors that was busy with anything
	GC        float64           `json:"gc"`      // share of the generator's own processor time
	Pause     time.Duration     `json:"pause_ns"`
	Memory    uint64            `json:"memory"` // most bytes resident, of a process
	PerBot    uint64            `json:"per_bot"`
	PortsLeft int               `json:"ports_left"` // fewest; measure.Unknown: not known
	FilesLeft int               `json:"files_left"` // fewest; measure.Unknown: not known
	Slow      uint64            `json:"slow"`       // times that the generator could not take what it was told
}

// Trouble is something that went wrong, and how often.
type Trouble struct {
	Text  string `json:"text"`
	Count uint64 `json:"count"`
}

// Package scenario is the description of a run: who plays, how, for how long, and what the servers
// must hold meanwhile. It is a small YAML file, a preset, or flags, and every field can be given in
// each of these ways. A Scenario is a value, and everything here is pure: no file is read, and nothing
// is waited for.
package scenario

import "time"

// Scenario describes a run. The zero value of a field has the meaning stated; Default fills in what
// most runs want.
type Scenario struct {
	Name string `yaml:"name"`
	Game string `yaml:"game"` // that the bots know: dice

	// Population.
	Bots       int           `yaml:"bots"`       // closed: so many play at once; open: never more than so many
	PerRoom    int           `yaml:"per-room"`   // bots that share a room, when Rooms is 0
	Rooms      int           `yaml:"rooms"`      // that they share, as evenly as can be; 0: as many as PerRoom makes
	Spectators int           `yaml:"spectators"` // bots in each room beside these, who come last and watch, from the bench where they get a seat
	For        time.Duration `yaml:"for"`        // how long they play; 0: until stopped
	Ramp       time.Duration `yaml:"ramp"`       // over which they arrive, evenly
	Stages     []Stage       `yaml:"stages"`     // in place of Bots, For and Ramp
	Rate       float64       `yaml:"rate"`       // open: bots that arrive in a second, whatever became of those before; 0: closed
	Stay       time.Duration `yaml:"stay"`       // open: mean time for which a bot stays

	// Play.
	Think time.Duration `yaml:"think"` // mean time before a roll
	Leave float64       `yaml:"leave"` // chance in each round that a bot stands up, to sit down again later
	Rest  time.Duration `yaml:"rest"`  // mean time until it does
	Hop   float64       `yaml:"hop"`   // chance that it then sits down in another room of the run
	Idle  float64       `yaml:"idle"`  // share of bots that sit and never roll
	Bench float64       `yaml:"bench"` // chance after each round that a bot goes to the bench, from there to a seat, or to another seat
	Ping  time.Duration `yaml:"ping"`  // mean time between two pings that a bot at a table sends to its room; 0: none

	// Connections.
	Flap       float64       `yaml:"flap"`        // mean number of times in a minute that a bot loses its connection
	StormEvery time.Duration `yaml:"storm-every"` // all at once lose theirs so often; 0: never
	StormShare float64       `yaml:"storm-share"` // share of the bots that a storm hits
	Reconnect  Model         `yaml:"reconnect"`
	Backoff    time.Duration `yaml:"backoff"` // jitter: the longest pause; fixed: the pause; storm: they come back together at multiples of it

	// Judgement.
	Patience time.Duration `yaml:"patience"` // how long a player may be kept from the table
	Late     time.Duration `yaml:"late"`     // how late a settlement or a start may be
	SLO      []Objective   `yaml:"slo"`

	Seed    uint64 `yaml:"seed"`    // of everything left to chance; 0: from the clock
	Sources int    `yaml:"sources"` // how many addresses of 127.0.0.0/8 to connect from, for servers on this machine; 0: as many as the bots need
}

// Stage is a part of a run in which the population goes evenly from what it was to Bots.
type Stage struct {
	For  time.Duration `yaml:"for"`
	Bots int           `yaml:"bots"`
}

// Model is how bots come back after they lost a connection.
type Model string

const (
	Jitter Model = "jitter" // doubling pauses with full jitter, as good clients do
	Fixed  Model = "fixed"  // always after the same pause
	Storm  Model = "storm"  // all at the same moment
	Never  Model = "none"   // a lost connection is the end of that bot
)

// Objective is an upper bound of a percentile of one phase's times, such as action-p99: 50ms.
type Objective struct {
	Phase      string // as measure.Phase says
	Percentile float64
	Limit      time.Duration
}

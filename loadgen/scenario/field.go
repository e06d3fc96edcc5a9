package scenario

import (
	"fmt"
	"slices"
)

// Field is one field of a scenario: a key in YAML and JSON, and a flag, of the same name.
type Field struct {
	Name  string
	Short string // one letter for the flag; mostly empty
	Group string
	Unit  string // what a value looks like, for --help: TIME, N
	Usage string // half a sentence
	Auto  string // what stands in for a value that nobody gave, where that depends on other fields

	in func(*Scenario) any // pointer to the value
}

// Groups of fields, in the order of Fields.
const (
	population  = "Bots and rooms"
	play        = "Play"
	connections = "Connections"
	judgement   = "Verdict"
	chance      = "Seed and addresses"
)

// fields is the one table that YAML, JSON, flags and documentation are made of.
var fields = []Field{
	{Name: "name", Group: population, Unit: "TEXT", Usage: "what results call this scenario", in: func(s *Scenario) any { return &s.Name }},
	{Name: "game", Group: population, Unit: "GAME", Usage: "what the bots play: dice", in: func(s *Scenario) any { return &s.Game }},
	{Name: "bots", Short: "b", Group: population, Unit: "N", Usage: "how many bots play at once; with rate: never more than so many", Auto: "with rate: twice what rate and stay make", in: func(s *Scenario) any { return &s.Bots }},
	{Name: "per-room", Group: population, Unit: "N", Usage: "how many bots share a room", in: func(s *Scenario) any { return &s.PerRoom }},
	{Name: "rooms", Group: population, Unit: "N", Usage: "how many rooms they share, as evenly as can be, in place of per-room", in: func(s *Scenario) any { return &s.Rooms }},
	{Name: "spectators", Group: population, Unit: "N", Usage: "bots in each room beside these, who come last and watch, from the bench where they get a seat", in: func(s *Scenario) any { return &s.Spectators }},
	{Name: "for", Group: population, Unit: "TIME", Usage: "how long they play; 0: until stopped", in: func(s *Scenario) any { return &s.For }},
	{Name: "ramp", Group: population, Unit: "TIME", Usage: "the time over which they arrive, evenly", Auto: "a second for 200 bots, at most half of for", in: func(s *Scenario) any { return &s.Ramp }},
	{Name: "stages", Group: population, Unit: "TIME:BOTS,...", Usage: "in place of bots, for and ramp: in each stage the number of bots goes evenly to the stage's", in: func(s *Scenario) any { return &s.Stages }},
	{Name: "rate", Group: population, Unit: "N", Usage: "open arrival: so many bots come in a second, whatever became of those before; 0: as many as bots, all the time", in: func(s *Scenario) any { return &s.Rate }},
	{Name: "stay", Group: population, Unit: "TIME", Usage: "with rate: mean time for which a bot stays", in: func(s *Scenario) any { return &s.Stay }},

	{Name: "think", Group: play, Unit: "TIME", Usage: "mean time before a bot rolls", in: func(s *Scenario) any { return &s.Think }},
	{Name: "leave", Group: play, Unit: "CHANCE", Usage: "chance in each round that a bot stands up, to come back later", in: func(s *Scenario) any { return &s.Leave }},
	{Name: "rest", Group: play, Unit: "TIME", Usage: "mean time until it comes back", in: func(s *Scenario) any { return &s.Rest }},
	{Name: "hop", Group: play, Unit: "CHANCE", Usage: "chance that it then sits down in another room of the run", in: func(s *Scenario) any { return &s.Hop }},
	{Name: "idle", Group: play, Unit: "SHARE", Usage: "share of the bots that sit and never roll", in: func(s *Scenario) any { return &s.Idle }},

	{Name: "bench", Group: play, Unit: "CHANCE", Usage: "chance after each round that a bot goes to the spectators' bench, from there to a seat, or to another seat", in: func(s *Scenario) any { return &s.Bench }},
	{Name: "ping", Group: play, Unit: "TIME", Usage: "mean time between two pings that a bot sends to its room, to measure how long it does not answer; 0: none", in: func(s *Scenario) any { return &s.Ping }},

	{Name: "flap", Group: connections, Unit: "N", Usage: "mean number of times in a minute that a bot loses its connection", in: func(s *Scenario) any { return &s.Flap }},
	{Name: "storm-every", Group: connections, Unit: "TIME", Usage: "so often many lose theirs at the same moment; 0: never", in: func(s *Scenario) any { return &s.StormEvery }},
	{Name: "storm-share", Group: connections, Unit: "SHARE", Usage: "share of the bots that a storm hits", in: func(s *Scenario) any { return &s.StormShare }},
	{Name: "reconnect", Group: connections, Unit: "MODEL", Usage: "how bots come back: jitter (doubling pauses, full jitter), fixed (the same pause), storm (all together), none", in: func(s *Scenario) any { return &s.Reconnect }},
	{Name: "backoff", Group: connections, Unit: "TIME", Usage: "jitter: the longest pause; fixed: the pause; storm: they come together at multiples of it", in: func(s *Scenario) any { return &s.Backoff }},

	{Name: "patience", Group: judgement, Unit: "TIME", Usage: "how long a player may be kept from the table", in: func(s *Scenario) any { return &s.Patience }},
	{Name: "late", Group: judgement, Unit: "TIME", Usage: "how late a settlement or a start may be", in: func(s *Scenario) any { return &s.Late }},
	{Name: "slo", Group: judgement, Unit: "PHASE-pN=TIME", Usage: "objective, such as action-p99=50ms or reseat-max=10s; repeat it, each adds one; none: without", in: func(s *Scenario) any { return &s.SLO }},

	{Name: "seed", Group: chance, Unit: "N", Usage: "repeat the chance of an earlier run; 0: from the clock", in: func(s *Scenario) any { return &s.Seed }},
	{Name: "sources", Group: chance, Unit: "N", Usage: "connect from so many addresses of 127.0.0.0/8, to servers on this machine; 0: as many as the bots need", in: func(s *Scenario) any { return &s.Sources }},
}

// Fields is the table of all fields, in their order in files.
func Fields() []Field { return slices.Clone(fields) }

// Text is the field's value in a scenario, as a flag gives it.
func (f Field) Text(s Scenario) string { return format(f.in(&s)) }

// Default is the value that a scenario has that nobody gave one.
func (f Field) Default() string {
	if f.Auto != "" && f.Name != "bots" {
		return f.Auto
	}
	return f.Text(Default())
}

// Repeats says whether giving the field again adds to it.
func (f Field) Repeats() bool {
	_, is := f.in(new(Scenario)).(*[]Objective)
	return is
}

func fieldNames() []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

// field finds one by its name.
func field(name string) (Field, error) {
	for _, f := range fields {
		if f.Name == name {
			return f, nil
		}
	}
	return Field{}, fmt.Errorf("unknown field %s%s", shown(name), meant(name, fieldNames()))
}

// Differences names the fields in which two scenarios differ, the seed apart: processes of one run
// have seeds of their own.
func (s Scenario) Differences(other Scenario) []string {
	var names []string
	for _, f := range fields {
		if f.Name != "seed" && f.Text(s) != f.Text(other) {
			names = append(names, f.Name)
		}
	}
	return names
}

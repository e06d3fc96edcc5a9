package oracle

import (
	"fmt"
	"slices"
)

// Rule is one of the things that must be true of a correct server.
type Rule uint8

const (
	Settlement Rule = iota
	Winners
	Agreement
	Hidden
	Roll
	Seat
	Sequence
	Epoch
	Back
	rules
)

// Rules are all of them.
func Rules() []Rule {
	all := make([]Rule, rules)
	for i := range all {
		all[i] = Rule(i)
	}
	return all
}

var ruleNames = [rules]struct{ name, meaning string }{
	Settlement: {"settlement", "each round that starts is settled, once"},
	Winners:    {"winners", "the winners are those with the most points"},
	Agreement:  {"agreement", "everyone at a table is told the same"},
	Hidden:     {"hidden", "nobody sees another's points before the settlement"},
	Roll:       {"roll", "an acknowledged roll is in the settlement, and no other is"},
	Seat:       {"seat", "a seat stays with its player, through a lost connection too"},
	Sequence:   {"sequence", "events come without gap or repeat"},
	Epoch:      {"epoch", "a room has one owner at a time"},
	Back:       {"back", "nobody is kept from the table for long"},
}

// String is the rule's name in reports.
func (r Rule) String() string { return ruleNames[r].name }

// Meaning is the rule in words.
func (r Rule) Meaning() string { return ruleNames[r].meaning }

// MarshalText makes a rule its name in JSON.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Tally counts what became of the checks of one rule.
type Tally struct {
	Checked  uint64 `json:"checked"`
	Violated uint64 `json:"violated"`
	Unknown  uint64 `json:"unknown"` // nobody was there to see it
}

// Violation is a rule that a server broke, and the proof.
type Violation struct {
	Rule  Rule
	Room  int64
	Text  string
	Proof []Event // the last events of the room, as the bots saw them; the last one gave it away
}

func (v Violation) String() string {
	return fmt.Sprintf("%s: room %d: %s", v.Rule, v.Room, v.Text)
}

// Lines is the proof for people: an event a line, and a line before those of another owner.
func (v Violation) Lines() []string {
	var lines []string
	var owner uint64
	for _, e := range v.Proof {
		if e.Epoch != 0 && e.Epoch != owner {
			owner = e.Epoch
			lines = append(lines, fmt.Sprintf("--- owner %d of the room:", owner))
		}
		lines = append(lines, e.String())
	}
	return lines
}

// traceLength is how many events of a room are kept as the proof of a violation.
const traceLength = 20

// trace keeps the last events of a room.
type trace struct {
	events [traceLength]Event
	next   int
}

func (t *trace) add(e Event) {
	t.events[t.next%traceLength] = e
	t.next++
}

func (t *trace) copy() []Event {
	if t.next <= traceLength {
		return slices.Clone(t.events[:t.next])
	}
	cut := t.next % traceLength
	return append(slices.Clone(t.events[cut:]), t.events[:cut]...)
}

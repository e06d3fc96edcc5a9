package oracle

import "fmt"

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
	Clock
	Reply
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
	Clock:      {"clock", "rounds start and are settled when the server said"},
	Reply:      {"reply", "a request is answered once"},
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
	Proof []Fact // what led to it, in the order in which it was seen; the last one gave it away
}

func (v Violation) String() string {
	return fmt.Sprintf("%s: room %d: %s", v.Rule, v.Room, v.Text)
}

package oracle

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fact is a line of a proof: something that happened in a room, and who saw it.
type Fact struct {
	Event  // Bot is the first of those who saw it, and At is when it did
	Bots   []int64
	Others bool // and more bots than are told apart
	All    bool // these are all that were at the table when the rule was broken
}

// about says which of the things that were seen in a room belong to a violation.
type about struct {
	round       uint64
	user, other int64
	bot         int64
	from, to    uint64 // numbers of events
}

// matters says whether the i-th of the records belongs to a violation of a rule.
func (a *about) matters(rule Rule, records []record, i int) bool {
	r := &records[i]
	playing := a.round != 0 && r.round == a.round &&
		(r.kind == Started || r.kind == Settled || r.kind == Scene && !begun(records[:i], a.round))
	ofUser := r.user != 0 && (r.user == a.user || r.user == a.other)
	switch rule {
	case Settlement:
		ends := r.kind == Lost || r.kind == Ended
		return playing || r.round == a.round && r.kind == Shaken || ends && begun(records[:i], a.round)
	case Agreement:
		return playing || r.seq >= a.from && r.seq <= a.to && r.kind != Lost && r.kind != Scene
	case Hidden:
		return r.round == a.round && (r.kind == Started || r.kind == Shaken && ofUser)
	case Roll:
		return playing || r.round == a.round && r.kind == Shaken && (ofUser || a.user == 0) || a.bot != 0 && r.kind == Lost && r.user == a.bot
	case Seat:
		switch r.kind {
		case Present, Stood, Online, Lost:
			return ofUser
		case Shaken:
			return ofUser && r.round == a.round
		}
		return r.kind == Ended || playing
	case Sequence:
		return r.kind != Lost && r.kind != Scene && r.seq >= a.from && r.seq <= a.to
	case Epoch:
		if r.kind == Lost {
			return false
		}
		changes := func(j int) bool {
			return j >= 0 && j < len(records) && records[j].epoch != r.epoch && records[j].epoch != 0
		}
		return changes(i-1) || changes(i+1)
	case Back:
		return r.kind == Lost && r.user == a.bot || r.kind == Ended
	case Clock:
		return playing
	case Reply:
		return r.user == a.bot && (r.kind == Lost || r.kind == Shaken || r.kind == Present || r.kind == Stood)
	}
	return false
}

// begun says whether these records tell that a round starts, or runs.
func begun(records []record, round uint64) bool {
	for i := range records {
		if k := records[i].kind; (k == Started || k == Scene) && records[i].round == round {
			return true
		}
	}
	return false
}

// proof makes the counter-example of a violation: what matters of the things that were seen in the
// room, and what gave it away last.
func (r *room) proof(rule Rule, a about) []Fact {
	records := r.trace.upTo(r.now, r.nowBy)
	if rule != Hidden && rule != Agreement {
		records = unveil(records, r.now != nil)
	}
	var facts []Fact
	for i := range records {
		if gave := r.now != nil && i == len(records)-1; gave || a.matters(rule, records, i) {
			facts = append(facts, r.fact(&records[i]))
		}
	}
	return facts
}

// unveil makes one record of a roll that its player saw with its points, and others without. The
// last record stays as it is where it gave the violation away.
func unveil(records []record, gave bool) []record {
	end := len(records)
	if gave {
		end--
	}
	for i := range end {
		for j := i + 1; j < end; j++ {
			a, b := &records[i], &records[j]
			if a.kind == Shaken && b.kind == Shaken && a.seq == b.seq && a.epoch == b.epoch && a.user == b.user && a.round == b.round &&
				a.seen&b.seen == 0 && (a.value == 0) != (b.value == 0) {
				a.value, a.seen = a.value+b.value, a.seen|b.seen
				b.kind = 0
			}
		}
	}
	return slices.DeleteFunc(records, func(r record) bool { return r.kind == 0 })
}

// fact names those who saw a record.
func (r *room) fact(rec *record) Fact {
	f := Fact{Event: rec.event(), Others: rec.seen>>crowd != 0}
	for left := rec.seen &^ (1 << crowd); left != 0; left &= left - 1 {
		if i := bits.TrailingZeros64(left); i < len(r.members) && r.members[i] != nil {
			f.Bots = append(f.Bots, r.members[i].bot)
		}
	}
	if len(f.Bots) > 0 {
		f.Bot = f.Bots[0]
	}
	var table uint64
	for _, m := range r.members {
		if m != nil && m.life != nil {
			table |= m.bit()
		}
	}
	f.All = rec.seen&table == table && bits.OnesCount64(table) > 1 && !f.Others
	return f
}

// Who is the witnesses in words.
func (f Fact) Who() string {
	switch {
	case f.All && len(f.Bots) < len(numbers):
		return "all " + numbers[len(f.Bots)]
	case f.All:
		return fmt.Sprintf("all %d", len(f.Bots))
	case f.Others:
		return fmt.Sprintf("%d bots and more", len(f.Bots))
	case len(f.Bots) == 0:
		return "somebody"
	case len(f.Bots) == 1:
		return fmt.Sprintf("bot %d", f.Bots[0])
	case len(f.Bots) > 6:
		return fmt.Sprintf("%d bots", len(f.Bots))
	}
	words := make([]string, len(f.Bots))
	for i, bot := range f.Bots {
		words[i] = strconv.FormatInt(bot, 10)
	}
	return "bots " + strings.Join(words, " ")
}

var numbers = [...]string{"none", "one", "two", "three", "four", "five", "six"}

// Lines is the proof for people: a fact a line with when it was first seen and by whom, what gave
// the violation away last, and a line before those of another owner.
func (v Violation) Lines() []string {
	width := 0
	for _, f := range v.Proof {
		width = max(width, len(f.Who()))
	}
	owners := make(map[uint64]bool)
	for _, f := range v.Proof {
		if f.Epoch != 0 {
			owners[f.Epoch] = true
		}
	}
	var lines []string
	var owner uint64
	for _, f := range v.Proof {
		if len(owners) > 1 && f.Epoch != 0 && f.Epoch != owner {
			owner = f.Epoch
			lines = append(lines, fmt.Sprintf("--- owner %d of the room:", owner))
		}
		lines = append(lines, fmt.Sprintf("%9.3fs  %-*s  %s", f.At.Seconds(), width, f.Who(), f.what()))
	}
	return lines
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

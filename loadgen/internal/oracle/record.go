package oracle

import (
	"math/bits"
	"slices"
	"time"
)

// record is an Event as a room keeps it, with who has seen it. A room keeps some tens of them.
type record struct {
	at     time.Duration // when the first one saw it
	length time.Duration
	epoch  uint64
	seq    uint64
	round  uint64
	user   int64
	seen   uint64 // by the members whose bits are set
	more   *more  // nil: no dice, no winners, no text
	value  int32  // Shaken: the points; of anything else, the seat
	kind   Kind   // 0: there is none
	reason Reason
	flags  flags
}

type flags uint8

const (
	online flags = 1 << iota
	inRound
	own
	entering
	way // in an entrance only
)

// more is what few events have. It never changes.
type more struct {
	dice    []Die
	winners []int64
	text    string

	// The memory of most dice and winners.
	fewDice    [4]Die
	fewWinners [4]int64
}

func (r *record) dice() []Die {
	if r.more == nil {
		return nil
	}
	return r.more.dice
}

func (r *record) winners() []int64 {
	if r.more == nil {
		return nil
	}
	return r.more.winners
}

func (r *record) is(f flags) bool { return r.flags&f != 0 }

// keep makes a record of an event that a member saw. It shares no memory with the event.
func keep(e *Event, m *member) record {
	r := record{
		at: e.At, length: e.Length, epoch: e.Epoch, seq: e.Seq, round: e.Round, user: e.User,
		kind: e.Kind, reason: e.Reason, flags: flagsOf(e), value: valueOf(e), seen: m.bit(),
	}
	if len(e.Dice) > 0 || len(e.Winners) > 0 || e.Text != "" {
		r.more = &more{text: e.Text}
		r.more.dice = append(r.more.fewDice[:0], e.Dice...)
		r.more.winners = append(r.more.fewWinners[:0], e.Winners...)
	}
	return r
}

func flagsOf(e *Event) (f flags) {
	if e.Online {
		f |= online
	}
	if e.InRound {
		f |= inRound
	}
	if e.Own {
		f |= own
	}
	if e.entering {
		f |= entering
	}
	return f
}

func valueOf(e *Event) int32 {
	if e.Kind == Shaken {
		return e.Points
	}
	return e.Seat
}

// event is the record as the event that it was.
func (r *record) event() Event {
	e := Event{
		At: r.at, Kind: r.kind, Epoch: r.epoch, Seq: r.seq, User: r.user, Round: r.round, Length: r.length,
		Online: r.is(online), InRound: r.is(inRound), Own: r.is(own), Reason: r.reason,
		Dice: r.dice(), Winners: r.winners(),
	}
	if r.kind == Shaken {
		e.Points = r.value
	} else {
		e.Seat = r.value
	}
	if r.more != nil {
		e.Text = r.more.text
	}
	return e
}

// what is the record without its time and its witnesses.
func (r *record) what() string {
	e := r.event()
	return e.what()
}

// repeats says whether an event reads as the record does.
func (r *record) repeats(e *Event) bool {
	if r.seq != e.Seq || r.kind != e.Kind || r.user != e.User || r.epoch != e.Epoch || r.round != e.Round || r.value != valueOf(e) {
		return false
	}
	if r.flags != flagsOf(e) || r.reason != e.Reason || r.kind == Started && r.length != e.Length {
		return false
	}
	if r.more == nil {
		return len(e.Dice) == 0 && len(e.Winners) == 0 && e.Text == ""
	}
	return r.more.text == e.Text && slices.Equal(r.more.dice, e.Dice) && slices.Equal(r.more.winners, e.Winners)
}

// same says whether a record and an event with one number are one and the same thing, as far as
// each of two observers is to know it: points are shown to the roller only, and a player who comes
// back is told the own seat where others are told that the player is online.
func same(r *record, e *Event) bool {
	switch {
	case r.kind == Present && e.Kind == Online:
		return r.user == e.User && e.Online
	case r.kind == Online && e.Kind == Present:
		return r.user == e.User && r.is(online)
	case r.kind != e.Kind || r.user != e.User || r.round != e.Round:
		return false
	}
	switch r.kind {
	case Present:
		return r.value == e.Seat
	case Online:
		return r.is(online) == e.Online
	case Settled:
		return slices.Equal(r.dice(), e.Dice) && slices.Equal(r.winners(), e.Winners)
	case Started:
		return r.length == e.Length
	}
	return true
}

// traceLength is how many records of a room are kept for the proof of a violation.
const traceLength = 24

// trace keeps the last things that were seen of a room, each once, whoever saw it.
type trace struct {
	records [traceLength]record
	next    int // counts on
}

// nearby is how far back a trace looks for what it is told again.
const nearby = 8

// add takes what a member saw.
func (t *trace) add(e *Event, m *member) {
	if e.Kind != Lost {
		for i := range min(nearby, t.length()) {
			if r := t.last(i); r.repeats(e) && (r.seen&m.bit() == 0 || m.index >= crowd) {
				r.seen |= m.bit()
				return
			}
		}
	}
	t.records[t.next%traceLength] = keep(e, m)
	t.next++
}

func (t *trace) length() int { return min(t.next, traceLength) }

// last is the i-th record from the end.
func (t *trace) last(i int) *record { return &t.records[(t.next-1-i)%traceLength] }

// upTo lists the records before the one that a member is seeing, and that one.
func (t *trace) upTo(now *Event, m *member) []record {
	list := make([]record, 0, traceLength+1)
	for i := t.length() - 1; i >= 0; i-- {
		list = append(list, *t.last(i))
	}
	if now == nil {
		return list
	}
	this := keep(now, m)
	for i := len(list) - 1; i >= 0; i-- {
		if r := &list[i]; r.seen&this.seen != 0 && r.repeats(now) {
			if this.more = r.more; r.seen == this.seen {
				list = slices.Delete(list, i, i+1)
			} else if m.index < crowd {
				r.seen &^= this.seen
			}
			break
		}
	}
	return append(list, this)
}

// disown forgets that the members with these bits saw anything.
func (t *trace) disown(bit uint64) {
	for i := range t.records {
		t.records[i].seen &^= bit
	}
}

// crowd is the bit of all members beyond the first 63.
const crowd = 63

func (m *member) bit() uint64 { return 1 << min(m.index, crowd) }

// first is the index of the first witness.
func (r *record) first() int { return bits.TrailingZeros64(r.seen) }

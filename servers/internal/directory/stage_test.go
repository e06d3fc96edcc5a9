package directory

import (
	"context"
	"slices"
	"sync"
)

// A stage is a memory store whose steps a world decides. It has one way for each server, so that it knows who calls.
type stage struct {
	w     *world
	truth *Memory
	ways  int
	calm  bool // everything works, at once

	life    int // grows when the room is closed
	written map[writing]record
	past    []item // what the entry was: for reads that are late
	epoch   uint64 // of the last claim

	mu     sync.Mutex // what follows is written by any goroutine
	acts   []*act     // calls that are under way
	late   []*act     // calls that were given up, and may be carried out yet
	events []event
}

// A writing is one save of a room: claim and turn. The first one of a claim is the claim itself.
type writing struct {
	claim claimID
	turn  uint64
}

type record struct {
	snapshot string
	life     int
}

// An act is one call: it is carried out, then answered; both when the world says so.
type act struct {
	way, turn int // who called, and when: so that the order does not hang on goroutines
	read      bool
	carry     func()          // carries it out
	answer    func(err error) // with what came of it, or with err
	carried   bool
}

type event struct {
	who string
	f   func()
}

func newStage(w *world) *stage {
	truth := NewMemory()
	truth.markers = true
	return &stage{w: w, truth: truth, written: map[writing]record{}, past: []item{{key: "dice.1"}}}
}

// post keeps something for the test's goroutine to do.
func (s *stage) post(who string, f func()) {
	s.mu.Lock()
	s.events = append(s.events, event{who, f})
	s.mu.Unlock()
}

func (s *stage) take() []func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortStableFunc(s.events, func(a, b event) int { return slices.Compare([]byte(a.who), []byte(b.who)) })
	var list []func()
	for _, e := range s.events {
		list = append(list, e.f)
	}
	s.events = nil
	return list
}

// oldest carries out and answers the oldest call.
func (s *stage) oldest() bool {
	s.mu.Lock()
	if len(s.acts) == 0 {
		s.mu.Unlock()
		return false
	}
	a := s.acts[0]
	s.acts = s.acts[1:]
	s.mu.Unlock()
	if !a.carried {
		a.carry()
	}
	a.answer(nil)
	return true
}

// step does something with one of the calls.
func (s *stage) step() {
	s.mu.Lock()
	slices.SortFunc(s.acts, func(a, b *act) int { return (a.way-b.way)<<20 + a.turn - b.turn })
	n := len(s.acts)
	at := s.w.pick(n + len(s.late))
	if n+len(s.late) == 0 {
		s.mu.Unlock()
		return
	}
	if at >= n {
		a := s.late[at-n]
		s.late = slices.Delete(s.late, at-n, at-n+1)
		s.mu.Unlock()
		if s.w.pick(3) > 0 {
			s.w.say("a call of %d that was given up is carried out", a.way)
			a.carry()
		}
		return
	}
	a := s.acts[at]
	what := s.w.pick(8)
	if what != 0 || a.carried {
		s.acts = slices.Delete(s.acts, at, at+1)
	}
	s.mu.Unlock()
	switch {
	case what == 0 && !a.carried: // the answer is still on its way
		a.carry()
		a.carried = true
	case what == 1: // it was carried out, perhaps; nobody knows
		if !a.carried && s.w.pick(2) == 0 {
			a.carry()
		} else if !a.carried && !a.read {
			s.mu.Lock()
			s.late = append(s.late, a)
			s.mu.Unlock()
		}
		s.w.say("a call of %d is given up", a.way)
		a.answer(errUnknown)
	case what == 2 && !a.carried:
		a.answer(errUnsent)
	default:
		if !a.carried {
			a.carry()
		}
		a.answer(nil)
	}
}

// entry is the truth: the entry, with what is newer in its journal.
func (s *stage) entry() (Entry, bool) {
	var it item
	s.truth.get(rooms, "dice.1", func(got item, _ error) { it = got })
	if it.value == nil {
		return Entry{}, false
	}
	e, err := parseEntry(it, s.truth.made)
	if err != nil {
		s.w.fail("the entry: %v", err)
	}
	for _, record := range s.truth.logs[e.journal] {
		if err := parseRecord(record.value, func(v save) {
			if v.claim == e.claim && v.turn > e.turn {
				e.turn, e.Snapshot = v.turn, v.snapshot
			}
		}); err != nil {
			s.w.fail("the journal: %v", err)
		}
	}
	return e, true
}

func (s *stage) owner() claimID {
	var claim claimID
	s.truth.get(rooms, "dice.1", func(it item, _ error) { claim, _ = claimOf(it.value) })
	return claim
}

// A way is the stage as one server sees it.
type way struct {
	*stage
	number, turn int
}

func (s *stage) way() *way {
	s.ways++
	return &way{stage: s, number: s.ways}
}

func (y *way) open() error { return nil }
func (y *way) shut()       {}

func (y *way) call(a *act) {
	y.mu.Lock()
	y.turn++
	a.way, a.turn = y.number, y.turn
	y.acts = append(y.acts, a)
	y.mu.Unlock()
}

func (y *way) put(b bucket, key string, value []byte, expect uint64, done func(uint64, error)) {
	value = slices.Clone(value)
	if y.w.flaw == noCompare && expect != 0 {
		expect = whatever
	}
	var revision uint64
	var failed error
	y.call(&act{
		carry: func() {
			y.truth.put(b, key, value, expect, func(r uint64, err error) { revision, failed = r, err })
			if failed == nil {
				y.note(key, value, revision)
			}
		},
		answer: func(err error) {
			if y.w.flaw == hopeful && err == errUnknown {
				done(expect+1, nil)
				return
			}
			if err == nil {
				err = failed
			}
			done(revision, err)
		},
	})
}

// note keeps what was written, and checks that epochs grow.
func (s *stage) note(key string, value []byte, revision uint64) {
	e, err := parseEntry(item{key, value, revision}, s.truth.made)
	if err != nil {
		s.w.fail("an entry was written that cannot be read: %v", err)
	}
	if key != "dice.1" {
		s.keep(e.claim, e.turn, e.Snapshot)
		return
	}
	if e.Epoch < s.epoch {
		s.w.fail("the epoch went from %d to %d", s.epoch, e.Epoch)
	}
	s.epoch = e.Epoch
	s.keep(e.claim, e.turn, e.Snapshot)
	s.past = append(s.past, item{key, value, revision})
	s.w.say("revision %d by %s: turn %d %q, journal %q", revision, e.Server, e.turn, e.Snapshot, e.journal)
}

func (s *stage) keep(claim claimID, turn uint64, snapshot []byte) {
	at := writing{claim, turn}
	if before, again := s.written[at]; !again {
		s.written[at] = record{string(snapshot), s.life}
	} else if before.snapshot != string(snapshot) {
		s.w.fail("turn %d is %q, and was %q", turn, snapshot, before.snapshot)
	}
}

func (y *way) remove(b bucket, key string, expect uint64, done func(error)) {
	var failed error
	y.call(&act{
		carry: func() {
			y.truth.remove(b, key, expect, func(err error) { failed = err })
			if failed == nil && key == "dice.1" {
				y.life++
				y.past = append(y.past, item{key: key, revision: y.truth.buckets[b].items[key].revision})
				y.w.say("removed revision %d", expect)
			}
		},
		answer: func(err error) {
			if err == nil {
				err = failed
			}
			done(err)
		},
	})
}

func (y *way) get(b bucket, key string, done func(item, error)) {
	var got item
	y.call(&act{
		read: true,
		carry: func() {
			y.truth.get(b, key, func(it item, _ error) { got = it })
			if key == "dice.1" && len(y.past) > 0 && !y.calm && y.w.pick(6) == 1 { // a replica that is behind
				got = y.past[y.w.pick(len(y.past))]
			}
		},
		answer: func(err error) { done(got, err) },
	})
}

func (y *way) breaks() uint64 { return 0 }

func (y *way) scan(ctx context.Context, b bucket, visit func(item)) (bool, error) {
	if y.w.flaw == blindScan {
		return true, nil
	}
	return y.truth.scan(ctx, b, visit)
}

func (y *way) watch(b bucket, heard func(string, []byte)) (func(), error) {
	return y.truth.watch(b, heard)
}

func (y *way) born(ctx context.Context, b bucket) (uint64, error) {
	if y.w.flaw == sameEpoch {
		y.mu.Lock()
		defer y.mu.Unlock()
		return y.truth.made - y.truth.buckets[b].last, nil
	}
	return y.truth.born(ctx, b)
}

func (y *way) append(journal string, value []byte, expect uint64, done func(uint64, error)) {
	value = slices.Clone(value)
	if y.w.flaw == noCompare && expect != 0 {
		expect = whatever
	}
	var revision uint64
	var failed error
	y.call(&act{
		carry: func() {
			if y.w.flaw == noSeal && len(value) == 0 {
				revision = whatever
				return
			}
			if y.w.flaw == noCopies {
				first := []byte{recordFormat}
				parseRecord(value, func(v save) { //nolint:errcheck // it is read again below
					if _, again := y.written[writing{v.claim, v.turn}]; !again {
						first = appendSave(first, v.name, v.claim, v.turn, v.snapshot)
					}
				})
				value = first[:min(len(first), len(value))]
			}
			if revision, failed = y.truth.add(journal, value, expect); failed != nil {
				return
			}
			y.w.say("record %d in %s", revision, journal)
			if err := parseRecord(value, func(v save) { y.keep(v.claim, v.turn, v.snapshot) }); err != nil {
				y.w.fail("a record was written that cannot be read: %v", err)
			}
		},
		answer: func(err error) {
			if err == nil {
				err = failed
			}
			done(revision, err)
		},
	})
}

func (y *way) replay(ctx context.Context, journal string, last uint64, visit func([]byte)) error {
	if y.w.flaw == forgetful {
		return nil
	}
	return y.truth.replay(ctx, journal, last, visit)
}

func (y *way) purge(journal string, before uint64, done func(error)) {
	if y.w.flaw == eagerPurge {
		before = whatever
	}
	y.call(&act{
		carry: func() {
			y.w.say("%s is purged before %d", journal, before)
			y.truth.purge(journal, before, func(error) {})
		},
		answer: func(err error) { done(err) },
	})
}

func (y *way) journals(ctx context.Context) ([]string, error) { return y.truth.journals(ctx) }

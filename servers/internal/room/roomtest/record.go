package roomtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"time"

	"croupier/servers/internal/room"
)

// Record is a room.Record that keeps what it is given in memory, as slowly as it is told to, and
// watches that the room keeps to the contract. New ones answer at once.
type Record struct {
	mu      sync.Mutex
	delay   time.Duration
	held    bool     // answers wait for Free
	lost    error    // what every call is answered with from now on; nil: it is not lost
	refused error    // what every Save is answered with from now on
	waiting []func() // what Free does
	stored  []byte
	seq     uint64 // of stored
	saves   int
	busy    bool // a save is not answered yet
	closed  bool
	after   func() // Close was called while busy: what it does
	faults  []string
}

// NewRecord returns a record that has stored a snapshot, nil: nothing.
func NewRecord(snapshot []byte) *Record {
	r := &Record{}
	if snapshot != nil {
		r.store(bytes.Clone(snapshot))
	}
	return r
}

// Delay makes answers take d from now on.
func (r *Record) Delay(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delay = d
}

// Hold makes answers wait for Free, and what is to be stored, too.
func (r *Record) Hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = true
}

// Free lets answers come again.
func (r *Record) Free() {
	r.mu.Lock()
	waiting := r.waiting
	r.held, r.waiting = false, nil
	r.mu.Unlock()
	for _, answer := range waiting {
		answer()
	}
}

// Lose answers everything with an error from now on, and stores nothing any more.
func (r *Record) Lose(err error) {
	r.Sever(err)
}

// Refuse answers every Save with an error from now on, and stores nothing of it.
func (r *Record) Refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused = err
}

// Sever is Lose that returns what is stored at this moment: it is somebody else's now.
func (r *Record) Sever(err error) []byte {
	r.mu.Lock()
	stored := r.stored
	r.lost = err
	r.mu.Unlock()
	r.Free()
	return stored
}

// Stored is the last snapshot that was stored; nil: none, or it was removed.
func (r *Record) Stored() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stored
}

// Seq is the number of the last event that is stored.
func (r *Record) Seq() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq
}

// Saves counts the saves that were begun.
func (r *Record) Saves() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.saves
}

// Closed says whether the room has asked for its removal.
func (r *Record) Closed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// Faults returns what the room did wrong so far, once.
func (r *Record) Faults() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	faults := r.faults
	r.faults = nil
	return faults
}

// Save stores a snapshot when it is time to.
func (r *Record) Save(snapshot []byte, done func(error)) {
	r.mu.Lock()
	if r.busy {
		r.fault("a save begins while another is under way")
	}
	r.busy = true
	r.saves++
	refused := r.refused
	r.mu.Unlock()
	if refused != nil {
		r.later(func(err error) { done(cmp.Or(err, refused)) }, func() {})
		return
	}
	snapshot = bytes.Clone(snapshot)
	r.later(done, func() { r.store(snapshot) })
}

// Close removes what is stored when it is time to, after a save that is under way.
func (r *Record) Close(done func(error)) {
	r.mu.Lock()
	r.closed = true
	carryOut := func() {
		r.later(done, func() { r.stored, r.seq = nil, math.MaxUint64 }) // nothing can speak against what is heard now
	}
	if r.busy {
		r.after = carryOut
		carryOut = func() {}
	}
	r.mu.Unlock()
	carryOut()
}

// store needs r.mu, or nobody else.
func (r *Record) store(snapshot []byte) {
	var s struct{ Seq uint64 }
	if err := json.Unmarshal(snapshot, &s); err != nil {
		r.fault("what is to be stored is no JSON: %v: %s", err, snapshot)
	}
	if s.Seq < r.seq {
		r.fault("event %d is stored after event %d", s.Seq, r.seq)
	}
	r.stored, r.seq = snapshot, s.Seq
}

// later carries something out, unless the record is lost by then, and answers.
func (r *Record) later(done func(error), carryOut func()) {
	answer := func() {
		r.mu.Lock()
		err := r.lost
		if err == nil {
			carryOut()
		}
		after := r.after
		r.busy, r.after = false, nil
		r.mu.Unlock()
		done(err)
		if after != nil {
			after()
		}
	}
	r.mu.Lock()
	held, delay := r.held, r.delay
	if held {
		r.waiting = append(r.waiting, answer)
	}
	r.mu.Unlock()
	switch {
	case held:
	case delay > 0:
		time.AfterFunc(delay, answer)
	default:
		answer()
	}
}

// fault needs r.mu, or nobody else.
func (r *Record) fault(format string, a ...any) {
	r.faults = append(r.faults, "record: "+fmt.Sprintf(format, a...))
}

var _ room.Record = (*Record)(nil)

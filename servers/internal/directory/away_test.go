package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// What rests is more than a pack leaves: packing ends all the same, and what is kept stays bounded.
func TestPackOfMuchThatRests(t *testing.T) {
	store := NewMemory()
	a, b := journaled(t, store, "a"), join(t, store, "b", "b:1")
	a.packAt = 256 << 10
	j := a.journal.Load()
	const rooms = 200
	rest := strings.Repeat("r", 1<<10)
	var tens []*Tenure
	for i := range rooms {
		ten, err := a.Claim(soon(t), dice(int64(i)), 0, []byte("begin"))
		if err == nil {
			err = saved(t, ten, fmt.Sprint(rest, i))
		}
		if err != nil {
			t.Fatal(err)
		}
		tens = append(tens, ten)
	}
	long := strings.Repeat("x", 4<<10)
	for range 10 {
		for range 100 {
			if err := saved(t, tens[0], long); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "packing to end", func() bool {
			j.mu.Lock()
			defer j.mu.Unlock()
			return !j.packing
		})
	}
	size := 0
	if err := store.replay(soon(t), j.name, j.lastRevision(), func(record []byte) { size += len(record) }); err != nil || size > 3*256<<10 {
		t.Errorf("%d bytes are kept, %v", size, err)
	}
	for i := 1; i < rooms; i++ {
		if e, err := latest(t, b, dice(int64(i))); err != nil || string(e.Snapshot) != fmt.Sprint(rest, i) {
			t.Fatalf("room %d: %d bytes %v", i, len(e.Snapshot), err)
		}
	}
}

// rewinding is a store that is away, and may have forgotten entries when it is back, but no journal.
type rewinding struct {
	*Memory
	away   atomic.Bool
	broken atomic.Uint64
}

func (r *rewinding) breaks() uint64 { return r.broken.Load() }

func (r *rewinding) put(b bucket, key string, value []byte, expect uint64, done func(uint64, error)) {
	if r.away.Load() {
		done(0, errUnsent)
		return
	}
	r.Memory.put(b, key, value, expect, done)
}

// After an outage, noticed or not, every room proves its entry again: where the store has forgotten the last write of it, the
// owner writes it again, and where it has forgotten the room, the owner learns it.
func TestForgottenEntry(t *testing.T) {
	for _, gone := range []bool{false, true} {
		for _, noticed := range []bool{false, true} {
			t.Run(fmt.Sprintf("gone %v, noticed %v", gone, noticed), func(t *testing.T) {
				store := &rewinding{Memory: NewMemory()}
				a, b := journaled(t, store, "a"), join(t, store, "b", "b:1")
				ten, err := a.Claim(soon(t), dice(1), 0, []byte("begin"))
				if err != nil {
					t.Fatal(err)
				}
				before := store.buckets[rooms].items["dice.1"]
				first := a.journal.Load()
				a.endJournal()
				until(t, "the next journal", func() bool { j := a.journal.Load(); return j != nil && j != first })
				for range 2 {
					if err := saved(t, ten, "one"); err != nil { // in the entry, which names the next journal; then there
						t.Fatal(err)
					}
				}
				if noticed {
					store.away.Store(true)
					until(t, "the outage to be noticed", func() bool { return a.Healthy() != nil })
				}
				store.mu.Lock()
				if gone {
					delete(store.buckets[rooms].items, "dice.1")
				} else {
					store.buckets[rooms].items["dice.1"] = before
				}
				store.mu.Unlock()
				store.away.Store(false)
				if !noticed {
					store.broken.Add(1)
				}
				until(t, "the store to be back", func() bool { return a.Healthy() == nil })
				err = saved(t, ten, "two")
				if gone {
					if !errors.Is(err, ErrLost) {
						t.Errorf("a save of a room whose entry is gone: %v", err)
					}
					return
				}
				if err != nil || saved(t, ten, "three") != nil {
					t.Fatal(err)
				}
				if e, err := latest(t, b, dice(1)); err != nil || string(e.Snapshot) != "three" {
					t.Errorf("who inherits finds %q %v", e.Snapshot, err)
				}
			})
		}
	}
}

// lateScan is a store whose scans come from a replica that has not heard of anything.
type lateScan struct {
	Store
	on atomic.Bool
}

func (l *lateScan) scan(ctx context.Context, b bucket, visit func(item)) (bool, error) {
	if b == rooms && l.on.Load() {
		return false, nil
	}
	return l.Store.scan(ctx, b, visit)
}

// A scan that is late removes no journal that is needed.
func TestSweepAfterALateScan(t *testing.T) {
	for _, own := range []bool{true, false} {
		t.Run(fmt.Sprint("own ", own), func(t *testing.T) {
			memory := NewMemory()
			store := &lateScan{Store: memory}
			a, b := journaled(t, memory, "a"), journaled(t, store, "b")
			b.sweepAge = 0
			who := map[bool]*Directory{true: b, false: a}[own]
			ten, err := who.Claim(soon(t), dice(1), 0, []byte("begin"))
			if err == nil {
				err = saved(t, ten, "acknowledged")
			}
			if err != nil {
				t.Fatal(err)
			}
			if own { // the room rests, and what it saved is in a journal that has ended
				first := b.journal.Load()
				b.endJournal()
				until(t, "the next journal", func() bool { j := b.journal.Load(); return j != nil && j != first })
			} else {
				a.Sever()
				for dead := range b.Lapsed() {
					if dead.ID == "a" {
						break
					}
				}
			}
			store.on.Store(true)
			for range 3 {
				if _, err := b.Orphans(soon(t)); err != nil {
					t.Fatal(err)
				}
			}
			if e, err := latest(t, b, dice(1)); err != nil || string(e.Snapshot) != "acknowledged" {
				t.Errorf("who inherits finds %q %v", e.Snapshot, err)
			}
		})
	}
}

// deafRemove is a store that loses a removal, and answers reads as if it had been carried out.
type deafRemove struct {
	*Memory
	mu   sync.Mutex
	gets int // how many reads find nothing
	on   bool
}

func (l *deafRemove) remove(b bucket, key string, expect uint64, done func(error)) {
	l.mu.Lock()
	on := l.on && b == rooms
	l.mu.Unlock()
	if on {
		done(errUnknown)
		return
	}
	l.Memory.remove(b, key, expect, done)
}

func (l *deafRemove) get(b bucket, key string, done func(item, error)) {
	l.mu.Lock()
	late := l.on && b == rooms && l.gets > 0
	if late {
		l.gets--
		l.on = l.gets > 0
	}
	l.mu.Unlock()
	if late {
		done(item{key: key}, nil)
		return
	}
	l.Memory.get(b, key, done)
}

// A room is closed; the removal is lost, and reads that are late find no entry. Then the room is gone, or it is as it was saved last.
func TestCloseThatIsLost(t *testing.T) {
	for _, late := range []int{1, 100} {
		t.Run(fmt.Sprint(late, " late reads"), func(t *testing.T) {
			store := &deafRemove{Memory: NewMemory()}
			a, b := journaled(t, store, "a"), join(t, store, "b", "b:1")
			a.packAt = 4 << 10
			tens := rooms4(t, a)
			if err := saved(t, tens[1], "acknowledged"); err != nil {
				t.Fatal(err)
			}
			store.mu.Lock()
			store.on, store.gets = true, late
			store.mu.Unlock()
			if err := closed(t, tens[1]); err != nil {
				t.Fatal(err)
			}
			store.mu.Lock()
			store.on = false
			store.mu.Unlock()
			for range 200 {
				if err := saved(t, tens[0], strings.Repeat("x", 100)); err != nil {
					t.Fatal(err)
				}
			}
			if e, err := latest(t, b, dice(1)); !errors.Is(err, ErrNone) && string(e.Snapshot) != "acknowledged" {
				t.Errorf("the room is as it was at first: %q %v", e.Snapshot, err)
			}
		})
	}
}

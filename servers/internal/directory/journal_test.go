package directory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// journaled is a directory whose journal is there.
func journaled(t *testing.T, store Store, id string) *Directory {
	t.Helper()
	d := join(t, store, id, id+":1")
	until(t, "the journal", func() bool { return d.journal.Load() != nil })
	return d
}

func rooms4(t *testing.T, d *Directory) []*Tenure {
	t.Helper()
	var list []*Tenure
	for i := range 4 {
		ten, err := d.Claim(soon(t), dice(int64(i)), 0, []byte("begin"))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, ten)
	}
	return list
}

func testJournal(t *testing.T, store Store) {
	a, b := journaled(t, store, "a"), join(t, store, "b", "b:1")
	first := a.journal.Load()
	tens := rooms4(t, a)
	var wg sync.WaitGroup
	for i, ten := range tens {
		wg.Go(func() {
			for n := range 50 {
				if err := saved(t, ten, fmt.Sprint("room ", i, " state ", n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	e, err := b.Look(soon(t), dice(0))
	if err != nil || string(e.Snapshot) != "begin" || e.Revision != tens[0].revision {
		t.Fatalf("a save in the journal wrote the entry: %+v %v", e, err)
	}
	for i := range tens {
		if e, err := latest(t, b, dice(int64(i))); err != nil || string(e.Snapshot) != fmt.Sprint("room ", i, " state 49") {
			t.Fatalf("room %d: %+v %v", i, e, err)
		}
	}

	// The journal is sealed now. One room is taken; the owner of the others was not dead, and goes on.
	if e, err = latest(t, b, dice(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Claim(soon(t), dice(1), e.Revision, e.Snapshot); err != nil {
		t.Fatal(err)
	}
	for i, ten := range tens {
		switch err := saved(t, ten, "after"); {
		case i == 1 && !errors.Is(err, ErrLost):
			t.Errorf("the room that was taken: %v", err)
		case i != 1 && err != nil:
			t.Errorf("room %d: %v", i, err)
		}
	}
	until(t, "the next journal", func() bool { j := a.journal.Load(); return j != nil && j != first })
	for range 2 { // the first of these names the new journal
		if err := saved(t, tens[0], "later"); err != nil {
			t.Fatal(err)
		}
	}
	if e, err := latest(t, b, dice(0)); err != nil || string(e.Snapshot) != "later" || e.journal != a.journal.Load().named() && a.journal.Load() != nil {
		t.Fatalf("%+v %v", e, err)
	}
}

// What is removed of a journal is not needed any more: every room's last save is still there, also of those that rest.
func testPack(t *testing.T, store Store) {
	a, b := journaled(t, store, "a"), join(t, store, "b", "b:1")
	a.packAt = 4 << 10
	j := a.journal.Load()
	tens := rooms4(t, a)
	for i, ten := range tens {
		if err := saved(t, ten, fmt.Sprint("rest ", i)); err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("x", 100)
	for n := range 200 {
		if err := saved(t, tens[0], fmt.Sprint(long, n)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "what is old to be removed", func() bool {
		size := 0
		err := store.replay(soon(t), j.name, j.lastRevision(), func(record []byte) { size += len(record) })
		return err == nil && size < 10<<10
	})
	for i := range tens {
		want := fmt.Sprint("rest ", i)
		if i == 0 {
			want = long + "199"
		}
		if e, err := latest(t, b, dice(int64(i))); err != nil || string(e.Snapshot) != want {
			t.Errorf("room %d: %q %v", i, e.Snapshot, err)
		}
	}
}

func (j *journal) lastRevision() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// A server that leaves in order leaves no journal; that of one that was killed stays until its rooms are taken.
func testSweep(t *testing.T, store Store) {
	b := journaled(t, store, "b")
	b.sweepAge = 0
	has := func(server string) bool {
		names, err := store.journals(soon(t))
		return err == nil && slices.ContainsFunc(names, func(name string) bool { return journalServer(name) == server })
	}
	c, err := Join(soon(t), store, Server{ID: "c", Address: "c:1"}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	ten, err := c.Claim(soon(t), dice(9), 0, nil)
	if err != nil || saved(t, ten, "x") != nil || closed(t, ten) != nil {
		t.Fatal(err)
	}
	if until(t, "c's journal", func() bool { return has("c") }); c.Close(soon(t)) != nil || has("c") {
		t.Error("a server that has left leaves its journal")
	}

	a := journaled(t, store, "a")
	tens := rooms4(t, a)
	if err := saved(t, tens[3], "last"); err != nil {
		t.Fatal(err)
	}
	a.Sever()
	for dead := range b.Lapsed() {
		if dead.ID == "a" {
			break
		}
	}
	for range 3 {
		if list, err := b.Orphans(soon(t)); err != nil || len(list) != 4 || !has("a") || !has("b") {
			t.Fatalf("orphans: %v %v; journals: a %v, b %v", list, err, has("a"), has("b"))
		}
	}
	for i := range tens {
		e, err := latest(t, b, dice(int64(i)))
		if err == nil {
			_, err = b.Claim(soon(t), dice(int64(i)), e.Revision, e.Snapshot)
		}
		if err != nil || i == 3 && string(e.Snapshot) != "last" {
			t.Fatalf("room %d: %+v %v", i, e, err)
		}
	}
	until(t, "the dead server's journal to be removed", func() bool {
		if _, err := b.Orphans(soon(t)); err != nil {
			t.Fatal(err)
		}
		return !has("a")
	})
	if !has("b") {
		t.Error("a journal in use was removed")
	}
}

// A record that a newer server wrote is left to it.
func testNewerJournal(t *testing.T, store Store) {
	a, b := journaled(t, store, "a"), join(t, store, "b", "b:1")
	tens := rooms4(t, a)
	done := make(chan error, 1)
	store.append(a.journal.Load().name, []byte{recordFormat + 1, 2}, whatever, func(_ uint64, err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := latest(t, b, dice(0)); !errors.Is(err, ErrNewer) {
		t.Fatalf("a record of a newer format: %v", err)
	}
	if err := saved(t, tens[0], "goes on"); err != nil {
		t.Fatal(err)
	}
}

// Saves of any size come back, also where they do not fit into one record.
func testSizes(t *testing.T, store Store) {
	a, b := journaled(t, store, "a"), join(t, store, "b", "b:1")
	sizes := []int{0, 1, 1000, maxBatch - 100, maxBatch, maxBatch + 1, MaxSnapshot}
	var wg sync.WaitGroup
	for i, size := range sizes {
		ten, err := a.Claim(soon(t), dice(int64(i)), 0, []byte("begin"))
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for n := range 3 {
				if err := saved(t, ten, strings.Repeat(fmt.Sprint(n), size)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i, size := range sizes {
		if e, err := latest(t, b, dice(int64(i))); err != nil || string(e.Snapshot) != strings.Repeat("2", size) {
			t.Errorf("%d bytes: %d came back, %v", size, len(e.Snapshot), err)
		}
	}
}

func TestJournalNames(t *testing.T) {
	for _, id := range []string{"a", "dice-0.x *>", strings.Repeat("=", maxID)} {
		name := journalName(id, 1234567)
		if got := journalServer(name); got != id || len(name) > maxJournal {
			t.Errorf("%q is written %q (%d bytes), and read %q", id, name, len(name), got)
		}
	}
	for _, name := range []string{"", "a", ".1", "a.", "a.x", "a.01", "a b.1", "=41.1"} {
		if got := journalServer(name); got != "" {
			t.Errorf("%q is read %q", name, got)
		}
	}
}

// Many callers at once read a dead server's journal once; one whose time is over does not spoil it for the others.
func TestInheritTogether(t *testing.T) {
	store := &counted{Store: NewMemory()}
	a, b := journaled(t, store, "a"), join(t, store, "b", "b:1")
	tens := rooms4(t, a)
	for _, ten := range tens {
		if err := saved(t, ten, "x"); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if e, err := latest(t, b, dice(int64(i%4))); err != nil || string(e.Snapshot) != "x" {
				t.Errorf("%+v %v", e, err)
			}
		})
	}
	wg.Wait()
	if n := store.reads(); n != 1 {
		t.Errorf("the journal was read %d times", n)
	}
}

type counted struct {
	Store
	mu sync.Mutex
	n  int
}

func (c *counted) append(journal string, record []byte, expect uint64, done func(uint64, error)) {
	if expect == whatever {
		time.Sleep(20 * time.Millisecond) // so that the others come meanwhile
		c.mu.Lock()
		c.n++
		c.mu.Unlock()
	}
	c.Store.append(journal, record, expect, done)
}

func (c *counted) reads() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// A journal ends in the moment in which it is packed: nothing is lost, and the next one is packed as any.
func TestJournalEndsWhileItIsPacked(t *testing.T) {
	store := &refusing{Store: NewMemory(), seen: map[writing]bool{}}
	a, b := journaled(t, store, "a"), join(t, store, "b", "b:1")
	a.packAt = 2 << 10
	tens := rooms4(t, a)
	long := strings.Repeat("x", 100)
	save := func(ten *Tenure, snapshot string) {
		t.Helper()
		if err := saved(t, ten, snapshot); err != nil {
			t.Fatal(err)
		}
	}
	store.refuse(true)
	for range 3 {
		for i, ten := range tens {
			save(ten, "next journal") // in the entry
			save(ten, fmt.Sprint("rest ", i))
		}
		first := a.journal.Load()
		for n := 0; a.journal.Load() == first; n++ {
			save(tens[0], fmt.Sprint(long, n))
		}
		until(t, "the next journal", func() bool { return a.journal.Load() != nil })
	}
	store.refuse(false)
	for i, ten := range tens {
		save(ten, "next journal")
		save(ten, fmt.Sprint("rest ", i))
	}
	for n := range 100 {
		save(tens[0], fmt.Sprint(long, n))
	}
	j := a.journal.Load()
	until(t, "the last journal to be packed", func() bool {
		size := 0
		err := store.replay(soon(t), j.name, j.lastRevision(), func(record []byte) { size += len(record) })
		return err == nil && size < 8<<10
	})
	for i := range tens {
		want := fmt.Sprint("rest ", i)
		if i == 0 {
			want = long + "99"
		}
		if e, err := latest(t, b, dice(int64(i))); err != nil || string(e.Snapshot) != want {
			t.Errorf("room %d: %q %v", i, e.Snapshot, err)
		}
	}
}

// refusing refuses records with copies.
type refusing struct {
	Store
	mu   sync.Mutex
	on   bool
	seen map[writing]bool
}

func (r *refusing) refuse(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = on
}

func (r *refusing) append(journal string, record []byte, expect uint64, done func(uint64, error)) {
	copies := false
	r.mu.Lock()
	err := parseRecord(record, func(s save) {
		at := writing{s.claim, s.turn}
		copies = copies || r.seen[at]
		r.seen[at] = true
	})
	refused := r.on && copies
	r.mu.Unlock()
	if err != nil || refused {
		done(0, errMismatch)
		return
	}
	r.Store.append(journal, record, expect, done)
}

package directory

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// One suite for both stores: whatever it says of one must hold for the other.
func TestMemory(t *testing.T) { conform(t, func(t *testing.T) Store { return NewMemory() }) }

func conform(t *testing.T, open func(*testing.T) Store) {
	for name, test := range map[string]func(*testing.T, Store){
		"a claim, saves, and a look":           testClaim,
		"one of many wins a claim":             testRace,
		"a takeover ends the owner before":     testTakeover,
		"a closed room can be claimed anew":    testClose,
		"names from outside":                   testNames,
		"what is too large is refused":         testLarge,
		"players sit in one room":              testSit,
		"a rise does not hit a later claim":    testRise,
		"leases":                               testLeases,
		"a killed server's rooms are orphans":  testSever,
		"an address belongs to who came last":  testAddress,
		"many rooms are listed":                testList,
		"an entry of a newer format":           testNewer,
		"a close waits for the save before it": testCloseAfterSave,
		"rooms share a journal":                testJournal,
		"a journal is packed":                  testPack,
		"journals are removed":                 testSweep,
		"a journal of a newer format":          testNewerJournal,
		"saves of all sizes":                   testSizes,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, open(t)) })
	}
}

var dice = func(room int64) Key { return Key{"dice", room} }

func testClaim(t *testing.T, store Store) {
	a, b := join(t, store, "a-1", "a:1"), join(t, store, "b-1", "b:1")
	if _, err := b.Look(soon(t), dice(5)); !errors.Is(err, ErrNone) {
		t.Fatalf("look at nothing: %v", err)
	}
	ten, err := a.Claim(soon(t), dice(5), 0, []byte("first"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := b.Look(soon(t), dice(5))
	if err != nil || e.Server != "a-1" || e.Address != "a:1" || e.Version != "v1" || string(e.Snapshot) != "first" ||
		e.Epoch != ten.Epoch() || e.Revision != ten.Offer() || e.Key != dice(5) || ten.Key() != dice(5) {
		t.Fatalf("look: %+v %v, tenure %d %d", e, err, ten.Epoch(), ten.Offer())
	}
	if !e.BeganWith([]byte("first")) || e.BeganWith([]byte("second")) {
		t.Error("what did the owner begin with?")
	}
	for i := range 5 {
		before := ten.Offer()
		if err := saved(t, ten, fmt.Sprint("state ", i)); err != nil {
			t.Fatal(err)
		}
		e, err = b.Look(soon(t), dice(5))
		if err != nil || string(e.Snapshot) != fmt.Sprint("state ", i) || e.Epoch != ten.Epoch() || e.Revision != ten.Offer() || e.Revision <= before {
			t.Fatalf("look after a save that follows an offer: %+v %v, tenure %d %d, before %d", e, err, ten.Epoch(), ten.Offer(), before)
		}
	}
	if !e.BeganWith([]byte("first")) {
		t.Error("a save changed what the owner began with")
	}
	if _, err := b.Claim(soon(t), dice(5), 0, nil); !errors.Is(err, ErrConflict) {
		t.Fatalf("claim as new what exists: %v", err)
	}
	if _, err := b.Claim(soon(t), dice(5), e.Revision-1, nil); !errors.Is(err, ErrConflict) {
		t.Fatalf("claim at an old revision: %v", err)
	}
	if _, err := b.Claim(soon(t), dice(6), e.Revision, nil); !errors.Is(err, ErrConflict) {
		t.Fatalf("claim an entry that is not there: %v", err)
	}
	if err := a.Healthy(); err != nil {
		t.Fatal(err)
	}
}

func testRace(t *testing.T, store Store) {
	var ds []*Directory
	for i := range 4 {
		ds = append(ds, join(t, store, fmt.Sprint("s", i), fmt.Sprint("h:", i)))
	}
	var last uint64
	var revision uint64
	for round := range 10 {
		var mu sync.Mutex
		var won []*Tenure
		var wg sync.WaitGroup
		for _, d := range ds {
			wg.Go(func() {
				ten, err := d.Claim(soon(t), dice(1), revision, []byte(fmt.Sprint(round)))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, ten)
				} else if !errors.Is(err, ErrConflict) {
					t.Errorf("claim: %v", err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("round %d: %d servers won the claim", round, len(won))
		}
		if won[0].Epoch() <= last {
			t.Fatalf("the epoch went from %d to %d", last, won[0].Epoch())
		}
		last, revision = won[0].Epoch(), won[0].Offer()
	}
}

func testTakeover(t *testing.T, store Store) {
	a, b := join(t, store, "a", "a:1"), join(t, store, "b", "b:1")
	old, err := a.Claim(soon(t), dice(1), 0, []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	if err := saved(t, old, "two"); err != nil {
		t.Fatal(err)
	}
	e, err := latest(t, b, dice(1))
	if err != nil || string(e.Snapshot) != "two" {
		t.Fatalf("%q %v", e.Snapshot, err)
	}
	now, err := b.Claim(soon(t), dice(1), e.Revision, e.Snapshot)
	if err != nil || now.Epoch() <= old.Epoch() {
		t.Fatalf("takeover: %v, epoch %d after %d", err, now.Epoch(), old.Epoch())
	}
	if err := saved(t, old, "stale"); !errors.Is(err, ErrLost) {
		t.Fatalf("the stale owner saved: %v", err)
	}
	if err := saved(t, old, "stale again"); !errors.Is(err, ErrLost) {
		t.Fatalf("the stale owner saved: %v", err)
	}
	if err := closed(t, old); !errors.Is(err, ErrLost) {
		t.Fatalf("the stale owner closed the room: %v", err)
	}
	if err := saved(t, now, "three"); err != nil {
		t.Fatal(err)
	}
	if e, err := latest(t, a, dice(1)); err != nil || string(e.Snapshot) != "three" || e.Server != "b" {
		t.Fatalf("%+v %v", e, err)
	}
	// Given away: whatever is tried afterwards is answered, and changes nothing.
	now.Abandon()
	if err := saved(t, now, "after"); !errors.Is(err, ErrLost) {
		t.Fatalf("saved after it was given away: %v", err)
	}
	if e, err := latest(t, a, dice(1)); err != nil || string(e.Snapshot) != "three" {
		t.Fatalf("%+v %v", e, err)
	}
}

func testClose(t *testing.T, store Store) {
	a, b := join(t, store, "a", "a:1"), join(t, store, "b", "b:1")
	var last uint64
	for i, d := range []*Directory{a, b, b, a} {
		ten, err := d.Claim(soon(t), dice(1), 0, []byte("x"))
		if err != nil {
			t.Fatalf("claim %d: %v", i, err)
		}
		if ten.Epoch() <= last {
			t.Fatalf("the epoch went from %d to %d", last, ten.Epoch())
		}
		last = ten.Epoch()
		if err := closed(t, ten); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Look(soon(t), dice(1)); !errors.Is(err, ErrNone) {
			t.Fatalf("look at a closed room: %v", err)
		}
		if err := saved(t, ten, "y"); !errors.Is(err, ErrLost) {
			t.Fatalf("save after close: %v", err)
		}
	}
	if list, err := a.Owned(soon(t), "a"); err != nil || len(list) != 0 {
		t.Fatalf("a closed room is listed: %v %v", list, err)
	}
}

func testCloseAfterSave(t *testing.T, store Store) {
	a := join(t, store, "a", "a:1")
	ten, err := a.Claim(soon(t), dice(1), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 4)
	ten.Save([]byte("last words"), func(err error) { answers <- fmt.Sprint("save ", err) })
	ten.Close(func(err error) { answers <- fmt.Sprint("close ", err) })
	if one, two := <-answers, <-answers; one != "save <nil>" || two != "close <nil>" {
		t.Fatalf("answered %q, %q", one, two)
	}
	if _, err := a.Look(soon(t), dice(1)); !errors.Is(err, ErrNone) {
		t.Fatal(err)
	}
}

func testNames(t *testing.T, store Store) {
	a := join(t, store, "host.with.dots *>", "a:1")
	names := []string{"dice", "a.b", "*", ">", "dice.>", "with space", "ünï", "\x00\r\n", "=2E", "A", "a", strings.Repeat("=", MaxGame)}
	for i, name := range names {
		for _, room := range []int64{1, -1, 999999, 1 << 62} {
			if _, err := a.Claim(soon(t), Key{name, room}, 0, []byte{byte(i)}); err != nil {
				t.Fatalf("claim %q %d: %v", name, room, err)
			}
		}
	}
	for i, name := range names {
		e, err := a.Look(soon(t), Key{name, -1})
		if err != nil || !bytes.Equal(e.Snapshot, []byte{byte(i)}) || e.Game != name || e.Room != -1 || e.Server != "host.with.dots *>" {
			t.Fatalf("look %q: %+v %v", name, e, err)
		}
	}
	if list, err := a.Owned(soon(t), "host.with.dots *>"); err != nil || len(list) != 4*len(names) {
		t.Fatalf("owned: %d %v", len(list), err)
	}
	for _, name := range []string{"", strings.Repeat("x", MaxGame+1)} {
		if _, err := a.Claim(soon(t), Key{name, 1}, 0, nil); err == nil {
			t.Errorf("a game of %d bytes was taken", len(name))
		}
		if _, err := a.Look(soon(t), Key{name, 1}); err == nil || errors.Is(err, ErrNone) {
			t.Errorf("a game of %d bytes was looked for: %v", len(name), err)
		}
		if _, err := a.Sit(soon(t), name, 1, 1, 0); err == nil {
			t.Errorf("a game of %d bytes was sat at", len(name))
		}
	}
	if _, err := Join(soon(t), store, Server{}, quiet()); err == nil {
		t.Error("a server without an ID joined")
	}
}

func testLarge(t *testing.T, store Store) {
	a := join(t, store, "a", "a:1")
	if _, err := a.Claim(soon(t), dice(1), 0, make([]byte, MaxSnapshot+1)); err == nil || errors.Is(err, ErrAway) {
		t.Fatalf("a huge claim: %v", err)
	}
	ten, err := a.Claim(soon(t), dice(1), 0, make([]byte, MaxSnapshot))
	if err != nil {
		t.Fatal(err)
	}
	if err := saved(t, ten, strings.Repeat("x", MaxSnapshot+1)); err == nil || errors.Is(err, ErrLost) {
		t.Fatalf("a huge save: %v", err)
	}
	if err := saved(t, ten, strings.Repeat("x", MaxSnapshot)); err != nil {
		t.Fatalf("a save after a refused one: %v", err)
	}
}

func testSit(t *testing.T, store Store) {
	a, b := join(t, store, "a", "a:1"), join(t, store, "b", "b:1")
	sit := func(d *Directory, room, instead, want int64) {
		t.Helper()
		held, err := d.Sit(soon(t), "dice", 7, room, instead)
		if err != nil || held != want {
			t.Fatalf("sit in %d instead of %d: held %d %v, want %d", room, instead, held, err, want)
		}
	}
	seat := func(want int64) {
		t.Helper()
		for _, d := range []*Directory{a, b} {
			if room, err := d.Seat(soon(t), "dice", 7); err != nil || room != want {
				t.Fatalf("sits in %d %v, want %d", room, err, want)
			}
		}
	}
	seat(0)
	if _, err := a.write(soon(t), players, "dice.7", []byte{seatFormat, 2}, 0); err != nil {
		t.Fatal(err)
	}
	seat(0)
	sit(a, 1, 0, 1)
	seat(1)
	sit(b, 2, 0, 1)
	seat(1)
	sit(b, 2, 3, 1)
	sit(b, 2, 1, 2)
	seat(2)
	a.Rise("dice", 7, 1) // not that claim any more
	a.Rise("coin", 7, 2)
	sit(a, 2, 0, 2) // the same again, by another server
	b.Rise("dice", 7, 2)
	sit(b, 4, 0, 2) // b's claim was renewed by a
	seat(2)
	a.Rise("dice", 7, 2)
	until(t, "the claim to go", func() bool {
		room, err := b.Seat(soon(t), "dice", 7)
		return err == nil && room == 0
	})
	sit(b, 5, 0, 5)
	if room, err := a.Seat(soon(t), "coin", 7); err != nil || room != 0 {
		t.Fatalf("in another game the user sits in %d %v", room, err)
	}
	// The room was elsewhere for a while, and is back: what this server wrote before counts no more.
	sit(b, 4, 5, 4)
	sit(a, 4, 0, 4)
	b.Forget("dice", 7)
	b.Rise("dice", 7, 4)
	until(t, "the claim that another server wrote to go", func() bool {
		room, err := a.Seat(soon(t), "dice", 7)
		return err == nil && room == 0
	})
	sit(b, 5, 0, 5)
	// A claim that was written by another server, whose room moved here.
	a.Rise("dice", 7, 5)
	sit(a, 6, 0, 6)
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int64]int{}
	for i := range 8 {
		wg.Go(func() {
			held, err := []*Directory{a, b}[i%2].Sit(soon(t), "dice", 8, int64(10+i), 0)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			got[held]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if len(got) != 1 {
		t.Fatalf("eight sat at once, and are told of %v", got)
	}
}

func testRise(t *testing.T, store Store) {
	a := join(t, store, "a", "a:1")
	for i := range 50 {
		if held, err := a.Sit(soon(t), "dice", 1, 7, 0); err != nil || held != 7 {
			t.Fatalf("sit %d: %d %v", i, held, err)
		}
		if room, err := a.Seat(soon(t), "dice", 1); err != nil || room != 7 {
			t.Fatalf("the claim is gone in round %d: %d %v", i, room, err)
		}
		a.Rise("dice", 1, 7)
	}
}

func testList(t *testing.T, store Store) {
	a, b := join(t, store, "a", "a:1"), join(t, store, "b", "b:1")
	const n = 700
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < n; i += 4 {
				d := a
				if i%2 == 1 {
					d = b
				}
				ten, err := d.Claim(soon(t), dice(int64(i)), 0, []byte("new"))
				if err == nil {
					err = saved(t, ten, fmt.Sprint("state of ", i))
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	list, err := b.Owned(soon(t), "a")
	if err != nil || len(list) != n/2 {
		t.Fatalf("owned: %d %v", len(list), err)
	}
	for i, e := range list {
		last, err := b.Inherit(soon(t), e)
		if err != nil || e.Room != int64(2*i) || string(last.Snapshot) != fmt.Sprint("state of ", 2*i) || e.Server != "a" {
			t.Fatalf("entry %d: %+v, %+v %v", i, e, last, err)
		}
	}
	if list, err = b.Orphans(soon(t)); err != nil || len(list) != 0 {
		t.Fatalf("orphans: %d %v", len(list), err)
	}
}

func testNewer(t *testing.T, store Store) {
	a := join(t, store, "a", "a:1")
	if _, err := a.write(soon(t), rooms, "dice.1", []byte{entryFormat + 1, 2, 3}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := a.write(soon(t), players, "dice.1", []byte{seatFormat + 1, 2, 3}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Look(soon(t), dice(1)); err == nil || errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "newer") {
		t.Fatalf("look: %v", err)
	}
	if _, err := a.Seat(soon(t), "dice", 1); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Fatalf("seat: %v", err)
	}
	if _, err := a.Sit(soon(t), "dice", 1, 1, 0); err == nil {
		t.Fatal("a claim of a newer format was overwritten")
	}
	if list, err := a.Orphans(soon(t)); err != nil || len(list) != 0 {
		t.Fatalf("orphans: %v %v", list, err)
	}
}

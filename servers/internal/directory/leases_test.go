package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"croupier/servers/internal/bus"
)

func testLeases(t *testing.T, store Store) {
	a := join(t, store, "a", "a:1")
	b, err := Join(soon(t), store, Server{ID: "b", Address: "b:1", Games: []string{"coin"}, Vacant: map[string][]int64{"coin": {1}}}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	ids := func(d *Directory) string {
		var list []string
		for _, s := range d.Servers() {
			list = append(list, s.ID)
		}
		return strings.Join(list, " ")
	}
	until(t, "both to see each other", func() bool { return ids(a) == "a b" && ids(b) == "a b" })
	if !a.Alive("a") || !a.Alive("b") || !b.Alive("a") {
		t.Fatal("somebody is not alive")
	}
	b.Update(func(s *Server) {
		s.Cordoned, s.Rooms, s.ID = true, 3, "nonsense"
		s.Vacant["coin"] = append(s.Vacant["coin"], 2)
	})
	until(t, "the change to arrive", func() bool {
		list := a.Servers()
		return len(list) == 2 && list[1].Cordoned && list[1].Rooms == 3 && list[1].ID == "b" && slices.Equal(list[1].Vacant["coin"], []int64{1, 2})
	})
	a.Dead("b")
	if a.Alive("b") {
		t.Fatal("b is alive though its address refuses")
	}
	if s := <-a.Lapsed(); s.ID != "b" {
		t.Fatalf("lapsed: %+v", s)
	}
	until(t, "a renewal to revive b", func() bool { return a.Alive("b") })
	if err := b.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	until(t, "b to be gone", func() bool { return ids(a) == "a" })
	if s := <-a.Lapsed(); s.ID != "b" || s.Rooms != 3 {
		t.Fatalf("lapsed: %+v", s)
	}
}

func testSever(t *testing.T, store Store) {
	a := join(t, store, "a", "a:1")
	b, err := Join(soon(t), store, Server{ID: "b", Address: "b:1"}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	ten, err := b.Claim(soon(t), dice(1), 0, []byte("kept"))
	if err != nil {
		t.Fatal(err)
	}
	mine, err := a.Claim(soon(t), dice(2), 0, []byte("mine"))
	if err != nil {
		t.Fatal(err)
	}
	until(t, "a to see b", func() bool { return len(a.Servers()) == 2 })
	began := time.Now()
	b.Sever()
	ten.Save([]byte("never"), func(err error) { t.Errorf("a dead server's save was answered: %v", err) })
	if _, err := b.Look(soon(t), dice(1)); !errors.Is(err, ErrAway) {
		t.Errorf("a dead server reads: %v", err)
	}
	if s := <-a.Lapsed(); s.ID != "b" {
		t.Fatalf("lapsed: %+v", s)
	}
	if took := time.Since(began); took < Lapse-Renewal { // TestViewLapse has the latest moment, by a clock of its own
		t.Errorf("the lease lapsed after %v", took)
	}
	list, err := a.Orphans(soon(t))
	if err != nil || len(list) != 1 || list[0].Key != dice(1) || string(list[0].Snapshot) != "kept" {
		t.Fatalf("orphans: %+v %v", list, err)
	}
	if _, err := a.Claim(soon(t), dice(1), list[0].Revision, list[0].Snapshot); err != nil {
		t.Fatal(err)
	}
	mine.Abandon() // in a's own name, and a does not have it
	list, err = a.Orphans(soon(t))
	if err != nil || len(list) != 1 || list[0].Key != dice(2) {
		t.Fatalf("orphans: %+v %v", list, err)
	}
	if err := b.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if a.Alive("never heard of") {
		t.Error("a server that was never heard of is alive")
	}
}

func testAddress(t *testing.T, store Store) {
	a := join(t, store, "a", "a:1")
	old, err := Join(soon(t), store, Server{ID: "old", Address: "b:1"}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	until(t, "a to see the old one", func() bool { return len(a.Servers()) == 2 })
	old.Sever()
	next := join(t, store, "new", "b:1")
	if next.Alive("old") {
		t.Error("the new one believes that the old one lives")
	}
	if s := <-a.Lapsed(); s.ID != "old" {
		t.Fatalf("lapsed: %+v", s)
	}
	if !a.Alive("new") || a.Alive("old") {
		t.Error("who lives?")
	}
}

// A server that has more to save than can be under way is alive, and says so.
func TestLeasesDoNotWaitForSaves(t *testing.T) {
	e, err := bus.Embed("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	store := openAt(t, dial(t, e.URL())).(*natsStore)
	a, b := join(t, store, "a", "a:1"), join(t, openAt(t, dial(t, e.URL())), "b", "b:1")
	ten, err := a.Claim(soon(t), dice(1), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	places := func(limit int) {
		store.mu.Lock()
		store.writes.limit = limit
		store.mu.Unlock()
		store.nudge()
	}
	places(0)
	answers := make(chan error, 1)
	ten.Save([]byte("waits"), func(err error) { answers <- err })
	a.Update(func(s *Server) { s.Rooms = 7 })
	until(t, "b to hear of it", func() bool { return b.Servers()[0].Rooms == 7 })
	select {
	case err := <-answers:
		t.Fatalf("the save did not wait: %v", err)
	default:
	}
	places(maxWrites)
	if err := <-answers; err != nil {
		t.Fatal(err)
	}
}

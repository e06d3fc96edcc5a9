package room_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

// stored is a snapshot by hand: players as JSON, the game's bytes are "script".
func stored(players string) string {
	return `{"version":1,"id":7,"seats":2,"bench":1,"seq":12,"players":[` + players + `],"game":"c2NyaXB0"}`
}

func TestSnapshotFormat(t *testing.T) {
	on := true
	bubble(t, held(&on), func(t *testing.T, r *roomtest.Room) {
		r.Sit(5, 1)
		r.Sit(6, 0)
		r.Lose(r.Sit(7, room.AnySeat))
		const want = `{"version":1,"id":7,"seats":2,"bench":2,"seq":4,"players":[{"id":5,"seat":1,"online":true},{"id":6,"seat":0,"online":true},{"id":7,"seat":-1}],"game":"c2NyaXB0"}`
		if got := string(r.Store()); got != want {
			t.Errorf("snapshot\n%s, want\n%s", got, want)
		}
	})
}

func TestSnapshotFails(t *testing.T) {
	failed := errors.New("no ink")
	bubble(t, &script{snapshot: func() ([]byte, error) { return nil, failed }}, func(t *testing.T, r *roomtest.Room) {
		r.Inside(func(table *room.Table) {
			if data, err := table.Snapshot(); data != nil || !errors.Is(err, failed) {
				t.Errorf("Snapshot returns %q and %v, want the game's error", data, err)
			}
		})
	})
}

// Everyone is where they were, offline; events are numbered on, under the new epoch.
func TestRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := roomtest.Restore(t, room.Config{Epoch: 3}, &script{}, []byte(stored(`{"id":5,"seat":1},{"id":6,"seat":0},{"id":7,"seat":-1}`)))
		if r.ID() != 7 {
			t.Errorf("the room is number %d, want 7", r.ID())
		}
		back := r.Sit(6, room.AnySeat)
		sent := back.Take()
		if meta := sent[len(sent)-1].Meta; meta != (room.Meta{Epoch: 3, Seq: 13}) {
			t.Errorf("the first event is %+v, want number 13 of epoch 3", meta)
		}
		if view := fmt.Sprint(back.View()); view != "map[5:{1 false} 6:{0 true} 7:{-1 false}]" {
			t.Errorf("who comes back sees %v", view)
		}
		hears(t, r.Sit(8, 1), "refused 102: the seat is taken; ask for seat -1 to get any")
		r.Check()
	})
}

// Nobody waits for ever for a player who does not come back.
func TestGraceAfterRestore(t *testing.T) {
	for _, test := range []struct {
		grace time.Duration
		lasts time.Duration
	}{{0, 30 * time.Second}, {10 * time.Second, 10 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			r := roomtest.Restore(t, room.Config{Grace: test.grace}, &script{}, []byte(stored(`{"id":5,"seat":1},{"id":6,"seat":0}`)))
			back := r.Sit(5, room.AnySeat)
			back.Take()
			time.Sleep(test.lasts - 1)
			r.Wait()
			hears(t, back)
			time.Sleep(time.Nanosecond)
			r.Wait()
			hears(t, back, "user 6 stood up")
			r.Check()
		})
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			r := roomtest.Restore(t, room.Config{Grace: test.grace}, &script{}, []byte(stored("")))
			<-r.Done()
			if lasted := time.Since(began); lasted != test.lasts {
				t.Errorf("an empty room lasted %v, want %v", lasted, test.lasts)
			}
		})
	}
}

// Whom the game holds, it holds beyond the grace.
func TestGraceSparesWhomTheGameHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := true
		r := roomtest.Restore(t, room.Config{}, held(&on), []byte(stored(`{"id":5,"seat":1}`)))
		time.Sleep(time.Hour)
		if r.Over() {
			t.Fatal("the room has ended")
		}
		if view := r.Sit(5, room.AnySeat).View(); view[5].Seat != 1 {
			t.Errorf("user 5 finds %+v, want seat 1", view)
		}
	})
}

func TestRestoreFails(t *testing.T) {
	failed := errors.New("can't read it")
	for _, test := range []struct{ name, data, want string }{
		{"nothing", "", "unexpected end of JSON"},
		{"no JSON", "room", "invalid character"},
		{"a future version", `{"version":2,"id":7,"seats":2,"bench":1}`, "snapshot has version 2, this server reads 1: leave the room to a server that does"},
		{"no version", `{"id":7,"seats":2,"bench":1}`, "snapshot has version 0"},
		{"no seats", `{"version":1,"id":7,"bench":1}`, "0 seats"},
		{"a hall", `{"version":1,"id":7,"seats":99999999999,"bench":1}`, "at most 1024"},
		{"negative seats", `{"version":1,"id":7,"seats":-2,"bench":1}`, "-2 seats"},
		{"no bench", `{"version":1,"id":7,"seats":2}`, "a bench for 0"},
		{"a seat taken twice", stored(`{"id":5,"seat":1},{"id":6,"seat":1}`), "user 6: seat 1 is user 5's"},
		{"a seat too far", stored(`{"id":5,"seat":2}`), "user 5: there is no seat 2"},
		{"a negative seat", stored(`{"id":5,"seat":-2}`), "user 5: there is no seat -2"},
		{"a user twice", stored(`{"id":5,"seat":1},{"id":5,"seat":0}`), "user 5 is there twice"},
		{"no user", stored(`{"seat":1}`), "users count from 1"},
		{"a crowd", stored(`{"id":5,"seat":-1},{"id":6,"seat":-1}`), "user 6: more spectators than the bench holds"},
		{"the game fails", stored(`{"id":5,"seat":1}`), "restore room 7: game: can't read it"},
		{"the game panics", stored(`{"id":6,"seat":1}`), "restore room 7: game: panic: boom"},
	} {
		t.Run(test.name, func(t *testing.T) {
			game := &script{restore: func(t *room.Table, _ []byte) error {
				if t.Player(6) != nil {
					panic("boom")
				}
				return failed
			}}
			r, err := room.Restore(room.Config{Encoder: roomtest.Encoder{}}, game, []byte(test.data))
			if r != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Restore returns %v and %v, want the error to say %q", r, err, test.want)
			}
		})
	}
	if _, err := room.Restore(room.Config{}, &script{}, []byte(stored(""))); err == nil {
		t.Error("Restore without an encoder does not fail")
	}
}

// FuzzRestore: whatever a snapshot holds, it is refused, or it is a room that works and that
// stores itself as it was.
func FuzzRestore(f *testing.F) {
	f.Add([]byte(stored("")))
	f.Add([]byte(stored(`{"id":5,"seat":1},{"id":6,"seat":0},{"id":7,"seat":-1}`)))
	f.Add([]byte(`{"version":1,"id":-1,"seats":1024,"bench":1,"seq":18446744073709551615,"players":null,"game":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		config := room.Config{Encoder: roomtest.Encoder{}}
		r, err := room.Restore(config, &script{}, data)
		if err != nil {
			return
		}
		first := snapshot(t, r)
		twin, err := room.Restore(config, &script{}, first)
		if err != nil {
			t.Fatalf("%s was restored, its own snapshot is not: %v: %s", data, err, first)
		}
		if second := snapshot(t, twin); string(second) != string(first) {
			t.Errorf("stored as %s, then as %s", first, second)
		}
		s := roomtest.NewSession(5)
		must(t, r.Enter(s, room.AnySeat, 0))
		for _, opened := range []*room.Room{r, twin} {
			opened.Settle(room.Retry)
			<-opened.Done()
		}
		if _, ended := s.Ended(); !ended {
			t.Error("a player who came was told no end")
		}
	})
}

// snapshot takes a snapshot of a room that must be alive.
func snapshot(t *testing.T, r *room.Room) []byte {
	t.Helper()
	var data []byte
	var err error
	must(t, r.Do(t.Context(), func(table *room.Table) { data, err = table.Snapshot() }))
	must(t, err)
	return data
}

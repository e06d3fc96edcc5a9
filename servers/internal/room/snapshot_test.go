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

// What is written by hand is what encoding/json would write.
func TestSnapshotIsJSON(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, _ *roomtest.Record) {
		a := r.Sit(1, 0)
		for n := range uint64(3) {
			says(t, r, a, strings.Repeat("x", int(n)), n+1)
		}
		r.Cut(r.Sit(2, 1))
		r.Sit(3, room.AnySeat)
		time.Sleep(time.Second)
		const want = `{"version":1,"id":7,"seats":2,"bench":2,"seq":7,"players":[` +
			`{"id":1,"seat":0,"online":true,"replies":[{"request":1,"op":6,"body":"eyJUZXh0IjoieW91OiAifQ=="},{"request":2,"op":6,"body":"eyJUZXh0IjoieW91OiB4In0="},{"request":3,"op":6,"body":"eyJUZXh0IjoieW91OiB4eCJ9"}]},` +
			`{"id":2,"seat":1,"away_ns":9000000000},` +
			`{"id":3,"seat":-1,"online":true}],"game":"c2NyaXB0"}`
		if got := string(r.Store()); got != want {
			t.Errorf("snapshot\n%s, want\n%s", got, want)
		}
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
		{"online and away", stored(`{"id":5,"seat":1,"online":true,"away_ns":1}`), "user 5 is online true, away for another 1ns"},
		{"away before now", stored(`{"id":5,"seat":1,"away_ns":-1}`), "away for another -1ns"},
		{"offline and missed", stored(`{"id":5,"seat":1,"missed":true}`), "missed what was said true"},
		{"many replies", stored(`{"id":5,"seat":1,"replies":[{},{},{},{},{}]}`), "user 5 has 5 replies, at most 4"},
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
	f.Add([]byte(stored(`{"id":5,"seat":1,"online":true,"replies":[{"request":9,"op":3,"body":"eA=="}]},{"id":6,"seat":0,"away_ns":77}`)))
	f.Add([]byte(stored(`{"id":5,"seat":1,"online":true,"missed":true},{"id":6,"seat":0,"away_ns":9223372036854775807}`)))
	f.Add([]byte(`{"version":1,"id":-1,"seats":1024,"bench":1,"seq":18446744073709551615,"players":null,"game":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			config := room.Config{Encoder: roomtest.Encoder{}, Seamless: true, Record: roomtest.NewRecord(nil)}
			r, err := room.Restore(config, &script{}, data)
			if err != nil {
				return
			}
			first := snapshot(t, r)
			config.Record = roomtest.NewRecord(first)
			twin, err := room.Restore(config, &script{}, first)
			if err != nil {
				t.Fatalf("%s was restored, its own snapshot is not: %v: %s", data, err, first)
			}
			if second := snapshot(t, twin); string(second) != string(first) {
				t.Errorf("stored as %s, then as %s", first, second)
			}
			entered, resumed := roomtest.NewSession(5), roomtest.NewSession(6)
			must(t, r.Enter(entered, room.AnySeat, 0))
			must(t, r.Resume(resumed, false))
			synctest.Wait()
			for _, opened := range []*room.Room{r, twin} {
				opened.Settle(room.Retry)
				<-opened.Done()
			}
			for _, s := range []*roomtest.Session{entered, resumed} {
				if _, ended := s.Ended(); !ended {
					t.Errorf("user %d came and was told no end", s.User())
				}
			}
		})
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

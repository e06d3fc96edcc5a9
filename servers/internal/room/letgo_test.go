package room_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

// asks is what LetGo answers; "" where it has not answered.
func asks(r *roomtest.Room, user int64) *string {
	answer := new(string)
	r.LetGo(user, func(bound bool) {
		*answer += map[bool]string{true: "bound", false: "free"}[bound]
	})
	r.Wait()
	return answer
}

func TestLetGo(t *testing.T) {
	on := false
	bubble(t, held(&on), func(t *testing.T, r *roomtest.Room) {
		a, b := r.Sit(1, 0), r.Sit(2, 1)
		a.Take()
		b.Take()
		on = true
		if got := *asks(r, 2); got != "bound" {
			t.Errorf("a player whom the game holds is %s", got)
		}
		hears(t, b)
		on = false
		if got := *asks(r, 2); got != "free" {
			t.Errorf("a player whom the game lets go is %s", got)
		}
		hears(t, b, "disconnected: replaced")
		ends(t, b, room.Replaced)
		hears(t, a, "user 2 stood up")
		if got := *asks(r, 9); got != "free" {
			t.Errorf("a stranger is %s", got)
		}
		r.Check()

		r.Cut(a) // offline, keeps the seat for a while, and wants to sit elsewhere
		if got := *asks(r, 1); got != "free" {
			t.Errorf("a severed player is %s", got)
		}
		r.Settle(room.Retry)
		<-r.Done()
		if got := *asks(r, 1); got != "free" {
			t.Errorf("of a room that has ended, a player is %s", got)
		}
	})
}

// Who is awaited can be let go, too.
func TestLetGoOfTheAwaited(t *testing.T) {
	restored(t, room.Config{Seamless: true}, talk(), online, func(t *testing.T, r *roomtest.Room) {
		if got := *asks(r, 2); got != "free" {
			t.Errorf("an awaited player is %s", got)
		}
		ends(t, r.Rejoin(earlier(t, 2), true), room.Absent)
		hears(t, r.Rejoin(earlier(t, 1), true), "user 2 stood up")
	})
}

// The user is free when that is stored.
func TestLetGoIsStored(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		b := r.Sit(2, 1)
		b.Take()
		record.Hold()
		first := asks(r, 2)
		second := asks(r, 2) // is out already, and it is not stored yet
		if *first != "" || *second != "" {
			t.Errorf("answered %q and %q before it is stored", *first, *second)
		}
		hears(t, b)
		record.Free()
		r.Wait()
		if *first != "free" || *second != "free" {
			t.Errorf("answered %q and %q", *first, *second)
		}
		hears(t, b, "disconnected: replaced")
	})
}

// A room that ends first answers, too.
func TestLetGoOfARoomThatEnds(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, _ *roomtest.Record) {
		r.Sit(2, 1)
		release := busy(t, r)
		r.Settle(room.Retry)
		answer := asks(r, 2)
		go release()
		<-r.Done()
		if *answer != "free" {
			t.Errorf("answered %q", *answer)
		}
	})
}

// Who was to enter and does not come is gone. Whoever is in the room stays in it, and a room that was
// opened for nobody else ends.
func TestForgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone []int64
		c := room.Config{Seats: 2, Bench: 2, Gone: func(user int64) { gone = append(gone, user) }}
		r := roomtest.Open(t, c, &script{})
		a := r.Sit(1, 0)
		a.Take()
		r.Forgo(1)
		r.Forgo(2)
		r.Wait()
		hears(t, a)
		if !slices.Equal(gone, []int64{2}) {
			t.Errorf("%v are gone, want user 2", gone)
		}
		empty := roomtest.Open(t, c, &script{})
		empty.Forgo(3)
		<-empty.Done()
		if !slices.Equal(gone, []int64{2, 3}) {
			t.Errorf("%v are gone, want user 3 too", gone)
		}
	})
}

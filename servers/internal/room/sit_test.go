package room_test

import (
	"testing"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

func TestSit(t *testing.T) {
	const full = "refused 1: the room is full: all seats and the spectators' bench are taken"
	const taken = "refused 102: the seat is taken; ask for seat -1 to get any"
	const unknown = "refused 1: there is no such seat"
	for _, test := range []struct {
		name  string
		first []int // seats that users 1, 2, ... have asked for
		want  int
		last  string // what the newcomer, user 9, hears last
	}{
		{"any", nil, room.AnySeat, "user 9 sits in 0, online"},
		{"any but the taken", []int{0}, room.AnySeat, "user 9 sits in 1, online"},
		{"the lowest free", []int{1}, room.AnySeat, "user 9 sits in 0, online"},
		{"a given seat", nil, 1, "user 9 sits in 1, online"},
		{"a taken seat", []int{1}, 1, taken},
		{"a seat too far", []int{0}, 2, unknown},
		{"a negative seat", []int{0}, -3, unknown},
		{"a seat only", []int{0}, room.SeatOnly, "user 9 sits in 1, online"},
		{"any where all are taken", []int{0, 1}, room.AnySeat, "user 9 watches, online"},
		{"a given one where all are taken", []int{0, 1}, 0, taken},
		{"any where the bench is taken too", []int{0, 1, -1, -1}, room.AnySeat, full},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
				for i, seat := range test.first {
					r.Sit(int64(i+1), seat)
				}
				newcomer := r.Sit(9, test.want)
				lines := newcomer.Texts()
				if got := lines[len(lines)-1]; got != test.last {
					t.Errorf("the newcomer hears %q, want %q", got, test.last)
				}
				if newcomer.View()[9].Online {
					stays(t, newcomer)
				} else {
					ends(t, newcomer, room.Refused)
				}
				r.Check()
			})
		})
	}
}

func TestEveryoneIsIntroduced(t *testing.T) {
	on := true
	bubble(t, held(&on), func(t *testing.T, r *roomtest.Room) {
		first := r.Sit(1, 1)
		hears(t, first, "user 1 sits in 1, online")
		second := r.Sit(2, room.AnySeat)
		hears(t, second, "user 1 sits in 1, online", "user 2 sits in 0, online")
		hears(t, first, "user 2 sits in 0, online")
		r.Lose(second)
		hears(t, first, "user 2 is offline")
		watcher := r.Sit(3, room.AnySeat)
		hears(t, watcher, "user 1 sits in 1, online", "user 2 sits in 0, offline", "user 3 watches, online")
		hears(t, first, "user 3 watches, online")
		r.Check()
	})
}

// A reply carries the request it answers; what others hear of it does not.
func TestSitAnswersTheRequest(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		witness := r.Sit(1, room.AnySeat)
		witness.Take()
		s := roomtest.NewSession(2)
		must(t, r.Enter(s, 1, 77))
		r.Wait()
		sent := s.Take()
		if got := sent[len(sent)-1].Request; got != 77 {
			t.Errorf("the newcomer's own arrival answers request %d, want 77", got)
		}
		if got := sent[0].Request; got != 0 {
			t.Errorf("the introduction of another answers request %d", got)
		}
		if heard := witness.Take(); len(heard) != 1 || heard[0].Request != 0 {
			t.Errorf("the others hear %v with a request", heard)
		}
	})
}

func TestSitTwice(t *testing.T) {
	scenes := 0
	game := &script{enter: func(*room.Table, *room.Player) { scenes++ }}
	bubble(t, game, func(t *testing.T, r *roomtest.Room) {
		first, second := r.Sit(1, room.AnySeat), r.Sit(2, room.AnySeat)
		first.Take()
		second.Take()
		scenes = 0
		must(t, r.Move(first, 1, room.Input{Request: 5})) // a seated player keeps the seat
		r.Wait()
		hears(t, first, "user 2 sits in 1, online", "user 1 sits in 0, online")
		hears(t, second)
		if scenes != 1 {
			t.Errorf("the scene was shown %d times, want once", scenes)
		}
		must(t, r.Enter(first, 0, 6)) // tolerated where Move was meant
		r.Wait()
		hears(t, first, "user 2 sits in 1, online", "user 1 sits in 0, online")
		stays(t, first)
		r.Check()
	})
}

func TestSpectatorMovesToASeat(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		first, second, watcher := r.Sit(1, 0), r.Sit(2, 1), r.Sit(3, room.AnySeat)
		first.Take()
		watcher.Take()

		must(t, r.Move(watcher, 1, room.Input{Request: 1}))
		r.Wait()
		hears(t, watcher, "refused 102: the seat is taken; ask for seat -1 to get any")
		must(t, r.Move(watcher, room.AnySeat, room.Input{Request: 2}))
		r.Wait()
		hears(t, watcher, "user 1 sits in 0, online", "user 2 sits in 1, online", "user 3 watches, online")
		hears(t, first)

		must(t, r.Stand(second, room.Input{Request: 1}))
		r.Wait()
		first.Take()
		watcher.Take()
		must(t, r.Move(watcher, 1, room.Input{Request: 3}))
		r.Wait()
		hears(t, watcher, "user 1 sits in 0, online", "user 3 sits in 1, online")
		hears(t, first, "user 3 sits in 1, online")
		r.Check()
	})
}

// A message that was on its way when the room ended its session has no effect.
func TestMoveAfterTheEndOfTheSession(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		witness, gone := r.Sit(1, 0), r.Sit(2, 1)
		must(t, r.Stand(gone, room.Input{Request: 1}))
		must(t, r.Move(gone, 1, room.Input{Request: 2}))
		must(t, r.Stand(gone, room.Input{Request: 3}))
		must(t, r.Print(gone, room.Input{Request: 4}))
		must(t, r.Play(gone, 200, nil, room.Input{Request: 5}))
		r.Wait()
		ends(t, gone, room.Stood)
		hears(t, gone, "user 1 sits in 0, online", "user 2 sits in 1, online", "user 2 stood up")
		if view := witness.View(); len(view) != 1 {
			t.Errorf("user 1 believes that the room holds %v, want user 1 alone", view)
		}
		r.Check()
	})
}

// A room that is opened for someone who is then refused must not stay for ever.
func TestRefusedFirstComerLeavesNoRoom(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		s := r.Sit(1, 99)
		hears(t, s, "refused 1: there is no such seat")
		ends(t, s, room.Refused)
		if !r.Over() {
			t.Error("the room is still there")
		}
	})
}

package room_test

import (
	"fmt"
	"testing"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

func TestChange(t *testing.T) {
	for _, test := range []struct {
		name  string
		users int // in seats 0, 1 and then on the bench
		who   int64
		want  int
		held  bool   // the game lets nobody leave
		last  string // what the player hears last
	}{
		{"to the bench", 1, 1, room.Spectating, false, "user 1 watches, online"},
		{"to another seat", 1, 1, 1, false, "user 1 sits in 1, online"},
		{"to a taken seat", 2, 1, 1, false, "refused 102: the seat is taken: ask for another one"},
		{"to the own seat", 1, 1, 0, false, "refused 102: you sit in this seat already: ask for another one, or for -1, the spectators' bench"},
		{"to a seat too far", 1, 1, 2, false, "refused 1: there is no such seat"},
		{"to no seat", 1, 1, room.SeatOnly, false, "refused 1: there is no such seat"},
		{"to the bench from the bench", 3, 3, room.Spectating, false, "refused 102: you are on the spectators' bench already: ask for a seat from 0"},
		{"from the bench to a taken seat", 3, 3, 1, false, "refused 102: the seat is taken: ask for another one"},
		{"to a full bench", 4, 1, room.Spectating, false, "refused 1: the spectators' bench is full: keep the seat, or stand up to leave the room"},
		{"to the bench in mid-game", 2, 1, room.Spectating, true, "refused 102: you take part in what is being played: ask again when it is over"},
		{"to another seat in mid-game", 1, 1, 1, true, "refused 102: you take part in what is being played: ask again when it is over"},
	} {
		t.Run(test.name, func(t *testing.T) {
			on := test.held
			g := held(&on)
			scenes := 0
			g.enter = func(*room.Table, *room.Player) { scenes++ }
			bubble(t, g, func(t *testing.T, r *roomtest.Room) {
				sessions := make(map[int64]*roomtest.Session)
				for i := range test.users {
					sessions[int64(i+1)] = r.Sit(int64(i+1), room.AnySeat)
				}
				s := sessions[test.who]
				for _, other := range sessions {
					other.Take()
				}
				scenes = 0
				must(t, r.Change(s, test.want, room.Input{Request: 77}))
				r.Wait()
				sent := s.Take()
				if len(sent) != 1 || sent[0].String() != test.last || sent[0].Request != 77 {
					t.Errorf("answered with %v, want %q", sent, test.last)
				}
				moved := sent[0].Code() == 0
				if moved != (scenes == 1) {
					t.Errorf("the scene was shown %d times", scenes)
				}
				for user, other := range sessions {
					if heard := other.Texts(); user != test.who && (moved && fmt.Sprint(heard) != "["+test.last+"]" || !moved && heard != nil) {
						t.Errorf("user %d hears %q", user, heard)
					}
				}
				stays(t, s)
				r.Check()
			})
		})
	}
}

// Whoever changes places leaves the old one to others, and seats are counted.
func TestChangeFreesTheSeat(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		free := func(want int) {
			t.Helper()
			if got := r.Free(); got != want {
				t.Errorf("%d seats are free, want %d", got, want)
			}
		}
		free(2)
		a, b, c := r.Sit(1, 0), r.Sit(2, 1), r.Sit(3, room.AnySeat)
		free(0)
		must(t, r.Change(a, room.Spectating, room.Input{}))
		r.Wait()
		free(1)
		must(t, r.Change(c, 0, room.Input{}))
		r.Wait()
		free(0)
		must(t, r.Stand(b, room.Input{}))
		r.Wait()
		free(1)
		must(t, r.Change(c, 1, room.Input{}))
		r.Wait()
		free(1)
		r.Lose(c)
		free(2)
		r.Check()
		r.Settle(room.Retry)
		<-r.Done()
		free(0)
	})
}

// Who wants a seat only never gets the bench.
func TestSeatOnly(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		hears(t, r.Sit(1, room.SeatOnly), "user 1 sits in 0, online")
		r.Sit(2, room.SeatOnly)
		turned := r.Sit(3, room.SeatOnly)
		hears(t, turned)
		ends(t, turned, room.Full)
		watcher := r.Sit(3, room.AnySeat)
		watcher.Take()
		hears(t, r.Sit(3, room.SeatOnly), "user 1 sits in 0, online", "user 2 sits in 1, online", "user 3 watches, online")
		r.Check()
	})
}

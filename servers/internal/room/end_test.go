package room_test

import (
	"testing"
	"testing/synctest"
	"time"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

func TestCloseTellsEveryone(t *testing.T) {
	on := true
	bubble(t, held(&on), func(t *testing.T, r *roomtest.Room) {
		player, lost, watcher := r.Sit(1, 0), r.Sit(2, 1), r.Sit(3, room.AnySeat)
		r.Lose(lost)
		for _, s := range []*roomtest.Session{player, lost, watcher} {
			s.Take()
		}
		must(t, r.Do(t.Context(), func(table *room.Table) { table.Close(); table.Close() }))
		<-r.Done()
		for _, s := range []*roomtest.Session{player, watcher} {
			hears(t, s, "disconnected: disbanded")
			ends(t, s, room.Disbanded)
		}
		hears(t, lost)
	})
}

// The game is settled once, before anyone is told of the end; the reason from outside counts, even
// where the game closes the room at its settlement.
func TestSettle(t *testing.T) {
	for _, why := range []room.Reason{room.Retry, room.Disbanded} {
		settled := 0
		game := &script{settle: func(table *room.Table) {
			settled++
			table.Announce(room.Event{Message: roomtest.Encoder{}.Printed("the winner is")})
			table.Close()
		}}
		bubble(t, game, func(t *testing.T, r *roomtest.Room) {
			s := r.Sit(1, 0)
			s.Take()
			r.Settle(why)
			r.Settle(why)
			<-r.Done()
			hears(t, s, "the winner is", "disconnected: "+why.String())
			ends(t, s, why)
			if settled != 1 {
				t.Errorf("settled %d times", settled)
			}
		})
	}
}

// Who enters while the room closes is handed on, with what was asked for; who has left again
// meanwhile is not, and neither is anyone whom the room has told of its end.
func TestLateEntriesAreHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handed []room.Entry
		calls := 0
		var r *room.Room
		r = open(t, room.Config{Ended: func(late []room.Entry, _ []room.Unread) {
			calls++
			handed = late
			select {
			case <-r.Done():
				t.Error("the room is done before Ended has returned")
			default:
			}
		}}, &script{})
		inside, late, later, gone := roomtest.NewSession(1), roomtest.NewSession(2), roomtest.NewSession(3), roomtest.NewSession(4)
		must(t, r.Enter(inside, 0, 0))
		synctest.Wait()
		must(t, r.Do(t.Context(), func(table *room.Table) {
			must(t, r.Enter(late, 2, 21))
			table.Close()
			must(t, r.Enter(gone, 1, 0))
			must(t, r.Move(inside, 1, room.Input{}))
			must(t, r.Enter(later, room.AnySeat, 31))
			r.Leave(gone)
		}))
		<-r.Done()
		ends(t, inside, room.Disbanded)
		want := []room.Entry{{Session: late, Seat: 2, Request: 21}, {Session: later, Seat: room.AnySeat, Request: 31}}
		if calls != 1 || len(handed) != 2 || handed[0] != want[0] || handed[1] != want[1] {
			t.Errorf("Ended was called %d times, at last with %+v, want %+v", calls, handed, want)
		}
		for _, s := range []*roomtest.Session{late, later, gone} {
			if _, ended := s.Ended(); ended || s.Take() != nil {
				t.Errorf("user %d was told something by a room that is not theirs", s.User())
			}
		}
		// A closed room refuses at once, so nobody is lost between the two.
		if err := r.Enter(late, 0, 0); err == nil {
			t.Error("the closed room takes another")
		}
	})
}

func TestWarnRepeats(t *testing.T) {
	on := true
	bubble(t, held(&on), func(t *testing.T, r *roomtest.Room) {
		player, lost := r.Sit(1, 0), r.Sit(2, 1)
		r.Lose(lost)
		player.Take()
		r.Warn("closing", 10*time.Second)
		r.Wait()
		hears(t, player, "closing")
		time.Sleep(35 * time.Second)
		r.Wait()
		hears(t, player, "closing", "closing", "closing")

		r.Warn("closing soon", time.Minute) // in place of the first
		r.Wait()
		hears(t, player, "closing soon")
		time.Sleep(61 * time.Second)
		r.Wait()
		hears(t, player, "closing soon")

		r.Warn("for the last time", 0)
		time.Sleep(time.Hour)
		r.Wait()
		hears(t, player, "for the last time")
		r.Check() // notices are no events
	})
}

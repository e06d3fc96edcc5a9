package room_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

// online is a snapshot by hand of users 1 and 2, online in seats 0 and 1, and user 3, offline on the
// bench.
const online = `{"version":1,"id":7,"seats":2,"bench":2,"seq":12,"players":[{"id":1,"seat":0,"online":true},{"id":2,"seat":1,"online":true},{"id":3,"seat":-1}],"game":"c2NyaXB0"}`

// earlier is a session as it was when the room of that snapshot was left.
func earlier(t *testing.T, user int64) *roomtest.Session {
	t.Helper()
	s := roomtest.NewSession(user)
	say := func(m room.Message) { s.Send(m.Op, m.Body, room.Meta{Epoch: 1, Seq: 12}) }
	say(roomtest.Encoder{}.User(1, 0, true))
	say(roomtest.Encoder{}.User(2, 1, true))
	say(roomtest.Encoder{}.User(3, -1, true))
	say(roomtest.Encoder{}.Online(3, false))
	s.Take()
	return s
}

// restored runs a test on a room that comes from a snapshot.
func restored(t *testing.T, c room.Config, game room.Game, data string, f func(*testing.T, *roomtest.Room)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c.Epoch = 2
		f(t, roomtest.Restore(t, c, game, []byte(data)))
	})
}

// The players of a seamless room go on with the next message, whenever they come.
func TestResumeSeamlessly(t *testing.T) {
	for _, stored := range []bool{false, true} {
		c := room.Config{Seamless: true}
		if stored {
			c.Record = roomtest.NewRecord([]byte(online))
		}
		restored(t, c, talk(), online, func(t *testing.T, r *roomtest.Room) {
			a := r.Rejoin(earlier(t, 1), true)
			hears(t, a)
			says(t, r, a, "one", 1)
			hears(t, a, "you: one")
			c := r.Sit(3, room.AnySeat)
			hears(t, c, "user 1 sits in 0, online", "user 2 sits in 1, online", "user 3 watches, online")
			b := r.Rejoin(earlier(t, 2), true)
			hears(t, b, "1: one", "user 3 is online")
			says(t, r, b, "two", 1)
			hears(t, b, "you: two")
			r.Check()
		})
	}
}

// A player of a seamless room who may not have heard what its old owner said last is told everything
// anew.
func TestResumeAfterSomethingWasMissed(t *testing.T) {
	record := roomtest.NewRecord([]byte(online))
	restored(t, room.Config{Seamless: true, Record: record}, talk(), online, func(t *testing.T, r *roomtest.Room) {
		a := r.Rejoin(earlier(t, 1), true)
		says(t, r, a, "one", 1)
		record.Hold()
		says(t, r, a, "two", 2)
		b := roomtest.NewSession(2)
		must(t, r.Resume(b, true))
		record.Free()
		r.Wait()
		hears(t, b, "user 1 sits in 0, online", "user 3 watches, offline", "user 2 sits in 1, online")
		hears(t, a, "you: one", "you: two")
		r.Lose(b)
		r.Check()
	})
}

// What waits for a save when a player resumes comes after what was kept, once.
func TestResumeWhileSomethingIsHeld(t *testing.T) {
	record := roomtest.NewRecord([]byte(online))
	restored(t, room.Config{Seamless: true, Record: record}, talk(), online, func(t *testing.T, r *roomtest.Room) {
		a := r.Rejoin(earlier(t, 1), true)
		says(t, r, a, "one", 1)
		record.Hold()
		says(t, r, a, "two", 2)
		b := r.Rejoin(earlier(t, 2), true)
		hears(t, b, "1: one")
		says(t, r, a, "three", 2)
		record.Free()
		r.Wait()
		hears(t, b, "1: two", "1: three")
		r.Check()
	})
}

// The players of a room that is not seamless are told everything anew, and nobody else notices.
func TestResumeAnew(t *testing.T) {
	g := talk()
	g.enter = func(table *room.Table, p *room.Player) { table.Tell(p, roomtest.Encoder{}.Printed("scene"), 0) }
	restored(t, room.Config{}, g, online, func(t *testing.T, r *roomtest.Room) {
		a := r.Rejoin(earlier(t, 1), false)
		hears(t, a, "user 2 sits in 1, online", "user 3 watches, offline", "user 1 sits in 0, online", "scene")
		says(t, r, a, "one", 1)
		a.Take()
		b := r.Rejoin(earlier(t, 2), false)
		hears(t, b, "user 1 sits in 0, online", "user 3 watches, offline", "user 2 sits in 1, online", "scene")
		hears(t, a)
		c := r.Rejoin(roomtest.NewSession(3), false) // was offline: everyone hears of it
		hears(t, c, "user 1 sits in 0, online", "user 2 sits in 1, online", "user 3 watches, online", "scene")
		hears(t, a, "user 3 is online")
		r.Check()
	})
}

// More than is kept for a player who does not come makes them be told everything anew.
func TestResumeAfterTooMuch(t *testing.T) {
	for name, test := range map[string]struct {
		messages, size int
		anew           bool
	}{
		"as many as are kept":      {64, 1, false},
		"one more":                 {65, 1, true},
		"too large":                {1, 17 << 10, true},
		"too large taken together": {5, 4 << 10, true},
	} {
		restored(t, room.Config{Seamless: true}, talk(), online, func(t *testing.T, r *roomtest.Room) {
			a := r.Rejoin(earlier(t, 1), true)
			for range test.messages {
				must(t, r.Play(a, 200, bytes.Repeat([]byte("x"), test.size), room.Input{}))
				r.Wait()
			}
			b := r.Rejoin(earlier(t, 2), !test.anew)
			if heard := b.Texts(); test.anew && len(heard) != 3 || !test.anew && len(heard) != test.messages {
				t.Errorf("%s: %d messages are heard: %.200q", name, len(heard), heard)
			}
			r.Check()
		})
	}
}

func TestResumeRefusals(t *testing.T) {
	restored(t, room.Config{Seamless: true}, talk(), online, func(t *testing.T, r *roomtest.Room) {
		a := r.Rejoin(earlier(t, 1), true)
		twice := r.Rejoin(earlier(t, 1), true)
		ends(t, twice, room.Replaced)
		stranger := r.Rejoin(roomtest.NewSession(9), false)
		ends(t, stranger, room.Absent)
		hears(t, a)
		hears(t, twice)
		hears(t, stranger)
		stays(t, a)
		r.Check()
		r.Settle(room.Retry)
		<-r.Done()
		if err := r.Resume(earlier(t, 1), false); err == nil {
			t.Error("an ended room is resumed")
		}
	})
}

// successor is a session that knows which one it follows.
type successor struct {
	*roomtest.Session
	older room.Session
}

func (s successor) Succeeds(older room.Session) bool { return older == s.older }

// A connection that has found a new way before the room knew that the old one is lost goes on.
func TestResumeBeforeTheLossIsKnown(t *testing.T) {
	bubble(t, talk(), func(t *testing.T, r *roomtest.Room) {
		a, b := r.Sit(1, 0), r.Sit(2, 1)
		a.Take()
		b.Take()
		next, other := roomtest.NewSession(2), roomtest.NewSession(2)
		must(t, r.Resume(successor{next, b}, true))
		r.Wait()
		hears(t, next, "user 1 sits in 0, online", "user 2 sits in 1, online")
		hears(t, a)
		hears(t, b)
		stays(t, b)
		r.Cut(b) // the room is told now, and that is nothing to the newer session
		hears(t, a)
		must(t, r.Resume(successor{other, b}, true))
		r.Wait()
		ends(t, other, room.Replaced)
		stays(t, next)
		r.Check()
	})
}

// Who enters anew is told everything anew, and what was kept is void.
func TestEnterWhileAwaited(t *testing.T) {
	record := roomtest.NewRecord([]byte(online))
	restored(t, room.Config{Seamless: true, Record: record}, talk(), online, func(t *testing.T, r *roomtest.Room) {
		a := r.Rejoin(earlier(t, 1), true)
		says(t, r, a, "one", 1)
		record.Hold()
		says(t, r, a, "two", 2)
		b := r.Sit(2, room.AnySeat)
		record.Free()
		r.Wait()
		hears(t, b, "user 1 sits in 0, online", "user 3 watches, offline", "user 2 sits in 1, online")
		hears(t, a, "you: one", "you: two")
		late := r.Rejoin(earlier(t, 2), true)
		ends(t, late, room.Replaced)
		r.Check()
	})
}

// While nobody is connected and somebody is awaited the clocks of the game stand still; then who did
// not come is lost.
func TestRoomStandsStillForTheAwaited(t *testing.T) {
	for _, comes := range []bool{true, false} {
		g := newClockwork()
		g.restore = func(table *room.Table, _ []byte) error {
			must(t, g.start(table))
			g.a.Reset(10 * time.Second)
			return nil
		}
		holds := true
		g.mayLeave = func(_ *room.Table, p *room.Player) bool { return !holds || p.ID() != 1 }
		g.settle = func(*room.Table) { holds = false }
		restored(t, room.Config{Seamless: true}, g, online, func(t *testing.T, r *roomtest.Room) {
			time.Sleep(30*time.Second - 1)
			if comes {
				b := r.Rejoin(earlier(t, 2), true)
				time.Sleep(time.Nanosecond)
				r.Wait()
				hears(t, b, "user 1 is offline", "user 3 stood up")
				r.Check()
				g.after(t, r, 10*time.Second-2)
				g.after(t, r, time.Second, "a 39.999999999s")
				return
			}
			g.after(t, r, 0)
			g.after(t, r, 10*time.Second)
			g.after(t, r, time.Second, "a 40s")
			a := r.Rejoin(roomtest.NewSession(1), false)
			hears(t, a, "user 1 sits in 0, online")
		})
	}
}

// A severed player is offline and keeps the seat for a while whatever the game says.
func TestSever(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		witness, cut := r.Sit(1, 0), r.Sit(2, 1)
		witness.Take()
		r.Cut(cut)
		hears(t, witness, "user 2 is offline")
		r.Inside(func(table *room.Table) { table.DismissAbsent() })
		hears(t, witness)
		time.Sleep(9 * time.Second)
		back := r.Sit(2, room.AnySeat)
		hears(t, witness, "user 2 is online")
		time.Sleep(time.Minute)
		hears(t, witness)
		r.Cut(back)
		hears(t, witness, "user 2 is offline")
		time.Sleep(10*time.Second - 1)
		r.Wait()
		hears(t, witness)
		time.Sleep(time.Nanosecond)
		r.Wait()
		hears(t, witness, "user 2 stood up")
		r.Check()
	})
}

// Whom the game holds, it holds on.
func TestSeverWhereTheGameHolds(t *testing.T) {
	on := true
	bubble(t, held(&on), func(t *testing.T, r *roomtest.Room) {
		witness := r.Sit(1, 0)
		r.Cut(r.Sit(2, 1))
		witness.Take()
		time.Sleep(time.Hour)
		r.Wait()
		hears(t, witness)
		back := r.Rejoin(roomtest.NewSession(2), false)
		hears(t, back, "user 1 sits in 0, online", "user 2 sits in 1, online")
		hears(t, witness, "user 2 is online")
		r.Check()
	})
}

// Where everyone is severed the clocks stand still; where one is lost for good they do not.
func TestEveryoneSevered(t *testing.T) {
	g := newClockwork()
	bubble(t, g, func(t *testing.T, r *roomtest.Room) {
		r.Inside(func(*room.Table) { g.a.Reset(5 * time.Second) })
		a, b := r.Sit(1, 0), r.Sit(2, 1)
		r.Cut(a)
		time.Sleep(time.Second)
		r.Cut(b)
		time.Sleep(8 * time.Second)
		g.after(t, r, 0)
		r.Inside(func(*room.Table) {
			if left := g.a.Left(); left != 4*time.Second {
				t.Errorf("%v are left of 4 s", left)
			}
		})
		b = r.Rejoin(roomtest.NewSession(2), false)
		if view := fmt.Sprint(b.View()); view != "map[1:{0 false} 2:{1 true}]" {
			t.Errorf("user 2 finds %s", view)
		}
		time.Sleep(time.Second) // the time of user 1 is over
		r.Wait()
		if view := fmt.Sprint(b.View()); view != "map[2:{1 true}]" {
			t.Errorf("user 2 finds %s", view)
		}
		g.after(t, r, 3*time.Second-1)
		g.after(t, r, 1, "a 13s")
	})
}

// That a severed player's time is over is stored.
func TestEndOfAwayIsStored(t *testing.T) {
	on := true
	recorded(t, held(&on), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		r.Sit(1, 0)
		r.Cut(r.Sit(2, 1))
		if !bytes.Contains(record.Stored(), []byte(`"away_ns":10000000000`)) {
			t.Errorf("stored is %s", record.Stored())
		}
		time.Sleep(10 * time.Second)
		r.Wait()
		if bytes.Contains(record.Stored(), []byte("away_ns")) {
			t.Errorf("stored is %s", record.Stored())
		}
	})
}

// A clock that had no time left does not run out before anybody is back.
func TestNoTimeLeftForTheAwaited(t *testing.T) {
	g := newClockwork()
	g.restore = func(table *room.Table, _ []byte) error {
		must(t, g.start(table))
		g.a.Reset(0)
		return nil
	}
	restored(t, room.Config{Seamless: true}, g, online, func(t *testing.T, r *roomtest.Room) {
		g.after(t, r, time.Second)
		r.Rejoin(earlier(t, 1), true)
		g.after(t, r, 0, "a 1s")
	})
}

// A severed player's time goes on in a restored room.
func TestSeveredPlayerMoves(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		r.Sit(1, 0)
		r.Cut(r.Sit(2, 1))
		time.Sleep(4 * time.Second)
		moved := roomtest.Restore(t, room.Config{Epoch: 2}, &script{}, r.Store())
		a := moved.Sit(1, 0)
		a.Take()
		time.Sleep(6*time.Second - 1)
		moved.Wait()
		hears(t, a)
		time.Sleep(time.Nanosecond)
		moved.Wait()
		hears(t, a, "user 2 stood up")
	})
}

// A late message of a session that is severed has no effect, and neither has severing it twice.
func TestSeveredSessionIsOver(t *testing.T) {
	bubble(t, talk(), func(t *testing.T, r *roomtest.Room) {
		a, b := r.Sit(1, 0), r.Sit(2, 1)
		r.Cut(b)
		a.Take()
		must(t, r.Play(b, 200, []byte("late"), room.Input{}))
		r.Cut(b)
		r.Lose(b)
		hears(t, a)
		if r.Free() != 0 {
			t.Errorf("%d seats are free", r.Free())
		}
	})
}

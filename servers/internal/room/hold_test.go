package room_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

// recorded runs a test on a room of a game with two seats and a bench for two, that is stored.
func recorded(t *testing.T, game room.Game, f func(*testing.T, *roomtest.Room, *roomtest.Record)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		record := roomtest.NewRecord(nil)
		f(t, roomtest.Open(t, room.Config{ID: 7, Seats: 2, Bench: 2, Mailbox: 8, Record: record}, game), record)
	})
}

// talk is a game that announces what players say, and refuses "no".
func talk() *script {
	g := &script{}
	g.receive = func(t *room.Table, q room.Request) error {
		if string(q.Body) == "no" {
			return room.Refuse(room.CodeFail, "no")
		}
		t.Announce(room.Event{
			Message: roomtest.Encoder{}.Printed(fmt.Sprintf("%d: %s", q.From.ID(), q.Body)),
			Own:     q.From,
			OwnView: roomtest.Encoder{}.Printed("you: " + string(q.Body)),
			Request: q.ID,
		})
		return nil
	}
	return g
}

func says(t *testing.T, r *roomtest.Room, s *roomtest.Session, text string, request uint64) {
	t.Helper()
	must(t, r.Play(s, 200, []byte(text), room.Input{Request: request}))
	r.Wait()
}

// Nothing is heard of a change before it is stored; one save is under way at a time, and the next
// takes all that came meanwhile.
func TestNothingIsHeardBeforeItIsStored(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a, b := r.Sit(1, 0), r.Sit(2, 1)
		a.Take()
		b.Take()
		record.Hold()
		saves := record.Saves()
		says(t, r, a, "one", 1)
		says(t, r, b, "two", 2)
		says(t, r, a, "no", 3)
		must(t, r.Echo(b, 8, []byte("ping"), room.Input{Request: 4}))
		r.Wait()
		hears(t, a)
		hears(t, b)
		if n := record.Saves() - saves; n != 1 {
			t.Errorf("%d saves are under way, want 1", n)
		}
		record.Free()
		r.Wait()
		hears(t, a, "you: one", "2: two", "refused 1: no")
		hears(t, b, "1: one", "you: two", `op 8 "ping"`)
		if n := record.Saves() - saves; n != 2 {
			t.Errorf("two changes and more took %d saves, want 2: one for the first, one for the rest", n)
		}
		r.Check()
	})
}

// What changes nothing waits for nothing and stores nothing.
func TestQuestionsAreNotStored(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a := r.Sit(1, 0)
		a.Take()
		saves := record.Saves()
		record.Hold()
		must(t, r.Print(a, room.Input{Request: 1}))
		must(t, r.Echo(a, 8, []byte("ping"), room.Input{Request: 2}))
		says(t, r, a, "no", 3)
		must(t, r.Move(a, 0, room.Input{Request: 4}))
		r.Wait()
		hears(t, a, "room 7 event 1\nuser 1 seat 0\nscript", `op 8 "ping"`, "refused 1: no", "user 1 sits in 0, online")
		if n := record.Saves() - saves; n != 0 {
			t.Errorf("%d saves", n)
		}
		record.Free()
	})
}

// The end of a session waits for what was said before, and Gone for what makes it true.
func TestEndsAreHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone []int64
		record := roomtest.NewRecord(nil)
		r := roomtest.Open(t, room.Config{Seats: 2, Bench: 2, Record: record, Gone: func(user int64) { gone = append(gone, user) }}, &script{})
		a, b := r.Sit(1, 0), r.Sit(2, 1)
		a.Take()
		b.Take()
		record.Hold()
		must(t, r.Stand(b, room.Input{Request: 9}))
		r.Wait()
		stays(t, b)
		hears(t, a)
		if gone != nil {
			t.Errorf("gone are %v before that is stored", gone)
		}
		newcomer := r.Sit(3, 1) // the seat is free for who comes
		hears(t, newcomer)
		record.Free()
		r.Wait()
		hears(t, b, "user 2 stood up")
		ends(t, b, room.Stood)
		hears(t, a, "user 2 stood up", "user 3 sits in 1, online")
		hears(t, newcomer, "user 1 sits in 0, online", "user 3 sits in 1, online")
		if fmt.Sprint(gone) != "[2]" {
			t.Errorf("gone are %v, want user 2", gone)
		}
		// Who is back by then is not gone.
		gone = nil
		record.Hold()
		must(t, r.Stand(newcomer, room.Input{}))
		r.Wait()
		r.Sit(3, 1)
		record.Free()
		r.Wait()
		if gone != nil {
			t.Errorf("gone are %v, and user 3 is here", gone)
		}
		r.Check()

		// Who is at the door is not gone, until they are turned away.
		for _, user := range []int64{4, 5} {
			r.Sit(user, room.AnySeat)
		}
		release := busy(t, r)
		must(t, r.Stand(newcomer, room.Input{}))
		at := []int64{1, 3}
		back := make([]*roomtest.Session, 2)
		for i, user := range at {
			back[i] = roomtest.NewSession(user)
		}
		r.LetGo(3, func(bool) {})
		r.LetGo(1, func(bool) {})
		must(t, r.Enter(back[1], room.SeatOnly, 0))
		must(t, r.Enter(back[0], 99, 0))
		release()
		if gone = slices.Compact(gone); fmt.Sprint(gone) != "[1]" {
			t.Errorf("gone are %v, want user 1, who was turned away", gone)
		}
		gone = nil
		must(t, r.Stand(back[1], room.Input{}))
		r.Settle(room.Disbanded)
		<-r.Done()
		gone = slices.DeleteFunc(gone, func(user int64) bool { return user > 3 })
		if fmt.Sprint(gone) != "[3]" {
			t.Errorf("at the end gone are %v, want those who were here", gone)
		}
	})
}

// Who stands up where the game holds them hears of it when it is stored, too.
func TestStandingUpIsHeldBack(t *testing.T) {
	on := true
	recorded(t, held(&on), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a := r.Sit(1, 0)
		a.Take()
		record.Hold()
		must(t, r.Stand(a, room.Input{Request: 1}))
		r.Wait()
		hears(t, a)
		stays(t, a)
		record.Free()
		r.Wait()
		hears(t, a, "user 1 stood up")
		ends(t, a, room.Stood)
	})
}

// Clocks are stored when they are set, and when they stop.
func TestClocksAreStored(t *testing.T) {
	g := newClockwork()
	recorded(t, g, func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		saves := record.Saves()
		for i, set := range []func(*room.Table){
			func(*room.Table) { g.a.Reset(time.Hour) },
			func(*room.Table) { g.a.Stop() },
			func(*room.Table) { g.a.Stop() },
		} {
			r.Inside(set)
			if n, want := record.Saves()-saves, min(i+1, 2); n != want {
				t.Errorf("after %d changes there are %d saves, want %d", i+1, n, want)
			}
		}
	})
}

// A clock that always runs out fills the queue no further than anybody else.
func TestBusyClockIsBounded(t *testing.T) {
	g := talk()
	said := 0
	g.start = func(table *room.Table) error {
		var clock *room.Timer
		clock = table.NewTimer(func() {
			said++
			clock.Reset(time.Microsecond)
			table.Announce(room.Event{Message: roomtest.Encoder{}.Printed("tick")})
		})
		clock.Reset(time.Second)
		return nil
	}
	recorded(t, g, func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a := r.Sit(1, 0)
		a.Take()
		record.Hold()
		time.Sleep(time.Second + 400*time.Millisecond)
		r.Wait()
		if said != 1024 {
			t.Errorf("the clock ran out %d times, want 1024", said)
		}
		r.Settle(room.Retry)
		record.Free()
		<-r.Done()
	})
}

// Who is turned away is not in the room.
func TestTurnedAwayIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone []int64
		r := roomtest.Open(t, room.Config{Seats: 1, Bench: 1, Gone: func(user int64) { gone = append(gone, user) }}, &script{})
		r.Sit(1, 0)
		r.Sit(2, room.SeatOnly)
		r.Sit(3, 0)
		if fmt.Sprint(gone) != "[2 3]" {
			t.Errorf("gone are %v, want users 2 and 3", gone)
		}
	})
}

// A room that can't be stored takes no more than so many messages.
func TestQueueIsBounded(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a, b := r.Sit(1, 0), r.Sit(2, 1)
		a.Take()
		b.Take()
		record.Hold()
		taken := 0
		for {
			err := r.Play(a, 200, []byte("x"), room.Input{})
			if errors.Is(err, room.ErrBusy) {
				break
			}
			must(t, err)
			taken++
			r.Wait()
		}
		if taken != 512+8 { // each causes two messages; the mailbox takes 8
			t.Errorf("%d messages were taken, want 520", taken)
		}
		late := r.Sit(3, room.AnySeat) // comings are never refused
		time.Sleep(time.Second)
		hears(t, b, waitingText)
		record.Free()
		r.Wait()
		if n := len(b.Take()); n != taken+1 { // and the arrival of user 3
			t.Errorf("%d messages were heard, want %d", n, taken+1)
		}
		if _, there := late.View()[3]; !there {
			t.Error("the newcomer was forgotten")
		}
		r.Check()
	})
}

const waitingText = "the room stands still until its records can be written: moves are taken and answered later"

// A save that takes long stops the clocks of the game; everyone is told once, at once, and sees the
// scene when it goes on.
func TestSlowSave(t *testing.T) {
	g := newClockwork()
	g.receive = talk().receive
	g.enter = func(t *room.Table, p *room.Player) {
		t.Tell(p, roomtest.Encoder{}.Printed("scene "+g.a.Left().String()), 0)
	}
	recorded(t, g, func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		r.Inside(func(*room.Table) { g.a.Reset(10 * time.Second) })
		a := r.Sit(1, 0)
		hears(t, a, "user 1 sits in 0, online", "scene 10s")
		time.Sleep(time.Second)
		record.Hold()
		says(t, r, a, "one", 1)
		time.Sleep(500*time.Millisecond - 1)
		hears(t, a)
		time.Sleep(time.Nanosecond)
		r.Wait()
		hears(t, a, waitingText)
		b := r.Sit(2, 1)
		hears(t, b, waitingText)
		time.Sleep(time.Hour)
		says(t, r, b, "two", 2)
		hears(t, a)
		hears(t, b)
		record.Free()
		r.Wait()
		hears(t, a, "you: one", "user 2 sits in 1, online", "2: two", "scene 8.5s")
		hears(t, b, "user 1 sits in 0, online", "user 2 sits in 1, online", "scene 8.5s", "you: two", "scene 8.5s")
		if len(g.expired) > 0 {
			t.Errorf("expired while the room stood still: %v", g.expired)
		}
		r.Check()
		time.Sleep(8500*time.Millisecond - 1)
		r.Inside(func(*room.Table) {
			if len(g.expired) > 0 {
				t.Errorf("expired too early: %v", g.expired)
			}
		})
		time.Sleep(time.Nanosecond)
		r.Inside(func(*room.Table) {
			if len(g.expired) != 1 {
				t.Errorf("expired are %v, want the one timer", g.expired)
			}
		})
	})
}

// Who has lost the room says nothing more, and leaves nobody without an end.
func TestLostRoom(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a, b, older := r.Sit(1, 0), r.Sit(2, 1), r.Sit(3, room.AnySeat)
		for _, s := range []*roomtest.Session{a, b, older} {
			s.Take()
		}
		record.Hold()
		says(t, r, a, "one", 1)
		must(t, r.Stand(b, room.Input{Request: 2}))
		newer := r.Sit(3, room.AnySeat)
		var bound *bool
		r.LetGo(3, func(b bool) { bound = &b })
		r.Wait()
		record.Lose(fmt.Errorf("revision 5: %w", room.ErrLost))
		if !r.Over() {
			t.Fatal("the room goes on")
		}
		hears(t, a)
		hears(t, b)
		hears(t, older, "disconnected: replaced")
		ends(t, a, room.Lost)
		ends(t, b, room.Lost)
		ends(t, older, room.Replaced)
		if record.Closed() {
			t.Error("a record that is somebody else's is removed")
		}
		if bound == nil || !*bound {
			t.Errorf("user 3 is said to be free (answered %v) by a room that goes on elsewhere", bound != nil)
		}
		r.LetGo(1, func(b bool) { bound = &b })
		if !*bound {
			t.Error("after its end, the room says that user 1 is free")
		}
		hears(t, newer, "disconnected: replaced") // by the LetGo
	})
}

// What a lost room did not handle is given back, in order, once.
func TestLostRoomGivesUnreadBack(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a, b := r.Sit(1, 0), r.Sit(2, 1)
		record.Hold()
		says(t, r, a, "one", 1)
		release := busy(t, r)
		record.Lose(room.ErrLost)
		late, gone := roomtest.NewSession(3), roomtest.NewSession(4)
		must(t, r.Play(a, 200, []byte("two"), room.Input{Raw: []byte("two")}))
		must(t, r.Enter(late, room.SeatOnly, 5))
		must(t, r.Resume(gone, false))
		must(t, r.Play(late, 200, nil, room.Input{Raw: []byte("late")}))
		must(t, r.Play(gone, 200, nil, room.Input{Raw: []byte("gone")}))
		must(t, r.Stand(b, room.Input{Raw: []byte("stand"), Again: true}))
		r.Leave(gone)
		go release()
		entries, unread := r.Late()
		// The answer of the record is heard before the messages that came with it.
		if got := fmt.Sprintf("%+v", unread); len(unread) != 3 ||
			string(unread[0].Raw) != "two" || unread[0].Session != room.Session(a) ||
			string(unread[1].Raw) != "late" || unread[1].Session != room.Session(late) ||
			string(unread[2].Raw) != "stand" || !unread[2].Again {
			t.Errorf("unread are %s", got)
		}
		if len(entries) != 1 || entries[0] != (room.Entry{Session: late, Seat: room.SeatOnly, Request: 5}) {
			t.Errorf("late are %+v", entries)
		}
	})
}

// An error that is not ErrLost means that this room can't be stored: it ends for good, or whoever takes it
// over from what was stored last would fail in the same way, again and again.
func TestRoomThatCannotBeStored(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a := r.Sit(1, 0)
		a.Take()
		record.Refuse(errors.New("too large"))
		says(t, r, a, "one", 1)
		<-r.Done()
		hears(t, a, "you: one", "disconnected: disbanded")
		ends(t, a, room.Disbanded)
		if record.Stored() != nil {
			t.Errorf("the ended room is stored still: %s", record.Stored())
		}
	})
}

// A room's end is told when its record is removed.
func TestEndIsStoredBeforeItIsTold(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a := r.Sit(1, 0)
		a.Take()
		record.Delay(time.Second / 4)
		says(t, r, a, "one", 1)
		r.Settle(room.Retry)
		r.Wait()
		stays(t, a)
		<-r.Done()
		hears(t, a, "you: one", "disconnected: retry")
		ends(t, a, room.Retry)
		if record.Stored() != nil {
			t.Errorf("the ended room is stored still: %s", record.Stored())
		}
	})
}

// A room ends even where its record can't be removed; then what it said last is unsaid.
func TestEndWithoutARecord(t *testing.T) {
	for name, fail := range map[string]func(*roomtest.Record){
		"no answer": func(record *roomtest.Record) { record.Hold() },
		"lost":      func(record *roomtest.Record) { record.Lose(room.ErrLost) },
	} {
		for _, saving := range []bool{false, true} {
			recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
				a := r.Sit(1, 0)
				a.Take()
				record.Hold()
				if saving {
					says(t, r, a, "one", 1)
				}
				fail(record)
				began := time.Now()
				r.Settle(room.Retry)
				<-r.Done()
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("%s: the end took %v", name, took)
				}
				hears(t, a)
				ends(t, a, room.Lost)
				record.Free()
			})
		}
	}
}

// A panic ends the room like any other end: what was said before is told when the record is removed.
func TestPanicIsToldWhenTheRecordIsRemoved(t *testing.T) {
	g := talk()
	g.state = func(bool) string { panic("boom") }
	recorded(t, g, func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a := r.Sit(1, 0)
		a.Take()
		record.Delay(time.Second / 4)
		says(t, r, a, "one", 1)
		must(t, r.Print(a, room.Input{}))
		<-r.Done()
		hears(t, a, "you: one", "disconnected: disbanded")
		r.Faults() // the panic
		if !record.Closed() {
			t.Error("the record of a room that ended stays")
		}
	})
}

// A game that can't be stored ends its room.
func TestSnapshotThatFailsEndsTheRoom(t *testing.T) {
	g := talk()
	broken := false
	g.snapshot = func() ([]byte, error) {
		if broken {
			return nil, errors.New("no ink")
		}
		return []byte("script"), nil
	}
	recorded(t, g, func(t *testing.T, r *roomtest.Room, _ *roomtest.Record) {
		a := r.Sit(1, 0)
		r.Inside(func(*room.Table) { broken = true })
		says(t, r, a, "one", 1)
		ends(t, a, room.Disbanded)
	})
}

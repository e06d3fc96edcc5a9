package room_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

// offer is a handover as its give sees it.
type offer struct {
	snapshot []byte
	answer   func(room.Outcome)
}

// offers gives a room away to a channel.
func offers(r *roomtest.Room, by time.Duration) chan offer {
	c := make(chan offer, 1)
	r.Handover(by, func(snapshot []byte, answer func(room.Outcome)) { c <- offer{snapshot, answer} })
	r.Wait()
	return c
}

// taken is the offer that must have been made.
func taken(t *testing.T, c chan offer) offer {
	t.Helper()
	select {
	case o := <-c:
		return o
	default:
		t.Fatal("the room is not offered")
		return offer{}
	}
}

func notYet(t *testing.T, c chan offer) {
	t.Helper()
	select {
	case <-c:
		t.Error("the room is offered")
	default:
	}
}

// restless is a game that is at rest when the test says so.
func restless(rest *bool) *script {
	g := talk()
	g.atRest = func(*room.Table) bool { return *rest }
	return g
}

// A room is given away at rest, or past the deadline, with everything stored.
func TestHandoverWaitsForTheGame(t *testing.T) {
	rest := false
	recorded(t, restless(&rest), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a := r.Sit(1, 0)
		a.Take()
		c := offers(r, 10*time.Second)
		time.Sleep(10*time.Second - 1)
		r.Wait()
		notYet(t, c)
		record.Hold()
		says(t, r, a, "one", 1)
		time.Sleep(time.Nanosecond)
		r.Wait()
		notYet(t, c) // what was said is not stored yet
		says(t, r, a, "two", 2)
		record.Free()
		r.Wait()
		o := taken(t, c)
		hears(t, a, "you: one")
		if string(o.snapshot) != string(record.Stored()) {
			t.Errorf("offered is\n%s, stored\n%s", o.snapshot, record.Stored())
		}
		o.answer(room.Kept)
		r.Wait()
		hears(t, a, "you: two")
		o.answer(room.Given) // too late: the first answer counts
		r.Wait()
		stays(t, a)

		c = offers(r, time.Hour)
		notYet(t, c) // it waits anew
		rest = true
		r.Inside(func(*room.Table) {})
		o = taken(t, c)
		o.answer(room.Given)
		<-r.Done()
		ends(t, a, room.Moved)
		hears(t, a)
		if record.Closed() {
			t.Error("the record of a room that moved is removed")
		}
	})
}

// A room that was not taken goes on as if nothing had been: nothing is lost, clocks go on from where
// they stood.
func TestHandoverKept(t *testing.T) {
	g := newClockwork()
	g.receive = talk().receive
	recorded(t, g, func(t *testing.T, r *roomtest.Room, _ *roomtest.Record) {
		r.Inside(func(*room.Table) { g.a.Reset(5 * time.Second) })
		a, b := r.Sit(1, 0), r.Sit(2, 1)
		a.Take()
		b.Take()
		o := taken(t, offers(r, 0))
		must(t, r.Play(a, 200, []byte("one"), room.Input{Request: 1}))
		r.Cut(b)
		c := roomtest.NewSession(3)
		must(t, r.Enter(c, room.AnySeat, 2))
		time.Sleep(time.Minute)
		hears(t, a, waitingText)
		hears(t, c)
		b.Take()
		o.answer(room.Kept)
		r.Wait()
		hears(t, a, "you: one", "user 2 is offline", "user 3 watches, online")
		hears(t, b, "1: one")
		g.after(t, r, 5*time.Second-1)
		g.after(t, r, 1, "a 1m5s")
	})
}

// Nobody answers for whom a room is offered to: everyone is told that it stands still, and shown how it
// goes on, here or there.
func TestHandoverTakesLong(t *testing.T) {
	for _, outcome := range []room.Outcome{room.Kept, room.Given} {
		g := newClockwork()
		g.enter = func(t *room.Table, p *room.Player) { t.Tell(p, roomtest.Encoder{}.Printed("scene"), 0) }
		recorded(t, g, func(t *testing.T, r *roomtest.Room, _ *roomtest.Record) {
			a := r.Sit(1, 0)
			a.Take()
			o := taken(t, offers(r, 0))
			time.Sleep(500*time.Millisecond - 1)
			hears(t, a)
			time.Sleep(time.Nanosecond)
			r.Wait()
			hears(t, a, waitingText)
			time.Sleep(time.Hour)
			o.answer(outcome)
			r.Wait()
			hears(t, a, "scene")
			if outcome == room.Given {
				ends(t, a, room.Moved)
			}
		})
	}
}

// A room that is given away goes on elsewhere where it stood; what it did not handle is given back.
func TestHandoverGiven(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a, b, lost := r.Sit(1, 0), r.Sit(2, 1), r.Sit(3, room.AnySeat)
		says(t, r, a, "one", 1)
		for _, s := range []*roomtest.Session{a, b, lost} {
			s.Take()
		}
		o := taken(t, offers(r, 0))
		must(t, r.Play(a, 200, []byte("two"), room.Input{Request: 2, Raw: []byte("two")}))
		must(t, r.Play(lost, 200, []byte("lost"), room.Input{Raw: []byte("lost")}))
		must(t, r.Stand(b, room.Input{Request: 3, Again: true, Raw: []byte("stand")}))
		r.Leave(lost)
		newcomer := roomtest.NewSession(4)
		must(t, r.Enter(newcomer, room.AnySeat, 4))
		answered := 0
		r.LetGo(1, func(bound bool) {
			if answered++; !bound {
				t.Error("user 1 is free, and the room goes on elsewhere")
			}
		})
		ran := make(chan error, 1)
		go func() { ran <- r.Do(t.Context(), func(*room.Table) { t.Error("Do runs in a room that has moved") }) }()
		r.Settle(room.Retry)
		r.Wait()
		o.answer(room.Given)
		entries, unread := r.Late()
		if err := <-ran; err != room.ErrClosed {
			t.Errorf("Do: %v", err)
		}
		for _, s := range []*roomtest.Session{a, b, lost} {
			hears(t, s)
			ends(t, s, room.Moved)
		}
		if answered != 1 {
			t.Errorf("LetGo was answered %d times", answered)
		}
		if len(entries) != 1 || entries[0] != (room.Entry{Session: newcomer, Seat: room.AnySeat, Request: 4}) {
			t.Errorf("late are %+v", entries)
		}
		if len(unread) != 2 || unread[0].Session != room.Session(a) || string(unread[0].Raw) != "two" || unread[0].Again ||
			unread[1].Session != room.Session(b) || string(unread[1].Raw) != "stand" || !unread[1].Again {
			t.Errorf("unread are %+v", unread)
		}
		if err := r.Play(a, 200, nil, room.Input{}); err != room.ErrClosed {
			t.Errorf("Play: %v", err)
		}

		moved := roomtest.Restore(t, room.Config{Epoch: 2, Seamless: true, Record: roomtest.NewRecord(o.snapshot)}, talk(), o.snapshot)
		a, b = moved.Rejoin(a, true), moved.Rejoin(b, true)
		says(t, moved, a, "two", 2)
		hears(t, a, "you: two")
		hears(t, b, "1: two")
		moved.Check()
	})
}

// A room that somebody else has taken says nothing more.
func TestHandoverTaken(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a := r.Sit(1, 0)
		a.Take()
		o := taken(t, offers(r, 0))
		must(t, r.Print(a, room.Input{Raw: []byte("print")}))
		o.answer(room.Taken)
		_, unread := r.Late()
		hears(t, a)
		ends(t, a, room.Lost)
		if len(unread) != 1 || record.Closed() {
			t.Errorf("unread are %+v, the record is removed %v", unread, record.Closed())
		}
	})
}

// The answer may come before give returns.
func TestHandoverAnsweredAtOnce(t *testing.T) {
	for _, outcome := range []room.Outcome{room.Kept, room.Given, room.Taken} {
		recorded(t, talk(), func(t *testing.T, r *roomtest.Room, _ *roomtest.Record) {
			a := r.Sit(1, 0)
			r.Handover(0, func(_ []byte, answer func(room.Outcome)) { answer(outcome) })
			if r.Over() == (outcome == room.Kept) {
				t.Errorf("outcome %d, the room is over %v", outcome, r.Over())
			}
			if outcome == room.Kept {
				stays(t, a)
				says(t, r, a, "one", 1)
				r.Check()
			}
		})
	}
}

// A second handover takes the place of one that waits, and waits for one that is being answered.
func TestHandoverTwice(t *testing.T) {
	rest := false
	recorded(t, restless(&rest), func(t *testing.T, r *roomtest.Room, _ *roomtest.Record) {
		r.Sit(1, 0)
		first := offers(r, time.Second)
		second := offers(r, 2*time.Second)
		time.Sleep(2*time.Second - 1)
		r.Wait()
		notYet(t, second)
		time.Sleep(time.Nanosecond)
		r.Wait()
		o := taken(t, second)
		third := offers(r, 0)
		notYet(t, third)
		o.answer(room.Kept)
		r.Wait()
		taken(t, third).answer(room.Given)
		<-r.Done()
		notYet(t, first)
	})
}

// A room that ends while a handover waits is not given away, and a room that is told to end while
// it is being given away ends where it stays.
func TestHandoverOfARoomThatEnds(t *testing.T) {
	rest := false
	recorded(t, restless(&rest), func(t *testing.T, r *roomtest.Room, _ *roomtest.Record) {
		r.Sit(1, 0)
		c := offers(r, time.Second)
		r.Settle(room.Retry)
		<-r.Done()
		time.Sleep(time.Minute)
		notYet(t, c)
	})
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, _ *roomtest.Record) {
		a := r.Sit(1, 0)
		o := taken(t, offers(r, 0))
		r.Settle(room.Retry)
		r.Wait()
		stays(t, a)
		o.answer(room.Kept)
		<-r.Done()
		ends(t, a, room.Retry)
	})
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, _ *roomtest.Record) {
		r.Warn("closing", time.Second)
		r.Wait()
		if !r.Over() {
			t.Error("an empty room that is to be closed waits for its handover")
		}
	})
}

// While nothing can be stored a room is not held up for its handover, and ends where it is told to.
func TestHandoverWhileNothingIsStored(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a := r.Sit(1, 0)
		a.Take()
		record.Hold()
		says(t, r, a, "one", 1)
		c := offers(r, 0)
		time.Sleep(time.Second)
		r.Wait()
		hears(t, a, waitingText)
		must(t, r.Do(t.Context(), func(*room.Table) {}))
		notYet(t, c)
		record.Free()
		r.Wait()
		hears(t, a, "you: one")
		taken(t, c).answer(room.Kept)
		record.Hold()
		says(t, r, a, "two", 2)
		c = offers(r, 0)
		r.Settle(room.Retry)
		<-r.Done()
		notYet(t, c)
		ends(t, a, room.Lost)
		record.Free()
	})
}

// Notices go on while a room is being given away; they are no events.
func TestNoticesWhileGivenAway(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, _ *roomtest.Record) {
		a := r.Sit(1, 0)
		a.Take()
		r.Foretell("moving", 10*time.Second)
		r.Wait()
		hears(t, a, "moving")
		o := taken(t, offers(r, 0))
		time.Sleep(10 * time.Second)
		r.Wait()
		hears(t, a, waitingText, "moving")
		o.answer(room.Kept)
		r.Wait()
		r.Warn("closing", 0)
		time.Sleep(time.Minute)
		r.Wait()
		hears(t, a, "closing")
		r.Foretell("moving", 0)
		r.Wait()
		hears(t, a, "moving")
		r.Check()
		r.Lose(a)
		if r.Over() {
			t.Error("a room that is to move closes")
		}
	})
}

// Time does not take players away from a room that is being given away: the other server has them.
func TestGraceWaitsForTheHandover(t *testing.T) {
	restored(t, room.Config{Seamless: true}, talk(), online, func(t *testing.T, r *roomtest.Room) {
		a := r.Rejoin(earlier(t, 1), true)
		c := offers(r, time.Minute) // somebody is awaited: it waits
		time.Sleep(29 * time.Second)
		r.Wait()
		notYet(t, c)
		c = offers(r, 0)
		o := taken(t, c)
		time.Sleep(time.Hour)
		r.Wait()
		hears(t, a)
		o.answer(room.Kept)
		r.Wait()
		hears(t, a, "user 2 stood up", "user 3 stood up")
		r.Check()
	})
}

// Who was still awaited when a room moves on is told everything anew where something was kept.
func TestHandoverOfTheAwaited(t *testing.T) {
	for _, said := range []bool{true, false} {
		restored(t, room.Config{Seamless: true}, talk(), online, func(t *testing.T, r *roomtest.Room) {
			a := r.Rejoin(earlier(t, 1), true)
			if said {
				says(t, r, a, "one", 1)
			}
			o := taken(t, offers(r, 0))
			o.answer(room.Given)
			<-r.Done()
			a.Take()
			moved := roomtest.Restore(t, room.Config{Epoch: 3, Seamless: true}, talk(), o.snapshot)
			a = moved.Rejoin(a, true)
			b := moved.Rejoin(earlier(t, 2), !said)
			hears(t, a)
			if heard := fmt.Sprint(b.Texts()); said != (heard == "[user 1 sits in 0, online user 3 watches, offline user 2 sits in 1, online]") {
				t.Errorf("user 2 hears %s", heard)
			}
			moved.Check()
		})
	}
}

func TestPrepare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := roomtest.Goroutines()
		g := newClockwork()
		g.restore = func(table *room.Table, _ []byte) error {
			must(t, g.start(table))
			g.a.Reset(5 * time.Second)
			return nil
		}
		g.mayLeave = func(*room.Table, *room.Player) bool { return true }
		p, err := room.Prepare(room.Config{Encoder: roomtest.Encoder{}, Seamless: true}, g, []byte(online))
		must(t, err)
		if users := fmt.Sprint(p.Players()); users != "[1 2 3]" {
			t.Errorf("prepared are users %s", users)
		}
		if n := roomtest.Goroutines() - before; n != 0 {
			t.Errorf("a prepared room has %d goroutines", n)
		}
		time.Sleep(time.Hour)
		record := roomtest.NewRecord([]byte(online))
		r := p.Run(9, record)
		s := earlier(t, 1).Resumed(true)
		must(t, r.Resume(s, false))
		time.Sleep(5*time.Second - 1)
		must(t, r.Do(t.Context(), func(*room.Table) {
			if len(g.expired) > 0 {
				t.Errorf("expired: %v", g.expired)
			}
		}))
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		must(t, r.Do(t.Context(), func(*room.Table) {
			if len(g.expired) != 1 {
				t.Errorf("expired: %v", g.expired)
			}
		}))
		summary, err := r.Summarize(t.Context())
		must(t, err)
		if want := (room.Summary{ID: 7, Players: 2, Online: 2, Spectators: 1, Awaited: 1, Epoch: 9, Seq: 12, State: "script"}); summary != want {
			t.Errorf("%+v, want %+v", summary, want)
		}
		r.Settle(room.Retry)
		<-r.Done()

		p, err = room.Prepare(room.Config{Encoder: roomtest.Encoder{}}, &script{}, []byte(online))
		must(t, err)
		p.Drop()
	})
}

package room_test

import (
	"fmt"
	"slices"
	"testing"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

func TestStand(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		witness, leaver := r.Sit(1, 0), r.Sit(2, 1)
		witness.Take()
		leaver.Take()
		must(t, r.Stand(leaver, room.Input{Request: 42}))
		r.Wait()
		if sent := leaver.Take(); len(sent) != 1 || sent[0].String() != "user 2 stood up" || sent[0].Request != 42 {
			t.Errorf("the leaver is sent %v, want one answer to request 42", sent)
		}
		ends(t, leaver, room.Stood)
		hears(t, witness, "user 2 stood up")
		r.Check()
		hears(t, r.Sit(3, 1), "user 1 sits in 0, online", "user 3 sits in 1, online")
	})
}

func TestStandWhereTheGameHolds(t *testing.T) {
	on := true
	bubble(t, held(&on), func(t *testing.T, r *roomtest.Room) {
		witness, leaver := r.Sit(1, 0), r.Sit(2, 1)
		witness.Take()
		leaver.Take()
		must(t, r.Stand(leaver, room.Input{Request: 42}))
		r.Wait()
		hears(t, leaver, "user 2 stood up")
		ends(t, leaver, room.Stood)
		hears(t, witness, "user 2 is offline")
		r.Check()

		r.Inside(func(table *room.Table) { table.DismissAbsent() })
		hears(t, witness)
		on = false
		r.Inside(func(table *room.Table) { table.DismissAbsent() })
		hears(t, witness, "user 2 stood up")
		r.Check()
	})
}

func TestLoseAndComeBack(t *testing.T) {
	on := true
	bubble(t, held(&on), func(t *testing.T, r *roomtest.Room) {
		witness, lost := r.Sit(1, 0), r.Sit(2, 1)
		witness.Take()
		r.Lose(lost)
		hears(t, witness, "user 2 is offline")
		lost.Take()

		for _, want := range []int{room.AnySeat, 0, 1, 99} { // the seat is kept, whatever is asked for
			back := r.Sit(2, want)
			hears(t, back, "user 1 sits in 0, online", "user 2 sits in 1, online")
			hears(t, witness, "user 2 is online")
			r.Check()
			r.Lose(back)
			hears(t, witness, "user 2 is offline")
		}
		hears(t, lost)
		if lost.Faults() != nil {
			t.Error("the lost session was sent something")
		}
	})
}

func TestLoseWhereTheGameLetsGo(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		witness, lost := r.Sit(1, 0), r.Sit(2, 1)
		witness.Take()
		r.Lose(lost)
		hears(t, witness, "user 2 stood up")
		r.Check()
	})
}

func TestReplacedByANewerSession(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		witness, older := r.Sit(1, 0), r.Sit(2, 1)
		witness.Take()
		older.Take()
		newer := r.Sit(2, room.AnySeat)
		hears(t, older, "disconnected: replaced")
		ends(t, older, room.Replaced)
		hears(t, newer, "user 1 sits in 0, online", "user 2 sits in 1, online")
		hears(t, witness) // nothing has changed for the others
		r.Lose(older)     // the connection behind it ends later, and that is nothing to the newer one
		stays(t, newer)
		hears(t, witness)
		r.Check()
	})
}

// A spectator comes back as a spectator, or to the seat that has become free.
func TestSpectatorComesBack(t *testing.T) {
	on := true
	bubble(t, held(&on), func(t *testing.T, r *roomtest.Room) {
		witness, player, watcher := r.Sit(1, 0), r.Sit(2, 1), r.Sit(3, room.AnySeat)
		r.Lose(watcher)
		witness.Take()
		for _, want := range []int{room.AnySeat, 1, 99} {
			back := r.Sit(3, want)
			hears(t, back, "user 1 sits in 0, online", "user 2 sits in 1, online", "user 3 watches, online")
			hears(t, witness, "user 3 is online")
			r.Check()
			r.Lose(back)
			hears(t, witness, "user 3 is offline")
		}
		on = false
		must(t, r.Stand(player, room.Input{Request: 1}))
		r.Wait()
		witness.Take()
		back := r.Sit(3, 1)
		hears(t, back, "user 1 sits in 0, online", "user 3 sits in 1, online")
		hears(t, witness, "user 3 sits in 1, online")
		r.Check()
	})
}

// Left may dismiss, and settle, and dismiss again: everyone leaves once.
func TestNestedDismissals(t *testing.T) {
	on := true
	var left []int64
	game := held(&on)
	game.left = func(table *room.Table, p *room.Player) {
		left = append(left, p.ID())
		table.DismissAbsent()
		table.DismissAbsent()
	}
	bubble(t, game, func(t *testing.T, r *roomtest.Room) {
		r.Sit(1, 0)
		r.Lose(r.Sit(2, 1))
		r.Lose(r.Sit(3, room.AnySeat))
		r.Lose(r.Sit(4, room.AnySeat))
		on = false
		r.Inside(func(table *room.Table) { table.DismissAbsent() })
		if want := []int64{2, 3, 4}; !slices.Equal(left, want) {
			t.Errorf("Left was told of %v, want %v", left, want)
		}
		r.Check()
	})
}

// A game that walks over the players may take some of them out on the way.
func TestPlayersIsNotChangedByTheRoom(t *testing.T) {
	on := true
	bubble(t, held(&on), func(t *testing.T, r *roomtest.Room) {
		r.Sit(1, 0)
		r.Lose(r.Sit(2, 1))
		r.Sit(3, room.AnySeat)
		var walked []int64
		r.Inside(func(table *room.Table) {
			for _, p := range table.Players() {
				on = false
				table.DismissAbsent()
				walked = append(walked, p.ID())
			}
			if n := len(table.Players()); n != 2 {
				t.Errorf("%d players are left, want 2", n)
			}
		})
		if want := []int64{1, 2, 3}; !slices.Equal(walked, want) {
			t.Errorf("the walk met %v, want %v", walked, want)
		}
	})
}

func TestAnnounceShowsOwnView(t *testing.T) {
	public, own := room.Message{Op: 200, Body: []byte("hidden")}, room.Message{Op: 200, Body: []byte("shown")}
	game := &script{receive: func(t *room.Table, q room.Request) error {
		t.Announce(room.Event{Message: public, Own: q.From, OwnView: own, Request: q.ID})
		return nil
	}}
	bubble(t, game, func(t *testing.T, r *roomtest.Room) {
		actor, other, watcher := r.Sit(1, 0), r.Sit(2, 1), r.Sit(3, room.AnySeat)
		for _, s := range []*roomtest.Session{actor, other, watcher} {
			s.Take()
		}
		must(t, r.Play(actor, 200, nil, room.Input{Request: 9}))
		r.Wait()
		seq := actor.Seq()
		for s, want := range map[*roomtest.Session]room.Meta{
			actor:   {Epoch: 1, Seq: seq, Request: 9},
			other:   {Epoch: 1, Seq: seq},
			watcher: {Epoch: 1, Seq: seq},
		} {
			view := public
			if s == actor {
				view = own
			}
			sent := s.Take()
			if len(sent) != 1 || string(sent[0].Body) != string(view.Body) || sent[0].Meta != want {
				t.Errorf("user %d is sent %v with %+v, want %q with %+v", s.User(), sent, sent[0].Meta, view.Body, want)
			}
		}
		r.Check()
	})
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{room.Refuse(room.CodeSpectator, "sit down"), "refused 103: sit down"},
		{fmt.Errorf("roll: %w", room.Refuse(10001, "again")), "refused 10001: again"},
		{fmt.Errorf("a secret of the server"), "refused 1: the request failed"},
	} {
		game := &script{receive: func(*room.Table, room.Request) error { return test.err }}
		bubble(t, game, func(t *testing.T, r *roomtest.Room) {
			s := r.Sit(1, 0)
			s.Take()
			answer, _ := r.Say(s, 200, nil)
			if answer.String() != test.want {
				t.Errorf("%v becomes %q, want %q", test.err, answer, test.want)
			}
		})
	}
}

func TestPrintAndEcho(t *testing.T) {
	on := true
	game := held(&on)
	game.state = func(reveal bool) string { return fmt.Sprintf("secrets %v", reveal) }
	bubble(t, game, func(t *testing.T, r *roomtest.Room) {
		s := r.Sit(1, 0)
		r.Lose(r.Sit(2, 1))
		r.Sit(3, room.AnySeat)
		s.Take()
		must(t, r.Print(s, room.Input{Request: 5}))
		must(t, r.Echo(s, 8, []byte("ping"), room.Input{Request: 6}))
		r.Wait()
		sent := s.Take()
		if want := "room 7 event 4\nuser 1 seat 0\nuser 2 seat 1 offline\nuser 3 spectator\nsecrets false"; sent[0].String() != want || sent[0].Request != 5 {
			t.Errorf("Print answers %q to request %d, want %q", sent[0], sent[0].Request, want)
		}
		if sent[1].Op != 8 || string(sent[1].Body) != "ping" || sent[1].Request != 6 {
			t.Errorf("Echo answers %v to request %d", sent[1], sent[1].Request)
		}
	})
}

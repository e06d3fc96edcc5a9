package room_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

// again sends a message once more that an earlier owner may have handled.
func again(t *testing.T, r *roomtest.Room, s *roomtest.Session, text string, request uint64) {
	t.Helper()
	must(t, r.Play(s, 200, []byte(text), room.Input{Request: request, Again: true}))
	r.Wait()
}

// A request that comes again is answered as it was, and nothing else happens; one that was not
// handled is handled now.
func TestRequestThatComesAgain(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a, b := r.Sit(1, 0), r.Sit(2, 1)
		b.Take()
		for n := range uint64(5) {
			says(t, r, a, fmt.Sprint("number ", n+1), n+1)
		}
		says(t, r, a, "no", 6)
		a.Take()
		b.Take()

		moved := roomtest.Restore(t, room.Config{Epoch: 2, Record: roomtest.NewRecord(record.Stored())}, talk(), record.Stored())
		a, b = moved.Rejoin(a, false), moved.Rejoin(b, false)
		a.Take()
		b.Take()
		again(t, moved, a, "number 2", 2)
		again(t, moved, a, "number 5", 5)
		hears(t, b)
		if sent := a.Take(); len(sent) != 2 || sent[0].String() != "you: number 2" || sent[0].Request != 2 || sent[1].String() != "you: number 5" || sent[1].Request != 5 {
			t.Errorf("answered with %v, want what was answered before", sent)
		}
		again(t, moved, a, "no", 6) // a refusal changes nothing: it is not remembered
		hears(t, a, "refused 1: no")
		again(t, moved, a, "number 7", 7)
		hears(t, a, "you: number 7")
		hears(t, b, "1: number 7")
		again(t, moved, b, "mine", 5) // requests are each player's own
		hears(t, b, "you: mine")
		hears(t, a, "2: mine")
		again(t, moved, a, "number 1", 1) // only so many are remembered
		hears(t, a, "you: number 1")
		says(t, moved, a, "number 7 again", 7) // the player's own affair
		hears(t, a, "you: number 7 again")
		again(t, moved, a, "without a number", 0)
		hears(t, a, "you: without a number")
		moved.Check()
	})
}

// A new connection counts its requests anew, so what was answered on another is forgotten.
func TestRepliesAreForgottenWithTheConnection(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a := r.Sit(1, 0)
		says(t, r, a, "one", 5)
		a = r.Sit(1, 0)
		moved := roomtest.Restore(t, room.Config{Epoch: 2}, talk(), record.Stored())
		a = moved.Rejoin(a, false)
		a.Take()
		again(t, moved, a, "two", 5)
		hears(t, a, "you: two")
	})
}

// To sit down once more on the same connection forgets nothing.
func TestRepliesSurviveSittingDownAgain(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, _ *roomtest.Record) {
		a := r.Sit(1, 0)
		says(t, r, a, "one", 5)
		must(t, r.Move(a, 0, room.Input{Request: 6}))
		r.Wait()
		a.Take()
		again(t, r, a, "one", 5)
		hears(t, a, "you: one")
	})
}

// To change places is a request like any other; to stand up can be done twice.
func TestOtherRequestsThatComeAgain(t *testing.T) {
	recorded(t, talk(), func(t *testing.T, r *roomtest.Room, record *roomtest.Record) {
		a, b := r.Sit(1, 0), r.Sit(2, 1)
		must(t, r.Change(a, room.Spectating, room.Input{Request: 1}))
		r.Wait()
		moved := roomtest.Restore(t, room.Config{Epoch: 2}, talk(), record.Stored())
		a, b = moved.Rejoin(a, false), moved.Rejoin(b, false)
		a.Take()
		b.Take()
		must(t, moved.Change(a, room.Spectating, room.Input{Request: 1, Again: true}))
		moved.Wait()
		hears(t, a, "user 1 watches, online")
		hears(t, b)
		must(t, moved.Stand(a, room.Input{Request: 2, Again: true}))
		moved.Wait()
		hears(t, a, "user 1 stood up")
		ends(t, a, room.Stood)
		moved.Check()
	})
}

// The last reply comes with the snapshot that contains what it answers.
func TestReplyIsStoredWithWhatItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := roomtest.NewRecord(nil)
		r := roomtest.Open(t, room.Config{Seats: 2, Record: record}, talk())
		a := r.Sit(1, 0)
		record.Hold()
		says(t, r, a, "one", 1)
		says(t, r, a, "two", 2)
		if heard := a.Texts(); len(heard) != 1 {
			t.Errorf("heard %q", heard)
		}
		for n := range uint64(2) {
			record.Free()
			record.Hold()
			r.Wait()
			sent := a.Take()
			twin := roomtest.Restore(t, room.Config{Epoch: 2}, talk(), record.Stored())
			back := twin.Rejoin(a, false)
			back.Take()
			again(t, twin, back, "again", n+1)
			if got := back.Take(); len(sent) != 1 || len(got) != 1 || got[0].String() != sent[0].String() {
				t.Errorf("request %d was answered with %v, and after the room was lost with %v", n+1, sent, got)
			}
		}
		record.Free()
	})
}

package gate

import (
	"fmt"
	"strings"
	"testing"

	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

const (
	roll  = wire.Command_DICE_SHAKE
	print = wire.Command_PRINT
	start = wire.Command_DICE_START
)

// What a player says before the room has spoken waits, and then follows in order.
func TestWordsBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := newCourt(t, nil, f)
	p := c.player(7)
	p.sits(5, 1)
	p.says(roll, 1, 2)
	p.says(roll, 2, 0)
	p.sits(5, 3) // to sit down twice is to sit down once: the room hears of it
	l := f.next()
	if o := l.open; o.GetUser() != 7 || o.GetRoom() != 5 || o.GetRequest() != 1 || o.GetResume() || o.GetSeat() != -1 {
		t.Errorf("open: %v", o)
	}
	c.eventually("all to be held", func() bool { return c.held(7) == 3 }) // after Placed, to sit down again takes a new lane
	l.placed(5, 10)
	l.hears(trunk.KindData, "dice_shake 1 #2")
	l.hears(trunk.KindData, "dice_shake 2")
	l.hears(trunk.KindData, "sit_down #3")
	l.reply(1, wire.Command_SIT_DOWN, &wire.User{Id: 7})
	p.hears("sit_down 7 #1")
}

// A server that is not the owner sends the player on before any answer; the SitDown is the same.
func TestMovedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	a, b := newFake(t), newFake(t)
	c := newCourt(t, nil, a, b)
	room := c.room(a, b)
	p := c.player(7)
	p.sits(room, 1)
	l := a.next()
	l.moved(&trunk.Moved{Address: b.addr.String()})
	l.hearsShut()
	l.shut(trunk.ReasonMoved)
	at := b.next()
	if o := at.open; o.GetRequest() != 1 || o.GetResume() || o.GetRoom() != room || len(o.GetDead()) != 0 {
		t.Errorf("open: %v", o)
	}
	at.placed(room, 10)
	at.reply(1, wire.Command_SIT_DOWN, &wire.User{Id: 7})
	p.hears("sit_down 7 #1")

	// The next one knows the way.
	other := c.player(8)
	other.sits(room, 1)
	b.next().seat(room, 10)
	other.hears("sit_down 8")
	c.eventually("one lane each", func() bool { return c.lanes() == 2 })
}

// Any other server: the redirect names none. And the player belongs in another room.
func TestMovedToAnyOtherAndToAnotherRoom(t *testing.T) {
	t.Parallel()
	a, b := newFake(t), newFake(t)
	c := newCourt(t, nil, a, b)
	room := c.room(a, b)
	p := c.player(7)
	p.sits(room, 1)
	l := a.next()
	l.moved(&trunk.Moved{Room: room + 1000})
	at := b.next()
	if at.open.GetRoom() != room+1000 {
		t.Errorf("open: %v", at.open)
	}
	at.seat(room+1000, 3)
	p.hears("sit_down 7")
}

// Any room: the server says which one it is, and there the player stays.
func TestAnyRoom(t *testing.T) {
	t.Parallel()
	a := newFake(t)
	c := newCourt(t, nil, a)
	p := c.player(7)
	p.sits(0, 1)
	l := a.next()
	if l.open.GetRoom() != 0 {
		t.Errorf("open: %v", l.open)
	}
	l.placed(123456, 9)
	l.reply(1, wire.Command_SIT_DOWN, &wire.User{Id: 7})
	p.hears("sit_down 7 #1")
	p.sits(0, 2) // content with the room at hand
	again := a.next()
	if again.open.GetRoom() != 123456 {
		t.Errorf("open: %v", again.open)
	}
	again.placed(123456, 9)
	l.shut(trunk.ReasonReplaced)
	again.reply(2, wire.Command_SIT_DOWN, &wire.User{Id: 7})
	p.hears("sit_down 7 #2")
	again.moved(&trunk.Moved{Address: a.addr.String()})
	if o := a.next().open; o.GetRoom() != 123456 || !o.GetResume() {
		t.Errorf("open: %v", o)
	}
}

// A lane may lead to another room than was said first, or to a newer one of the same number, since
// the first one ended: what was said last counts.
func TestPlacedAgain(t *testing.T) {
	t.Parallel()
	a := newFake(t)
	c := newCourt(t, nil, a)
	p := c.player(7)
	p.sits(0, 1)
	l := a.next()
	l.placed(123456, 9)
	l.placed(234567, 4)
	l.placed(234567, 6)
	l.reply(1, wire.Command_SIT_DOWN, &wire.User{Id: 7})
	p.hears("sit_down 7 #1")
	l.moved(&trunk.Moved{Address: a.addr.String()})
	if o := a.next().open; o.GetRoom() != 234567 || !o.GetResume() {
		t.Errorf("open: %v", o)
	}
}

// A room moves in play: what was under way comes back, what is said meanwhile waits, and all of it
// arrives once, in order. What had its reply, or was handled, is not said again.
func TestMovedInPlay(t *testing.T) {
	t.Parallel()
	a, b := newFake(t), newFake(t)
	c := newCourt(t, nil, a, b)
	room := c.room(a, b)
	p, l := c.seated(7, room, 10, a)
	for n := range 4 {
		p.says(roll, int32(n+1), uint64(n+1))
	}
	p.says(roll, 5, 0)
	for n := range 4 {
		l.hears(trunk.KindData, fmt.Sprintf("dice_shake %d #%d", n+1, n+1))
	}
	last := l.frame()
	l.reply(1, roll, &wire.DiceShake{User: 7})
	p.hears("dice_shake 7 #1")
	l.data(start, &wire.DiceStart{LengthMs: 30}) // the last word of the old owner
	l.moved(&trunk.Moved{Address: b.addr.String()})
	l.hearsShut()
	p.hears("dice_start 30")
	p.says(roll, 6, 6) // while it moves
	p.says(print, 0, 0)
	l.put(trunk.KindBack, message(roll, &wire.Int32{Value: 3}, 3)) // 2 was handled
	l.put(trunk.KindBack, message(roll, &wire.Int32{Value: 4}, 4))
	l.put(trunk.KindBack, last.Payload)

	at := b.next()
	if o := at.open; !o.GetResume() || o.GetRoom() != room || o.GetRequest() != 0 || o.GetSeat() != -1 {
		t.Errorf("open: %v", o)
	}
	at.placed(room, 11)
	at.data(start, &wire.DiceStart{LengthMs: 40}) // is heard before the old lane's end
	p.hears("dice_start 40")
	p.says(roll, 7, 0)
	c.eventually("the message to be held", func() bool { return c.held(7) == 3 })
	l.shut(trunk.ReasonMoved)
	for _, text := range []string{"dice_shake 3 #3", "dice_shake 4 #4", "dice_shake 5", "dice_shake 6 #6", "print", "dice_shake 7"} {
		at.hears(trunk.KindData, text)
	}
	p.says(roll, 8, 0)
	at.hears(trunk.KindData, "dice_shake 8")
	c.eventually("one lane", func() bool { return c.lanes() == 1 })
	if n := len(at.frames); n != 0 {
		t.Errorf("%d further frames", n)
	}
}

// session finds a user's only session.
func (c *court) session(user int64) *session {
	sh := c.gate.table.shard(user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.users[user]
}

// held counts the messages of a user that wait.
func (c *court) held(user int64) int {
	s := c.session(user)
	if s == nil {
		return -1
	}
	s.placing.Lock()
	defer s.placing.Unlock()
	if s.pass == nil {
		return -1
	}
	return len(s.pass.held.messages)
}

// Two moves in a row, the second before the first is complete: nothing was said at the place in
// between, so nothing is lost there.
func TestTwoMovesInARow(t *testing.T) {
	t.Parallel()
	a, b, d := newFake(t), newFake(t), newFake(t)
	c := newCourt(t, nil, a, b, d)
	room := c.room(a, b, d)
	p, l := c.seated(7, room, 10, a)
	p.says(roll, 1, 1)
	l.hears(trunk.KindData, "dice_shake 1 #1")
	l.moved(&trunk.Moved{Address: b.addr.String()})
	l.hearsShut()
	p.says(roll, 2, 2)
	between := b.next()
	between.placed(room, 11)
	between.moved(&trunk.Moved{Address: d.addr.String()})
	between.hearsShut()
	between.shut(trunk.ReasonMoved)
	at := d.next()
	if !at.open.GetResume() {
		t.Errorf("open: %v", at.open)
	}
	at.placed(room, 12)
	l.put(trunk.KindBack, message(roll, &wire.Int32{Value: 1}, 1))
	l.shut(trunk.ReasonMoved)
	at.hears(trunk.KindData, "dice_shake 1 #1")
	at.hears(trunk.KindData, "dice_shake 2 #2")
	at.reply(1, roll, &wire.DiceShake{User: 7})
	at.reply(2, roll, &wire.DiceShake{User: 7})
	p.hears("dice_shake 7 #1")
	p.hears("dice_shake 7 #2")

	// And a third one, back to the first server.
	at.moved(&trunk.Moved{Address: a.addr.String()})
	at.hearsShut()
	at.shut(trunk.ReasonMoved)
	home := a.next()
	home.placed(room, 13)
	p.says(roll, 3, 3)
	home.hears(trunk.KindData, "dice_shake 3 #3")
}

// The answer to a SitDown is not there yet when the room moves: the lane is opened anew, with the
// request, and what the player said comes back.
func TestMovedBetweenPlacedAndTheAnswer(t *testing.T) {
	t.Parallel()
	a, b := newFake(t), newFake(t)
	c := newCourt(t, nil, a, b)
	room := c.room(a, b)
	p := c.player(7)
	p.sits(room, 1)
	p.says(roll, 1, 2)
	l := a.next()
	l.placed(room, 10)
	l.data(wire.Command_NOTICE, &wire.Notice{Kind: wire.Notice_WAITING}) // is no answer
	p.hears("notice 3")
	l.hears(trunk.KindData, "dice_shake 1 #2")
	l.moved(&trunk.Moved{Address: b.addr.String()})
	l.hearsShut()
	l.put(trunk.KindBack, message(roll, &wire.Int32{Value: 1}, 2))
	l.shut(trunk.ReasonMoved)
	at := b.next()
	if o := at.open; o.GetResume() || o.GetRequest() != 1 {
		t.Errorf("open: %v", o)
	}
	at.placed(room, 11)
	at.hears(trunk.KindData, "dice_shake 1 #2")
	at.reply(1, wire.Command_SIT_DOWN, &wire.User{Id: 7})
	p.hears("sit_down 7 #1")
}

// More than can wait: the player is closed as one who is too slow, and nothing is left.
func TestTooMuchIsHeld(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"messages": 0, "bytes": 2000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newFake(t)
			c := newCourt(t, nil, a)
			p, l := c.seated(7, 5, 10, a)
			l.moved(&trunk.Moved{Address: a.addr.String()})
			l.hearsShut()
			a.next() // says nothing
			body := message(print, &wire.String{Value: strings.Repeat("x", size)}, 1)
			most := heldMessages
			if size > 0 {
				most = heldBytes / len(body)
			}
			for n := range most + 1 {
				if n == most {
					c.eventually("all to be held", func() bool { return c.held(7) == most })
				}
				writeBinary(t, p.conn, body)
			}
			p.closed(wire.CloseTooSlow)
			p.conn.Close()
			c.eventually("nothing to be left", func() bool { return c.gate.table.len() == 0 && c.lanes() == 0 })
		})
	}
}

// A session that ends, or sits down elsewhere, while its room moves leaves nothing behind.
func TestEndDuringAMove(t *testing.T) {
	t.Parallel()
	for name, elsewhere := range map[string]bool{"closed": false, "another room": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := newFake(t), newFake(t)
			c := newCourt(t, nil, a, b)
			room := c.room(a, b)
			p, l := c.seated(7, room, 10, a)
			p.says(roll, 1, 1)
			l.frame()
			l.moved(&trunk.Moved{Address: b.addr.String()})
			l.hearsShut()
			p.says(roll, 2, 2)
			half := b.next()
			c.eventually("the message to be held", func() bool { return c.held(7) == 1 })
			left := 0
			if elsewhere {
				p.sits(room+1_000_000, 9)
				select {
				case l = <-a.opened:
				case l = <-b.opened:
				}
				l.seat(room+1_000_000, 3)
				p.hears("sit_down 7")
				left = 1
			} else {
				p.conn.Close()
			}
			half.hearsShut()
			c.eventually("the lanes to be shut", func() bool { return c.lanes() == left })
			half.placed(room, 11) // too late
			half.data(start, nil)
			if elsewhere {
				l.data(print, &wire.String{Value: "x"})
				p.hears("print")
				s := c.session(7)
				s.placing.Lock()
				defer s.placing.Unlock()
				if s.kept != nil || s.pass != nil {
					t.Error("something of the move is left")
				}
			}
		})
	}
}

// A server that can't take a room that it is sent says so to nobody; the next one is asked.
func TestRefusedToResume(t *testing.T) {
	t.Parallel()
	a, b := newFake(t), newFake(t)
	c := newCourt(t, nil, a, b)
	room := c.room(a, b)
	p, l := c.seated(7, room, 10, a)
	l.moved(&trunk.Moved{Address: b.addr.String()})
	l.hearsShut()
	l.shut(trunk.ReasonMoved)
	no := b.next()
	no.data(wire.Command_ERROR, &wire.Error{Code: wire.Code_FAIL, Desc: "can't read it"})
	no.shut(trunk.ReasonRefused)
	at := a.next()
	at.placed(room, 12)
	at.data(start, &wire.DiceStart{LengthMs: 3})
	p.hears("dice_start 3")
}

// A player who is refused a seat hears why, and what was said meanwhile is refused, too.
func TestRefusedToSit(t *testing.T) {
	t.Parallel()
	a := newFake(t)
	c := newCourt(t, nil, a)
	p := c.player(7)
	p.sits(5, 1)
	p.says(roll, 1, 2)
	l := a.next()
	c.eventually("the message to be held", func() bool { return c.held(7) == 1 })
	l.reply(1, wire.Command_ERROR, &wire.Error{Code: wire.Code_FAIL})
	l.shut(trunk.ReasonRefused)
	p.hears("error 1 #1")
	p.hears("error 102 #2")
	c.eventually("no lane", func() bool { return c.lanes() == 0 })
}

// A player who is refused a seat asks again before the gate has heard that the lane is shut: that is
// a new wish, with an answer of its own.
func TestRefusedAndAskedAgain(t *testing.T) {
	t.Parallel()
	a := newFake(t)
	c := newCourt(t, nil, a)
	p := c.player(7)
	p.sits(5, 1)
	l := a.next()
	l.reply(1, wire.Command_ERROR, &wire.Error{Code: wire.Code_FAIL})
	p.hears("error 1 #1")
	p.says(roll, 1, 2)
	p.sits(5, 3)
	p.says(roll, 2, 4)
	p.says(wire.Command_STAND_UP, 0, 5)
	p.says(roll, 3, 6) // waits for the end of the StandUp
	c.eventually("all to be held", func() bool { return c.held(7) == 4 })
	l.shut(trunk.ReasonRefused)
	p.hears("error 102 #2")
	at := a.next()
	if o := at.open; o.GetRequest() != 3 || o.GetRoom() != 5 || o.GetResume() || o.GetSeat() != -1 {
		t.Errorf("open: %v", o)
	}
	at.placed(5, 10)
	at.reply(3, wire.Command_SIT_DOWN, &wire.User{Id: 7})
	p.hears("sit_down 7 #3")
	at.hears(trunk.KindData, "dice_shake 2 #4")
	at.hears(trunk.KindData, "stand_up #5")
	at.reply(5, wire.Command_STAND_UP, &wire.Int64{Value: 7})
	at.shut(trunk.ReasonStood)
	p.hears("stand_up 7 #5")
	p.hears("error 102 #6")
	c.eventually("no lane", func() bool { return c.lanes() == 0 })
}

// What an older owner says is not delivered, and who hears it is moved on.
func TestFencing(t *testing.T) {
	t.Parallel()
	a, b := newFake(t), newFake(t)
	c := newCourt(t, nil, a, b)
	room := c.room(a, b)
	p, l := c.seated(7, room, 10, a)
	p.says(roll, 1, 1)
	l.hears(trunk.KindData, "dice_shake 1 #1")

	// Another player comes to the new owner, past the old one.
	other := c.player(8)
	other.sits(room, 0)
	second := a.next()
	second.moved(&trunk.Moved{Address: b.addr.String()})
	b.next().seat(room, 11)
	other.hears("sit_down 8")

	l.reply(1, roll, &wire.DiceShake{User: 7}) // too late
	at := b.next()
	if o := at.open; !o.GetResume() || o.GetUser() != 7 {
		t.Errorf("open: %v", o)
	}
	l.hearsShut()
	at.placed(room, 11)
	at.hears(trunk.KindAgain, "dice_shake 1 #1")
	at.reply(1, roll, &wire.DiceShake{User: 70})
	p.hears("dice_shake 70 #1")

	// Who is let in by the old owner all the same goes on, too.
	late := c.player(9)
	late.sits(room, 3)
	at = b.next() // that is where the gate knows the room
	at.moved(&trunk.Moved{Address: a.addr.String()})
	stale := a.next()
	stale.seat(room, 10)
	stale.hearsShut()
	b.next().seat(room, 11)
	late.hears("sit_down 9")
	c.eventually("three lanes", func() bool { return c.lanes() == 3 })
}

// To sit down again in the same room opens a second lane; when the room moves at that moment, what
// was said before comes back and is said at the new place.
func TestSitAgainWhileTheRoomMoves(t *testing.T) {
	t.Parallel()
	a, b := newFake(t), newFake(t)
	c := newCourt(t, nil, a, b)
	room := c.room(a, b)
	p, l := c.seated(7, room, 10, a)
	p.says(roll, 1, 1)
	p.says(roll, 2, 0)
	p.sits(room, 3)
	l.frame()
	l.frame()
	again := a.next()
	l.hearsShut()
	l.moved(&trunk.Moved{Address: b.addr.String()})
	l.hearsShut() // once more: the first one crossed it
	again.moved(&trunk.Moved{Address: b.addr.String()})
	l.put(trunk.KindBack, message(roll, &wire.Int32{Value: 1}, 1))
	l.put(trunk.KindBack, message(roll, &wire.Int32{Value: 2}, 0))
	l.shut(trunk.ReasonMoved)
	again.hearsShut()
	at := b.next()
	if o := at.open; o.GetResume() || o.GetRequest() != 3 {
		t.Errorf("open: %v", o)
	}
	at.placed(room, 11)
	at.hears(trunk.KindData, "dice_shake 1 #1")
	at.hears(trunk.KindData, "dice_shake 2")
	at.reply(3, wire.Command_SIT_DOWN, &wire.User{Id: 7})
	p.hears("sit_down 7 #3")
	c.eventually("one lane", func() bool { return c.lanes() == 1 })
}

// A gate drains while rooms move: everybody is sent away, and nothing is left.
func TestDrainDuringMoves(t *testing.T) {
	t.Parallel()
	a := newFake(t)
	c := newCourt(t, nil, a)
	var all []*player
	for n := range 20 {
		p, l := c.seated(int64(1+n), 5, 10, a)
		l.moved(&trunk.Moved{Address: a.addr.String()})
		l.hearsShut()
		p.says(roll, 1, 1)
		a.next()
		all = append(all, p)
	}
	c.drain()
	for _, p := range all {
		p.closed(wire.CloseGoingAway)
		p.conn.Close()
	}
}

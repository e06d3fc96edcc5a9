package gate

import (
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"

	"croupier/servers/internal/bus"
	"croupier/servers/internal/fence"
	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// attach connects to a NATS server until the test ends.
func attach(t *testing.T, url string) *nats.Conn {
	t.Helper()
	conn, err := bus.Dial(t.Context(), url, t.Name(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	conn.SetClosedHandler(func(*nats.Conn) { close(closed) })
	t.Cleanup(func() {
		conn.Close()
		<-closed
	})
	return conn
}

// A server is cut off from NATS and says nothing; another one has taken its room, and tells. What the old one has not
// answered is asked again there.
func TestOwnerHeardOf(t *testing.T) {
	t.Parallel()
	server, err := bus.Embed("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	ear, mouth := attach(t, server.URL()), attach(t, server.URL())
	a, b := newFake(t), newFake(t)
	c := newCourt(t, func(c *Config) { c.Bus = ear }, a, b)
	room := c.room(a, b)
	p, l := c.seated(7, room, 10, a)
	c.eventually("the gate to listen", func() bool { return c.gate.theBus() != nil })
	if err := ear.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	p.says(roll, 1, 1)
	l.hears(trunk.KindData, "dice_shake 1 #1")
	tell := func(room int64, epoch uint64, address string) {
		t.Helper()
		if err := fence.Publish(mouth, fence.Owner{Game: "dice", Room: room, Epoch: epoch, Address: address}); err != nil {
			t.Fatal(err)
		}
	}
	tell(room, 9, b.addr.String()) // late
	tell(room, 10, b.addr.String())
	tell(room+1, 11, b.addr.String()) // nobody of this gate is there
	tell(room, 11, b.addr.String())
	l.hearsShut()
	at := b.next()
	if o := at.open; !o.GetResume() || o.GetRoom() != room {
		t.Errorf("open: %v", o)
	}
	l.data(start, &wire.DiceStart{LengthMs: 10}) // from the past
	at.placed(room, 11)
	at.hears(trunk.KindAgain, "dice_shake 1 #1")
	at.reply(1, roll, &wire.DiceShake{User: 7})
	p.hears("dice_shake 7 #1")

	// An address that is a name: any other server says where the way goes on, and an owner of before is not believed.
	tell(room, 12, "elsewhere:60001")
	at.hearsShut()
	past := a.next()
	past.placed(room, 10)
	past.hearsShut()
	past.shut(trunk.ReasonLost)
	now := b.next()
	now.placed(room, 12)
	p.says(roll, 2, 2)
	now.hears(trunk.KindData, "dice_shake 2 #2")
	c.eventually("one lane", func() bool { return c.lanes() == 1 })
}

// Who is on the way when the news comes is led on when that way has led to an owner of before.
func TestOwnerHeardOfOnTheWay(t *testing.T) {
	t.Parallel()
	a, b := newFake(t), newFake(t)
	c := newCourt(t, nil, a, b)
	room := c.room(a, b)
	_, l := c.seated(7, room, 10, a)
	l.moved(&trunk.Moved{Address: b.addr.String()})
	l.hearsShut()
	at := b.next()
	at.placed(room, 11)
	at.data(start, &wire.DiceStart{LengthMs: 10})
	c.eventually("the player to be there, and the old lane to be waited for", func() bool {
		s := c.session(7)
		b := s.at.Load()
		return b != nil && b.up.addr == at.fake.addr && c.held(7) == 0
	})
	c.gate.ownerIs(fence.Owner{Game: "dice", Room: room, Epoch: 12, Address: a.addr.String()})
	l.shut(trunk.ReasonMoved)
	at.hearsShut()
	back := a.next()
	if !back.open.GetResume() {
		t.Errorf("open: %v", back.open)
	}
	back.placed(room, 12)
	c.eventually("one lane", func() bool { return c.lanes() == 1 })
}

// The news comes before anybody of this gate wants the room: who comes then is not let in by an owner of before.
func TestOwnerHeardOfBefore(t *testing.T) {
	t.Parallel()
	a, b := newFake(t), newFake(t)
	c := newCourt(t, nil, a, b)
	room := c.room(a, b)
	c.gate.ownerIs(fence.Owner{Game: "dice", Room: room, Epoch: 11, Address: "elsewhere:60001"})
	p := c.player(7)
	p.sits(room, 1)
	past := a.next()
	past.placed(room, 10)
	past.hearsShut()
	past.shut(trunk.ReasonLost)
	now := b.next()
	if o := now.open; o.GetRoom() != room || o.GetRequest() != 1 {
		t.Errorf("open: %v", o)
	}
	now.placed(room, 11)
	now.reply(1, wire.Command_SIT_DOWN, &wire.User{Id: 7})
	p.hears("sit_down 7 #1")

	// Where it says where, nobody else is asked. Rooms of games that this gate does not have are nothing to it.
	c.gate.ownerIs(fence.Owner{Game: "chess", Room: room, Epoch: 11, Address: a.addr.String()})
	other := c.room(a, b) + 1
	c.gate.ownerIs(fence.Owner{Game: "dice", Room: other, Epoch: 11, Address: "[::ffff:127.0.0.1]:" + b.addr.String()[len("127.0.0.1:"):]})
	q := c.player(8)
	q.sits(other, 1)
	b.next().seat(other, 11)
	q.hears("sit_down 8")
	if n := len(c.gate.placement.rooms); n != 2 {
		t.Errorf("%d rooms are remembered", n)
	}
}

package gameserver

import (
	"context"
	"errors"
	"testing"
	"time"

	"croupier/servers/internal/directory"
	"croupier/servers/internal/room"
	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// newLane is a lane without a gate: what is said to it comes on the channel.
func newLane(t *testing.T, s *Server, user int64) (*lane, <-chan heard) {
	gt := &gateTrunk{out: trunk.NewOutbox()}
	gt.pulse.Heard(nil)
	l := &lane{id: 1, user: user, trunk: gt, following: &s.following}
	l.to.version.Store(&s.config.Version)
	frames := make(chan heard, 256)
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(done)
		gt.out.Run(ctx, func(batch []byte) error { //nolint:errcheck // it ends with ctx
			for f := range trunk.Frames(append([]byte(nil), batch...)) {
				frames <- read(t, f)
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return l, frames
}

func (r *running) berth(id int64) *berth {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rooms[place{"dice", id}]
}

// Who found the last free seat taken, and is sent to another server, does not keep a trunk waiting for
// the end of the room that was full.
func TestFullRoomHoldsNoTrunkUp(t *testing.T) {
	store := directory.NewMemory()
	one, two := run(t, store), run(t, store)
	g1, g2 := attach(t, one), attach(t, two)
	for user := range int64(4) {
		g1.sit(1+user, 1)
	}
	g2.sit(5, 2)
	for end := time.Now().Add(patience); one.vacantElsewhere("dice") == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the other server announces no free seat")
		}
	}
	l, frames := newLane(t, one.Server, 9)
	full := one.berth(1)
	one.mu.Lock()
	full.joining++ // as roomWithSeat does
	one.mu.Unlock()
	if err := one.sitIn(t.Context(), l, full, wish{at: place{game: "dice"}, seat: room.AnySeat}); err != nil {
		t.Fatal(err)
	}
	select {
	case h := <-frames:
		if h.Kind != trunk.KindMoved || h.moved.GetAddress() != two.address {
			t.Errorf("%+v, want the way to %s and nothing of the room that was full", h, two.address)
		}
	case <-time.After(patience):
		t.Fatal("nothing comes")
	}
	shut := make(chan struct{})
	go func() {
		one.shut(l, left)
		close(shut)
	}()
	select {
	case <-shut:
	case <-time.After(patience):
		t.Error("the reader of the trunk waits for a room that goes on")
	}
}

// What a member said on the way to a room that ended meanwhile is handled by the next one.
func TestEarlyWordsOutliveTheRoom(t *testing.T) {
	one := run(t, directory.NewMemory())
	attach(t, one).sit(1, 1)
	b := one.berth(1)
	l, frames := newLane(t, one.Server, 9)
	said := body(t, &wire.Empty{}, 4)
	raw := append(wire.AppendOpcode(nil, wire.Command_PRINT), said...)
	one.dispatch(l, inbound{op: wire.Command_PRINT, body: said, raw: raw})

	begun, end := make(chan struct{}), make(chan struct{})
	go b.room.Do(context.Background(), func(table *room.Table) { //nolint:errcheck // it ends the room
		close(begun)
		<-end
		table.Close()
	})
	<-begun
	err := one.enter(l, b, func() error {
		err := b.room.Enter(l, room.AnySeat, 3)
		close(end)
		for !errors.Is(b.room.Print(l, room.Input{}), room.ErrClosed) {
			time.Sleep(time.Millisecond)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	late := time.After(patience)
	for {
		select {
		case h := <-frames:
			if h.Kind == trunk.KindReply && h.op == wire.Command_PRINT && h.meta.GetRequest() == 4 {
				one.lose(l, left)
				return
			}
		case <-late:
			t.Fatal("the request has no answer")
		}
	}
}

// A room that was asked for while it changed servers keeps its player: who asks looks again.
func TestLetGoOfARoomOnItsWay(t *testing.T) {
	store := directory.NewMemory()
	one, two := run(t, store), run(t, store)
	g := attach(t, one)
	lane, _ := g.sit(7, 1)
	g.say(lane, wire.Command_DICE_SHAKE, &wire.Int32{}, 2)
	g.until(trunk.KindReply, wire.Command_DICE_SHAKE)
	at := place{"dice", 1}
	b := one.berth(1)
	one.mu.Lock()
	delete(one.rooms, at)
	one.mu.Unlock()
	go func() {
		time.Sleep(3 * movePause)
		one.mu.Lock()
		defer one.mu.Unlock()
		one.rooms[at] = b
	}()
	if bound, err := two.letGo(t.Context(), at, 7); err != nil || !bound {
		t.Errorf("bound %v, err %v: who has rolled was let go", bound, err)
	}
}

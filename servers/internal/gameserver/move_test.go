package gameserver

import (
	"strings"
	"testing"

	"croupier/servers/internal/directory"
	"croupier/servers/internal/room"
	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// A room moves in the middle of a round: its player goes on with the same numbers in a newer epoch,
// the roll is kept, and what was said meanwhile comes back to be said again.
func TestRoomMovesInTheMiddleOfARound(t *testing.T) {
	store := directory.NewMemory()
	one, two := run(t, store), run(t, store, func(c *Config) { c.Version = "v2" })
	g1 := attach(t, one)
	lane, epoch := g1.sit(7, 1)
	g1.say(lane, wire.Command_DICE_SHAKE, &wire.Int32{Value: 5}, 2)
	roll := g1.until(trunk.KindReply, wire.Command_DICE_SHAKE)

	one.signal()
	moved := g1.until(trunk.KindMoved, 0)
	if moved.moved.GetAddress() != two.address || moved.moved.GetLost() {
		t.Fatalf("moved to %v, want to %s", moved.moved, two.address)
	}
	g1.say(lane, wire.Command_PING, &wire.Int64{Value: 99}, 3)
	if back := g1.until(trunk.KindBack, wire.Command_PING); back.Lane != lane {
		t.Errorf("lane %d gets back what lane %d said", back.Lane, lane)
	}
	g1.put(lane, trunk.KindShut, []byte{byte(trunk.ReasonLost)})
	if end := g1.until(trunk.KindShut, 0); end.reason != trunk.ReasonMoved {
		t.Errorf("the lane ends for reason %d, want %d", end.reason, trunk.ReasonMoved)
	}

	g2 := attach(t, two)
	lane = g2.open(&trunk.Open{User: 7, Game: "dice", Room: 1, Seat: -1, Resume: true})
	if placed := g2.next(); placed.Kind != trunk.KindPlaced || placed.placed.GetEpoch() <= epoch || placed.placed.GetRoom() != 1 {
		t.Fatalf("the first frame is %+v, want Placed with an epoch above %d", placed, epoch)
	}
	g2.say(lane, wire.Command_PING, &wire.Int64{Value: 99}, 3)
	pong := g2.next()
	if pong.op != wire.Command_PING || pong.meta.GetSeq() != roll.meta.GetSeq() || pong.meta.GetEpoch() <= epoch || pong.meta.GetServer() != "v2" {
		t.Errorf("after the move: %v %v, want the answer to the ping after event %d, from v2", pong.op, pong.meta, roll.meta.GetSeq())
	}
	g2.say(lane, wire.Command_DICE_SHAKE, &wire.Int32{}, 4)
	if again := g2.until(trunk.KindReply, wire.Command_ERROR); again.said.(*wire.Error).GetCode() != wire.Code_ALREADY_SHAKEN {
		t.Errorf("a second roll in the round is answered by %v", again.said)
	}
	one.ended <- <-one.ended
}

// A request that the old owner has handled is answered by the new one as the old one did.
func TestDeadOwnersRoomIsTakenOver(t *testing.T) {
	store := directory.NewMemory()
	one, two := run(t, store), run(t, store)
	g1 := attach(t, one)
	lane, epoch := g1.sit(7, 1)
	g1.say(lane, wire.Command_DICE_SHAKE, &wire.Int32{Value: 5}, 2)
	roll := g1.until(trunk.KindReply, wire.Command_DICE_SHAKE)
	one.kill()
	g1.hangUp()

	g2 := attach(t, two)
	lane = g2.open(&trunk.Open{User: 7, Game: "dice", Room: 1, Seat: -1, Resume: true, Dead: []string{one.address}})
	placed := g2.until(trunk.KindPlaced, 0)
	if placed.placed.GetEpoch() <= epoch {
		t.Errorf("the new owner's epoch is %d, the old one's was %d", placed.placed.GetEpoch(), epoch)
	}
	scene := g2.until(trunk.KindData, wire.Command_DICE_SCENE)
	if dice := scene.said.(*wire.DiceScene).GetDice(); dice[7] != 5 {
		t.Errorf("the scene after the crash has %v, want the roll of 5", dice)
	}
	shake := body(t, &wire.Int32{Value: 3}, 2)
	g2.put(lane, trunk.KindAgain, wire.AppendOpcode(nil, wire.Command_DICE_SHAKE), shake)
	again := g2.until(trunk.KindReply, wire.Command_DICE_SHAKE)
	if was, is := roll.said.(*wire.DiceShake).GetPoints(), again.said.(*wire.DiceShake).GetPoints(); was != is {
		t.Errorf("the repeated request is answered with %d points, it was %d", is, was)
	}
}

// Whoever is asked for a room that another server has says where it is.
func TestRedirect(t *testing.T) {
	store := directory.NewMemory()
	one, two := run(t, store), run(t, store)
	attach(t, one).sit(7, 1)
	g2 := attach(t, two)
	g2.open(&trunk.Open{User: 8, Game: "dice", Room: 1, Seat: -1})
	if h := g2.next(); h.Kind != trunk.KindMoved || h.moved.GetAddress() != one.address {
		t.Errorf("%+v, want the way to %s", h, one.address)
	}
}

// A user is in one room of a game: who asks for another one leaves the first where its game allows
// it, and goes back there where it does not.
func TestOneRoomForAUser(t *testing.T) {
	store := directory.NewMemory()
	one, two := run(t, store), run(t, store)
	g1, g2 := attach(t, one), attach(t, two)
	first, _ := g1.sit(7, 1)
	second, _ := g2.sit(7, 2)
	if h := g1.until(trunk.KindShut, 0); h.Lane != first || h.reason != trunk.ReasonReplaced {
		t.Errorf("the first connection ends with %d, want replaced", h.reason)
	}
	g2.say(second, wire.Command_DICE_SHAKE, &wire.Int32{}, 5)
	g2.until(trunk.KindReply, wire.Command_DICE_SHAKE)
	g1.open(&trunk.Open{User: 7, Game: "dice", Room: 3, Seat: -1})
	if h := g1.until(trunk.KindMoved, 0); h.moved.GetRoom() != 2 {
		t.Errorf("who has rolled in room 2 and asks for room 3 is sent to %v", h.moved)
	}
}

// Who names no room gets a free seat, all together where there is room, and is taken back to it.
func TestQuickJoin(t *testing.T) {
	store := directory.NewMemory()
	one := run(t, store)
	g := attach(t, one)
	rooms := make(map[int64]int)
	at := make(map[int64]int64)
	for user := int64(1); user <= 9; user++ {
		g.open(&trunk.Open{User: user, Game: "dice", Seat: -1, Request: 1})
		room := g.until(trunk.KindPlaced, 0).placed.GetRoom()
		g.until(trunk.KindData, wire.Command_DICE_SCENE)
		rooms[room]++
		at[user] = room
	}
	if len(rooms) != 3 {
		t.Errorf("nine players are spread over %v, want three rooms", rooms)
	}
	g.open(&trunk.Open{User: 2, Game: "dice", Seat: -1, Request: 1})
	if room := g.until(trunk.KindPlaced, 0).placed.GetRoom(); room != at[2] {
		t.Errorf("who comes again is in room %d, and was in %d", room, at[2])
	}
}

// Who comes through a gate that goes away, or dies, keeps the seat for some time, whatever the game
// says; who leaves by themselves does not.
func TestSeatOutlivesTheGate(t *testing.T) {
	one := run(t, directory.NewMemory())
	stays := attach(t, one)
	lane, _ := stays.sit(1, 5)
	others := attach(t, one)
	goes, _ := others.sit(2, 5)
	away, _ := others.sit(3, 5)
	others.sit(4, 5)
	others.put(goes, trunk.KindShut, []byte{byte(trunk.ReasonLost)})
	if h := stays.until(trunk.KindData, wire.Command_STAND_UP); h.said.(*wire.Int64).GetValue() != 2 {
		t.Errorf("%v stands up, want user 2", h.said)
	}
	others.put(away, trunk.KindShut, []byte{byte(trunk.ReasonAway)})
	if h := stays.until(trunk.KindData, wire.Command_ONLINE); h.said.(*wire.Int64).GetValue() != -3 {
		t.Errorf("%v goes offline, want user 3", h.said)
	}
	others.hangUp()
	if h := stays.until(trunk.KindData, wire.Command_ONLINE); h.said.(*wire.Int64).GetValue() != -4 {
		t.Errorf("%v goes offline, want user 4", h.said)
	}
	stays.say(lane, wire.Command_PRINT, &wire.Empty{}, 9)
	state := stays.until(trunk.KindReply, wire.Command_PRINT).said.(*wire.String).GetValue()
	for _, want := range []string{"user 3 seat 2 offline", "user 4 seat 3 offline"} {
		if !strings.Contains(state, want) {
			t.Errorf("the room says %q, want %q in it", state, want)
		}
	}
}

// A gate that comes back on a new trunk, before its old one is known to be lost, leads on the same
// connection; another connection's place is not taken so.
func TestResumeBesideTheOldTrunk(t *testing.T) {
	one := run(t, directory.NewMemory())
	old, again := attach(t, one, "gate", "a"), attach(t, one, "gate", "a")
	old.open(&trunk.Open{User: 7, Game: "dice", Room: 1, Seat: -1, Session: 5})
	old.until(trunk.KindData, wire.Command_DICE_SCENE)
	again.open(&trunk.Open{User: 7, Game: "dice", Room: 1, Seat: -1, Session: 6, Resume: true, Missed: true})
	if h := again.until(trunk.KindShut, 0); h.reason != trunk.ReasonReplaced {
		t.Errorf("another connection that resumes ends with %d, want replaced", h.reason)
	}
	again.open(&trunk.Open{User: 7, Game: "dice", Room: 1, Seat: -1, Session: 5, Resume: true, Missed: true})
	again.until(trunk.KindData, wire.Command_DICE_SCENE)
}

// Seats below -1 mean something inside of the server, and nothing to a gate.
func TestNoSuchSeat(t *testing.T) {
	g := attach(t, run(t, directory.NewMemory()))
	g.open(&trunk.Open{User: 7, Game: "dice", Room: 1, Seat: -2, Request: 3})
	if h := g.until(trunk.KindReply, wire.Command_ERROR); h.meta.GetRequest() != 3 {
		t.Errorf("%v", h.meta)
	}
	if h := g.until(trunk.KindShut, 0); h.reason != trunk.ReasonRefused {
		t.Errorf("the lane ends with %d, want refused", h.reason)
	}
}

// A snapshot of one room does not become another.
func TestTakeTheWrongRoom(t *testing.T) {
	store := directory.NewMemory()
	one, two := run(t, store), run(t, store)
	attach(t, one).sit(7, 1)
	snapshot := make(chan []byte, 1)
	if err := one.open()[0].room.Do(t.Context(), func(table *room.Table) {
		b, err := table.Snapshot()
		if err != nil {
			t.Error(err)
		}
		snapshot <- b
	}); err != nil {
		t.Fatal(err)
	}
	refused, err := one.peers.take(t.Context(), two.address, &trunk.Handover{Game: "dice", Room: 2, Snapshot: <-snapshot})
	if !refused || err == nil {
		t.Errorf("room 2 is taken with a snapshot of room 1: %v", err)
	}
	if n := two.count(); n != 0 {
		t.Errorf("%d rooms are left", n)
	}
}

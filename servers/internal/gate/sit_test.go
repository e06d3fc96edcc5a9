package gate

import (
	"net/netip"
	"testing"

	"github.com/gobwas/ws"

	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// sitter is a session that nobody reads from, and a trunk that nobody sends on.
func sitter(t *testing.T) (*session, *upstream) {
	t.Helper()
	g := newGate(t)
	out, _, _ := pair(t)
	up := &upstream{gate: g, addr: netip.MustParseAddrPort("10.0.0.1:1"), out: trunk.NewOutbox(), lanes: make(map[uint64]*session)}
	return &session{gate: g, user: 7, conn: out.conn, raw: out.raw, out: out, allowed: 100}, up
}

func in(room int64, number uint64) *binding {
	return &binding{place: wire.Place{Game: "dice", Room: room, Seat: -1}, wish: wish{number: number}}
}

// A placement that was overtaken by a newer wish, or by the session's end, leaves no lane.
func TestOvertakenPlacementLeavesNoLane(t *testing.T) {
	s, up := sitter(t)
	first := s.leave()
	second := s.leave()
	newer := in(2, second)
	for _, b := range []*binding{newer, in(1, first)} {
		if err := up.open(s, b); err != nil {
			t.Fatal(err)
		}
	}
	if s.at.Load() != newer || len(up.lanes) != 1 {
		t.Errorf("bound to %+v, %d lanes", s.at.Load(), len(up.lanes))
	}
	third := s.leave() // another room
	s.leave()          // the session's end
	if err := up.open(s, in(3, third)); err != nil {
		t.Fatal(err)
	}
	if s.at.Load() != nil || len(up.lanes) != 0 {
		t.Errorf("an ended session is bound to %+v, %d lanes", s.at.Load(), len(up.lanes))
	}
}

// Sitting down again in a room takes a new lane; what the old one still brings is delivered, but
// for the news that the session has replaced itself.
func TestSecondLaneIntoARoom(t *testing.T) {
	s, up := sitter(t)
	old := in(1, s.leave())
	if err := up.open(s, old); err != nil {
		t.Fatal(err)
	}
	again := in(1, s.stay())
	if err := up.open(s, again); err != nil {
		t.Fatal(err)
	}
	if s.at.Load() != again || up.lanes[old.lane] != s || up.lanes[again.lane] != s {
		t.Fatalf("bound to %+v, lanes %v", s.at.Load(), up.lanes)
	}
	shut := []byte{byte(trunk.ReasonReplaced)}
	up.ended(s, trunk.Frame{Lane: old.lane, Kind: trunk.KindShut, Payload: shut})
	if s.at.Load() != again || len(up.lanes) != 1 || s.ending.Load() {
		t.Errorf("the end of the old lane ended more: bound to %+v, %d lanes", s.at.Load(), len(up.lanes))
	}
	up.ended(s, trunk.Frame{Lane: again.lane, Kind: trunk.KindShut, Payload: shut})
	if s.at.Load() != nil || len(up.lanes) != 0 || !s.ending.Load() {
		t.Errorf("replaced by another: bound to %+v, %d lanes", s.at.Load(), len(up.lanes))
	}
}

// A handshake that began before the drain and ended after it is sent away like the others.
func TestHandshakeThatTheDrainOvertook(t *testing.T) {
	g := newGate(t)
	out, client, _ := pair(t)
	if !g.admit() {
		t.Fatal("not admitted")
	}
	g.drain()
	if g.admit() {
		t.Error("admitted while draining")
	}
	g.start(out.conn, 7, nil)
	g.work.Done()
	f, err := ws.ReadFrame(client)
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := ws.ParseCloseFrameData(f.Payload); f.Header.OpCode != ws.OpClose || code != ws.StatusGoingAway {
		t.Errorf("%v %v, want close code 1001", f.Header.OpCode, code)
	}
	client.Close()
	g.work.Wait() // the session's goroutine is counted
	if g.table.len() != 0 {
		t.Error("the session is still in the table")
	}
}

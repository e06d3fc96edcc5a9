package gate

import (
	"context"
	"net/netip"
	"testing"

	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// FuzzTake: a server's batches are bytes from outside. Whatever they are, nothing panics, what waits
// is bounded, and when the session ends no lane is left but those on which the server owes a Shut.
func FuzzTake(f *testing.F) {
	placed := wire.MustMarshal(&trunk.Placed{Room: 5, Epoch: 9})
	moved := wire.MustMarshal(&trunk.Moved{Address: "127.0.0.1:1"})
	reply := append([]byte{2}, message(wire.Command_PRINT, nil, 2)...)
	f.Add(trunk.AppendFrame(nil, 1, trunk.KindPlaced, placed), trunk.AppendFrame(nil, 1, trunk.KindReply, reply))
	f.Add(trunk.AppendFrame(nil, 1, trunk.KindPlaced, placed), trunk.AppendFrame(trunk.AppendFrame(nil, 1, trunk.KindMoved, moved), 1, trunk.KindBack, reply[1:]))
	f.Add(trunk.AppendFrame(nil, 1, trunk.KindMoved, moved), trunk.AppendFrame(nil, 1, trunk.KindShut, []byte{byte(trunk.ReasonMoved)}))
	f.Add(trunk.AppendFrame(nil, 1, trunk.KindData, []byte{0, 0, 0, 3}), trunk.AppendFrame(nil, 1, trunk.KindShut, []byte{byte(trunk.ReasonAbsent)}))
	f.Add(trunk.AppendFrame(nil, 1, trunk.KindReply, nil), []byte{1, 2, 3})
	g := newGate(f)
	g.cancel() // nobody is dialled, whatever address a server names
	f.Fuzz(func(t *testing.T, first, second []byte) {
		out, _, _ := pair(t)
		up := &upstream{gate: g, addr: netip.MustParseAddrPort("10.0.0.1:1"), out: trunk.NewOutbox(), lanes: make(map[uint64]*binding)}
		s := &session{gate: g, user: 7, conn: out.conn, raw: out.raw, out: out, allowed: 1e9}
		s.pass = &passage{place: wire.Place{Game: "dice", Room: 5, Seat: -1}, request: 1}
		if err := up.open(s, s.pass); err != nil {
			t.Fatal(err)
		}
		s.receive(message(wire.Command_PRINT, nil, 2))
		if _, err := up.take(first, nil); err == nil {
			s.receive(message(wire.Command_DICE_SHAKE, nil, 3))
			up.take(second, nil) //nolint:errcheck // the trunk would end
		}
		s.placing.Lock()
		if p := s.pass; p != nil && (len(p.held.messages) > heldMessages || p.back.bytes > backBytes) {
			t.Errorf("%d messages and %d bytes wait", len(p.held.messages), p.back.bytes)
		}
		s.placing.Unlock()
		s.leave()
		if s.at.Load() != nil || s.pass != nil || s.kept != nil || s.stand != nil {
			t.Error("a session that has left has something left")
		}
		up.mu.Lock()
		for _, b := range up.lanes {
			if !b.moved {
				t.Errorf("lane %d is left", b.lane)
			}
		}
		up.mu.Unlock()
		clear(g.placement.rooms)
	})
}

// Errands end with the gate, however many there are.
func TestMoversEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	steps := make(chan *passage, 1000)
	g := newGate(t)
	m := newMovers(func(_ *session, p *passage) { steps <- p }, g.work.Go)
	late, soon := new(passage), new(passage)
	m.add(ctx, nil, late, moveLimit)
	m.add(ctx, nil, soon, firstPause/10)
	if p := <-steps; p != soon {
		t.Error("the later errand was done first")
	}
	for range 500 {
		m.add(ctx, nil, soon, 0)
	}
	for range 500 {
		<-steps
	}
	m.mu.Lock()
	if m.running > maxMovers {
		t.Errorf("%d movers run", m.running)
	}
	m.mu.Unlock()
	cancel()
	g.work.Wait()
	if m.running != 0 {
		t.Errorf("%d movers are left", m.running)
	}
}

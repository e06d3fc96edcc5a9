package gate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"

	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// What is kept is what was added and not answered, newest first to stay, whatever the sizes.
func TestKept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var s session
	type request struct {
		number  uint64
		message []byte
	}
	var want []request
	for n := range uint64(20_000) {
		if random.IntN(3) > 0 {
			message := bytes.Repeat([]byte{byte(n)}, 1+random.IntN([]int{20, 500, keptBytes}[random.IntN(3)]))
			s.keep(n, message, n%2 == 0)
			want = append(want, request{n, message})
			size := 0
			for _, r := range want {
				size += len(r.message)
			}
			for len(want) > keptMessages || size > keptBytes {
				size -= len(want[0].message)
				want = want[1:]
			}
		} else if len(want) > 0 {
			i := random.IntN(len(want))
			s.answered(want[i].number)
			s.answered(want[i].number) // once more says nothing
			want = append(want[:i:i], want[i+1:]...)
		}
		got := s.kept.all()
		if len(got) != len(want) {
			t.Fatalf("step %d: %d are kept, want %d", n, len(got), len(want))
		}
		for i, c := range got {
			if c.request != want[i].number || c.again != (c.request%2 == 0) || !bytes.Equal(s.kept.message(c), want[i].message) {
				t.Fatalf("step %d: request %d is kept as %d", n, want[i].number, c.request)
			}
		}
		if s.kept != nil && cap(s.kept.bytes) > 2*keptBytes {
			t.Fatalf("%d bytes are held", cap(s.kept.bytes))
		}
		if len(want) == 0 && s.kept != nil {
			t.Fatal("a session without an open request holds a buffer")
		}
	}
	s.unkeep()
	s.unkeep()
	if s.kept != nil {
		t.Error("not dropped")
	}
}

// The longest message that a client may send fits.
func TestLongestRequestIsKept(t *testing.T) {
	var s session
	s.keep(1, make([]byte, 10), false)
	s.keep(2, make([]byte, wire.MaxRequest), false)
	if all := s.kept.all(); len(all) != 1 || all[0].request != 2 {
		t.Errorf("kept: %v", all)
	}
}

// busy is a session bound to a lane whose trunk sends to nowhere.
func busy(b *testing.B) (*session, *binding) {
	b.Helper()
	g := newGate(b)
	out, client, _ := pair(b)
	client.SetReadBuffer(1 << 20)
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(io.Discard, client)
	}()
	up := &upstream{gate: g, addr: netip.MustParseAddrPort("10.0.0.1:1"), out: trunk.NewOutbox(), lanes: make(map[uint64]*binding)}
	ctx, cancel := context.WithCancel(b.Context())
	sent := make(chan error, 1)
	go func() { sent <- up.out.Run(ctx, func([]byte) error { return nil }) }()
	s := &session{gate: g, user: 7, conn: out.conn, raw: out.raw, out: out, allowed: 1e9}
	at := &binding{session: s, up: up, lane: 1, place: wire.Place{Game: "dice", Room: 1, Seat: -1}, epoch: 5, placed: true, answered: true}
	at.room.Store(g.placement.remember(key(at.place), up.addr, 5))
	up.lanes[1] = at
	s.at.Store(at)
	b.Cleanup(func() {
		cancel()
		<-sent
		client.Close()
		<-read
	})
	return s, at
}

// BenchmarkRequest is what a request and its reply cost a session besides the sockets: without a
// number nothing is kept.
func BenchmarkRequest(b *testing.B) {
	for _, request := range []uint64{0, 77} {
		b.Run(fmt.Sprintf("number=%d", request), func(b *testing.B) {
			s, at := busy(b)
			ask := message(wire.Command_PRINT, nil, request)
			answer := message(wire.Command_PRINT, &wire.String{Value: "a room of some words"}, request)
			b.ReportAllocs()
			for b.Loop() {
				s.receive(ask)
				if request != 0 {
					s.hears(at, trunk.KindReply, request, answer)
				}
				if s.at.Load() != at || !at.answered || at.stale() {
					b.Fatal("not bound")
				}
			}
			if s.kept != nil {
				b.Error("something is kept")
			}
		})
	}
}

// BenchmarkMove is what leading one session on costs the gate besides the sockets: the passage, the
// lane, and what waits.
func BenchmarkMove(b *testing.B) {
	s, at := busy(b)
	here, there := at.up, &upstream{gate: s.gate, addr: netip.MustParseAddrPort("10.0.0.2:1"), out: at.up.out, lanes: make(map[uint64]*binding)}
	for _, up := range []*upstream{here, there} {
		d := &dial{done: make(chan struct{}), up: up}
		close(d.done)
		s.gate.upstreams[up.addr] = d
	}
	placed := wire.MustMarshal(&trunk.Placed{Room: 1, Epoch: 5})
	ask := message(wire.Command_PRINT, nil, 3)
	b.ReportAllocs()
	for b.Loop() {
		old := s.at.Load()
		to := there
		if old.up == there {
			to = here
		}
		s.moved(old, wire.MustMarshal(&trunk.Moved{Address: to.addr.String()}))
		s.receive(ask)
		var lane *binding
		for lane == nil {
			s.placing.Lock()
			lane = s.pass.lane
			s.placing.Unlock()
		}
		s.placed(lane, placed)
		lane.answered = true
		old.up.ended(old, []byte{byte(trunk.ReasonMoved)})
		if s.at.Load() != lane || s.pass != nil {
			b.Fatal("not bound")
		}
		s.hears(lane, trunk.KindReply, 3, ask)
	}
}

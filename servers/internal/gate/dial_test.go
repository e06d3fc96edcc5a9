package gate

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// mute is a port that takes connections and says nothing, as a process that is stopped does.
func mute(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return netip.MustParseAddrPort(l.Addr().String())
}

// A server that says nothing holds up many players once, together, and then none; who is asked
// instead hears of it.
func TestMuteServer(t *testing.T) {
	t.Parallel()
	const players = 200
	dumb, good := &fake{addr: mute(t)}, newFake(t)
	c := newCourt(t, func(c *Config) { c.dialPatience = 0 }, dumb, good) // the default
	room := c.room(dumb, good)
	var all []*player
	for n := range players {
		all = append(all, c.player(int64(1+n)))
	}
	began := time.Now()
	for n, p := range all {
		p.sits(room, uint64(1+n))
	}
	var lanes []*fakeLane
	for range players {
		l := good.next()
		if dead := l.open.GetDead(); len(dead) != 1 || dead[0] != dumb.addr.String() {
			t.Errorf("open: %v", l.open)
		}
		lanes = append(lanes, l)
	}
	if took := time.Since(began); took > players*dialPatience/4 {
		t.Errorf("%d players were sent to the other server after %v", players, took)
	}
	for _, l := range lanes { // not before: where the first one sits the others need not ask the dumb one
		l.seat(room, 10)
	}
	var heard sync.WaitGroup
	for _, p := range all {
		heard.Go(func() { p.hears(fmt.Sprintf("sit_down %d", p.user)) })
	}
	heard.Wait()
	c.eventually("all lanes", func() bool { return c.lanes() == players })
}

// Patience with a dial counts from its begin: who comes later does not wait as long again.
func TestPatienceWithADialIsShared(t *testing.T) {
	g := newGate(t)
	addr := mute(t)
	g.upstreams[addr] = &dial{began: time.Now().Add(-time.Hour), done: make(chan struct{})}
	asked := make(chan error, 1)
	go func() {
		_, err := g.upstream(addr, time.Hour)
		asked <- err
	}()
	select {
	case err := <-asked:
		if !errors.Is(err, errNoAnswerYet) {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("the patience of an hour begins anew")
		g.cancel()
		<-asked
	}
}

// A server that refuses connections is dialled some times a second, however many ask, and forgotten
// when nobody does.
func TestRefusedDialsAreShared(t *testing.T) {
	g := newGate(t)
	gone := newFake(t)
	gone.kill()
	_, first := g.upstream(gone.addr, dialPatience)
	if first == nil {
		t.Fatal("there is nobody")
	}
	for range 100 {
		if _, err := g.upstream(gone.addr, 0); !errors.Is(err, first) {
			t.Fatalf("a dial of its own: %v", err)
		}
	}
	if n := g.trunks(); n != 0 {
		t.Errorf("%d trunks stand", n)
	}
	g.mu.Lock()
	g.upstreams[gone.addr].ended = time.Now().Add(-2 * redialAfter)
	g.mu.Unlock()
	if _, err := g.upstream(gone.addr, dialPatience); errors.Is(err, first) || err == nil {
		t.Errorf("not dialled anew: %v", err)
	}
	g.mu.Lock()
	g.upstreams[gone.addr].ended = time.Now().Add(-2 * redialAfter)
	g.mu.Unlock()
	g.forgetDials()
	if len(g.upstreams) != 0 {
		t.Error("a failed dial is remembered for ever")
	}
}

package gate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// names is a name service whose answer a test changes.
type names struct {
	addrs []netip.Addr
	err   error
	asked int
}

func (n *names) resolve(context.Context, string) ([]netip.Addr, error) {
	n.asked++
	return n.addrs, n.err
}

func hosts(texts ...string) []netip.Addr {
	var addrs []netip.Addr
	for _, text := range texts {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs
}

func placementOf(t *testing.T, n *names) *placement {
	t.Helper()
	p, err := newPlacement(map[string]string{"dice": "dice:60001"})
	if err != nil {
		t.Fatal(err)
	}
	p.resolve = n.resolve
	return p
}

func owner(t *testing.T, p *placement, room int64) netip.AddrPort {
	t.Helper()
	servers, err := p.candidates(t.Context(), roomKey{"dice", room}, 7)
	if err != nil {
		t.Fatal(err)
	}
	return servers[0]
}

const manyRooms = 3000

// A server that comes wins its share of the rooms and moves no other; one that goes loses its own.
func TestOnlyWonAndLostRoomsMove(t *testing.T) {
	three := []netip.AddrPort{}
	for _, a := range hosts("10.0.0.1", "10.0.0.2", "10.0.0.3") {
		three = append(three, netip.AddrPortFrom(a, 60001))
	}
	fourth := netip.MustParseAddrPort("10.0.0.4:60001")
	four := append(slices.Clone(three), fourth)
	won := 0
	share := map[netip.AddrPort]int{}
	for room := range int64(manyRooms) {
		key := roomKey{"dice", room + 1}
		before, after := rank(three, key)[0], rank(four, key)[0]
		share[before]++
		switch after {
		case before:
		case fourth:
			won++
		default:
			t.Fatalf("room %d moved from %v to %v, which was there before", key.id, before, after)
		}
		reversed := slices.Clone(four)
		slices.Reverse(reversed)
		if other := rank(reversed, key)[0]; other != after {
			t.Fatalf("room %d: the order of the answer decides: %v or %v", key.id, after, other)
		}
	}
	for addr, n := range share {
		if n < manyRooms/3*8/10 || n > manyRooms/3*12/10 {
			t.Errorf("%v has %d of %d rooms", addr, n, manyRooms)
		}
	}
	if won < manyRooms/4*8/10 || won > manyRooms/4*12/10 {
		t.Errorf("the new server won %d of %d rooms", won, manyRooms)
	}
}

func TestRoomsStayWhereTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &names{addrs: hosts("10.0.0.1")}
		p := placementOf(t, n)
		key := roomKey{"dice", 7}
		first := owner(t, p, 7)
		r := p.remember(key, first, 0)

		n.addrs = hosts("10.0.0.2", "10.0.0.3") // a switch from a to b
		time.Sleep(resolveEvery)
		if at := owner(t, p, 7); at != first {
			t.Fatalf("a room with a player moved to %v", at)
		}
		if at := owner(t, p, 8); at == first {
			t.Error("a new room went to a server that is not listed any more")
		}

		// Its player is here for long, then goes: it stays remembered for a while.
		for range 10 {
			time.Sleep(forgetAfter)
			r.touch()
			p.expire()
		}
		time.Sleep(forgetAfter)
		p.expire()
		if at := owner(t, p, 7); at != first {
			t.Errorf("the room was forgotten at once when its last player went: %v", at)
		}
		time.Sleep(time.Second)
		p.expire()
		if at := owner(t, p, 7); at == first {
			t.Error("a room without players is remembered for ever")
		}

		p.remember(key, first, 0)
		p.forget(key, netip.MustParseAddrPort("10.9.9.9:1"))
		if owner(t, p, 7) != first {
			t.Error("forgot a room for a server that it is not on")
		}
		p.forget(key, first)
		if owner(t, p, 7) == first {
			t.Error("did not forget")
		}
	})
}

func TestNameServiceAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &names{err: errors.New("no such host")}
		p := placementOf(t, n)
		if _, err := p.candidates(t.Context(), roomKey{"dice", 1}, 7); err == nil || !strings.Contains(err.Error(), "try again") {
			t.Fatalf("nothing was ever listed: %v", err)
		}
		n.addrs, n.err = hosts("10.0.0.1", "::ffff:10.0.0.2"), nil
		at := owner(t, p, 1)
		if !at.Addr().Is4() {
			t.Errorf("an IPv4 address in IPv6 clothes: %v", at)
		}
		n.addrs, n.err = nil, errors.New("away")
		time.Sleep(resolveEvery)
		if owner(t, p, 1) != at {
			t.Error("the old answer was dropped")
		}
		asked := n.asked
		for range 100 {
			owner(t, p, 1)
		}
		if n.asked != asked {
			t.Errorf("asked %d times within %v", n.asked-asked, resolveEvery)
		}
	})
}

// Each of several names is asked, each counts with its own port, and one that has no answer now
// goes by its last one.
func TestSeveralNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := newPlacement(map[string]string{"dice": "a:1,b:2,a:3"})
		if err != nil {
			t.Fatal(err)
		}
		away := map[string]bool{"a": true, "b": true}
		p.resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
			switch {
			case away[host]:
				return nil, errors.New("away")
			case host == "a":
				return hosts("10.0.0.1", "10.0.0.2"), nil
			}
			return hosts("10.0.0.1"), nil
		}
		list := func() string {
			time.Sleep(resolveEvery)
			servers, err := p.candidates(t.Context(), roomKey{"dice", 1}, 7)
			if err != nil {
				return err.Error()
			}
			slices.SortFunc(servers, netip.AddrPort.Compare)
			return fmt.Sprint(servers)
		}
		if text := list(); !strings.Contains(text, "try again") {
			t.Error(text)
		}
		away["b"] = false
		if text := list(); text != "[10.0.0.1:2]" {
			t.Error("one of two names has an answer:", text)
		}
		away["a"] = false
		const all = "[10.0.0.1:1 10.0.0.1:2 10.0.0.1:3 10.0.0.2:1 10.0.0.2:3]"
		if text := list(); text != all {
			t.Error("all names have an answer:", text)
		}
		away["b"] = true
		if text := list(); text != all {
			t.Error("one of two names is away:", text)
		}
	})
}

func TestUnknownGame(t *testing.T) {
	n := &names{addrs: hosts("10.0.0.1")}
	p := placementOf(t, n)
	if _, err := p.candidates(t.Context(), roomKey{"nim", 1}, 7); !errors.Is(err, errUnknownGame) {
		t.Errorf("unknown game: %v", err)
	}
	owner(t, p, 1)
	if len(p.rooms) != 0 {
		t.Errorf("asking alone made the placement remember %d rooms", len(p.rooms))
	}
}

func TestRememberedRoomsAreBounded(t *testing.T) {
	p := placementOf(t, &names{})
	addr := netip.MustParseAddrPort("10.0.0.1:60001")
	for room := range int64(mostRoutes + 10) {
		p.remember(roomKey{"dice", room + 1}, addr, 0)
	}
	if len(p.rooms) != mostRoutes {
		t.Errorf("%d rooms are remembered, want %d", len(p.rooms), mostRoutes)
	}
}

// An older owner does not take the place of a newer one, and is found out, also where the room's
// address is forgotten.
func TestEpochsOfRooms(t *testing.T) {
	p := placementOf(t, &names{addrs: hosts("10.0.0.1")})
	key := roomKey{"dice", 7}
	old, newer := netip.MustParseAddrPort("10.0.0.8:1"), netip.MustParseAddrPort("10.0.0.9:1")
	before := &binding{epoch: 5}
	before.room.Store(p.remember(key, old, 5))
	if before.stale() {
		t.Error("the only owner is stale")
	}
	r := p.remember(key, newer, 6)
	if !before.stale() || p.where(r) != newer {
		t.Errorf("stale: %v, the room is at %v", before.stale(), p.where(r))
	}
	p.forget(key, newer)
	if at := owner(t, p, 7); at == newer || at == old {
		t.Errorf("a forgotten address is asked first: %v", at)
	}
	late := &binding{epoch: 5}
	late.room.Store(p.remember(key, old, 5))
	if !late.stale() || owner(t, p, 7) == old {
		t.Error("an older owner was believed")
	}
	ancient := &binding{epoch: noEpoch}
	ancient.room.Store(p.remember(key, old, 0))
	if ancient.stale() {
		t.Error("a server of a build without epochs is fenced off")
	}
}

// Users who want any room are spread over the servers, and each is sent to the same one again.
func TestAnyRoomSpreadsUsers(t *testing.T) {
	p := placementOf(t, &names{addrs: hosts("10.0.0.1", "10.0.0.2", "10.0.0.3")})
	share := map[netip.AddrPort]int{}
	for user := range int64(300) {
		first, err := p.candidates(t.Context(), roomKey{"dice", 0}, user+1)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := p.candidates(t.Context(), roomKey{"dice", 0}, user+1)
		if !slices.Equal(first, again) {
			t.Fatalf("user %d: %v, then %v", user, first, again)
		}
		share[first[0]]++
	}
	for addr, n := range share {
		if n < 60 {
			t.Errorf("%v is asked first by %d of 300 users", addr, n)
		}
	}
}

func TestLookUp(t *testing.T) {
	p := placementOf(t, &names{addrs: hosts("10.0.0.4")})
	for text, want := range map[string]string{"10.0.0.9:7": "10.0.0.9:7", "[::ffff:10.0.0.9]:7": "10.0.0.9:7", "pod:7": "10.0.0.4:7"} {
		if addr, err := p.lookUp(t.Context(), text); err != nil || addr.String() != want {
			t.Errorf("%s: %v %v, want %s", text, addr, err, want)
		}
	}
	for _, bad := range []string{"", "pod", ":7", "pod:0", "pod:http"} {
		if addr, err := p.lookUp(t.Context(), bad); err == nil {
			t.Errorf("%q: %v", bad, addr)
		}
	}
}

func TestParseServices(t *testing.T) {
	got, err := ParseServices("dice=dice:60001, coin=[::1]:5")
	if err != nil || len(got) != 2 || got["dice"] != "dice:60001" || got["coin"] != "[::1]:5" {
		t.Errorf("%v %v", got, err)
	}
	got, err = ParseServices("dice=a:1,b:2, c:3,coin=[::1]:5,a:1")
	if err != nil || len(got) != 2 || got["dice"] != "a:1,b:2,c:3" || got["coin"] != "[::1]:5,a:1" {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"a:1", "a:1,dice=b:1", "dice=a:1,b", "dice=a:1,b:1,dice=c:1", "", "dice", "dice=", "=dice:1", "dice=dice", "dice=dice:0", "dice=:60001", "dice=dice:http",
		"dice=dice:65536", "dice=a:1,dice=b:1", "dice=a:1,"} {
		if got, err := ParseServices(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

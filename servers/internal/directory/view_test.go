package directory

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A script tells a view what happens at which time, and what it says of whom.
type script struct {
	t    *testing.T
	v    *view
	zero time.Time
	beat map[string]uint64
}

func newScript(t *testing.T) *script {
	return &script{t, newView("me"), time.Now(), map[string]uint64{}}
}

func (s *script) at(ms int) time.Time { return s.zero.Add(time.Duration(ms) * time.Millisecond) }

// says: the server renews its lease; me is also acknowledged.
func (s *script) says(ms int, id, address string, joined uint64) string {
	s.beat[id]++
	died := s.v.beat(s.at(ms), lease{Beat: s.beat[id], Joined: joined, Server: Server{ID: id, Address: address}})
	if id == "me" {
		s.v.ack(s.at(ms))
	}
	return names(died)
}

func (s *script) tick(ms int) string { return names(s.v.tick(s.at(ms))) }

func names(list []Server) string {
	var ids []string
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	return strings.Join(ids, " ")
}

func (s *script) want(got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Fatalf("%q is dead, want %q", got, want)
	}
}

func TestViewLapse(t *testing.T) {
	s := newScript(t)
	s.says(0, "me", "m:1", 1)
	s.says(0, "b", "b:1", 2)
	for ms := 500; ms <= 5000; ms += 500 {
		s.says(ms, "me", "m:1", 1)
		if ms <= 1000 {
			s.says(ms, "b", "b:1", 2)
		}
		want := ""
		if ms == 3500 {
			want = "b" // more than Lapse after 1000, and once
		}
		s.want(s.tick(ms), want)
		if alive := ms < 3500; s.v.alive(s.at(ms), "b") != alive {
			t.Fatalf("at %d ms b is alive: %v", ms, !alive)
		}
	}
	s.says(5100, "b", "b:1", 2)
	if !s.v.alive(s.at(5100), "b") {
		t.Error("a renewal does not revive it")
	}
}

// Whoever was away, or stopped, does not judge others by what it did not hear.
func TestViewOwnOutage(t *testing.T) {
	for name, blindly := range map[string]func(s *script){
		"stopped": func(*script) {}, // not even ticks
		"cut off": func(s *script) {
			for ms := 600; ms < 10_000; ms += 100 {
				s.want(s.tick(ms), "")
			}
		},
		"not acknowledged": func(s *script) {
			for ms := 600; ms < 10_000; ms += 500 {
				s.beat["me"]++
				s.v.beat(s.at(ms), lease{Beat: s.beat["me"], Joined: 1, Server: Server{ID: "me"}})
				s.want(s.tick(ms), "")
			}
		},
		"it does not come back": func(s *script) {
			for ms := 600; ms < 10_000; ms += 500 {
				s.v.ack(s.at(ms))
				s.want(s.tick(ms), "")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			for ms := 0; ms <= 500; ms += 500 {
				s.says(ms, "me", "m:1", 1)
				s.says(ms, "b", "b:1", 2)
				s.says(ms, "c", "c:1", 3)
			}
			blindly(s)
			// Its own news come before what b said meanwhile.
			s.says(10_000, "me", "m:1", 1)
			s.want(s.tick(10_001), "")
			if !s.v.alive(s.at(10_001), "never heard of") {
				t.Error("a server that may not have been able to renew yet is dead")
			}
			s.says(10_002, "b", "b:1", 2)
			for ms := 10_500; ms <= 12_000; ms += 500 {
				s.says(ms, "me", "m:1", 1)
				s.says(ms, "b", "b:1", 2)
				s.want(s.tick(ms), "")
			}
			s.says(12_100, "me", "m:1", 1)
			s.want(s.tick(12_100), "c")
			if s.v.alive(s.at(12_100), "never heard of") {
				t.Error("a server that nobody hears of lives")
			}
		})
	}
}

func TestViewAddress(t *testing.T) {
	s := newScript(t)
	s.says(0, "me", "m:1", 10)
	s.says(0, "old", "h:1", 2)
	s.want(s.says(10, "new", "h:1", 5), "old")
	s.want(s.says(20, "old", "h:1", 2), "") // what it wrote last, late
	if s.v.alive(s.at(20), "old") || !s.v.alive(s.at(20), "new") {
		t.Error("the old one lives")
	}
	// The other way round: the late record of the old one comes after.
	s.want(s.says(30, "late", "h:1", 3), "late")
	if s.v.alive(s.at(30), "late") || !s.v.alive(s.at(30), "new") {
		t.Error("a record of before took the address back")
	}
	// My own address: who had it before me is dead, who comes after me does not make me dead.
	s.want(s.says(40, "before", "m:1", 9), "before")
	s.want(s.says(50, "after", "m:1", 11), "")
	if !s.v.alive(s.at(50), "after") || !s.v.alive(s.at(50), "me") {
		t.Error("the later one, or I")
	}
	// A server that has not joined yet says nothing, nor do servers without an address.
	s.want(s.says(60, "joining", "h:1", 0), "")
	s.want(s.says(60, "n1", "", 20)+s.says(60, "n2", "", 21), "")
	if got := len(s.v.live()); got != 4 {
		t.Errorf("%d live: %v", got, names(s.v.live()))
	}
}

func TestViewKilledLeftForgotten(t *testing.T) {
	s := newScript(t)
	s.says(0, "me", "m:1", 1)
	s.says(0, "b", "b:1", 2)
	s.says(0, "c", "c:1", 3)
	s.want(names(s.v.kill("b")), "b")
	s.want(names(s.v.kill("b"))+names(s.v.kill("nobody"))+names(s.v.kill("me")), "")
	s.want(names(s.v.gone(s.at(0), "b")), "") // dead already
	s.want(names(s.v.gone(s.at(0), "c")), "c")
	s.want(names(s.v.gone(s.at(0), "c")), "")
	s.says(100, "d", "d:1", 4)
	s.beat["d"] -= 1
	s.want(s.says(900, "d", "d:1", 4), "") // the same beat again is no renewal
	for ms := 500; ms <= 70_000; ms += 500 {
		s.says(ms, "me", "m:1", 1)
		want := ""
		if ms == 2500 {
			want = "d"
		}
		s.want(s.tick(ms), want)
	}
	if len(s.v.peers) != 0 {
		t.Errorf("still remembered: %s", fmt.Sprint(s.v.peers))
	}
}

// Who gave its lease up is dead at once, also where nothing was known of it; the name may come again, and counts anew.
func TestViewLeftAndBack(t *testing.T) {
	s := newScript(t)
	s.says(0, "me", "m:1", 1)
	s.says(0, "b", "b:1", 2)
	s.says(100, "b", "b:1", 2)
	s.want(names(s.v.gone(s.at(200), "b"))+names(s.v.gone(s.at(200), "never seen")), "b")
	for _, id := range []string{"b", "never seen"} {
		if s.v.alive(s.at(200), id) {
			t.Errorf("%s is alive after it left", id)
		}
	}
	if !s.v.alive(s.at(200), "unknown") || s.v.settled(s.at(200)) {
		t.Error("settled after 200 ms")
	}
	s.beat["b"] = 0
	s.want(s.says(300, "b", "b:1", 9), "")
	if !s.v.alive(s.at(300), "b") {
		t.Error("b is dead after it joined again")
	}
}

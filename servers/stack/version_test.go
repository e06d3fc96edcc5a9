package stack

import (
	"fmt"
	"testing"

	"croupier/servers/internal/gameserver"
)

// server is the version in a message's Meta, "" where there is none.
func (f fields) server(t *testing.T) string {
	t.Helper()
	if len(f.bytes[15]) == 0 {
		return ""
	}
	if meta := parse(t, f.bytes[15][0]); len(meta.bytes[4]) > 0 {
		return string(meta.bytes[4][0])
	}
	return ""
}

// A game server says its version in the first message on each new way to a room, and in no other.
func TestVersionOfTheGameServer(t *testing.T) {
	h := openHouse(t, func(c *settings) {
		c.game.Direct, c.game.Version, c.gate.Version = gameserver.DirectOpen, "v2", "v3"
	})
	check := func(who string, receive func() (uint32, fields)) {
		t.Helper()
		for n := 0; ; n++ {
			op, f := receive()
			want := ""
			if n == 0 {
				want = "v2"
			}
			if got := f.server(t); got != want {
				t.Errorf("%s: message %d, opcode %d, says version %q, want %q", who, n+1, op, got, want)
			}
			if op == 6 { // the answer to the last request
				return
			}
		}
	}
	first, second := h.dial(1), h.dial(2)
	for _, s := range []*socket{first, second} {
		s.send(3, sitDown("1", "-1")...)
		s.send(6)
		check("through the gate", s.receive)
	}
	second.send(3, sitDown("1", "-1")...) // a new way to the same room
	second.send(6)
	check("sitting down again", second.receive)
	second.send(3, sitDown("2", "99")...) // also where the way ends in an error
	if f := second.until(1, nil); f.server(t) != "v2" {
		t.Errorf("a refusal says version %q", f.server(t))
	}
	s := direct(t, h.game, 3, "1", "-1")
	s.send(6)
	check("direct", func() (uint32, fields) {
		op, f, err := s.receive()
		if err != nil {
			t.Fatal(err)
		}
		return op, f
	})
	if r := h.ask("/?token="+h.token(4), upgrade); r.StatusCode != 101 || r.Header.Get("Croupier-Gate") != "v3" {
		t.Errorf("the gate answers %s and version %q", r.Status, r.Header.Get("Croupier-Gate"))
	}
	if r := h.ask("/?token=rubbish", upgrade); r.Header.Get("Croupier-Gate") != "" {
		t.Error("the gate tells its version to who has no token")
	}
	for ops, version := range map[string]string{h.gameOps: "v2", h.gateOps: "v3"} {
		if _, body := h.get(ops + "/version"); body != fmt.Sprintf("{\"version\":%q}\n", version) {
			t.Errorf("/version says %q, want %s", body, version)
		}
		if h.metric(ops, fmt.Sprintf("croupier_build_info{version=%q}", version)) != "1" {
			t.Errorf("the metrics do not know version %s", version)
		}
	}
	h.log.clear()
}

// A version that is no UTF-8 would make messages unreadable.
func TestVersionIsReadable(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.game.Version = "v\xff" })
	s := h.dial(1)
	s.send(3, sitDown("1", "-1")...)
	if _, f := s.receive(); f.server(t) != "v?" {
		t.Errorf("version %q", f.server(t))
	}
}

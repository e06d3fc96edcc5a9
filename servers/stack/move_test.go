package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"croupier/servers/internal/games"
	"croupier/servers/internal/games/dice"
	"croupier/servers/internal/gameserver"
	"croupier/servers/internal/lifecycle"
)

// another is a second game server in the same Service.
type another struct {
	ops  string
	next func()
	done chan error
}

// openTwo opens a house whose Service has two game servers, on one port of two addresses.
func openTwo(t *testing.T, rounds dice.Config) (*house, *another) {
	t.Helper()
	quay, l := samePort(t)
	h := openHouseAt(t, quay, func(c *settings) {
		c.dice = rounds
		_, port, _ := net.SplitHostPort(c.gate.Services["dice"])
		c.gate.Services["dice"] = "dice:" + port
		c.gate.Rate, c.gate.Burst = 1e6, 1e6
		c.gate.Resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
			if host != "dice" {
				return []netip.Addr{netip.MustParseAddr(host)}, nil
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}, nil
		}
	})
	admin, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	server, err := gameserver.New(gameserver.Config{Games: games.Builtin(rounds, 4), Keys: h.keys, Log: slog.New(slog.NewTextHandler(h.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	stages, next, release := lifecycle.Manual(context.Background())
	o := &another{ops: "http://" + admin.Addr().String(), next: next, done: make(chan error, 1)}
	go func() { o.done <- server.Run(stages, l, admin) }()
	t.Cleanup(func() {
		release()
		if err := within(t, "the other game server to end", o.done); err != nil {
			t.Error(err)
		}
	})
	return h, o
}

// samePort listens at one port of two addresses.
func samePort(t *testing.T) (*berth, net.Listener) {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.2:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		quay, err := openBerth("127.0.0.1:" + port)
		if err == nil {
			return quay, l
		}
		l.Close()
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
	}
}

// cordoned waits until a server is.
func (h *house) cordoned(ops string) {
	h.t.Helper()
	eventually(h.t, "the cordon", func() bool { return h.metric(ops, "croupier_game_cordoned") == "1" })
}

// New rooms go past a cordoned server, without the player's notice; rooms on it stay reachable.
func TestNewRoomsGoPastACordonedServer(t *testing.T) {
	h, o := openTwo(t, dice.Config{Round: time.Minute})
	const rooms = 20
	for n := range rooms {
		h.sitting(100+n, fmt.Sprint(1+n))
	}
	_, here := h.get(h.gameOps + "/rooms")
	_, there := h.get(o.ops + "/rooms")
	if !strings.Contains(here, `"id":`) || !strings.Contains(there, `"id":`) || strings.Count(here+there, `"id":`) != rooms {
		t.Fatalf("rooms are not shared: %s %s", here, there)
	}
	h.gameNext()
	h.cordoned(h.gameOps)
	for n := range rooms {
		h.sitting(200+n, fmt.Sprint(100+n)) // new ones
		h.sitting(300+n, fmt.Sprint(1+n))   // those that exist
	}
	_, now := h.get(h.gameOps + "/rooms")
	if strings.Count(now, `"id":`) != strings.Count(here, `"id":`) {
		t.Errorf("the cordoned server took new rooms: %s, before %s", now, here)
	}
	o.next() // now both are cordoned
	h.cordoned(o.ops)
	s := h.dial(9)
	s.send(3, sitDown("999", "-1")...)
	if f := s.until(1, nil); f.numbers[1] != 1 || !strings.Contains(string(f.bytes[2][0]), "try again") {
		t.Errorf("no server takes new rooms: code %d %q", f.numbers[1], f.bytes[2])
	}
}

// A player who changes rooms while the gate still looks for a server for the first one sits in the
// last one, and nowhere else.
func TestNewerWishWins(t *testing.T) {
	h, o := openTwo(t, dice.Config{Round: time.Minute})
	for n := 0; h.metric(h.gameOps, "croupier_game_rooms") == "0"; n++ {
		h.sitting(500+n, fmt.Sprint(1000+n)) // so that the server stays when it is cordoned
	}
	h.gameNext()
	h.cordoned(h.gameOps)
	for n := range 30 {
		s := h.dial(100)
		a, b := fmt.Sprint(201+2*n), fmt.Sprint(202+2*n)
		s.raw(append(message(3, sitDown(a, "-1")...), message(3, sitDown(b, "-1")...)...))
		last := fmt.Sprintf(`"id":%s,`, b)
		eventually(t, "the player to sit in the last room alone", func() bool {
			_, rooms := h.get(o.ops + "/rooms")
			for entry := range strings.SplitSeq(rooms, "{") {
				if strings.Contains(entry, `"players":1`) && !strings.Contains(entry, last) && !strings.Contains(entry, `"id":10`) {
					return false
				}
			}
			return strings.Contains(rooms, last)
		})
		s.send(6)
		if text := string(s.until(6, nil).bytes[1][0]); !strings.Contains(text, "user 100 ") {
			t.Fatalf("print: %q", text)
		}
		s.raw(masked(0x88, []byte{3, 232}))
		s.closeCode()
	}
}

// Many players sit, stand, move, shout and vanish at random, while servers are lost and cordoned.
// In the end nothing of them is left: no session, no lane, no room.
func TestNothingIsLeft(t *testing.T) {
	h, o := openTwo(t, dice.Config{Round: 50 * time.Millisecond, Idle: 10 * time.Millisecond})
	var all sync.WaitGroup
	for n := range 24 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			for range 6 {
				conn := wander(h.gate, h.token(1+n%20), random)
				if conn != nil {
					conn.Close()
				}
			}
		})
	}
	all.Go(func() {
		random := rand.New(rand.NewPCG(2, 2))
		for range 5 {
			h.wires.cut(false) // there may be none
			if conn := wander(h.gate, h.token(30), random); conn != nil {
				conn.Close()
			}
		}
		h.gameNext()
	})
	all.Wait()
	eventually(t, "all sessions to end", func() bool { return h.metric(h.gateOps, "croupier_gate_sessions") == "0" })
	if err := within(t, "the drained server to go", h.gameDone); err != nil {
		t.Error(err)
	}
	h.gameDone <- nil
	eventually(t, "all lanes to be shut", func() bool { return h.metric(o.ops, "croupier_game_sessions") == "0" })
	eventually(t, "all rooms to close", func() bool { return h.metric(o.ops, "croupier_game_rooms") == "0" })
	h.log.clear()
}

// wander plays without a plan and without waiting for answers.
func wander(gate, token string, random *rand.Rand) net.Conn {
	host := strings.TrimPrefix(gate, "ws://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return nil
	}
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "GET /?token=%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", token, host, upgrade)
	answer := make([]byte, 4096)
	for range 30 {
		var b []byte
		switch random.IntN(6) {
		case 0, 1:
			b = message(3, sitDown(fmt.Sprint(1+random.IntN(8)), "-1")...)
		case 2:
			b = message(4)
		case 3:
			b = message(103)
		case 4:
			b = message(6)
		case 5:
			conn.Write(message(6))
			conn.SetReadDeadline(time.Now().Add(time.Second)) // a room that closes answers nothing
			conn.Read(answer)
			continue
		}
		if _, err := conn.Write(b); err != nil {
			break
		}
	}
	return conn
}

package stack

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Requests that follow each other without waiting are answered one by one, in their order, also
// where one of them ends the lane that the next one is for.
func TestPipelinedSitAndStand(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.gate.Rate, c.gate.Burst = 1e7, 1e7 })
	s := h.dial(7)
	for round := range 50 {
		var b []byte
		b = append(b, message(3, sitDown("1", "-1")...)...)
		b = append(b, message(3, sitDown("1", "-1")...)...)
		b = append(b, message(6)...)
		b = append(b, message(4)...)
		b = append(b, message(6)...)
		b = append(b, message(3, sitDown("1", "2")...)...)
		b = append(b, message(4)...)
		s.raw(b)
		for i, want := range []uint32{3, 3, 6, 4, 1, 3, 4} {
			for {
				op, f := s.receive()
				if op == 101 { // the scene
					continue
				}
				if op != want {
					t.Fatalf("round %d, answer %d: opcode %d %v, want %d", round, i, op, f, want)
				}
				break
			}
		}
	}
	if lines := h.log.lines(); len(lines) != 0 {
		t.Errorf("logged: %s", strings.Join(lines, ""))
	}
}

// A player who was refused a seat may ask for another at once.
func TestSeatRefusedThenAnother(t *testing.T) {
	h := openHouse(t)
	h.sitting(1, "1").send(6) // has seat 0
	for n := range 8 {
		user := 10 + n
		s := h.dial(user)
		s.send(3, sitDown("1", "0")...)
		if f := s.until(1, nil); f.numbers[1] != 102 {
			t.Fatalf("code %d, want 102", f.numbers[1])
		}
		s.send(3, sitDown("1", "-1")...)
		s.until(3, user1(user))
		s.conn.Close()
	}
}

// A thousand rooms from one session: it is closed long before, and what it opened is bounded.
func TestManySitsInDifferentRooms(t *testing.T) {
	h := openHouse(t)
	began := time.Now()
	s := h.dial(7)
	go func() { // the gate may close in the middle
		for n := range 1000 {
			if s.raw(message(3, sitDown(fmt.Sprint(5000+n), "-1")...)) != nil {
				return
			}
		}
	}()
	if code := s.closeCode(); code != 4008 {
		t.Errorf("close code %d, want 4008", code)
	}
	most := 30 + int(10*time.Since(began).Seconds()) // 100 messages a second may be said, and a room costs 10
	h.oneLine("session closed", "code=4008")
	var rooms int
	if _, err := fmt.Sscan(h.metric(h.gameOps, "croupier_game_rooms_opened_total"), &rooms); err != nil || rooms > most {
		t.Errorf("one session opened %d rooms, at most %d are right; %v", rooms, most, err)
	}
	eventually(t, "its lanes to be shut", func() bool { return h.metric(h.gameOps, "croupier_game_sessions") == "0" })
}

// Sitting down again and again in the same room leaves one player and one lane.
func TestManySitsInOneRoom(t *testing.T) {
	h := openHouse(t)
	s := h.dial(7)
	for range 100 {
		s.send(3, sitDown("1", "-1")...)
		s.until(3, user1(7))
		s.until(101, nil)
	}
	eventually(t, "the lanes before to be shut", func() bool { return h.metric(h.gameOps, "croupier_game_sessions") == "1" })
	s.send(6)
	s.until(6, nil)
}

// A room that was closed opens anew for who asks while it closes.
func TestSitWhileTheRoomCloses(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.dice.Round, c.dice.Idle = 30*time.Millisecond, 10*time.Millisecond })
	for n := range 15 {
		s := h.sitting(7, "1")
		s.send(4)
		s.until(4, nil)
		s.conn.Close() // the empty room closes at the end of its round, about now
		s = h.sitting(100+n, "1")
		s.conn.Close()
	}
	eventually(t, "the empty rooms to close", func() bool { return h.metric(h.gameOps, "croupier_game_rooms") == "0" })
}

// A player sits down, gives the connection up, comes back on a new one and sits there, all before
// the gate has found a server for the first wish: the newer connection keeps the seat.
func TestStaleSitDownReplacesNobody(t *testing.T) {
	for name, linger := range map[string]int{"closed": -1, "reset": 0} {
		t.Run(name, func(t *testing.T) {
			asked, answer := make(chan int32, 8), make(chan struct{})
			var calls atomic.Int32
			h := openHouse(t, func(c *settings) {
				c.gate.Resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
					n := calls.Add(1)
					asked <- n
					if n == 1 { // the first wish is slow
						<-answer
					}
					return []netip.Addr{netip.MustParseAddr(host)}, nil
				}
			})
			stale := h.dial(1)
			stale.send(3, sitDown("1", "-1")...)
			within(t, "the first wish to be looked at", asked)
			stale.conn.(*net.TCPConn).SetLinger(linger)
			stale.conn.Close()
			newer := h.sitting(1, "1")
			close(answer)
			eventually(t, "the stale session to end", func() bool { return h.metric(h.gateOps, "croupier_gate_sessions") == "1" })
			newer.send(6)
			for op, f := newer.receive(); op != 6; op, f = newer.receive() {
				if op == 2 {
					t.Fatalf("the newer connection is told to go, reason %d", f.numbers[1])
				}
			}
		})
	}
}

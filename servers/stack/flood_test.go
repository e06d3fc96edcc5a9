package stack

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// Ten thousand requests at once from one session: it is closed, and others in its room are answered.
func TestFloodOfRequests(t *testing.T) {
	h := openHouse(t)
	flooder, other := h.sitting(1, "1"), h.sitting(2, "1")
	flooded := make(chan error, 1)
	go func() { flooded <- flooder.raw(bytes.Repeat(message(6), 10_000)) }()
	for range 50 {
		other.send(6)
		other.until(6, nil)
	}
	if code := flooder.closeCode(); code != 4008 {
		t.Errorf("close code %d, want 4008", code)
	}
	within(t, "the flood to end", flooded)
	other.send(6)
	other.until(6, nil)
	h.oneLine("session closed", "code=4008")
}

// A closed session that goes on shouting is cut off.
func TestFloodAfterTheClose(t *testing.T) {
	h := openHouse(t)
	s := h.sitting(1, "1")
	s.raw(masked(0x81, []byte("text")))
	noise := bytes.Repeat(message(6), 1000)
	for s.raw(noise) == nil {
	}
	h.oneLine("session closed", "code=1003")
	eventually(t, "the session to end", func() bool { return h.metric(h.gateOps, "croupier_gate_sessions") == "0" })
}

// A client that never reads, in a busy room: the others are all answered, and it is closed.
func TestClientThatNeverReads(t *testing.T) {
	h := openHouse(t, func(c *settings) {
		c.gate.Rate, c.gate.Burst = 1e6, 1e6
		c.gate.PingEvery, c.gate.IdleTimeout = time.Hour, 2*time.Hour // it is closed for what it does not read
	})
	// Its buffer stays as large as it was when it connected: a smaller one takes no acknowledgement either
	// once it is full of what was sent for the larger one, and then the questions stop, too.
	slow := h.sitting(1, "1")
	others := []*socket{h.sitting(2, "1"), h.sitting(3, "1"), h.sitting(4, "1")}
	questions := bytes.Repeat(message(6), 20)
	answered := 0
	for ; len(h.log.lines()) == 0; answered++ {
		if answered > 20_000 {
			t.Fatal("the slow client is never closed")
		}
		slow.raw(questions) // an error means that it is closed
		var all sync.WaitGroup
		for _, s := range others {
			all.Go(func() {
				s.send(6)
				s.until(6, nil)
			})
		}
		all.Wait()
	}
	if !strings.Contains(h.log.lines()[0], "code=1013") {
		t.Errorf("logged %q, want code 1013", h.log.lines())
	}
	eventually(t, "it to be gone", func() bool { return !others[0].sees(1) }) // it has not rolled, so it loses its seat
	h.oneLine("session closed", "code=1013")
	t.Logf("closed after %d rounds of questions", answered)
}

// One user may have many connections, but not any number.
func TestManyConnectionsOfOneUser(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.gate.MaxPerUser = 5 })
	var mine []*socket
	for range 5 {
		mine = append(mine, h.dial(7))
	}
	eventually(t, "five sessions", func() bool { return h.metric(h.gateOps, "croupier_gate_sessions") == "5" })
	for range 3 {
		s := h.dial(7)
		s.raw(message(3, sitDown("1", "-1")...)) // too late to sit down
		if code := s.closeCode(); code != 4029 {
			t.Errorf("close code %d, want 4029", code)
		}
		h.oneLine("session closed", "code=4029")
	}
	for _, s := range mine {
		s.send(6)
		s.until(1, nil)
	}
	mine[0].raw(masked(0x88, []byte{3, 232}))
	if code := mine[0].closeCode(); code != 1000 {
		t.Errorf("close code %d, want 1000", code)
	}
	eventually(t, "the closed one to be let go", func() bool { return h.metric(h.gateOps, "croupier_gate_sessions") == "4" })
	s := h.dial(7)
	s.send(6)
	s.until(1, nil)
}

func TestGateIsFull(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.gate.MaxSessions = 2 })
	h.dial(1).send(6)
	h.dial(2)
	eventually(t, "two sessions", func() bool { return h.metric(h.gateOps, "croupier_gate_sessions") == "2" })
	if r := h.ask("/?token="+h.token(3), upgrade); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("%s %v, want 503 and Retry-After", r.Status, r.Header)
	}
}

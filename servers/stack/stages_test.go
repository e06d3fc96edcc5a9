package stack

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// First stage: no new room, the existing ones are reachable and told again and again, and the
// server goes when its last room does.
func TestGameServerDrains(t *testing.T) {
	h := openHouse(t, func(c *settings) {
		c.game.NoticeEvery = 50 * time.Millisecond
		c.dice.Round, c.dice.Idle = 300*time.Millisecond, 50*time.Millisecond
	})
	a := h.sitting(1, "1")
	h.gameNext()
	for range 3 {
		if f := a.until(7, nil); f.numbers[1] != 1 || !strings.Contains(string(f.bytes[2][0]), "closed") {
			t.Errorf("notice: kind %d, %q", f.numbers[1], f.bytes[2])
		}
	}
	if status, _ := h.get(h.gameOps + "/readyz"); status != http.StatusOK {
		t.Errorf("readyz says %d: its rooms must stay reachable", status)
	}
	if _, rooms := h.get(h.gameOps + "/rooms"); !strings.Contains(rooms, `"cordoned":true`) || !strings.Contains(rooms, `"id":1`) {
		t.Errorf("rooms: %s", rooms)
	}
	b := h.dial(2)
	b.send(3, sitDown("2", "-1")...)
	if f := b.until(1, nil); f.numbers[1] != 1 {
		t.Errorf("a new room on a cordoned server: code %d, want 1", f.numbers[1])
	}
	b.send(3, sitDown("1", "-1")...) // the existing one takes even newcomers
	b.until(3, user1(2))
	b.until(7, nil)
	a.send(4)
	a.until(4, value(1))
	select {
	case err := <-h.gameDone:
		t.Fatalf("the server went while a player was there: %v", err)
	default:
	}
	b.send(4)
	b.until(4, value(2))
	if err := within(t, "the server to go with its last room", h.gameDone); err != nil {
		t.Error(err)
	}
	h.gameDone <- nil
	a.send(6) // the gate and its players are as before
	a.until(1, nil)
}

// Second stage: rounds end by the rules, and players are told to come again.
func TestGameServerSettles(t *testing.T) {
	for name, end := range map[string]func(*house){
		"at the second signal":    func(h *house) { h.gameNext(); h.gameNext() },
		"after the drain timeout": func(h *house) { h.gameNext() },
	} {
		t.Run(name, func(t *testing.T) {
			h := openHouse(t, func(c *settings) {
				if strings.Contains(name, "timeout") {
					c.game.DrainTimeout = 100 * time.Millisecond
				}
			})
			a := h.sitting(1, "1")
			b := direct(t, h.game, 2, "1", "-1", "token", h.token(2))
			b.until(101, nil)
			a.send(103)
			a.until(103, value(1))
			end(h)
			if f := a.until(104, nil); len(f.bytes[2]) != 1 || f.bytes[2][0][0] != 1 {
				t.Errorf("settlement: winners %x, want 1", f.bytes[2])
			}
			a.until(2, value(0))
			if code := a.closeCode(); code != 1012 {
				t.Errorf("close code %d, want 1012", code)
			}
			b.until(104, nil)
			b.until(2, value(0))
			if code := b.ends().String(); code != "Unavailable" {
				t.Errorf("the direct stream ends with %s, want Unavailable", code)
			}
			if err := within(t, "the server to go", h.gameDone); err != nil {
				t.Error(err)
			}
			h.gameDone <- nil
		})
	}
}

// A server that holds no room goes at once; so does one whose clients only hang around.
func TestEmptyGameServerGoes(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.dice.Round, c.dice.Idle = 20*time.Millisecond, 20*time.Millisecond })
	h.stillPlays() // leaves an idle trunk
	h.gameNext()
	if err := within(t, "the server to go", h.gameDone); err != nil {
		t.Error(err)
	}
	h.gameDone <- nil
}

// POST /drain is the first stage, and answers when the last room is gone.
func TestDrainByRequest(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.dice.Round, c.dice.Idle = 50*time.Millisecond, 20*time.Millisecond })
	a := h.sitting(1, "1")
	answer := make(chan string, 1)
	go func() {
		r, err := http.Post(h.gameOps+"/drain", "", nil)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		answer <- fmt.Sprint(r.Status, err, "\n", string(text))
	}()
	a.until(7, nil)
	a.until(104, nil)
	select {
	case early := <-answer:
		t.Fatalf("answered %q while a player was there", early)
	default:
	}
	a.send(4)
	a.until(4, nil)
	want := "200 OK<nil>\ndraining: no new rooms, 1 open\ndrained\n"
	if text := within(t, "the answer", answer); text != want {
		t.Errorf("answered %q, want %q", text, want)
	}
}

// A gate that drains takes nobody new, and sends those it has away one after the other.
func TestGateDrains(t *testing.T) {
	const players, spread = 8, time.Second
	h := openHouse(t, func(c *settings) { c.gate.Spread = spread })
	var all []*socket
	for n := range players {
		all = append(all, h.sitting(n+1, "1"))
	}
	begun := time.Now()
	h.gateNext()
	ends := make(chan time.Duration, players)
	for _, s := range all {
		go func() {
			for {
				first, payload, err := s.frame()
				if err != nil || first == 0x88 {
					if err != nil || payload[0] != 1001>>8 || payload[1] != 1001&0xff {
						t.Errorf("%x %v, want close code 1001", payload, err)
					}
					s.raw(masked(0x88, nil))
					ends <- time.Since(begun)
					return
				}
			}
		}()
	}
	first := within(t, "the first to go", ends)
	if status, _ := h.get(h.gateOps + "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("readyz says %d, want 503", status)
	}
	last := first
	for range players - 1 {
		last = within(t, "all to go", ends)
	}
	if last < spread/2 || last-first < spread/10 { // a busy machine hears the first ones late, and none early
		t.Errorf("the first went after %v, the last after %v: not spread over %v", first, last, spread)
	}
	if err := within(t, "the gate to go", h.gateDone); err != nil {
		t.Error(err)
	}
	h.gateDone <- nil
	eventually(t, "their seats to be let go of", func() bool { return h.metric(h.gameOps, "croupier_game_sessions") == "0" })
}

// The second signal does not wait for the spread, nor for players who do not answer.
func TestGateStopsAtOnce(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.gate.Spread = time.Hour })
	a, b := h.sitting(1, "1"), h.dial(2)
	half := h.plug() // a handshake that never ends does not hold it up
	half.raw([]byte("GET /"))
	h.gateNext()
	h.gateNext()
	if err := within(t, "the gate to go", h.gateDone); err != nil {
		t.Error(err)
	}
	h.gateDone <- nil
	for _, s := range []*socket{a, b} {
		if code := s.closeCode(); code != 1001 {
			t.Errorf("close code %d, want 1001", code)
		}
	}
	half.ended()
}

// Players who come while the gate drains are refused, or sent away like the others; none stays.
func TestNobodyStaysInADrainingGate(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.gate.Spread = time.Millisecond })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for { // until the gate listens no more
			c, err := http.NewRequest("GET", "http"+strings.TrimPrefix(h.gate, "ws")+"/?token="+h.token(1), nil)
			if err != nil {
				t.Error(err)
				return
			}
			c.Header.Set("Upgrade", "websocket")
			c.Header.Set("Connection", "Upgrade")
			c.Header.Set("Sec-WebSocket-Version", "13")
			c.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
			r, err := http.DefaultTransport.RoundTrip(c)
			if err != nil {
				return
			}
			r.Body.Close()
		}
	}()
	h.sitting(2, "1")
	h.gateNext()
	if err := within(t, "the gate to go", h.gateDone); err != nil {
		t.Error(err)
	}
	h.gateDone <- nil
	<-ended
}

// Rooms are settled one after the other, so that their players do not all come again in one moment.
func TestSettledRoomsAreSpread(t *testing.T) {
	const rooms = 100
	h := openHouse(t)
	var all []*socket
	for n := range rooms {
		all = append(all, h.sitting(n+1, fmt.Sprint(n+1)))
	}
	begun := time.Now()
	h.gameNext()
	h.gameNext()
	ends := make(chan time.Duration, rooms)
	for _, s := range all {
		go func() {
			s.until(2, value(0))
			ends <- time.Since(begun)
		}()
	}
	first := within(t, "the first room to be settled", ends)
	last := first
	for range rooms - 1 {
		last = within(t, "all rooms to be settled", ends)
	}
	if last < 100*time.Millisecond || first == last { // a busy machine hears the first ones late, and none early
		t.Errorf("the first of %d rooms was settled after %v, the last after %v", rooms, first, last)
	}
	if err := within(t, "the server to go", h.gameDone); err != nil {
		t.Error(err)
	}
	h.gameDone <- nil
}

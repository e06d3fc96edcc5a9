package stack

import (
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"croupier/servers/internal/games"
	"croupier/servers/internal/games/dice"
	"croupier/servers/internal/room"
)

// Each test here stands for a mistake of the server that first published this format. More of them
// are elsewhere: a token before the upgrade (TestTokenComesBeforeTheUpgrade), an empty key
// (TestRefusalsToStart), preset dice ("preset in production" in TestBadRequestsAreRefused), a slow
// client (TestClientThatNeverReads), a fired timer (in the room core).

// The client chose the host to dial.
func TestClientDoesNotChooseTheHost(t *testing.T) {
	h := openHouse(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var dialled atomic.Bool
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		if conn, err := l.Accept(); err == nil {
			dialled.Store(true)
			conn.Close()
		}
	}()
	lure := l.Addr().String()
	s := h.dial(7)
	for _, name := range []string{"host", "addr", "address", "server", "server_addr", "game_addr", "target"} {
		body := sitDown("1", "-1")
		entry := append([]byte{0x0a, byte(len(name))}, name...)
		entry = append(append(entry, 0x12, byte(len(lure))), lure...)
		body = append(append(body, 0x0a, byte(len(entry))), entry...)
		s.raw(message(3, body...))
		s.until(3, user1(7))
	}
	for _, game := range []string{lure, "dice@" + lure, "dice=" + lure, lure + "/dice", "http://" + lure} {
		s.raw(message(3, place("1", "-1", game)...))
		if f := s.until(1, nil); f.numbers[1] != 1 {
			t.Errorf("game %q: code %d, want 1", game, f.numbers[1])
		}
	}
	l.Close()
	<-accepted
	if dialled.Load() {
		t.Error("the gate dialled a host that the client named")
	}
}

// broken is dice that fails where a test wants it.
type broken struct {
	*dice.Game
	start, receive error
	fault          bool
}

func (b *broken) Start(t *room.Table) error {
	if b.fault && b.start != nil {
		panic(b.start)
	}
	if b.start != nil {
		return b.start
	}
	return b.Game.Start(t)
}

func (b *broken) Receive(t *room.Table, q room.Request) error {
	if b.receive != nil && b.fault {
		panic(b.receive)
	}
	return b.Game.Receive(t, q)
}

func with(make func() *broken) func(*settings) {
	return func(c *settings) {
		c.game.Games = games.Builtin(c.dice, 4)
		c.game.Games["broken"] = games.Kind{Name: "broken", Seats: 4, New: func() room.Game { return make() }}
		c.gate.Services["broken"] = c.gate.Services["dice"]
	}
}

// A failed start of a game left a dead room behind; so did an unknown game.
func TestFailedStartLeavesNoRoom(t *testing.T) {
	for name, fault := range map[string]bool{"error": false, "panic": true} {
		t.Run(name, func(t *testing.T) {
			h := openHouse(t, with(func() *broken {
				return &broken{Game: dice.New(dice.Config{}), start: errors.New("the cellar is flooded"), fault: fault}
			}))
			s := h.dial(7)
			for range 3 {
				s.send(3, place("1", "-1", "broken")...)
				if f := s.until(1, nil); f.numbers[1] != 1 || strings.Contains(string(f.bytes[2][0]), "cellar") {
					t.Errorf("code %d %q, want code 1 and no details", f.numbers[1], f.bytes[2])
				}
				s.send(3, place("1", "-1", "nim")...)
				s.until(1, nil)
			}
			if _, rooms := h.get(h.gameOps + "/rooms"); !strings.Contains(rooms, `"rooms":[]`) {
				t.Errorf("rooms are left: %s", rooms)
			}
			h.log.clear()
			h.stillPlays()
		})
	}
}

// Sends to a room that had exited hung for ever; a fault of a game ends its room and nothing else.
func TestSendsToAnEndedRoomDoNotHang(t *testing.T) {
	h := openHouse(t, with(func() *broken {
		return &broken{Game: dice.New(dice.Config{}), receive: errors.New("an egg"), fault: true}
	}))
	s, other := h.dial(7), h.sitting(8, "1")
	for range 5 {
		s.send(3, place("1", "-1", "broken")...)
		s.until(3, user1(7))
		s.raw(append(append(message(103), message(103)...), message(6)...))
		if f := s.until(2, nil); f.numbers[1] != 1 {
			t.Errorf("disconnect %d, want 1: the room is disbanded", f.numbers[1])
		}
	}
	other.send(6)
	other.until(6, nil)
	s.send(3, sitDown("1", "-1")...) // the connection goes on in another room
	s.until(3, user1(7))
	if n := len(h.log.clear()); n != 5 {
		t.Errorf("%d log lines for 5 faults", n)
	}
}

// A roll was broadcast before it was stored: whoever hears of it must find it in the room.
func TestRollIsStoredBeforeItIsTold(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.dice.Round = time.Minute })
	a, b := h.sitting(1, "1"), h.sitting(2, "1")
	a.send(103)
	b.until(103, value(1))
	c := h.sitting(3, "1")
	if scene := c.until(101, nil); len(scene.bytes[3]) != 1 {
		t.Errorf("the roll that was told is not in the scene: %x", scene.bytes[3])
	}
	a.conn.Close()
	b.until(5, value(-1)) // it stays, offline
	b.send(6)
	if text := string(b.until(6, nil).bytes[1][0]); !strings.Contains(text, "user 1 rolled") {
		t.Errorf("print: %q", text)
	}
}

package stack

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"croupier/servers/internal/gameserver"
	"croupier/servers/token"
)

// The published format, direct to a game server, from bytes by hand.
func TestPublishedClientDirect(t *testing.T) {
	h := openHouse(t, func(c *settings) {
		c.game.Direct, c.dice.Preset = gameserver.DirectOpen, true
		c.dice.Round, c.dice.Idle = time.Minute, 200*time.Millisecond
	})
	a := direct(t, h.game, 11, "7", "2") // opening the stream sits the player down
	a.until(3, user(11, 2, 1))
	if f := a.until(101, nil); f.numbers[1] != 1 || f.numbers[2] <= 0 || f.numbers[2] > 60_000 {
		t.Fatalf("scene: in round %d, %d ms left", f.numbers[1], f.numbers[2])
	}
	b := direct(t, h.game, 12, "7", "-1")
	b.until(3, user(11, 2, 1))
	b.until(3, user(12, 0, 1))
	a.until(3, user(12, 0, 1))

	a.send(103, 0x08, 5)
	if f := a.until(103, value(11)); f.numbers[2] != 5 {
		t.Fatalf("own roll shows %d points, want 5", f.numbers[2])
	}
	if f := b.until(103, value(11)); f.numbers[2] != 0 {
		t.Fatalf("another's roll shows %d points, want none", f.numbers[2])
	}
	a.send(6)
	if text := string(a.until(6, nil).bytes[1][0]); !strings.Contains(text, "user 11 seat 2") || strings.Contains(text, "rolled 5") {
		t.Fatalf("print: %q", text)
	}
	a.send(99)
	if f := a.until(1, nil); f.numbers[1] != 101 {
		t.Fatalf("unknown opcode: error code %d, want 101", f.numbers[1])
	}

	a.hang() // the connection is lost in mid-round: the seat waits, and the roll with it
	b.until(5, value(-11))
	a = direct(t, h.game, 11, "7", "-1")
	a.until(3, user(11, 2, 1))
	if scene := a.until(101, nil); len(scene.bytes[3]) != 1 || !bytes.Equal(scene.bytes[3][0], []byte{0x08, 11, 0x10, 5}) {
		t.Fatalf("scene after the return: dice %x, want user 11 with 5", scene.bytes[3])
	}
	b.until(5, value(11))

	through := h.sitting(13, "7") // the same room through the gate
	through.until(101, nil)
	a.until(3, user(13, 1, 1))
	b.send(103, 0x08, 3)
	through.send(103, 0x08, 6)
	for _, one := range []*stream{a, b} {
		if f := one.until(104, nil); len(f.bytes[2]) != 1 || !bytes.Equal(f.bytes[2][0], []byte{13}) {
			t.Fatalf("settlement: winners %x, want 13", f.bytes[2])
		}
	}
	through.until(104, nil)

	b.send(4) // standing up ends the stream
	b.until(4, value(12))
	if code := b.ends(); code != codes.OK {
		t.Errorf("the stream of one who stood up ends with %v", code)
	}
	a.until(4, value(12))
	newer := direct(t, h.game, 11, "7", "-1")
	newer.until(3, user(11, 2, 1))
	a.until(2, value(2))
	if code := a.ends(); code != codes.Aborted {
		t.Errorf("a replaced stream ends with %v", code)
	}
	newer.CloseSend()
	if code := newer.ends(); code != codes.OK {
		t.Errorf("a stream that the player closed ends with %v", code)
	}
	through.until(4, value(11)) // who has not rolled does not keep the seat
}

func TestDirectWithBadMetadata(t *testing.T) {
	h := openHouse(t)
	good := h.token(7)
	with := func(user, room, seat, game, token string) []string {
		return []string{"user_id", user, "room_id", room, "seat", seat, "game_name", game, "token", token}
	}
	for name, c := range map[string]struct {
		metadata []string
		code     codes.Code
	}{
		"nothing":           {nil, codes.InvalidArgument},
		"no token":          {with("7", "1", "-1", "dice", "")[:8], codes.Unauthenticated},
		"rubbish token":     {with("7", "1", "-1", "dice", "rubbish"), codes.Unauthenticated},
		"wrong key":         {with("7", "1", "-1", "dice", jwt(t, token.NewKey(), 7)), codes.Unauthenticated},
		"another's token":   {with("8", "1", "-1", "dice", good), codes.PermissionDenied},
		"user 0":            {with("0", "1", "-1", "dice", good), codes.InvalidArgument},
		"negative user":     {with("-7", "1", "-1", "dice", good), codes.InvalidArgument},
		"user NaN":          {with("NaN", "1", "-1", "dice", good), codes.InvalidArgument},
		"room -1":           {with("7", "-1", "-1", "dice", good), codes.InvalidArgument},
		"room NaN":          {with("7", "NaN", "-1", "dice", good), codes.InvalidArgument},
		"huge room":         {with("7", "99999999999999999999", "-1", "dice", good), codes.InvalidArgument},
		"huge seat":         {with("7", "1", "99999999999", "dice", good), codes.InvalidArgument},
		"no game":           {with("7", "1", "-1", "", good), codes.InvalidArgument},
		"long name of game": {with("7", "1", "-1", strings.Repeat("g", 100), good), codes.InvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			s := openStream(t, h.game, "/pb.Network/Connect", c.metadata...)
			if code := s.ends(); code != c.code {
				t.Errorf("ends with %v, want %v", code, c.code)
			}
			h.oneLine("direct player refused", "why=")
		})
		h.t = t
	}
	eventually(t, "all sessions to end", func() bool { return h.metric(h.gameOps, "croupier_game_sessions") == "0" })
}

// A place that only the room can refuse is refused with an Error, and leaves no room behind.
func TestDirectToNowhere(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.game.Direct = gameserver.DirectOpen })
	s := openStream(t, h.game, "/pb.Network/Connect", "user_id", "7", "room_id", "1", "seat", "-1", "game_name", "nim")
	if f := s.until(1, nil); f.numbers[1] != 1 || !strings.Contains(string(f.bytes[2][0]), "unknown game") {
		t.Errorf("code %d, %q", f.numbers[1], f.bytes[2])
	}
	if code := s.ends(); code != codes.OK {
		t.Errorf("ends with %v", code)
	}
	s = direct(t, h.game, 7, "1", "99")
	if f := s.until(1, nil); f.numbers[1] != 1 {
		t.Errorf("code %d", f.numbers[1])
	}
	s.ends()
	s = direct(t, h.game, 7, "1", "-1")
	s.until(3, user(7, 0, 1))
	s.send(3, sitDown("2", "-1")...) // a stream leads to one room
	if f := s.until(1, nil); f.numbers[1] != 102 {
		t.Errorf("a SitDown in another room: code %d, want 102", f.numbers[1])
	}
	s.send(3, sitDown("1", "-1")...)
	s.until(3, user(7, 0, 1))
}

func TestDirectOff(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.game.Direct = gameserver.DirectOff })
	if code := direct(t, h.game, 7, "1", "-1", "token", h.token(7)).ends(); code != codes.PermissionDenied {
		t.Errorf("ends with %v", code)
	}
}

// A direct player who floods is ended; the others in the room are answered.
func TestDirectFloods(t *testing.T) {
	h := openHouse(t)
	for name, c := range map[string]struct {
		flood func(*stream) error
		code  codes.Code
	}{
		"many messages": {func(s *stream) error {
			for range 10_000 {
				if err := s.send(6); err != nil {
					return err
				}
			}
			return nil
		}, codes.ResourceExhausted},
		"a huge message": {func(s *stream) error { return s.send(103, make([]byte, 1<<20)...) }, codes.InvalidArgument},
		"no message":     {func(s *stream) error { return s.SendMsg([]byte{0xff, 0xff}) }, codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			other := h.sitting(h.newUser(), "1")
			bad := h.newUser()
			s := direct(t, h.game, bad, "1", "-1", "token", h.token(bad))
			s.until(3, user1(bad))
			flooded := make(chan error, 1)
			go func() { flooded <- c.flood(s) }()
			for range 20 {
				other.send(6)
				other.until(6, nil)
			}
			if code := s.ends(); code != c.code {
				t.Errorf("ends with %v, want %v", code, c.code)
			}
			within(t, "the flood to end", flooded)
			eventually(t, "it to be gone", func() bool { return !other.sees(bad) })
			h.oneLine("direct player closed", fmt.Sprint("user=", bad))
			other.conn.Close()
		})
		h.t = t
	}
}

// A direct player who never reads is ended while the others play on; its seat is free then.
func TestDirectClientThatNeverReads(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.game.Rate, c.gate.Rate, c.gate.Burst = 1e6, 1e6, 1e6 })
	slow := direct(t, h.game, 1, "1", "-1", "token", h.token(1))
	other := h.sitting(2, "1")
	for n := 0; len(h.log.lines()) == 0; n++ {
		if n > 20_000 {
			t.Fatal("the slow client is never ended")
		}
		for range 10 {
			slow.send(6)
		}
		other.send(6)
		other.until(6, nil)
	}
	eventually(t, "it to be gone", func() bool { return !other.sees(1) })
	h.oneLine("direct player closed", "too slow")
	if code := slow.ends(); code != codes.ResourceExhausted {
		t.Errorf("ends with %v", code)
	}
}

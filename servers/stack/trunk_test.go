package stack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"croupier/servers/internal/trunk"
	"croupier/servers/token"
)

// attach opens a trunk by hand.
func (h *house) attach(headers ...string) *stream {
	h.t.Helper()
	return openStream(h.t, h.game, "/croupier.trunk.Trunk/Attach", headers...)
}

// batch is a Batch of frames.
func batch(frames []byte) []byte {
	return append(binary.AppendUvarint([]byte{0x0a}, uint64(len(frames))), frames...)
}

// open is an Open for dice: user, game, room, seat.
func open(user, room byte) []byte {
	return []byte{0x08, user, 0x12, 4, 'd', 'i', 'c', 'e', 0x18, room, 0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}
}

func TestTrunkWithoutProof(t *testing.T) {
	strangers, _ := token.ParseKeys(token.NewKey())
	wrong, _ := strangers.SignTrunk(time.Minute)
	for name, headers := range map[string]func(h *house) []string{
		"no token":  func(*house) []string { return nil },
		"wrong key": func(*house) []string { return []string{"token", wrong} },
		"expired": func(h *house) []string {
			expired, _ := h.keys.SignTrunk(time.Nanosecond)
			return []string{"token", expired}
		},
		"a player's token": func(h *house) []string { return []string{"token", h.token(7)} },
		"rubbish":          func(*house) []string { return []string{"token", "rubbish"} },
		"two tokens":       func(*house) []string { return []string{"token", wrong, "token", wrong} },
	} {
		t.Run(name, func(t *testing.T) {
			h := openHouse(t)
			for range 3 { // it tries again and again, and is complained of once
				s := h.attach(headers(h)...)
				s.SendMsg(batch(trunk.AppendFrame(nil, 1, trunk.KindOpen, open(7, 7))))
				if code := s.ends(); code != codes.Unauthenticated {
					t.Errorf("ends with %v, want Unauthenticated", code)
				}
			}
			h.oneLine("trunk refused")
		})
	}
}

// A gate that sends nonsense loses its trunk; other gates keep theirs.
func TestTrunkWithGarbage(t *testing.T) {
	h := openHouse(t)
	proof, _ := h.keys.SignTrunk(time.Minute)
	opened := trunk.AppendFrame(nil, 1, trunk.KindOpen, open(99, 7))
	for name, c := range map[string]struct {
		message []byte
		code    codes.Code
	}{
		"not a batch":         {[]byte{0xff, 0xff, 0xff}, codes.Internal},
		"not a frame":         {batch(bytes.Repeat([]byte{0xff}, 50)), codes.InvalidArgument},
		"lane 0":              {batch([]byte{0, 1, 0}), codes.InvalidArgument},
		"an open of garbage":  {batch(trunk.AppendFrame(nil, 2, trunk.KindOpen, []byte{0xff})), codes.InvalidArgument},
		"an open for user 0":  {batch(trunk.AppendFrame(nil, 2, trunk.KindOpen)), codes.InvalidArgument},
		"a lane opened twice": {batch(append(bytes.Clone(opened), opened...)), codes.InvalidArgument},
		"data without opcode": {batch(trunk.AppendFrame(bytes.Clone(opened), 1, trunk.KindData, []byte{1})), codes.InvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			other := h.sitting(h.newUser(), "7")
			s := h.attach("token", proof)
			s.SendMsg(c.message)
			if code := s.ends(); code != c.code {
				t.Errorf("ends with %v, want %v", code, c.code)
			}
			h.oneLine("trunk given up")
			if other.seesOnline(99) {
				t.Error("a player of the lost trunk is still online")
			}
			other.conn.Close()
		})
		h.t = t
	}
}

// What crosses a Shut, or comes from a newer gate, is passed over, and the trunk lives on.
func TestTrunkPassesOverWhatItMay(t *testing.T) {
	h := openHouse(t)
	proof, _ := h.keys.SignTrunk(time.Minute)
	s := h.attach("token", proof)
	frames := trunk.AppendFrame(nil, 5, trunk.KindData, []byte{0, 0, 0, 6}) // never opened
	frames = trunk.AppendFrame(frames, 6, trunk.KindShut, []byte{1})
	frames = trunk.AppendFrame(frames, 7, trunk.Kind(99), []byte("newer"))
	frames = trunk.AppendFrame(frames, 8, trunk.KindOpen, open(9, 7))
	frames = trunk.AppendFrame(frames, 8, trunk.KindShut, []byte{1})
	frames = trunk.AppendFrame(frames, 8, trunk.KindData, []byte{0, 0, 0, 6}) // after its Shut
	frames = trunk.AppendFrame(frames, 9, trunk.KindOpen, open(9, 8))
	if err := s.SendMsg(batch(frames)); err != nil {
		t.Fatal(err)
	}
	for {
		var b []byte
		if err := s.RecvMsg(&b); err != nil {
			t.Fatal(err)
		}
		fields := parse(t, b).bytes[1]
		if len(fields) == 0 {
			continue // a beat
		}
		for f, err := range trunk.Frames(fields[0]) {
			if err != nil {
				t.Fatal(err)
			}
			if f.Lane == 9 && f.Kind == trunk.KindData && binary.BigEndian.Uint32(f.Payload) == 101 {
				return
			}
		}
	}
}

// A gate that reads nothing and then breaks is let go of: nothing waits for it.
func TestTrunkOfAGateThatNeverReads(t *testing.T) {
	h := openHouse(t)
	proof, _ := h.keys.SignTrunk(time.Minute)
	s := h.attach("token", proof)
	s.SendMsg(batch(trunk.AppendFrame(nil, 1, trunk.KindOpen, open(9, 7))))
	questions := []byte{}
	for range 400 {
		questions = trunk.AppendFrame(questions, 1, trunk.KindData, []byte{0, 0, 0, 6})
	}
	for range 20 { // answers of some 100 bytes each: more than the stream's window
		s.SendMsg(batch(questions))
	}
	s.SendMsg(batch([]byte{0}))
	eventually(t, "the trunk to be given up", func() bool { return h.metric(h.gameOps, "croupier_game_trunks") == "0" })
	h.oneLine("trunk given up")
}

func TestGarbageOnTheGamePort(t *testing.T) {
	h := openHouse(t)
	for _, garbage := range []string{"GET / HTTP/1.1\r\n\r\n", "\x00\x00\x00", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		conn, err := net.Dial("tcp", h.game)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, garbage)
		conn.Close()
	}
	h.stillPlays()
}

// The trunk breaks under its players: they keep their connections and their seats.
func TestTrunkLost(t *testing.T) {
	h := openHouse(t)
	a, b := h.sitting(1, "1"), h.sitting(2, "1")
	a.send(103)
	own := a.until(103, value(1)).numbers[2]
	if h.wires.cut(false) == 0 {
		t.Fatal("there is no connection to cut")
	}
	h.oneLine("game server lost", "sessions=2")
	for _, s := range []*socket{a, b} {
		s.send(6)
		if text := string(s.until(6, nil).bytes[1][0]); strings.Contains(text, "offline") {
			t.Errorf("print: %q", text)
		}
	}
	a.send(3, sitDown("1", "-1")...)
	if scene := a.until(101, nil); len(scene.bytes[3]) != 1 || !bytes.Equal(scene.bytes[3][0], []byte{0x08, 1, 0x10, byte(own)}) {
		t.Errorf("scene after the return: %x, want the roll of %d", scene.bytes[3], own)
	}
}

// No game server at all: a player is told so, and the connection stays.
func TestNoGameServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	h := openHouse(t, func(c *settings) {
		c.gate.Services = map[string]string{"dice": c.gate.Services["dice"], "coin": nobody}
	})
	s := h.dial(7)
	for range 2 {
		s.send(3, place("1", "-1", "coin")...)
		if f := s.until(1, nil); f.numbers[1] != 1 {
			t.Errorf("code %d, want 1", f.numbers[1])
		}
	}
	s.send(3, sitDown("1", "-1")...)
	s.until(3, user1(7))
}

// The gate's key is not the game server's: players are told to try again, and the gate's log says
// what to do.
func TestGateWithAnotherKey(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.game.Keys, _ = token.ParseKeys(token.NewKey()) })
	s := h.dial(7)
	s.send(3, sitDown("1", "-1")...)
	if f := s.until(1, nil); f.numbers[1] != 1 {
		t.Errorf("code %d, want 1", f.numbers[1])
	}
	if log := strings.Join(h.log.lines(), ""); !strings.Contains(log, "give both the same JWT_KEY") {
		t.Errorf("the log does not say what to do: %s", log)
	}
}

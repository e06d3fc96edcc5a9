package stack

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// place is a SitDown of any text; sitDown of the published test knows only dice.
func place(room, seat, game string) []byte {
	var m []byte
	for _, entry := range [][2]string{{"room_id", room}, {"seat", seat}, {"game_name", game}} {
		inner := append([]byte{0x0a, byte(len(entry[0]))}, entry[0]...)
		inner = append(append(inner, 0x12, byte(len(entry[1]))), entry[1]...)
		m = append(append(m, 0x0a, byte(len(inner))), inner...)
	}
	return m
}

// What is no message of a client closes its connection, with a code that says why.
func TestBadFramesCloseTheConnection(t *testing.T) {
	h := openHouse(t)
	for name, c := range map[string]struct {
		bytes []byte
		code  int
	}{
		"unmasked":                {append([]byte{0x82, 4}, 0, 0, 0, 6), 1002},
		"reserved bit":            {masked(0xc2, []byte{0, 0, 0, 6}), 1002},
		"reserved opcode":         {masked(0x83, []byte{0, 0, 0, 6}), 1002},
		"fragmented ping":         {masked(0x09, nil), 1002},
		"continuation of nothing": {masked(0x80, []byte{0, 0, 0, 6}), 1002},
		"message in a message":    {append(masked(0x02, []byte{0, 0}), message(6)...), 1002},
		"text":                    {masked(0x81, []byte("hello")), 1003},
		"fragmented text":         {masked(0x01, []byte("hello")), 1003},
		"oversized":               {masked(0x82, make([]byte, 4097)), 1009},
		"oversized, head alone":   {[]byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 1009},
		"oversized in fragments":  {append(masked(0x02, make([]byte, 4096)), masked(0x80, []byte{1})...), 1009},
		"flood of fragments":      {append(masked(0x02, nil), bytes.Repeat(masked(0x00, nil), 300)...), 4008},
		"no opcode":               {masked(0x82, nil), 4000},
		"shorter than an opcode":  {masked(0x82, []byte{0, 0, 6}), 4000},
		"short in fragments":      {append(masked(0x02, []byte{0}), masked(0x80, []byte{6})...), 4000},
		"flood of pings":          {bytes.Repeat(masked(0x89, []byte("ping")), 300), 4008},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			for _, seated := range []bool{false, true} {
				user := h.newUser()
				s := h.dial(user)
				if seated {
					s = h.sitting(user, "1")
				}
				s.raw(c.bytes)
				if code := s.closeCode(); code != c.code {
					t.Errorf("close code %d, want %d", code, c.code)
				}
				h.oneLine("session closed", "code=")
			}
		})
		h.t = t
	}
}

// A frame that never ends harms nobody, and is forgotten with its connection long before a ping.
func TestTruncatedFrameThenNothing(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.gate.PingEvery, c.gate.IdleTimeout = time.Hour, 2*time.Hour })
	s := h.sitting(7, "1")
	s.raw(message(6)[:7])
	s.conn.Close()
	h.stillPlays()
	eventually(t, "the session to end", func() bool { return h.metric(h.gateOps, "croupier_gate_sessions") == "0" })
}

// A message may come in as many pieces as it likes.
func TestFragmentedAndTrickledMessages(t *testing.T) {
	h := openHouse(t)
	s := h.sitting(7, "1")
	s.raw(append(masked(0x02, []byte{0, 0}), masked(0x89, []byte("hi"))...)) // a ping in between is allowed
	s.raw(append(masked(0x00, nil), masked(0x80, []byte{0, 6})...))
	pong := false
	for {
		first, payload, err := s.frame()
		if err != nil {
			t.Fatal(err)
		}
		pong = pong || first == 0x8a && string(payload) == "hi"
		if first == 0x82 && payload[3] == 6 {
			break
		}
	}
	if !pong {
		t.Error("a ping between two fragments got no pong before the answer")
	}
	for _, b := range message(6) {
		s.raw([]byte{b})
	}
	s.until(6, nil)
	s.raw(bytes.Repeat(message(6), 20))
	for range 20 {
		s.until(6, nil)
	}
	if lines := h.log.lines(); len(lines) != 0 {
		t.Errorf("logged: %s", strings.Join(lines, ""))
	}
}

// A request that makes no sense is answered with an error, and the connection goes on.
func TestBadRequestsAreRefused(t *testing.T) {
	h := openHouse(t)
	for name, c := range map[string]struct {
		op     uint32
		body   []byte
		seated bool
		code   int64
	}{
		"unknown opcode":            {9999, nil, true, 101},
		"largest opcode":            {1<<32 - 1, nil, true, 101},
		"a server's opcode":         {1, nil, true, 101},
		"another game's opcode":     {202, nil, true, 101},
		"sit: invalid protobuf":     {3, []byte{0x0a, 0xff}, false, 1},
		"sit again: invalid":        {3, []byte{0x0a, 0xff}, true, 1},
		"shake: invalid protobuf":   {103, []byte{0x08}, true, 1},
		"ping: invalid protobuf":    {8, []byte{0xff, 0xff}, true, 1},
		"sit: empty":                {3, nil, false, 1},
		"sit: unknown game":         {3, place("1", "-1", "nim"), false, 1},
		"sit: long game":            {3, place("1", "-1", strings.Repeat("g", 100)), false, 1},
		"sit: game with line break": {3, place("1", "-1", "x\nlevel=INFO msg=forged"), false, 1},
		"sit: room -1":              {3, place("-1", "-1", "dice"), false, 1},
		"sit: negative room":        {3, place("-7", "-1", "dice"), false, 1},
		"sit: huge room":            {3, place("9223372036854775808", "-1", "dice"), false, 1},
		"sit: room NaN":             {3, place("NaN", "-1", "dice"), false, 1},
		"sit: seat too high":        {3, place("90", "4", "dice"), false, 1},
		"sit: huge seat":            {3, place("90", "2147483647", "dice"), false, 1},
		"sit: seat beyond int32":    {3, place("90", "4294967296", "dice"), false, 1},
		"sit: seat -2":              {3, place("90", "-2", "dice"), false, 1},
		"sit: seat NaN":             {3, place("90", "NaN", "dice"), false, 1},
		"preset in production":      {103, []byte{0x08, 6}, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			user := h.newUser()
			s := h.dial(user)
			if c.seated {
				s = h.sitting(user, "77")
			}
			for range 3 { // the log has one line of it all the same
				s.raw(message(c.op, c.body...))
				f := s.until(1, nil)
				if f.numbers[1] != c.code || len(f.bytes[2]) == 0 || len(f.bytes[3]) != 0 {
					t.Errorf("code %d, text %q, detail %q; want code %d, a text and no detail", f.numbers[1], f.bytes[2], f.bytes[3], c.code)
				}
			}
			h.oneLine("request refused", "user=")
			s.send(3, sitDown("78", "-1")...) // the connection is as good as before
			s.until(3, user1(user))
			s.conn.Close()
		})
		h.t = t
	}
}

func user1(id int) func(fields) bool {
	return func(f fields) bool { return f.numbers[1] == int64(id) }
}

// What is refused for a reason of the game is nobody's fault, and not logged.
func TestOrdinaryRefusalsAreNotLogged(t *testing.T) {
	h := openHouse(t)
	s := h.dial(5)
	s.send(6)
	if f := s.until(1, nil); f.numbers[1] != 102 {
		t.Errorf("code %d, want 102", f.numbers[1])
	}
	if lines := h.log.lines(); len(lines) != 0 {
		t.Errorf("logged: %s", strings.Join(lines, ""))
	}
}

package wire

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"
)

// FuzzDecode decodes arbitrary bytes under every opcode. What was decoded must survive encoding,
// and RequestID must agree with the decoder.
func FuzzDecode(f *testing.F) {
	for _, op := range opcodes() {
		m := blank(op)
		fill(m.ProtoReflect())
		f.Add(uint32(op), AppendMeta(MustMarshal(m), 1, 2, 3))
	}
	f.Add(uint32(9999), []byte{0x7a, 0x00})
	f.Fuzz(func(t *testing.T, opcode uint32, payload []byte) {
		op := Command(opcode)
		m, err := Decode(op, payload)
		if err != nil {
			RequestID(payload) // must not panic
			return
		}
		again, err := Decode(op, MustMarshal(m))
		if err != nil {
			t.Fatalf("%v: %x does not decode twice: %v", op, payload, err)
		}
		if !equal(m, again) {
			t.Fatalf("%v: %v became %v", op, m, again)
		}
		if m.GetMeta() == nil {
			if id := RequestID(AppendMeta(bytes.Clone(payload), 0, 0, 77)); id != 77 {
				t.Fatalf("%v: RequestID after AppendMeta is %d, want 77", op, id)
			}
		}
	})
}

// equal compares encodings: a NaN or a repeated unknown field makes proto.Equal too strict.
func equal(a, b proto.Message) bool {
	marshal := proto.MarshalOptions{Deterministic: true}
	x, errX := marshal.Marshal(a)
	y, errY := marshal.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte{0, 0, 0, 3, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		op, body, err := Split(b)
		if err != nil {
			if len(b) >= OpcodeSize {
				t.Fatal(err)
			}
			return
		}
		if again := append(AppendOpcode(nil, op), body...); !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

func FuzzParsePlace(f *testing.F) {
	f.Add("1", "-1", "dice")
	f.Add("NaN", "9999999999", "")
	f.Fuzz(func(t *testing.T, room, seat, game string) {
		p, err := ParsePlace(map[string]string{"room_id": room, "seat": seat, "game_name": game})
		if err != nil {
			return
		}
		if p.Room < 0 || p.Seat < -1 || p.Game == "" || len(p.Game) > MaxGameName {
			t.Fatalf("ParsePlace took %q %q %q as %v", room, seat, game, p)
		}
	})
}

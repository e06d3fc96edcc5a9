package wire

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// opcodes are all that the schema knows.
func opcodes() []Command {
	var all []Command
	for number := range Command_name {
		all = append(all, Command(number))
	}
	return all
}

func TestSplit(t *testing.T) {
	for _, short := range [][]byte{nil, {}, {0}, {0, 0, 3}} {
		if _, _, err := Split(short); !errors.Is(err, ErrShort) {
			t.Errorf("Split(%x): %v, want ErrShort", short, err)
		}
	}
	op, body, err := Split([]byte{0, 0, 0, 103, 8, 5})
	if err != nil || op != Command_DICE_SHAKE || !bytes.Equal(body, []byte{8, 5}) {
		t.Errorf("Split: %v %x %v", op, body, err)
	}
	if op, body, err = Split([]byte{0xff, 0xff, 0xff, 0xff}); err != nil || uint32(op) != math.MaxUint32 || len(body) != 0 {
		t.Errorf("Split of the largest opcode: %v %x %v", op, body, err)
	}
}

func TestAppendIsWhatSplitTakesApart(t *testing.T) {
	b, err := Append([]byte("before"), Command_STAND_UP, &Int64{Value: 7})
	if err != nil {
		t.Fatal(err)
	}
	if want := "before\x00\x00\x00\x04\x08\x07"; string(b) != want {
		t.Errorf("Append: %q, want %q", b, want)
	}
	if _, err := Append(nil, Command_PRINT, &String{Value: "\xff"}); err == nil {
		t.Error("Append took a string that is not UTF-8")
	}
}

// Every message type must merge a Meta that was appended to its encoding, and keep its own fields.
func TestAppendMetaMergesIntoEveryMessage(t *testing.T) {
	for _, op := range opcodes() {
		m := blank(op)
		fill(m.ProtoReflect())
		plain := MustMarshal(m)
		withMeta := AppendMetaOf(bytes.Clone(plain), "v1.2", 123456, 3, math.MaxUint64, 1<<40)
		got, err := Decode(op, withMeta)
		if err != nil {
			t.Errorf("%v: %v", op, err)
			continue
		}
		if meta := got.GetMeta(); meta.GetEpoch() != 3 || meta.GetSeq() != math.MaxUint64 || meta.GetRequest() != 1<<40 || meta.GetServer() != "v1.2" || meta.GetRoom() != 123456 {
			t.Errorf("%v: meta is %v", op, meta)
		}
		if id := RequestID(withMeta); id != 1<<40 {
			t.Errorf("%v: request id is %d", op, id)
		}
		meta := got.ProtoReflect().Descriptor().Fields().ByNumber(metaField)
		got.ProtoReflect().Clear(meta)
		if !proto.Equal(got, m) {
			t.Errorf("%v: %v became %v", op, m, got)
		}
	}
	if b := AppendMetaOf(nil, "v", 0, 0, 0, 0); string(b) != "\x7a\x03\x22\x01v" {
		t.Errorf("a Meta with nothing but a version is %x", b)
	}
	if b := AppendMetaOf(nil, "", 7, 0, 0, 0); string(b) != "\x7a\x02\x28\x07" {
		t.Errorf("a Meta with nothing but a room is %x", b)
	}
	if b := AppendMeta([]byte{1}, 0, 0, 0); len(b) != 1 {
		t.Errorf("a Meta of zeros appended %x", b[1:])
	}
}

// fill sets every field but Meta to something that is not zero.
func fill(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.Number() == metaField:
		case f.IsMap():
			entry := m.Mutable(f).Map()
			entry.Set(scalar(f.MapKey()).MapKey(), scalar(f.MapValue()))
		case f.IsList():
			m.Mutable(f).List().Append(scalar(f))
		default:
			m.Set(f, scalar(f))
		}
	}
}

func scalar(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(-2)
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(-3)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(4)
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("five")
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(1)
	}
	panic("a kind of field that the test does not know: " + f.Kind().String())
}

func TestRequestIDOfMalformedPayloads(t *testing.T) {
	good := AppendMeta(nil, 1, 2, 9)
	for n := range good {
		if id := RequestID(good[:n]); id != 0 {
			t.Errorf("RequestID of %x is %d", good[:n], id)
		}
	}
	for _, payload := range [][]byte{nil, {0xff}, {0x08}, {0x7a, 0x01, 0xff}, {0x7b, 0x7c}, bytes.Repeat([]byte{0xff}, 100)} {
		if id := RequestID(payload); id != 0 {
			t.Errorf("RequestID of %x is %d", payload, id)
		}
	}
	if id := RequestID(append([]byte{0x0a, 3, 'a', 'b', 'c', 0x15, 1, 2, 3, 4}, good...)); id != 9 {
		t.Errorf("RequestID behind other fields is %d, want 9", id)
	}
}

func TestDecodeOfAnUnknownOpcodeKeepsItsFields(t *testing.T) {
	m, err := Decode(9999, []byte{0x08, 5})
	if err != nil {
		t.Fatal(err)
	}
	if _, empty := m.(*Empty); !empty || !bytes.Equal(m.ProtoReflect().GetUnknown(), []byte{0x08, 5}) {
		t.Errorf("decoded %T %v", m, m)
	}
}

func TestParsePlace(t *testing.T) {
	at := func(room, seat, game string) map[string]string {
		return map[string]string{"room_id": room, "seat": seat, "game_name": game}
	}
	for _, good := range []struct {
		fields map[string]string
		want   Place
	}{
		{at("1", "", "dice"), Place{"dice", 1, -1}},
		{at("9223372036854775807", "2147483647", "dice"), Place{"dice", math.MaxInt64, math.MaxInt32}},
		{at("7", "-1", strings.Repeat("g", MaxGameName)), Place{strings.Repeat("g", MaxGameName), 7, -1}},
		{map[string]string{"room_id": "2", "game_name": "coin", "newer": "field"}, Place{"coin", 2, -1}},
		{at("", "0", "dice"), Place{"dice", 0, 0}},
		{at("0", "", "dice"), Place{"dice", 0, -1}},
	} {
		if p, err := ParsePlace(good.fields); err != nil || p != good.want {
			t.Errorf("ParsePlace(%v): %v %v, want %v", good.fields, p, err, good.want)
		}
		if p, err := ParsePlace(good.want.Map()); err != nil || p != good.want {
			t.Errorf("%v does not survive its Map: %v %v", good.want, p, err)
		}
	}
	for _, bad := range []map[string]string{
		nil, {}, at("1", "0", ""), at("-1", "0", "dice"),
		at("9223372036854775808", "0", "dice"), at("NaN", "0", "dice"), at("1.5", "0", "dice"), at("0x10", "0", "dice"), at("1 ", "0", "dice"),
		at("1", "-2", "dice"), at("1", "2147483648", "dice"), at("1", "NaN", "dice"), at("1", "first", "dice"),
		at("1", "0", strings.Repeat("g", MaxGameName+1)),
	} {
		if p, err := ParsePlace(bad); err == nil {
			t.Errorf("ParsePlace(%v) is %v", bad, p)
		} else if len(err.Error()) > 120 {
			t.Errorf("ParsePlace(%v) complains at length: %v", bad, err)
		}
	}
}

// What a client may answer to a close is part of the format: clients depend on it.
func TestCloseCodes(t *testing.T) {
	for code, want := range map[CloseCode][2]bool{ // comes back, after a pause
		CloseNormal: {false, false}, CloseGoingAway: {true, false}, CloseProtocolError: {false, false},
		CloseUnsupported: {false, false}, CloseTooBig: {false, false}, CloseInternal: {true, false},
		CloseServerGone: {true, false}, CloseTooSlow: {true, true}, CloseBadMessage: {false, false},
		CloseReplaced: {false, false}, CloseRateLimited: {true, true}, CloseIdle: {true, false},
		CloseTooMany: {true, true}, 1006: {true, false}, 4999: {true, false},
	} {
		if got := [2]bool{code.Retry(), code.Pause()}; got != want {
			t.Errorf("close code %d: retry, pause = %v, want %v", code, got, want)
		}
	}
}

// Every message a player gets passes through here.
func BenchmarkAppendMeta(b *testing.B) {
	buffer := make([]byte, 0, 64)
	for b.Loop() {
		buffer = AppendMetaOf(buffer[:0], "", 0, 1_790_000_000_000_123, 812, 7)
	}
	if len(buffer) == 0 {
		b.Fatal("nothing was appended")
	}
}

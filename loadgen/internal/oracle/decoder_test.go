package oracle

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"croupier/servers/wire"
)

// spoken are messages of every kind that servers send, and the commands they are sent under.
var spoken = []struct {
	op   wire.Command
	body proto.Message
}{
	{wire.Command_ERROR, &wire.Error{Code: wire.Code_ALREADY_SHAKEN, Desc: "you rolled", Detail: "twice", Meta: &wire.Meta{Epoch: 3, Seq: 900}}},
	{wire.Command_SIT_DOWN, &wire.User{Id: 5, Meta: &wire.Meta{Epoch: 7, Seq: 2, Server: "v3", Room: 900}}},
	{wire.Command_NOTICE, &wire.Notice{Kind: wire.Notice_WAITING, Text: "wait", Meta: &wire.Meta{Epoch: 7, Seq: 2}}},
	{wire.Command_DISCONNECT, &wire.Int32{Value: 1, Meta: &wire.Meta{Epoch: 3}}},
	{wire.Command_DISCONNECT, &wire.Int32{Value: 2}},
	{wire.Command_SIT_DOWN, &wire.User{Id: 1 << 40, Seat: -1, Online: true, Meta: &wire.Meta{Epoch: 1 << 60, Seq: 1, Request: 77}}},
	{wire.Command_STAND_UP, &wire.Int64{Value: 12}},
	{wire.Command_ONLINE, &wire.Int64{Value: -12, Meta: &wire.Meta{Seq: 3}}},
	{wire.Command_PRINT, &wire.String{Value: "a room"}},
	{wire.Command_PING, &wire.Int64{Value: 1}},
	{wire.Command_NOTICE, &wire.Notice{Kind: wire.Notice_CLOSING, Text: "soon"}},
	{wire.Command_DICE_SCENE, &wire.DiceScene{InRound: true, LeftMs: 900, Round: 4, Seats: 4, Dice: map[int64]int32{9: 0, 2: 6, 5: 0}}},
	{wire.Command_DICE_START, &wire.DiceStart{LengthMs: 30000, Round: 5}},
	{wire.Command_DICE_SHAKE, &wire.DiceShake{User: 3, Points: 6, Round: 5, Meta: &wire.Meta{Epoch: 1, Seq: 8}}},
	{wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{IdleMs: 5000, Round: 5, Winners: []int64{9, 3}, Dice: map[int64]int32{9: 6, 3: 6, 4: 1}, Meta: &wire.Meta{Epoch: 1, Seq: 9}}},
	{wire.Command_COIN_RESULT, &wire.CoinResult{Winners: []int64{1}, Toss: 3, Meta: &wire.Meta{Epoch: 1, Seq: 9}}},
	{wire.Command(7777), &wire.Empty{Meta: &wire.Meta{Epoch: 1, Seq: 9}}},
}

// A Decoder and protobuf make the same of any bytes: the same event, or an error both.
func FuzzDecoder(f *testing.F) {
	for _, s := range spoken {
		b, err := proto.Marshal(s.body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint32(s.op), b)
	}
	f.Add(uint32(wire.Command_DICE_SETTLEMENT), []byte{26, 4, 8, 3, 16, 5, 16, 9, 26, 4, 8, 3, 16, 6, 16, 1, 26, 0, 18, 2, 1, 128})
	f.Add(uint32(wire.Command_DICE_SETTLEMENT), []byte{26, 4, 8, 3, 16, 5, 26, 4, 8, 2, 16, 5, 26, 4, 8, 3, 16, 6, 122, 2, 8, 3, 122, 2, 16, 4})
	f.Add(uint32(wire.Command_ERROR), []byte{18, 2, 0xff, 0xfe})
	f.Add(uint32(wire.Command_PING), []byte{8, 1, 122, 3, 34, 1, 0xff})
	f.Add(uint32(wire.Command_ONLINE), []byte{11, 8, 1, 12, 10, 1, 8, 0x80, 0x80, 0})
	d := new(Decoder)
	f.Fuzz(func(t *testing.T, op uint32, payload []byte) {
		got, err := d.Decode(wire.Command(op), payload)
		body, wantErr := wire.Decode(wire.Command(op), payload)
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%v of %x: %v, and protobuf says %v", wire.Command(op), payload, err, wantErr)
		}
		if err != nil {
			return
		}
		if want := Decode(wire.Command(op), body); !equal(got, want) {
			t.Fatalf("%v of %x:\n got %+v\nwant %+v", wire.Command(op), payload, got, want)
		}
	})
}

func equal(a, b Event) bool {
	same := slices.Equal(a.Dice, b.Dice) && slices.Equal(a.Winners, b.Winners)
	a.Dice, a.Winners, b.Dice, b.Winners = nil, nil, nil, nil
	return same && a.Kind == b.Kind && a.String() == b.String() && a.Epoch == b.Epoch && a.Seq == b.Seq && a.User == b.User && a.Seat == b.Seat &&
		a.Online == b.Online && a.Round == b.Round && a.InRound == b.InRound && a.Length == b.Length && a.Points == b.Points &&
		a.Reason == b.Reason && a.Code == b.Code && a.Text == b.Text &&
		a.Request == b.Request && a.Way == b.Way && a.Room == b.Room
}

func TestDecoderTakesWhatServersSay(t *testing.T) {
	b, err := proto.Marshal(&wire.DiceSettlement{
		IdleMs: 5000, Round: 5, Winners: []int64{9, 3}, Dice: map[int64]int32{9: 6, 3: 6, 4: 1}, Meta: &wire.Meta{Epoch: 2, Seq: 9},
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := DecodeBytes(wire.Command_DICE_SETTLEMENT, b)
	want := Event{
		Kind: Settled, Epoch: 2, Seq: 9, Round: 5, Length: 5 * time.Second,
		Dice: []Die{{3, 6}, {4, 1}, {9, 6}}, Winners: []int64{3, 9},
	}
	if err != nil || !equal(e, want) {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := DecodeBytes(wire.Command_DICE_SETTLEMENT, b[:len(b)-1]); err == nil {
		t.Error("half a message was taken for a whole one")
	}
}

func BenchmarkDecoder(b *testing.B) {
	var ops []wire.Command
	var payloads [][]byte
	for _, s := range spoken[11:15] {
		payload, err := proto.Marshal(s.body)
		if err != nil {
			b.Fatal(err)
		}
		ops, payloads = append(ops, s.op), append(payloads, payload)
	}
	b.Run("direct", func(b *testing.B) {
		d := new(Decoder)
		b.ReportAllocs()
		for i := range b.N {
			if _, err := d.Decode(ops[i%4], payloads[i%4]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("protobuf", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			body, err := wire.Decode(ops[i%4], payloads[i%4])
			if err != nil {
				b.Fatal(err)
			}
			Decode(ops[i%4], body)
		}
	})
}

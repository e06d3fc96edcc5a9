package oracle

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"croupier/servers/wire"
)

// Decoder makes Events of encoded messages, as wire.Decode and Decode do one after the other, and
// without the messages between. It keeps the memory of an Event's Dice and Winners for the next one,
// so that they hold until the next call. It is nothing for several goroutines.
type Decoder struct {
	dice    []Die
	winners []int64
}

// DecodeBytes makes an Event of an encoded message. The caller adds who was told, and when. What
// does not come from a room has Epoch 0.
func DecodeBytes(op wire.Command, payload []byte) (Event, error) {
	return new(Decoder).Decode(op, payload)
}

// layout says how the fields of a message are encoded. The numbers of fields are bits.
type layout struct {
	varints, texts uint16
	text           protowire.Number // of texts, the one that counts
	dice, list     protowire.Number // a map of dice, a list of users; 0: none
}

// layouts are those of the messages that servers send most.
var layouts = [...]layout{
	wire.Command_ERROR:           {varints: 1 << 1, texts: 1<<2 | 1<<3, text: 2},
	wire.Command_DISCONNECT:      {varints: 1 << 1},
	wire.Command_SIT_DOWN:        {varints: 1<<1 | 1<<2 | 1<<3},
	wire.Command_STAND_UP:        {varints: 1 << 1},
	wire.Command_ONLINE:          {varints: 1 << 1},
	wire.Command_PRINT:           {texts: 1 << 1},
	wire.Command_NOTICE:          {varints: 1 << 1, texts: 1 << 2, text: 2},
	wire.Command_PING:            {varints: 1 << 1},
	wire.Command_DICE_SCENE:      {varints: 1<<1 | 1<<2 | 1<<4 | 1<<5, dice: 3},
	wire.Command_DICE_START:      {varints: 1<<1 | 1<<2},
	wire.Command_DICE_SHAKE:      {varints: 1<<1 | 1<<2 | 1<<3},
	wire.Command_DICE_SETTLEMENT: {varints: 1<<1 | 1<<4, dice: 3, list: 2},
}

// metaField is the number of Meta in every message.
const metaField = 15

// metaLayout is that of Meta.
var metaLayout = layout{varints: 1<<1 | 1<<2 | 1<<3 | 1<<5, text: 4}

// values are the fields of a message, by number where they are varints.
type values struct {
	varint [6]uint64
	meta   [6]uint64
	text   []byte
}

// Decode makes an Event of an encoded message. Its Dice and Winners hold until the next call.
func (d *Decoder) Decode(op wire.Command, payload []byte) (Event, error) {
	var form layout
	if op >= 0 && int(op) < len(layouts) {
		form = layouts[op]
	}
	if form.varints|form.texts == 0 {
		body, err := wire.Decode(op, payload)
		if err != nil {
			return Event{}, err
		}
		return Decode(op, body), nil
	}
	var v values
	d.dice, d.winners = d.dice[:0], d.winners[:0]
	if err := d.read(payload, form, &v); err != nil {
		return Event{}, fmt.Errorf("decode %v of %d bytes: %w", op, len(payload), err)
	}
	d.sort()
	return d.event(op, &v), nil
}

func (d *Decoder) event(op wire.Command, v *values) Event {
	f := &v.varint
	e := Event{Epoch: v.meta[1], Seq: v.meta[2], Request: v.meta[3], Way: v.meta[4] != 0, Room: int64(v.meta[5])}
	switch op {
	case wire.Command_SIT_DOWN:
		e.Kind, e.User, e.Seat, e.Online = Present, int64(f[1]), int32(f[2]), f[3] != 0
	case wire.Command_STAND_UP:
		e.Kind, e.User = Stood, int64(f[1])
	case wire.Command_ONLINE:
		user := int64(f[1])
		e.Kind, e.User, e.Online = Online, max(user, -user), user > 0
	case wire.Command_PING:
		e.Kind, e.Text = Told, "ping"
	case wire.Command_DICE_START:
		e.Kind, e.Length, e.Round = Started, milliseconds(f[1]), f[2]
	case wire.Command_DICE_SHAKE:
		e.Kind, e.User, e.Points, e.Round = Shaken, int64(f[1]), int32(f[2]), f[3]
	case wire.Command_DICE_SETTLEMENT:
		e.Kind, e.Length, e.Round, e.Dice, e.Winners = Settled, milliseconds(f[1]), f[4], d.dice, d.winners
	case wire.Command_DICE_SCENE:
		e.Kind, e.InRound, e.Length, e.Round, e.Dice, e.Seat = Scene, f[1] != 0, milliseconds(f[2]), f[4], d.dice, int32(f[5])
	case wire.Command_ERROR:
		e.Kind, e.Code, e.Text = Told, wire.Code(f[1]), "error: "+string(v.text)
	case wire.Command_NOTICE:
		e.Kind, e.Text = notice(wire.Notice_Kind(f[1])), "notice: "+string(v.text)
	case wire.Command_PRINT:
		e.Kind, e.Text = Told, "print"
	case wire.Command_DISCONNECT:
		e.Kind, e.Reason = Ended, reason(wire.DisconnectReason(f[1]))
	}
	return e
}

func milliseconds(v uint64) time.Duration { return time.Duration(int64(v)) * time.Millisecond }

var errMalformed = errors.New("it is no protobuf message of that type")

// read takes a message apart as protobuf does: of a field that comes twice the last one counts, and
// a field that is unknown, or encoded in another way than it should be, is passed over.
func (d *Decoder) read(b []byte, form layout, v *values) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 || number > protowire.MaxValidNumber {
			return errMalformed
		}
		b = b[n:]
		bit := uint16(0)
		if number < 16 {
			bit = 1 << number
		}
		switch {
		case kind == protowire.VarintType && (form.varints&bit != 0 || number == form.list):
			var value uint64
			if value, n = protowire.ConsumeVarint(b); n < 0 {
				return errMalformed
			}
			if number == form.list {
				d.winners = append(d.winners, int64(value))
			} else {
				v.varint[number] = value
			}
		case kind == protowire.BytesType && (number == metaField || number == form.list || number == form.dice || form.texts&bit != 0):
			var inner []byte
			if inner, n = protowire.ConsumeBytes(b); n < 0 {
				return errMalformed
			}
			if err := d.readInner(number, inner, form, v); err != nil {
				return err
			}
		default:
			if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
				return errMalformed
			}
		}
		b = b[n:]
	}
	return nil
}

// readInner takes a field that has a length apart.
func (d *Decoder) readInner(number protowire.Number, b []byte, form layout, v *values) error {
	switch number {
	case metaField:
		return readVarints(b, metaLayout, &v.meta)
	case form.dice:
		var entry [6]uint64
		err := readVarints(b, layout{varints: 1<<1 | 1<<2}, &entry)
		d.dice = append(d.dice, Die{User: int64(entry[1]), Points: int32(entry[2])})
		return err
	case form.list:
		for len(b) > 0 {
			value, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return errMalformed
			}
			d.winners = append(d.winners, int64(value))
			b = b[n:]
		}
		return nil
	}
	if !utf8.Valid(b) {
		return errMalformed
	}
	if number == form.text {
		v.text = b
	}
	return nil
}

// readVarints takes a message apart of which only numbers count, and the length of its text.
func readVarints(b []byte, form layout, into *[6]uint64) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 || number > protowire.MaxValidNumber {
			return errMalformed
		}
		b = b[n:]
		if kind == protowire.VarintType && number < 16 && form.varints&(1<<number) != 0 {
			into[number], n = protowire.ConsumeVarint(b)
		} else if kind == protowire.BytesType && number == form.text && number != 0 {
			var text []byte
			if text, n = protowire.ConsumeBytes(b); n >= 0 && !utf8.Valid(text) {
				return errMalformed
			}
			into[number] = uint64(len(text))
		} else {
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return errMalformed
		}
		b = b[n:]
	}
	return nil
}

// sort puts dice and winners into order. Of two dice of one user, the later one counts.
func (d *Decoder) sort() {
	slices.Sort(d.winners)
	byUser := func(a, b Die) int { return cmp.Compare(a.User, b.User) }
	if !slices.IsSortedFunc(d.dice, byUser) {
		slices.SortStableFunc(d.dice, byUser)
	}
	kept := d.dice[:0]
	for i, die := range d.dice {
		if i+1 == len(d.dice) || d.dice[i+1].User != die.User {
			kept = append(kept, die)
		}
	}
	d.dice = kept
}

package client

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"google.golang.org/protobuf/proto"

	"croupier/servers/wire"
)

// tape is a link that plays messages back and answers nothing.
type tape struct{ rest []byte }

func (t *tape) receive() (wire.Command, []byte, error) {
	if len(t.rest) == 0 {
		return 0, nil, io.EOF
	}
	n := min(int(t.rest[0]), len(t.rest)-1)
	frame := t.rest[1 : 1+n]
	t.rest = t.rest[1+n:]
	op, payload, err := wire.Split(frame)
	if err != nil {
		return 0, nil, errors.Join(ErrMalformed, err)
	}
	return op, payload, nil
}

func (t *tape) send([]byte) error           { return nil }
func (t *tape) probe(context.Context) error { return nil }
func (t *tape) close(context.Context)       {}

// FuzzServe lets a server say anything to a client that is on its way back to a seat and waits
// for replies: it must not panic, hang, or fail without a reason.
func FuzzServe(f *testing.F) {
	record := func(op wire.Command, m proto.Message) []byte {
		frame, err := wire.Append(nil, op, m)
		if err != nil {
			f.Fatal(err)
		}
		return append([]byte{byte(len(frame))}, frame...)
	}
	me := record(wire.Command_SIT_DOWN, &wire.User{Id: 7, Seat: 1, Online: true, Meta: &wire.Meta{Request: 1}})
	f.Add(me)
	f.Add(append(me, record(wire.Command_DICE_SCENE, &wire.DiceScene{InRound: true, Dice: map[int64]int32{7: 0}})...))
	f.Add(record(wire.Command_ERROR, &wire.Error{Code: wire.Code_FAIL, Desc: "no"}))
	f.Add(record(wire.Command_DISCONNECT, &wire.Int32{Value: 1}))
	f.Add(record(wire.Command_PRINT, &wire.Int32{Value: 1}))
	f.Add(binary.BigEndian.AppendUint32([]byte{4}, 1<<31))
	f.Fuzz(func(t *testing.T, said []byte) {
		c := newClient(Gate("ws://x", nil), Options{KeepAlive: -1, EventBuffer: 4096})
		defer c.stop()
		c.user, c.place = 7, &Place{Game: "dice", Room: 1, Seat: 1}
		waiting := make([]*call, 0, 3)
		for _, op := range []wire.Command{wire.Command_PRINT, wire.Command_STAND_UP, wire.Command_DICE_SHAKE} {
			waiting = append(waiting, c.newCall(op))
		}
		if err := c.serve(&tape{rest: said}, true); err == nil {
			t.Error("the link ended without a reason")
		}
		for _, one := range waiting {
			<-one.done
			if one.err == nil && one.reply == nil {
				t.Error("a request ended with neither a reply nor a reason")
			}
		}
	})
}

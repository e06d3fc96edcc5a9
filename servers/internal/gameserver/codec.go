package gameserver

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/room"
	"croupier/servers/wire"
)

// encoder puts what the room core says into the published format.
type encoder struct {
	details bool // send details of errors
}

func (encoder) User(id int64, seat int, online bool) room.Message {
	return encode(wire.Command_SIT_DOWN, &wire.User{Id: id, Seat: int32(seat), Online: online})
}

func (encoder) Stood(id int64) room.Message {
	return encode(wire.Command_STAND_UP, &wire.Int64{Value: id})
}

func (encoder) Online(id int64, online bool) room.Message {
	if !online {
		id = -id
	}
	return encode(wire.Command_ONLINE, &wire.Int64{Value: id})
}

// Printed is on the path of the published benchmark, and proto.Marshal was a third of it.
func (encoder) Printed(state string) room.Message {
	body := make([]byte, 0, 1+protowire.SizeBytes(len(state)))
	body = protowire.AppendTag(body, 1, protowire.BytesType) // wire.String
	return room.Message{Op: uint32(wire.Command_PRINT), Body: protowire.AppendString(body, state)}
}

func (e encoder) Refused(r *room.Refusal) room.Message {
	m := &wire.Error{Code: wire.Code(r.Code), Desc: r.Reason}
	if e.details {
		m.Detail = r.Detail
	}
	return encode(wire.Command_ERROR, m)
}

func (encoder) Disconnected(why room.Reason) room.Message {
	reason := wire.DisconnectReason_RETRY
	switch why {
	case room.Disbanded:
		reason = wire.DisconnectReason_DISBANDED
	case room.Replaced:
		reason = wire.DisconnectReason_REPLACED
	}
	return encode(wire.Command_DISCONNECT, &wire.Int32{Value: int32(reason)})
}

func (encoder) Closing(text string) room.Message { return notice(wire.Notice_CLOSING, text) }

func (encoder) Moving(text string) room.Message { return notice(wire.Notice_MOVING, text) }

func (encoder) Waiting(text string) room.Message { return notice(wire.Notice_WAITING, text) }

func notice(kind wire.Notice_Kind, text string) room.Message {
	return encode(wire.Command_NOTICE, &wire.Notice{Kind: kind, Text: text})
}

func encode(op wire.Command, m proto.Message) room.Message {
	return room.Message{Op: uint32(op), Body: wire.MustMarshal(m)}
}

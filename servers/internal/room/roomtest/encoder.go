package roomtest

import (
	"encoding/json"
	"fmt"

	"croupier/servers/internal/room"
)

// The opcodes of what the core says, the published ones.
const (
	OpRefused      uint32 = 1
	OpDisconnected uint32 = 2
	OpUser         uint32 = 3
	OpStood        uint32 = 4
	OpOnline       uint32 = 5
	OpPrinted      uint32 = 6
	OpClosing      uint32 = 7
	OpMoving       uint32 = 8
	OpWaiting      uint32 = 9
)

// Encoder is a room.Encoder for tests: JSON that a Session reads back.
type Encoder struct{}

// said is the body of every message of the core.
type said struct {
	User   int64       `json:",omitempty"`
	Seat   int         `json:",omitempty"`
	Online bool        `json:",omitempty"`
	Code   int32       `json:",omitempty"`
	Text   string      `json:",omitempty"`
	Why    room.Reason `json:",omitempty"`
}

func (Encoder) User(id int64, seat int, online bool) room.Message {
	return say(OpUser, said{User: id, Seat: seat, Online: online})
}

func (Encoder) Stood(id int64) room.Message { return say(OpStood, said{User: id}) }

func (Encoder) Online(id int64, online bool) room.Message {
	return say(OpOnline, said{User: id, Online: online})
}

func (Encoder) Printed(state string) room.Message { return say(OpPrinted, said{Text: state}) }

func (Encoder) Refused(r *room.Refusal) room.Message {
	return say(OpRefused, said{Code: r.Code, Text: r.Reason})
}

func (Encoder) Disconnected(why room.Reason) room.Message {
	return say(OpDisconnected, said{Why: why})
}

func (Encoder) Closing(text string) room.Message { return say(OpClosing, said{Text: text}) }

func (Encoder) Moving(text string) room.Message { return say(OpMoving, said{Text: text}) }

func (Encoder) Waiting(text string) room.Message { return say(OpWaiting, said{Text: text}) }

func say(op uint32, s said) room.Message {
	body, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("roomtest: encode %+v: %v", s, err))
	}
	return room.Message{Op: op, Body: body}
}

// hear reads what the core said; ok is false for a message of the game.
func hear(m room.Message) (s said, ok bool) {
	if m.Op < OpRefused || m.Op > OpWaiting {
		return said{}, false
	}
	return s, json.Unmarshal(m.Body, &s) == nil
}

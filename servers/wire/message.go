package wire

import (
	"fmt"

	"google.golang.org/protobuf/proto"
)

// WithMeta is what every message of this package is: a protobuf message that carries a Meta.
type WithMeta interface {
	proto.Message
	GetMeta() *Meta
}

// Decode decodes what a server sends under an opcode. An opcode unknown to this version of the
// package is not an error: the message is then an *Empty that keeps the unknown fields.
func Decode(op Command, payload []byte) (WithMeta, error) {
	message := blank(op)
	if err := proto.Unmarshal(payload, message); err != nil {
		return nil, fmt.Errorf("decode %v of %d bytes: %w", op, len(payload), err)
	}
	return message, nil
}

// blank returns an empty message of the type that a server sends under op.
func blank(op Command) WithMeta {
	switch op {
	case Command_ERROR:
		return new(Error)
	case Command_DISCONNECT:
		return new(Int32)
	case Command_SIT_DOWN:
		return new(User)
	case Command_STAND_UP, Command_ONLINE, Command_PING:
		return new(Int64)
	case Command_PRINT:
		return new(String)
	case Command_NOTICE:
		return new(Notice)
	case Command_DICE_SCENE:
		return new(DiceScene)
	case Command_DICE_START:
		return new(DiceStart)
	case Command_DICE_SHAKE:
		return new(DiceShake)
	case Command_DICE_SETTLEMENT:
		return new(DiceSettlement)
	case Command_COIN_SCENE:
		return new(CoinScene)
	case Command_COIN_CALL:
		return new(CoinCall)
	case Command_COIN_RESULT:
		return new(CoinResult)
	}
	return new(Empty)
}

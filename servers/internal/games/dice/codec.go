package dice

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/room"
	"croupier/servers/wire"
)

const (
	opShake           = uint32(wire.Command_DICE_SHAKE)
	codeAlreadyShaken = int32(wire.Code_ALREADY_SHAKEN)
)

func decodeShake(body []byte) (preset int32, err error) {
	var m wire.Int32
	if err := proto.Unmarshal(body, &m); err != nil {
		return 0, fmt.Errorf("shake: %w", err)
	}
	return m.GetValue(), nil
}

// encodeScene shows the dice as viewer may see them.
func encodeScene(inRound bool, left time.Duration, rolls Rolls, viewer int64, round uint64, seats int) room.Message {
	dice := make(map[int64]int32, len(rolls))
	for _, roll := range rolls {
		if inRound && roll.User != viewer {
			dice[roll.User] = 0
		} else {
			dice[roll.User] = roll.Points
		}
	}
	return encode(wire.Command_DICE_SCENE, &wire.DiceScene{InRound: inRound, LeftMs: left.Milliseconds(), Dice: dice, Round: round, Seats: int32(seats)})
}

func encodeStart(length time.Duration, round uint64) room.Message {
	return encode(wire.Command_DICE_START, &wire.DiceStart{LengthMs: length.Milliseconds(), Round: round})
}

func encodeShake(user int64, points int32, round uint64) room.Message {
	return encode(wire.Command_DICE_SHAKE, &wire.DiceShake{User: user, Points: points, Round: round})
}

func encodeSettlement(idle time.Duration, rolls Rolls, round uint64) room.Message {
	dice := make(map[int64]int32, len(rolls))
	for _, roll := range rolls {
		dice[roll.User] = roll.Points
	}
	return encode(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{IdleMs: idle.Milliseconds(), Winners: rolls.Winners(), Dice: dice, Round: round})
}

func encode(op wire.Command, m proto.Message) room.Message {
	return room.Message{Op: uint32(op), Body: wire.MustMarshal(m)}
}

package dice

import (
	"math/rand/v2"
	"testing"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
	"croupier/servers/wire"
)

func TestConform(t *testing.T) {
	roomtest.Conform(t, roomtest.Game{
		New:     func() room.Game { return New(Config{Preset: true}) },
		Seats:   4,
		Act:     func(rng *rand.Rand) room.Message { return shake(rng.Int32N(Faces + 2)) },
		Secrets: [2]room.Message{shake(2), shake(5)},
	})
}

// shake is a player's roll; points 0: as the dice fall.
func shake(points int32) room.Message {
	return encode(wire.Command_DICE_SHAKE, &wire.Int32{Value: points})
}

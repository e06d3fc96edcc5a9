package coin

import (
	"math/rand/v2"
	"testing"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
	"croupier/servers/wire"
)

func TestConform(t *testing.T) {
	roomtest.Conform(t, roomtest.Game{
		New:     func() room.Game { return New() },
		Seats:   Seats,
		Act:     func(rng *rand.Rand) room.Message { return call(wire.CoinFace(rng.IntN(4))) },
		Secrets: [2]room.Message{call(wire.CoinFace_HEADS), call(wire.CoinFace_TAILS)},
	})
}

func call(face wire.CoinFace) room.Message {
	return encode(wire.Command_COIN_CALL, &wire.Int32{Value: int32(face)})
}

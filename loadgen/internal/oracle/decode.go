package oracle

import (
	"cmp"
	"slices"
	"time"

	"croupier/servers/wire"
)

// Decode makes an Event of what a server said. The caller adds who was told, and when. What does
// not come from a room has Epoch 0.
func Decode(op wire.Command, body wire.WithMeta) Event {
	meta := body.GetMeta()
	e := Event{
		Kind: Other, Epoch: meta.GetEpoch(), Seq: meta.GetSeq(),
		Request: meta.GetRequest(), Way: meta.GetServer() != "", Room: meta.GetRoom(),
	}
	switch m := body.(type) {
	case *wire.User:
		e.Kind, e.User, e.Seat, e.Online = Present, m.GetId(), m.GetSeat(), m.GetOnline()
	case *wire.Int64:
		e.User = m.GetValue()
		switch op {
		case wire.Command_STAND_UP:
			e.Kind = Stood
		case wire.Command_ONLINE:
			e.Kind, e.Online = Online, e.User > 0
			e.User = max(e.User, -e.User)
		default:
			e.Kind, e.User, e.Text = Told, 0, "ping"
		}
	case *wire.DiceStart:
		e.Kind, e.Round, e.Length = Started, m.GetRound(), time.Duration(m.GetLengthMs())*time.Millisecond
	case *wire.DiceShake:
		e.Kind, e.User, e.Round, e.Points = Shaken, m.GetUser(), m.GetRound(), m.GetPoints()
	case *wire.DiceSettlement:
		e.Kind, e.Round, e.Dice = Settled, m.GetRound(), sorted(m.GetDice())
		e.Winners = slices.Sorted(slices.Values(m.GetWinners()))
		e.Length = time.Duration(m.GetIdleMs()) * time.Millisecond
	case *wire.DiceScene:
		e.Kind, e.Round, e.InRound, e.Dice, e.Seat = Scene, m.GetRound(), m.GetInRound(), sorted(m.GetDice()), m.GetSeats()
		e.Length = time.Duration(m.GetLeftMs()) * time.Millisecond
	case *wire.Error:
		e.Kind, e.Code, e.Text = Told, m.GetCode(), "error: "+m.GetDesc()
	case *wire.Notice:
		e.Kind, e.Text = notice(m.GetKind()), "notice: "+m.GetText()
	case *wire.String:
		e.Kind, e.Text = Told, "print"
	case *wire.Int32:
		e.Kind, e.Reason = Ended, reason(wire.DisconnectReason(m.GetValue()))
	default:
		e.Text = op.String()
	}
	return e
}

// notice is what a notice is to a bot.
func notice(k wire.Notice_Kind) Kind {
	if k == wire.Notice_WAITING {
		return Waiting
	}
	return Told
}

func reason(r wire.DisconnectReason) Reason {
	switch r {
	case wire.DisconnectReason_DISBANDED:
		return Disbanded
	case wire.DisconnectReason_REPLACED:
		return Replaced
	}
	return Retry
}

func sorted(dice map[int64]int32) []Die {
	list := make([]Die, 0, len(dice))
	for user, points := range dice {
		list = append(list, Die{user, points})
	}
	slices.SortFunc(list, func(a, b Die) int { return cmp.Compare(a.User, b.User) })
	return list
}

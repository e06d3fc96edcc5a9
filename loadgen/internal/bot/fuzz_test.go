package bot

import (
	"testing"
	"time"

	"croupier/loadgen/internal/link"
	"croupier/loadgen/scenario"
	"croupier/servers/wire"
)

// Whatever is said and happens, a bot keeps its promises and comes to its end.
func FuzzBot(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09"), uint64(1))
	f.Add([]byte("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x01\x02\x03\x0a\x0b\x05\x01\x02\x0a\x02"), uint64(2))
	f.Add([]byte("\x01\x02\x0c\x08\x01\x02\x0d\x05\x03\x00\x01\x02\x09"), uint64(3))
	f.Fuzz(func(t *testing.T, script []byte, seed uint64) {
		if len(script) > 200 {
			return
		}
		models := []scenario.Model{scenario.Jitter, scenario.Fixed, scenario.Storm, scenario.Never}
		style := Style{
			Think: 100 * time.Millisecond, Leave: 0.3, Rest: time.Second, Hop: 0.5, Idle: 0.1,
			Flap: 10, Reconnect: models[seed%4], Backoff: 500 * time.Millisecond,
		}
		if seed&8 != 0 {
			style.Stay = 20 * time.Second
		}
		inWorld(t, style, func(w *world) { w.live(script) })
	})
}

// live lets the bot live through what a script says.
func (w *world) live(script []byte) {
	connected := func() bool { return w.link != nil && !w.link.over }
	w.bot.Start(w.Now())
	for i, b := range script {
		rest := script[i+1:]
		switch b % 16 {
		case 0:
			w.pass(time.Duration(b) * 50 * time.Millisecond)
		case 1:
			if w.handler != nil {
				w.up()
			}
		case 2:
			if connected() {
				w.seat(int32(b>>4) - 1)
			}
		case 3:
			if connected() || w.handler != nil {
				w.down(errBroke)
			}
		case 4:
			if connected() {
				w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: int64(b) * 10, Round: uint64(i)})
			}
		case 5:
			if connected() {
				w.tell(wire.Command_STAND_UP, &wire.Int64{Value: 42})
			}
		case 6:
			if connected() {
				w.tell(wire.Command_DISCONNECT, &wire.Int32{Value: int32(b >> 4)})
			}
		case 7:
			if connected() && len(rest) > 1 { // anything
				w.bot.Told(wire.Command(rest[0]), rest[1:], time.Now())
			}
		case 8:
			if connected() {
				w.tell(wire.Command_ERROR, &wire.Error{Code: wire.Code(100 + b>>4)})
			}
		case 9:
			w.bot.Break()
		case 10:
			if connected() {
				w.tell(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 42, Points: 1})
			}
		case 11:
			if connected() {
				w.tell(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{IdleMs: int64(b)})
			}
		case 12:
			w.bot.Stop()
		case 13:
			if connected() {
				w.say(wire.Command_DISCONNECT, &wire.Int32{Value: int32(b >> 4)})
			}
		case 14:
			w.bot.State()
		case 15:
			if connected() {
				w.link.fails = true
			}
		}
	}
	w.bot.Stop()
	began := w.Now()
	for w.state != Gone && w.Now()-began < 2*time.Minute {
		switch {
		case connected() && (w.link.cut || w.link.closed || w.link.fails):
			w.down(errBroke)
		case w.handler != nil && w.Now()-w.opened[len(w.opened)-1] >= 5*time.Second:
			w.down(link.ErrSilent)
		default:
			w.pass(100 * time.Millisecond)
		}
	}
	if w.state != Gone {
		w.t.Errorf("the bot does not go: it is %v", w.state)
	}
	if len(w.alarms) > 0 {
		w.t.Error("an alarm is set when the bot is gone")
	}
	w.pass(time.Hour)
}

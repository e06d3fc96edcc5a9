package bot

import (
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/oracle"
	"croupier/servers/client"
	"croupier/servers/wire"
)

// Open arrivals go for good, and get up first.
func TestStay(t *testing.T) {
	style := player()
	style.Stay = 5 * time.Second
	inWorld(t, style, func(w *world) {
		w.seated()
		w.until(wire.Command_STAND_UP)
		w.tell(wire.Command_STAND_UP, &wire.Int64{Value: 42})
		w.down(&client.CloseError{Code: wire.CloseNormal})
		w.is(Gone)
		if len(w.troubles) > 0 || len(w.saw(oracle.Lost)) > 0 {
			t.Errorf("troubles %v", w.troubles)
		}
	})
}

// states are ways into everything that a bot can be in the midst of.
var states = map[string]func(*world){
	"dialing": func(w *world) { w.bot.Start(w.Now()) },
	"pausing": func(w *world) { w.bot.Start(w.Now()); w.down(errBroke) },
	"connecting": func(w *world) {
		w.bot.Start(w.Now())
		w.up()
	},
	"refused": func(w *world) {
		w.bot.Start(w.Now())
		w.up()
		w.tell(wire.Command_ERROR, &wire.Error{Code: wire.Code_FAIL})
	},
	"seated": (*world).seated,
	"rolling": func(w *world) {
		w.seated()
		w.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1000})
		w.pass(0)
	},
	"watching": func(w *world) { w.bot.Start(w.Now()); w.up(); w.seat(-1) },
	"out":      func(w *world) { w.seated(); w.tell(wire.Command_STAND_UP, &wire.Int64{Value: 42}) },
	"out without a connection": func(w *world) {
		w.seated()
		w.tell(wire.Command_STAND_UP, &wire.Int64{Value: 42})
		w.down(errBroke)
	},
	"cut":           func(w *world) { w.seated(); w.bot.Break() },
	"away":          func(w *world) { w.seated(); w.bot.Break(); w.down(errBroke) },
	"away, dialing": func(w *world) { w.seated(); w.bot.Break(); w.down(errBroke); w.pass(time.Second) },
	"away, asking":  func(w *world) { w.seated(); w.bot.Break(); w.down(errBroke); w.pass(time.Second); w.up() },
	"lost":          func(w *world) { w.seated(); w.down(errBroke) },
	"lost, dialing": func(w *world) { w.seated(); w.down(errBroke); w.pass(time.Second) },
	"lost, asking":  func(w *world) { w.seated(); w.down(errBroke); w.pass(time.Second); w.up() },
	"told to come again": func(w *world) {
		w.seated()
		w.tell(wire.Command_DISCONNECT, &wire.Int32{})
	},
	"disbanded": func(w *world) {
		w.seated()
		w.tell(wire.Command_DISCONNECT, &wire.Int32{Value: int32(wire.DisconnectReason_DISBANDED)})
	},
}

// A good server lets everybody go, from wherever they are, without a complaint.
func TestStopInEveryState(t *testing.T) {
	for name, into := range states {
		t.Run(name, func(t *testing.T) {
			inWorld(t, player(), func(w *world) {
				into(w)
				troubles := len(w.troubles)
				byServer := strings.HasPrefix(name, "lost") || name == "told to come again"
				w.bot.Stop()
				w.bot.Stop()
				answered := 0
				for range 10 {
					switch {
					case w.state == Gone:
					case w.handler != nil:
						w.up()
						answered = 0
					case w.link != nil && !w.link.over && (w.link.cut || w.link.closed):
						w.down(&client.CloseError{Code: wire.CloseNormal})
					case w.link != nil && !w.link.over && len(w.link.sent) > answered:
						answered = len(w.link.sent)
						switch w.last() {
						case wire.Command_STAND_UP:
							w.tell(wire.Command_STAND_UP, &wire.Int64{Value: 42})
						case wire.Command_SIT_DOWN:
							w.seat(2)
						}
					default:
						w.pass(time.Second)
					}
				}
				w.is(Gone)
				if byServer && (len(w.backs) != 1 || w.last() != wire.Command_STAND_UP) {
					t.Error("the bot did not find out what became of its table")
				}
				if name == "told to come again" {
					troubles++ // that it was
				}
				if len(w.troubles) != troubles {
					t.Errorf("its own goodbye is trouble: %v", w.troubles)
				}
				w.pass(time.Hour)
				if len(w.alarms) > 0 || w.state != Gone {
					t.Error("it is not over")
				}
			})
		})
	}
}

// A server that answers nothing lets nobody go, and they go nevertheless.
func TestStopOnADeadServer(t *testing.T) {
	for name, into := range states {
		t.Run(name, func(t *testing.T) {
			inWorld(t, player(), func(w *world) {
				into(w)
				began := w.Now()
				w.bot.Stop()
				for w.state != Gone && w.Now()-began < time.Minute {
					switch {
					case w.link != nil && !w.link.over && (w.link.cut || w.link.closed):
						w.down(errBroke)
					case w.handler != nil && w.Now()-w.opened[len(w.opened)-1] >= 5*time.Second:
						w.down(link.ErrSilent)
					default:
						w.pass(100 * time.Millisecond)
					}
				}
				w.is(Gone)
				if took := w.Now() - began; took > 16*time.Second { // patience, and an attempt that had just begun
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestKillInEveryState(t *testing.T) {
	for name, into := range states {
		for _, first := range []string{"kill", "down"} { // is heard of
			t.Run(name+", "+first+" first", func(t *testing.T) {
				inWorld(t, player(), func(w *world) {
					into(w)
					troubles := len(w.troubles)
					connected := w.handler != nil || w.link != nil && !w.link.over
					if first == "down" && connected {
						w.down(link.ErrEnded)
					}
					w.bot.Kill()
					if first == "kill" && connected {
						w.down(link.ErrEnded)
					}
					w.is(Gone)
					if name == "told to come again" && first == "down" {
						troubles++ // that it was
					}
					if len(w.troubles) != troubles {
						t.Errorf("the end of the run is trouble: %v", w.troubles)
					}
					for _, e := range w.saw(oracle.Lost)[min(len(w.saw(oracle.Lost)), troubles):] {
						if !e.Own && name != "told to come again" {
							t.Errorf("the end of the run is the server's doing: %v", e)
						}
					}
				})
			})
		}
	}
}

// A stop before the start, or after the end, does nothing.
func TestStopWhenGone(t *testing.T) {
	inWorld(t, player(), func(w *world) {
		w.bot.Stop()
		w.bot.Break()
		if len(w.moves) > 0 {
			t.Error("it moved")
		}
	})
}

package load

import (
	"testing"
	"time"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/oracle"
	"croupier/servers/wire"
)

// A server that stands still for a second now and then loses nothing, and is found out by the clock.
func TestAServerThatStallsIsCaught(t *testing.T) {
	s := house(t)
	m := &mutant{gate: s.Gate, tamper: nowAndThen(wire.Command_DICE_SETTLEMENT, func(f frame) []frame {
		time.Sleep(time.Second) // nobody is told anything meanwhile
		return []frame{f}
	})}
	address := m.start(t)
	sc := lively(4)
	sc.Flap, sc.Leave, sc.Late = 0, 0, 750*time.Millisecond
	caught := oracle.Clock.String()
	r := play(t, Config{Target: through(s, address), Scenario: sc}, func(s live.Snapshot) bool {
		return s.Run.Rules[caught].Violated > 0 || s.At > 50*time.Second
	})
	if r.Rules[caught].Violated == 0 {
		show(t, r)
		t.Error("not caught")
	}
	for rule, tally := range r.Rules {
		if rule != caught && tally.Violated > 0 {
			show(t, r)
			t.Errorf("%s is broken, too", rule)
		}
	}
}

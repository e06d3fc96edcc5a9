//go:build long

package load

import (
	"testing"
	"time"

	"croupier/loadgen/internal/live"
	"croupier/servers/stack"
)

// A million times a bot plays a round of correct servers, with connections that break and players who leave,
// and nothing is held against the servers. It takes some minutes, whatever the machine has left.
func TestAMillionBotRounds(t *testing.T) {
	const botRounds = 1_000_000 // bots that rolled, each in its round
	s, err := stack.Start(stack.Config{Round: 400 * time.Millisecond, Idle: 20 * time.Millisecond, Games: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sc := lively(400)
	sc.For, sc.Ramp, sc.Flap, sc.Leave = 30*time.Minute, 2*time.Second, 6, 0.02
	sc.Late, sc.Patience = 5*time.Second, time.Minute // a machine that others use, too
	told := 0
	r := play(t, Config{Target: through(s, s.Gate), Scenario: sc}, func(s live.Snapshot) bool {
		if minutes := int(s.At.Minutes()); minutes > told {
			told = minutes
			t.Logf("%v: %d rounds settled, %d checks", s.At.Round(time.Second), s.Run.Counts.Settlements, s.Run.Series[len(s.Run.Series)-1].Checked)
		}
		return s.Run.Counts.Rolls >= botRounds || violated(s.Run) > 0
	})
	t.Logf("%d rolls in %d rounds in %.0f s: %d connections broken, %d returns", r.Counts.Rolls, r.Counts.Settlements, r.Seconds, r.Counts.Broken, r.Counts.Returns)
	if violated(r) > 0 || r.Counts.Rolls < botRounds {
		show(t, r)
		t.Errorf("%d violations in %d rolls", violated(r), r.Counts.Rolls)
	}
}

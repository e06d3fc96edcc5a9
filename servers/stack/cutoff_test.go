package stack

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	bots "croupier/loadgen/play"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

// A game server is cut off from NATS for good, while it lives and its gates reach it. Others take its rooms, and the gates hear of it:
// its players are led there, and play on. The server itself can tell nobody.
func TestCutOffFromNATS(t *testing.T) {
	t.Parallel()
	s, err := Start(Config{
		Games: 2, Gates: 2, Round: 2 * time.Second, Idle: 200 * time.Millisecond, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ended := make(chan *result.Run, 1)
	play := scenario.Default()
	play.Bots, play.For, play.Seed = 24, 12*time.Second, 7
	play.Ramp, play.Think, play.Backoff = 200*time.Millisecond, 300*time.Millisecond, time.Second
	go func() {
		run, err := bots.Run(bots.Stages{Stop: t.Context(), Kill: t.Context()}, bots.Config{
			Scenario: play, Gate: strings.Join(s.Gates, ","), Token: s.Token, View: bots.ViewNone,
		}, bots.Streams{In: strings.NewReader(""), Out: t.Output(), Err: t.Output()})
		if err != nil {
			t.Error(err)
		}
		ended <- run
	}()
	i := busiest(t, s)
	s.games[i].current().server.(wired).conn.Close()
	run := <-ended
	s.Kill(i) // a drain would wait for NATS
	if run == nil {
		t.FailNow()
	}
	if run.Counts.Recovered == 0 {
		t.Errorf("no room went on elsewhere with its players: %s %q", run.Verdict, run.Reasons)
	}
	for _, v := range run.Violations {
		if v.Rule != "clock" && v.Rule != "back" {
			t.Errorf("%s in room %d: %s\n%s", v.Rule, v.Room, v.Text, strings.Join(v.Proof, "\n"))
		}
	}
}

package stack

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	bots "croupier/loadgen/play"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
	"croupier/servers/internal/gameserver"
)

// A game server is cut off from NATS for good, while it lives and its gates reach it. Another one takes its rooms, and the gates hear of
// it: its players are led there, and play on. The server itself can tell nobody.
func TestCutOffFromNATS(t *testing.T) {
	t.Parallel()
	s, err := Start(Config{
		Games: 2, Gates: 2, Round: 2 * time.Second, Idle: 200 * time.Millisecond, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	play := scenario.Default()
	play.Bots, play.For, play.Seed = 24, 2*patience, 7
	play.Ramp, play.Think, play.Backoff = 200*time.Millisecond, 300*time.Millisecond, time.Second
	seen, enough := context.WithCancel(t.Context())
	ended := make(chan *result.Run, 1)
	go func() {
		run, err := bots.Run(bots.Stages{Stop: seen, Kill: t.Context()}, bots.Config{
			Scenario: play, Gate: strings.Join(s.Gates, ","), Token: s.Token, View: bots.ViewNone,
		}, bots.Streams{In: strings.NewReader(""), Out: t.Output(), Err: t.Output()})
		if err != nil {
			t.Error(err)
		}
		ended <- run
	}()
	i := busiest(t, s)
	s.games[i].current().server.(wired).conn.Close()
	lost := list(t, s.games[i]) // it knows them for ever, and nothing happens in them any more
	for until := time.Now().Add(patience); !goOn(lost, list(t, s.games[1-i])); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Errorf("the players of %v do not play on at the other server: %v", lost, list(t, s.games[1-i]))
			break
		}
	}
	enough()
	run := <-ended
	s.Kill(i) // a drain would wait for NATS
	if run == nil {
		t.FailNow()
	}
	for _, v := range run.Violations {
		if v.Rule != "clock" && v.Rule != "back" { // how quick all is, is not for a test that runs beside others
			t.Errorf("%s in room %d: %s\n%s", v.Rule, v.Room, v.Text, strings.Join(v.Proof, "\n"))
		}
	}
}

// goOn says whether something has happened in each of the rooms since they were lost.
func goOn(lost, now []gameserver.Room) bool {
	return !slices.ContainsFunc(lost, func(before gameserver.Room) bool {
		return !slices.ContainsFunc(now, func(r gameserver.Room) bool { return r.ID == before.ID && r.Seq > before.Seq+20 })
	})
}

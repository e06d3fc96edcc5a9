package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bots "croupier/loadgen/play"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
	"croupier/servers/internal/gameserver"
)

// steps are those of a room's move, in order.
var steps = []gameserver.Step{
	gameserver.StepFreeze, gameserver.StepOffer, gameserver.StepRestore, gameserver.StepClaim, gameserver.StepRun, gameserver.StepRelease,
}

// crash is one way in which a move can fail: who dies at which step of which move.
type crash struct {
	step   gameserver.Step
	victim string // source, target, gate
	nth    int64  // of the moves, from 1
	seed   uint64
}

func (c crash) String() string { return fmt.Sprintf("%s dies at %s", c.victim, c.step) }

// Whoever dies at whatever step of a move: no round is lost, and no seat. The seed decides which
// move it is and what the players do.
func TestCrashAtEachStepOfAMove(t *testing.T) {
	const seed = 4
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, step := range steps {
		var crashes []crash
		for _, victim := range []string{"source", "target", "gate"} {
			crashes = append(crashes, crash{step: step, victim: victim, nth: 1 + rng.Int64N(2), seed: rng.Uint64()})
		}
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			var all sync.WaitGroup
			for _, c := range crashes {
				all.Go(func() { c.run(t) })
			}
			all.Wait()
		})
	}
}

// run drains the first game server under play, and kills somebody at the step.
func (c crash) run(t *testing.T) {
	var s *Stack
	ready := make(chan struct{}) // closed when s is set
	struck := make(chan *slot, 1)
	var moves atomic.Int64
	s, err := Start(Config{
		Games: 3, Gates: 2, Round: 2 * time.Second, Idle: 200 * time.Millisecond, MoveAfter: 200 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)).With("crash", c),
		trace: func(server string, step gameserver.Step, _ string, _ int64) {
			if <-ready; step == c.step && moves.Add(1) == c.nth {
				at := c.slot(s, server)
				at.current().strike()
				struck <- at
			}
		},
	})
	if err != nil {
		t.Error(err)
		return
	}
	close(ready)
	defer s.Close()
	ended := make(chan *result.Run, 1)
	go func() {
		run, err := bots.Run(bots.Stages{Stop: t.Context(), Kill: t.Context()}, bots.Config{
			Scenario: c.scenario(), Gate: strings.Join(s.Gates, ","), Token: s.Token, View: bots.ViewNone,
		}, bots.Streams{In: strings.NewReader(""), Out: t.Output(), Err: t.Output()})
		if err != nil {
			t.Errorf("%v: %v", c, err)
		}
		ended <- run
	}()
	waitForPlay(t, s)
	drained := make(chan error, 1)
	go func() { drained <- s.Restart(t.Context(), 0, Change{Version: "v2"}) }()
	select {
	case at := <-struck:
		if at != s.games[0] { // else its restart is under way
			err = s.replace(t.Context(), at, Change{Version: "v2"})
		}
	case <-time.After(patience):
		t.Errorf("%v: no move has come to that step: %d have", c, moves.Load())
	}
	if err := errors.Join(err, <-drained); err != nil {
		t.Errorf("%v: %v", c, err)
	}
	if run := <-ended; run != nil && (run.Verdict == result.Fail || run.Counts.Settlements == 0) {
		t.Errorf("%v: verdict %s after %d settlements: %q", c, run.Verdict, run.Counts.Settlements, run.Reasons)
		for _, v := range run.Violations {
			t.Logf("%v: %s in room %d: %s\n%s", c, v.Rule, v.Room, v.Text, strings.Join(v.Proof, "\n"))
		}
	}
}

// slot is who dies where a server has come to the step.
func (c crash) slot(s *Stack, server string) *slot {
	switch source := server == s.games[0].name; {
	case c.victim == "gate":
		return s.gates[0]
	case c.victim == "source":
		return s.games[0]
	case source: // which server is asked is known at the target's steps only: this one may be it
		return s.games[1]
	}
	for _, at := range s.games {
		if at.name == server {
			return at
		}
	}
	return nil
}

// waitForPlay waits until the first game server has some rooms, and a round was settled in one.
func waitForPlay(t *testing.T, s *Stack) {
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		var listing gameserver.Listing
		answer, err := http.Get(s.GameOps + "/rooms")
		if err == nil {
			err = json.NewDecoder(answer.Body).Decode(&listing)
			answer.Body.Close()
		}
		if err != nil {
			t.Error(err)
			return
		}
		if len(listing.Rooms) >= 3 && strings.Contains(listing.Rooms[0].State, "settled") {
			return
		}
	}
	t.Error("the bots do not play")
}

// scenario is what the players do.
func (c crash) scenario() scenario.Scenario {
	s := scenario.Default()
	s.Name, s.Bots, s.For, s.Seed = c.String(), 60, 5*time.Second, c.seed
	s.Ramp, s.Think, s.Backoff = 200*time.Millisecond, 300*time.Millisecond, time.Second
	return s
}

package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
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
			for _, c := range crashes {
				c.run(t)
			}
		})
	}
}

// run drains a game server under play, and kills somebody at the step.
func (c crash) run(t *testing.T) {
	var s *Stack
	var source *slot // that drains
	struck := make(chan *slot, 1)
	var moves atomic.Int64
	s, err := Start(Config{
		Games: 3, Gates: 2, Round: 2 * time.Second, Idle: 200 * time.Millisecond, MoveAfter: 200 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)).With("crash", c),
		trace: func(server string, step gameserver.Step, _ string, _ int64) {
			if step == c.step && moves.Add(1) == c.nth {
				at := c.slot(s, source, server)
				at.current().strike()
				struck <- at
			}
		},
	})
	if err != nil {
		t.Error(err)
		return
	}
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
	i := busiest(t, s)
	source = s.games[i]
	drained := make(chan error, 1)
	go func() { drained <- s.Restart(t.Context(), i, Change{Version: "v2"}) }()
	select {
	case at := <-struck:
		if at != source { // else its restart is under way
			err = s.replace(t.Context(), at, Change{Version: "v2"})
		}
	case <-time.After(patience):
		t.Errorf("%v: no move has come to that step: %d have", c, moves.Load())
	}
	if err := errors.Join(err, <-drained); err != nil {
		t.Errorf("%v: %v", c, err)
	}
	run := <-ended
	if run == nil {
		return
	}
	if run.Counts.Settlements == 0 {
		t.Errorf("%v: no round was settled: %q", c, run.Reasons)
	}
	for _, v := range run.Violations {
		if v.Rule != "clock" && v.Rule != "back" { // how quick all is, is not for a test that runs beside others
			t.Errorf("%v: %s in room %d: %s\n%s", c, v.Rule, v.Room, v.Text, strings.Join(v.Proof, "\n"))
		}
	}
}

// slot is who dies where a server has come to the step.
func (c crash) slot(s *Stack, source *slot, server string) *slot {
	switch {
	case c.victim == "gate":
		return s.gates[0]
	case c.victim == "source":
		return source
	}
	for _, at := range s.games {
		// Which server is asked is known at the target's own steps only: at the source's, any other may
		// be it.
		if at != source && (at.name == server || server == source.name) {
			return at
		}
	}
	return nil
}

// busiest waits until a game server has some rooms, of which one is in the midst of play, and says
// which it is.
func busiest(t *testing.T, s *Stack) int {
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		for i, at := range s.games {
			rooms := list(t, at)
			if len(rooms) >= 2 && slices.ContainsFunc(rooms, func(r gameserver.Room) bool { return r.Seq > 8 }) {
				return i
			}
		}
	}
	t.Error("the bots do not play")
	return 0
}

// list asks a game server for its rooms.
func list(t *testing.T, at *slot) []gameserver.Room {
	var listing gameserver.Listing
	answer, err := http.Get("http://" + at.ops.String() + "/rooms")
	if err == nil {
		err = json.NewDecoder(answer.Body).Decode(&listing)
		answer.Body.Close()
	}
	if err != nil {
		t.Error(err)
	}
	return listing.Rooms
}

// scenario is what the players do.
func (c crash) scenario() scenario.Scenario {
	s := scenario.Default()
	s.Name, s.Bots, s.For, s.Seed = c.String(), 24, 4*time.Second, c.seed
	s.Ramp, s.Think, s.Backoff = 200*time.Millisecond, 300*time.Millisecond, time.Second
	return s
}

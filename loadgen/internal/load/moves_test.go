package load

import (
	"context"
	"testing"
	"time"

	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/result"
	"croupier/servers/stack"
)

// houses is a correct stack of several servers with short rounds.
func houses(t *testing.T) *stack.Stack {
	t.Helper()
	s, err := stack.Start(stack.Config{Games: 3, Gates: 2, Round: 2 * time.Second, Idle: 50 * time.Millisecond, MoveAfter: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Whatever becomes of the servers, the players see one game.
func TestServersComeAndGo(t *testing.T) {
	restart := func(ctx context.Context, s *stack.Stack, n int) error { return s.Restart(ctx, n%3, stack.Change{}) }
	crash := func(ctx context.Context, s *stack.Stack, n int) error {
		s.Kill(n % 3)
		return s.Restart(ctx, n%3, stack.Change{})
	}
	for name, c := range map[string]struct {
		strike  func(ctx context.Context, s *stack.Stack, n int) error
		through func(*stack.Stack) link.Target
		phase   measure.Phase // that must have been measured
	}{
		"game servers are replaced, through gates": {restart, gates, measure.Blackout},
		"game servers die, through gates":          {crash, gates, measure.Recovery},
		"gates die": {func(ctx context.Context, s *stack.Stack, n int) error {
			s.KillGate(n % 2)
			return s.RestartGate(ctx, n%2, stack.Change{})
		}, gates, measure.Recovery},
		"game servers are replaced, directly": {restart, directs, measure.Seat},
		"game servers die, directly":          {crash, directs, measure.Recovery},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := houses(t)
			sc := lively(80)
			sc.Flap, sc.Leave, sc.Bench, sc.Ping, sc.Think = 1, 0.02, 0.1, 50*time.Millisecond, 300*time.Millisecond
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			struck := make(chan error, 1)
			begun := make(chan struct{})
			go func() {
				<-begun
				for n := range 4 {
					if err := c.strike(ctx, s, n); err != nil {
						struck <- err
						return
					}
					time.Sleep(time.Second)
				}
				struck <- nil
			}()
			over := false
			r := play(t, Config{Target: c.through(s), Scenario: sc}, func(s live.Snapshot) bool {
				if s.Run.Seated == 80 && begun != nil {
					close(begun)
					begun = nil
				}
				select {
				case err := <-struck:
					if over = true; err != nil {
						t.Error(err)
					}
				default:
				}
				return over
			})
			for _, p := range []measure.Phase{measure.Ping, measure.Blackout, measure.Recovery, measure.Reseat} {
				t.Logf("%v: %+v", p, r.Times(p.String()).Quantiles())
			}
			if violated(r) != 0 || r.Counts.LostRounds != 0 || r.Verdict == result.Fail || !over {
				show(t, r)
				t.Errorf("a rule is broken: %+v", r.Counts)
			}
			if r.Times(c.phase.String()).Count() == 0 {
				t.Errorf("%v was not measured", c.phase)
			}
		})
	}
}

func gates(s *stack.Stack) link.Target { return link.Target{Gates: s.Gates, Token: s.Token} }

func directs(s *stack.Stack) link.Target { return link.Target{Games: s.Games, Token: s.Token} }

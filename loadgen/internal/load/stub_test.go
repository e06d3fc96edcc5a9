package load

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"croupier/loadgen/internal/bot"
	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/stub"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
	"croupier/servers/wire"
)

// inMemory is a correct server without a network.
func inMemory(t *testing.T) link.Target {
	t.Helper()
	s := stub.New(stub.Config{Round: 300 * time.Millisecond, Idle: 20 * time.Millisecond, Seats: 4})
	t.Cleanup(s.Close)
	dial := func(context.Context, int64, string) (net.Conn, error) { return s.Pipe(), nil }
	return link.Target{Gates: []string{"ws://stub:1"}, Token: signing(), Dial: dial}
}

// Whatever the bots do, a correct server breaks no rule, and the stub is one.
func TestPlayStylesBreakNoRule(t *testing.T) {
	for name, change := range map[string]func(*scenario.Scenario){
		"jitter": func(*scenario.Scenario) {},
		"fixed":  func(s *scenario.Scenario) { s.Reconnect = scenario.Fixed },
		"storm":  func(s *scenario.Scenario) { s.Reconnect, s.StormEvery, s.StormShare = scenario.Storm, time.Second, 0.8 },
		"hop":    func(s *scenario.Scenario) { s.Leave, s.Hop = 0.5, 1 },
		"idle":   func(s *scenario.Scenario) { s.Idle = 0.5 },
		"crowd":  func(s *scenario.Scenario) { s.Spectators = 3 },
		"open": func(s *scenario.Scenario) {
			s.Rate, s.Stay = 30, time.Second
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc := lively(40)
			change(&sc)
			if err := sc.Check(); err != nil {
				t.Fatal(err)
			}
			r := play(t, Config{Target: inMemory(t), Scenario: sc}, func(s live.Snapshot) bool {
				return s.Run.Counts.Settlements >= 100 && s.Run.Counts.Returns >= 20 && s.At > 2*time.Second
			})
			if violated(r) != 0 || r.Unusable != "" || r.Verdict == result.Fail {
				show(t, r)
				t.Error("a rule is broken")
			}
			if last := r.Series[len(r.Series)-1].Bots; last.Present() != 0 {
				t.Errorf("some bots stayed: %+v", last)
			}
		})
	}
}

// Where a lost connection is the end of a bot nobody is missed.
func TestWhoDoesNotComeBackIsNotMissed(t *testing.T) {
	sc := lively(40)
	sc.Reconnect, sc.Flap, sc.Patience = scenario.Never, 20, time.Second
	r := play(t, Config{Target: inMemory(t), Scenario: sc}, func(s live.Snapshot) bool {
		return s.At > 4*time.Second && s.Run.Counts.Broken > 10
	})
	if violated(r) != 0 || r.Counts.Returns != 0 || r.Verdict == result.Fail {
		show(t, r)
		t.Errorf("%s: %d returns", r.Verdict, r.Counts.Returns)
	}
}

func TestStagesGoDownAndUp(t *testing.T) {
	sc := lively(0)
	sc.For, sc.Flap, sc.Leave = 0, 0, 0
	sc.Stages = []scenario.Stage{{Bots: 20}, {For: 2 * time.Second, Bots: 20}, {Bots: 4}, {For: 2 * time.Second, Bots: 4}, {Bots: 20}, {For: 2 * time.Second, Bots: 20}}
	if err := sc.Check(); err != nil {
		t.Fatal(err)
	}
	var seated []int
	r := play(t, Config{Target: inMemory(t), Scenario: sc}, func(s live.Snapshot) bool {
		if n := s.Run.Series[len(s.Run.Series)-1].Bots.Seated; s.Stage != "stopping" && (n == 20 || n == 4) { // else some are on their way
			seated = append(seated, n)
		}
		return false
	})
	if seated = slices.Compact(seated); !slices.Equal(seated, []int{20, 4, 20}) || violated(r) != 0 || r.Came != 36 {
		show(t, r)
		t.Errorf("seated %v; %d came", seated, r.Came)
	}
}

func TestControl(t *testing.T) {
	sc := lively(20)
	sc.Flap, sc.Leave = 0, 0
	step := 0
	notes := make(chan string, 1)
	notes <- "a restart"
	close(notes)
	s := swarm(t, Config{Target: inMemory(t), Scenario: sc, FirstUser: 1, FirstRoom: 1, Notes: notes})
	r := s.Run(t.Context(), t.Context(), func(now live.Snapshot) {
		bots := now.Run.Series[len(now.Run.Series)-1].Bots
		switch {
		case step == 0 && bots.Seated == 20:
			s.Scale(2)
			step++
		case step == 1 && bots.Seated == 40:
			s.Scale(0.001) // at least a tenth
			step++
		case step == 2 && bots.Present() == 2:
			s.Scale(1)
			step++
		case step == 3 && bots.Seated == 20:
			s.Storm(7) // all
			step++
		case step == 4 && now.Run.Counts.Returns == 20:
			s.Stop()
			step++
		}
	})
	if step != 5 || violated(r) != 0 || len(r.Waves) != 1 || r.Waves[0].Lost != 20 || !r.Waves[0].Own {
		show(t, r)
		t.Errorf("step %d, waves %+v", step, r.Waves)
	}
	var texts []string
	for _, n := range r.Notes {
		texts = append(texts, n.Text)
	}
	if want := []string{"a restart", "population: 200% of the scenario's", "population: 10% of the scenario's", "population: 100% of the scenario's", "storm: 100% of the connections break"}; !slices.Equal(texts, want) {
		t.Errorf("notes %q", texts)
	}
}

// Control never blocks, also when nobody conducts.
func TestControlWithoutARun(t *testing.T) {
	s := swarm(t, Config{Scenario: lively(4)})
	defer s.clock.Close()
	for range 10 * mostCommands {
		s.Storm(1)
		s.Scale(1)
	}
	for range 3 * mostNotes {
		s.note("something")
	}
	if len(s.notes) > mostNotes {
		t.Errorf("%d notes are kept", len(s.notes))
	}
}

// More arrivals than may be there are turned away, and that is said.
func TestArrivalsAreBounded(t *testing.T) {
	sc := lively(10)
	sc.Rate, sc.Stay, sc.Flap = 100, 100*time.Millisecond, 0
	most := 0
	r := play(t, Config{Target: inMemory(t), Scenario: sc}, func(s live.Snapshot) bool {
		most = max(most, s.Run.Series[len(s.Run.Series)-1].Bots.Present())
		return s.At > 3*time.Second
	})
	if most > 10 || most == 0 || r.Came < 30 || violated(r) != 0 {
		show(t, r)
		t.Errorf("%d at once, %d came", most, r.Came)
	}
}

// The end of kill alone is the end of the run.
func TestKillAlone(t *testing.T) {
	kill, cancel := context.WithCancelCause(t.Context())
	s := swarm(t, Config{Target: inMemory(t), Scenario: lively(8), FirstUser: 1, FirstRoom: 1})
	r := s.Run(kill, t.Context(), func(s live.Snapshot) {
		if s.Run.Counts.Settlements > 0 {
			cancel(io.ErrUnexpectedEOF)
		}
	})
	if !r.Abandoned || violated(r) != 0 || len(r.Troubles) > 0 {
		show(t, r)
		t.Errorf("abandoned: %v", r.Abandoned)
	}
}

// Targets that are no good are given up within seconds, and none of them passes.
func TestBadTargets(t *testing.T) {
	answer := func(with func(conn net.Conn, op wire.Command) error) func(net.Conn) {
		return func(conn net.Conn) {
			if _, err := ws.Upgrade(conn); err != nil {
				return
			}
			for {
				f, err := ws.ReadFrame(conn)
				if err != nil {
					return
				}
				f = ws.UnmaskFrame(f)
				if f.Header.OpCode == ws.OpClose {
					conn.Write(ws.MustCompileFrame(ws.NewCloseFrame(f.Payload))) //nolint:errcheck // it ends
					return
				}
				op, _, err := wire.Split(f.Payload)
				if err != nil || with(conn, op) != nil {
					return
				}
			}
		}
	}
	tell := func(conn net.Conn, op wire.Command, m wire.WithMeta) error {
		b := append(wire.AppendOpcode(nil, op), wire.MustMarshal(m)...)
		_, err := conn.Write(ws.MustCompileFrame(ws.NewBinaryFrame(b)))
		return err
	}
	for name, c := range map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"never answers the handshake": {func(conn net.Conn) { io.Copy(io.Discard, conn) }, "nobody got a seat in 2s"},
		"upgrades and resets": {func(conn net.Conn) {
			ws.Upgrade(conn)                 //nolint:errcheck // it ends
			conn.(*net.TCPConn).SetLinger(0) //nolint:errcheck // as above
		}, "nobody got a seat in 2s"},
		"garbage":            {func(conn net.Conn) { io.WriteString(conn, "\x00\x01garbage\r\n\r\n"); io.Copy(io.Discard, conn) }, "nobody got a seat in 2s"},
		"closes after 10 ms": {func(conn net.Conn) { ws.Upgrade(conn); time.Sleep(10 * time.Millisecond) }, "nobody got a seat in 2s"}, //nolint:errcheck // it ends
		"refuses every seat": {answer(func(conn net.Conn, _ wire.Command) error {
			return tell(conn, wire.Command_ERROR, &wire.Error{Code: wire.Code_FAIL, Desc: "no"})
		}), "refused: no"},
		"refuses every token": {func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n") //nolint:errcheck // it ends
			io.Copy(io.Discard, conn)                                                      //nolint:errcheck // as above
		}, "nobody may play"},
		"starts no round": {answer(func(conn net.Conn, op wire.Command) error {
			if op != wire.Command_SIT_DOWN {
				return tell(conn, op, &wire.Int64{Value: 1, Meta: &wire.Meta{Epoch: 5, Seq: 1}})
			}
			return tell(conn, op, &wire.User{Id: 1, Seat: 0, Online: true, Meta: &wire.Meta{Epoch: 5, Seq: 1}})
		}), "no settlement was seen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					go func() { // ends with its connection
						defer conn.Close()
						c.serve(conn)
					}()
				}
			}()
			defer func() { l.Close(); <-served }()
			sc := lively(1)
			sc.For, sc.Flap, sc.Leave, sc.Patience = 4*time.Second, 0, 0, time.Second
			began := time.Now()
			r := play(t, Config{Target: link.Target{Gates: []string{"ws://" + l.Addr().String()}}, Scenario: sc, Startup: 2 * time.Second}, func(live.Snapshot) bool { return false })
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("it took %v", took)
			}
			if reasons := strings.Join(r.Reasons, "; "); r.Verdict != result.Invalid || !strings.Contains(reasons, c.want) {
				show(t, r)
				t.Errorf("%s, want INVALID for %q", r.Verdict, c.want)
			}
		})
	}
}

// Who is where at any time, the bots' own count is that of the swarm.
func TestEveryStateIsCounted(t *testing.T) {
	s := swarm(t, Config{Scenario: lively(4)})
	defer s.clock.Close()
	s.playing.Add(1)
	for _, to := range []bot.State{bot.Connecting, bot.Seated, bot.Away, bot.Seated, bot.Out, bot.Watching, bot.Gone} {
		from := bot.Gone
		for state := range s.states {
			if s.states[state].Load() > 0 {
				from = bot.State(state)
			}
		}
		s.Moved(from, to)
		if want := min(int(to), 1); s.here() != want { // but the gone
			t.Errorf("%d are here when one is %v", s.here(), to)
		}
	}
	if s.came.Load() != 1 || s.seated.Load() != 1 {
		t.Errorf("%d came, %d were seated", s.came.Load(), s.seated.Load())
	}
	for state := range s.states {
		if n := s.states[state].Load(); n != 0 {
			t.Errorf("%d are %v", n, bot.State(state))
		}
	}
}

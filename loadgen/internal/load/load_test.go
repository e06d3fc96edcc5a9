package load

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
	"croupier/servers/stack"
	"croupier/servers/wire"
)

// house is a correct stack with short rounds.
func house(t *testing.T) *stack.Stack {
	t.Helper()
	s, err := stack.Start(stack.Config{Round: 300 * time.Millisecond, Idle: 20 * time.Millisecond})
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

// lively bots do everything often.
func lively(bots int) scenario.Scenario {
	s := scenario.Default()
	s.Bots, s.PerRoom, s.For, s.Ramp, s.Seed = bots, 4, time.Minute, 0, 7
	s.Think, s.Leave, s.Rest, s.Flap, s.Backoff = 30*time.Millisecond, 0.1, 50*time.Millisecond, 60, 100*time.Millisecond
	s.Late, s.Patience = 10*time.Second, time.Minute // how quick all is, is not for a test that runs beside others
	return s
}

func through(s *stack.Stack, gate string) link.Target {
	return link.Target{Gates: []string{gate}, Token: s.Token}
}

func swarm(t testing.TB, c Config) *Swarm {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// play runs bots until enough says so.
func play(t *testing.T, c Config, enough func(live.Snapshot) bool) *result.Run {
	t.Helper()
	c.FirstUser, c.FirstRoom = 1, 1
	stop, cancel := context.WithCancel(t.Context())
	defer cancel()
	return swarm(t, c).Run(t.Context(), stop, func(s live.Snapshot) {
		if enough(s) {
			cancel()
		}
	})
}

// violated is how many violations there were.
func violated(r *result.Run) (n uint64) {
	for _, tally := range r.Rules {
		n += tally.Violated
	}
	return n
}

func show(t *testing.T, r *result.Run) {
	t.Helper()
	t.Logf("%s: %v", r.Verdict, r.Reasons)
	for _, v := range r.Violations {
		t.Logf("%s: room %d: %s", v.Rule, v.Room, v.Text)
		for _, e := range v.Proof {
			t.Logf("    %v", e)
		}
	}
	t.Logf("troubles: %v", r.Troubles)
}

// A correct house breaks no rule, and the bots see enough of it to say so.
func TestACorrectHouseBreaksNoRule(t *testing.T) {
	for name, target := range map[string]func(*stack.Stack) link.Target{
		"gate":   func(s *stack.Stack) link.Target { return through(s, s.Gate) },
		"direct": func(s *stack.Stack) link.Target { return link.Target{Games: []string{s.Game}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := house(t)
			r := play(t, Config{Target: target(s), Scenario: lively(40)}, func(s live.Snapshot) bool {
				c := s.Run.Counts
				return c.Settlements >= 100 && c.Returns >= 50 && s.Run.Seated == 40
			})
			if violated(r) != 0 || r.Seated != 40 || r.Unusable != "" {
				show(t, r)
				t.Fatalf("seated %d, unusable %q, violated %d", r.Seated, r.Unusable, violated(r))
			}
			for _, rule := range oracle.Rules() {
				if r.Rules[rule.String()].Checked == 0 {
					t.Errorf("%v was never checked", rule)
				}
			}
		})
	}
}

// A spectator sees the same game.
func TestSpectatorsWatch(t *testing.T) {
	s := house(t)
	watching := 0
	sc := lively(4)
	sc.Flap, sc.Leave, sc.Spectators, sc.Ramp = 0, 0, 2, time.Second
	r := play(t, Config{Target: through(s, s.Gate), Scenario: sc}, func(s live.Snapshot) bool {
		watching = max(watching, s.Run.Series[len(s.Run.Series)-1].Bots.Watching)
		return watching == 2 && s.Run.Counts.Settlements >= 3
	})
	if violated(r) != 0 || watching != 2 {
		show(t, r)
		t.Errorf("%d bots watched, not 2; violated %d", watching, violated(r))
	}
}

// Servers that lie are found out, through real connections and with everything else going on.
func TestEveryMutantIsCaught(t *testing.T) {
	settlement := func(change func(*wire.DiceSettlement)) func(string, frame) []frame {
		return nowAndThen(wire.Command_DICE_SETTLEMENT, func(f frame) []frame {
			change(f.body.(*wire.DiceSettlement))
			return []frame{f}
		})
	}
	for name, c := range map[string]struct {
		rules  []oracle.Rule // one of them is broken
		tamper func(string, frame) []frame
	}{
		"drops a settlement": {[]oracle.Rule{oracle.Sequence}, nowAndThen(wire.Command_DICE_SETTLEMENT, func(frame) []frame { return nil })},
		"tells a settlement twice": {[]oracle.Rule{oracle.Sequence}, nowAndThen(wire.Command_DICE_SETTLEMENT, func(f frame) []frame {
			return []frame{f, f}
		})},
		"tells a settlement twice under new numbers": {[]oracle.Rule{oracle.Sequence, oracle.Settlement}, nowAndThen(wire.Command_DICE_SETTLEMENT, func(f frame) []frame {
			again := &wire.DiceSettlement{Round: f.body.(*wire.DiceSettlement).GetRound(), Meta: &wire.Meta{Epoch: 1, Seq: f.body.GetMeta().GetSeq() + 1}}
			return []frame{f, {f.op, again}}
		})},
		"tells a settlement after what came later": {[]oracle.Rule{oracle.Sequence}, late(wire.Command_DICE_SETTLEMENT)},
		"shows one bot other dice": {[]oracle.Rule{oracle.Agreement, oracle.Roll, oracle.Winners}, settlement(func(s *wire.DiceSettlement) {
			for user, points := range s.Dice {
				s.Dice[user] = points%6 + 1
			}
		})},
		"forgets a roll": {[]oracle.Rule{oracle.Roll, oracle.Agreement}, settlement(func(s *wire.DiceSettlement) {
			for user := range s.Dice {
				delete(s.Dice, user)
				return
			}
		})},
		"lets nobody win": {[]oracle.Rule{oracle.Winners}, settlement(func(s *wire.DiceSettlement) { s.Winners = nil })},
		"leaks a die": {[]oracle.Rule{oracle.Hidden}, func(_ string, f frame) []frame {
			if shake, ok := f.body.(*wire.DiceShake); ok && shake.GetPoints() == 0 {
				shake.Points = 3
			}
			return []frame{f}
		}},
		"leaks a die in the scene": {[]oracle.Rule{oracle.Hidden}, func(_ string, f frame) []frame {
			if scene, ok := f.body.(*wire.DiceScene); ok && scene.GetInRound() {
				for user := range scene.Dice {
					scene.Dice[user] = 6
				}
			}
			return []frame{f}
		}},
		"gives a seat to two": {[]oracle.Rule{oracle.Seat}, func(_ string, f frame) []frame {
			if user, ok := f.body.(*wire.User); ok {
				user.Seat = 0
			}
			return []frame{f}
		}},
		"goes on under an older owner": {[]oracle.Rule{oracle.Epoch}, func() func(string, frame) []frame {
			n := uint64(0)
			return func(_ string, f frame) []frame {
				if meta := f.body.GetMeta(); meta.GetEpoch() != 0 {
					n++
					meta.Epoch = 1 + n%2
				}
				return []frame{f}
			}
		}()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := house(t)
			m := &mutant{gate: s.Gate, tamper: c.tamper}
			address := m.start(t)
			caught := func(r *result.Run) bool {
				return slices.ContainsFunc(c.rules, func(rule oracle.Rule) bool { return r.Rules[rule.String()].Violated > 0 })
			}
			r := play(t, Config{Target: through(s, address), Scenario: lively(8)}, func(s live.Snapshot) bool { return caught(s.Run) })
			if !caught(r) {
				show(t, r)
				t.Fatal("not caught")
			}
		})
	}
}

// A target that is no good is given up in time, and said to be.
func TestUselessTargets(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		for {
			if _, _, err := conn.Read(r.Context()); err != nil {
				return
			}
		}
	}))
	defer silent.Close()
	babbling := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		conn.Write(r.Context(), websocket.MessageBinary, []byte("\x00\x00\x00\x68\xff\xff garbage"))
		conn.Read(r.Context())
	}))
	defer babbling.Close()
	for name, c := range map[string]struct{ url, want string }{
		"silent":   {silent.URL, "nobody got a seat"},
		"babbling": {babbling.URL, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			gate := "ws" + strings.TrimPrefix(c.url, "http")
			r := play(t, Config{Target: link.Target{Gates: []string{gate}}, Scenario: lively(4), Startup: 500 * time.Millisecond},
				func(live.Snapshot) bool { return false })
			if !strings.Contains(r.Unusable, c.want) || r.Seated != 0 {
				t.Errorf("unusable %q, seated %d", r.Unusable, r.Seated)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	s := house(t)
	if err := Probe(t.Context(), through(s, s.Gate), 1); err != nil {
		t.Errorf("a good gate: %v", err)
	}
	several := link.Target{Gates: []string{"ws://127.0.0.1:1", s.Gate, "ws://127.0.0.1:2"}, Token: s.Token}
	if err := Probe(t.Context(), several, 3); err != nil { // begins with the first
		t.Errorf("one good gate of three: %v", err)
	}
	several.Gates = several.Gates[:1:1]
	several.Gates = append(several.Gates, "ws://127.0.0.1:2")
	if err := Probe(t.Context(), several, 3); err == nil || strings.Contains(err.Error(), ":1,") {
		t.Errorf("no good gate: %v", err)
	}
	if err := Probe(t.Context(), link.Target{Games: []string{s.Game}}, 1); err != nil {
		t.Errorf("a good game server: %v", err)
	}
	mute, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	for want, gate := range map[string]string{
		"address for players": "ws" + strings.TrimPrefix(s.GateOps, "http"),
		"then use --direct":   "ws://" + s.Game,
		"write ws:// in":      "wss" + strings.TrimPrefix(s.Gate, "ws"),
		"is the server runn":  "ws://127.0.0.1:1",
		"no answer":           "ws://" + mute.Addr().String(),
	} {
		patience := 20 * time.Second
		if want == "no answer" {
			patience = 300 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err := Probe(ctx, link.Target{Gates: []string{gate}, Token: s.Token}, 1)
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", gate, err, want)
		}
	}
	forged := link.Target{Gates: []string{s.Gate}, Token: func(int64) (string, error) { return "no token", nil }}
	if err := Probe(t.Context(), forged, 1); err == nil || !strings.Contains(err.Error(), "is JWT_KEY the key") {
		t.Errorf("a forged token: %v", err)
	}
}

// An interrupt is nobody's fault.
func TestProbeInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	err := Probe(ctx, link.Target{Gates: []string{"ws://127.0.0.1:1"}}, 1)
	if err == nil || err.Error() != "interrupted while connecting to gate ws://127.0.0.1:1" {
		t.Error(err)
	}
}

// A run that is broken off leaves nothing behind, and says so.
func TestBrokenOff(t *testing.T) {
	s := house(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := Config{Target: through(s, s.Gate), Scenario: lively(8), FirstUser: 1, FirstRoom: 1}
	r := swarm(t, c).Run(ctx, ctx, func(s live.Snapshot) {
		if s.Run.Counts.Settlements > 0 {
			cancel()
		}
	})
	if !r.Abandoned || violated(r) != 0 {
		show(t, r)
		t.Errorf("abandoned: %v, violated %d", r.Abandoned, violated(r))
	}
}

// Whoever shows a run may end it before it has begun.
func TestStoppedBeforeItBegins(t *testing.T) {
	s := house(t)
	early := swarm(t, Config{Target: through(s, s.Gate), Scenario: lively(8), FirstUser: 1, FirstRoom: 1})
	early.Stop()
	if r := early.Run(t.Context(), t.Context(), func(live.Snapshot) {}); r.Seconds > 30 || r.Abandoned {
		t.Errorf("it took %.0f s of its minute, abandoned: %v", r.Seconds, r.Abandoned)
	}
}

func TestRooms(t *testing.T) {
	sc := lively(10)
	sc.Rooms, sc.Spectators = 3, 1
	s := swarm(t, Config{Scenario: sc, FirstRoom: 100})
	defer s.clock.Close()
	for i, want := range []int64{100, 100, 100, 100, 101, 101, 101, 102, 102, 102, 100, 101, 102, 103} {
		if room := s.room(i); room != want {
			t.Errorf("bot %d sits in room %d, not %d", i, room, want)
		}
	}
}

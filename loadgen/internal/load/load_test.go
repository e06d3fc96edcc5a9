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

	"croupier/loadgen/internal/bot"
	"croupier/loadgen/internal/oracle"
	"croupier/servers/client"
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
var lively = bot.Style{
	Think: 30 * time.Millisecond, Leave: 0.1, Rest: 50 * time.Millisecond, Flap: 60, BackoffCap: 100 * time.Millisecond,
}

func through(s *stack.Stack, gate string) func(int64) client.Target {
	return func(user int64) client.Target {
		return client.Gate(gate, func(context.Context) (string, error) { return s.Token(user) })
	}
}

// play runs bots until enough says so.
func play(t *testing.T, c Config, enough func(Moment) bool) Result {
	t.Helper()
	c.Game, c.Rooms, c.FirstUser, c.FirstRoom, c.Seed, c.Patience = "dice", (c.Bots+3)/4, 1, 1, 7, 20*time.Second
	c.For = time.Minute
	stop, cancel := context.WithCancel(t.Context())
	defer cancel()
	return Run(t.Context(), stop, c, func(s Moment) {
		if enough(s) {
			cancel()
		}
	})
}

func show(t *testing.T, r Result) {
	t.Helper()
	for _, v := range r.Findings.Violations {
		t.Logf("%v", v)
		for _, e := range v.Lines() {
			t.Logf("    %v", e)
		}
	}
	t.Logf("troubles: %v", r.Troubles)
}

// A correct house breaks no rule, and the bots see enough of it to say so.
func TestACorrectHouseBreaksNoRule(t *testing.T) {
	for name, target := range map[string]func(*stack.Stack) func(int64) client.Target{
		"gate": func(s *stack.Stack) func(int64) client.Target { return through(s, s.Gate) },
		"direct": func(s *stack.Stack) func(int64) client.Target {
			return func(user int64) client.Target { return client.Direct(s.Game, user, nil) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := house(t)
			r := play(t, Config{Target: target(s), Bots: 40, Style: lively}, func(s Moment) bool {
				c := s.Findings.Counts
				return c.Settlements >= 100 && c.Returns >= 50 && s.States[bot.Connecting]+s.States[bot.Gone] == 0
			})
			if r.Findings.Violated() != 0 || r.Seated != 40 || r.Unusable != "" {
				show(t, r)
				t.Fatalf("seated %d, unusable %q, violated %d", r.Seated, r.Unusable, r.Findings.Violated())
			}
			for _, rule := range oracle.Rules() {
				if r.Findings.Tallies[rule].Checked == 0 {
					t.Errorf("%v was never checked", rule)
				}
			}
		})
	}
}

// A spectator sees the same game.
func TestSpectatorsWatch(t *testing.T) {
	s := house(t)
	watching := int64(0)
	c := Config{Target: through(s, s.Gate), Bots: 6, Style: bot.Style{Think: 20 * time.Millisecond, BackoffCap: time.Second}}
	c.Game, c.Rooms, c.FirstUser, c.FirstRoom, c.Patience, c.For = "dice", 1, 100, 100, 10*time.Second, time.Minute
	stop, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := Run(t.Context(), stop, c, func(s Moment) {
		watching = max(watching, s.States[bot.Watching])
		if watching == 2 && s.Findings.Counts.Settlements >= 3 {
			cancel()
		}
	})
	if r.Findings.Violated() != 0 || watching != 2 {
		show(t, r)
		t.Errorf("%d bots watched, not 2; violated %d", watching, r.Findings.Violated())
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
			caught := func(f oracle.Findings) bool {
				return slices.ContainsFunc(c.rules, func(rule oracle.Rule) bool { return f.Tallies[rule].Violated > 0 })
			}
			r := play(t, Config{Target: through(s, address), Bots: 8, Style: lively}, func(s Moment) bool { return caught(s.Findings) })
			if !caught(r.Findings) {
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
			r := play(t, Config{
				Target: func(user int64) client.Target { return client.Gate(gate, nil) },
				Bots:   4, Style: lively, Startup: 500 * time.Millisecond,
			}, func(Moment) bool { return false })
			if !strings.Contains(r.Unusable, c.want) || r.Seated != 0 {
				t.Errorf("unusable %q, seated %d", r.Unusable, r.Seated)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	s := house(t)
	if err := Probe(t.Context(), through(s, s.Gate)(1)); err != nil {
		t.Errorf("a good gate: %v", err)
	}
	if err := Probe(t.Context(), client.Direct(s.Game, 1, nil)); err != nil {
		t.Errorf("a good game server: %v", err)
	}
	mute, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	for want, target := range map[string]client.Target{
		"is JWT_KEY the key":  client.Gate(s.Gate, client.Static("no token")),
		"address for players": client.Gate("ws"+strings.TrimPrefix(s.GateOps, "http"), client.Static("x")),
		"then use --direct":   client.Gate("ws://"+s.Game, client.Static("x")),
		"is the server runn":  client.Gate("ws://127.0.0.1:1", client.Static("x")),
		"no answer":           client.Gate("ws://"+mute.Addr().String(), client.Static("x")),
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := Probe(ctx, target)
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", target, err, want)
		}
	}
}

// An interrupt is nobody's fault.
func TestProbeInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	err := Probe(ctx, client.Gate("ws://127.0.0.1:1", client.Static("x")))
	if err == nil || err.Error() != "interrupted while connecting to gate ws://127.0.0.1:1" {
		t.Error(err)
	}
}

// A run that is broken off leaves nothing behind, and says so.
func TestBrokenOff(t *testing.T) {
	s := house(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := Config{
		Target: through(s, s.Gate), Game: "dice", Bots: 8, Rooms: 2, FirstUser: 1, FirstRoom: 1,
		Style: lively, Patience: time.Minute,
	}
	r := Run(ctx, ctx, c, func(s Moment) {
		if s.Findings.Counts.Settlements > 0 {
			cancel()
		}
	})
	if !r.Abandoned || r.Findings.Violated() != 0 {
		show(t, r)
		t.Errorf("abandoned: %v, violated %d", r.Abandoned, r.Findings.Violated())
	}
}

func TestArrivals(t *testing.T) {
	c := Config{Bots: 10, Rooms: 3, FirstRoom: 100, Ramp: time.Second}
	for i, want := range []int64{100, 100, 100, 100, 101, 101, 101, 102, 102, 102} {
		if room := c.room(i); room != want {
			t.Errorf("bot %d sits in room %d, not %d", i, room, want)
		}
	}
	if c.arrival(0) != 0 || c.arrival(5) != 500*time.Millisecond {
		t.Errorf("bots come at %v and %v", c.arrival(0), c.arrival(5))
	}
}

package load

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/internal/stub"
	"croupier/loadgen/result"
	"croupier/servers/client"
	"croupier/servers/wire"
)

// owners is a correct server whose rooms change their owners all the time, on the network.
func owners(t *testing.T) (gate string) {
	t.Helper()
	s := stub.New(stub.Config{Round: 300 * time.Millisecond, Idle: 20 * time.Millisecond, Seats: 4})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over, end := context.WithCancel(context.Background())
	served, moved := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(served)
		s.Serve(l)
	}()
	go func() {
		defer close(moved)
		clock := time.NewTicker(70 * time.Millisecond)
		defer clock.Stop()
		for n := 0; ; n++ {
			select {
			case <-over.Done():
				return
			case <-clock.C:
			}
			if n%2 == 0 {
				s.HandOver()
			} else {
				s.TakeOver()
			}
		}
	}()
	t.Cleanup(func() {
		end()
		l.Close()
		<-moved
		<-served
		s.Close()
	})
	return "ws://" + l.Addr().String()
}

// restless bots also change their seats, and ask their rooms whether they are there.
func restless(bots int) (c Config) {
	c.Scenario = lively(bots)
	c.Scenario.Bench, c.Scenario.Ping = 0.3, 100*time.Millisecond
	return c
}

// Rooms that change their owners break no rule, and what that costs the players is measured.
func TestOwnersComeAndGo(t *testing.T) {
	c := restless(40)
	c.Target = link.Target{Gates: []string{owners(t)}, Token: signing()}
	r := play(t, c, func(s live.Snapshot) bool {
		return s.Run.Counts.Settlements >= 100 && s.Run.Counts.Migrated >= 100 && s.At > 3*time.Second
	})
	if violated(r) != 0 || r.Verdict == result.Fail || r.Counts.LostRounds != 0 {
		show(t, r)
		t.Fatal("a rule is broken")
	}
	if r.Counts.Recovered == 0 || r.Counts.Recovered >= r.Counts.Migrated {
		t.Errorf("of %d moves %d were recoveries", r.Counts.Migrated, r.Counts.Recovered)
	}
	for _, p := range []measure.Phase{measure.Ping, measure.Move, measure.Blackout, measure.Recovery} {
		if r.Times(p.String()).Count() == 0 {
			t.Errorf("%v was not measured", p)
		}
	}
}

// What new owners do wrong is found out, through real connections.
func TestEveryFaultOfAnOwnerIsCaught(t *testing.T) {
	type memory struct{ first, epoch, seq uint64 } // of what a bot was told on its connections
	remember := func(tamper func(m *memory, user int64, moved bool, f frame) []frame) func(string, frame) []frame {
		bots := make(map[string]*memory)
		return func(bot string, f frame) []frame {
			m := bots[bot]
			if m == nil {
				m = new(memory)
				bots[bot] = m
			}
			meta := f.body.GetMeta()
			moved := m.epoch != 0 && meta.GetEpoch() > m.epoch
			if m.first == 0 {
				m.first = meta.GetEpoch()
			}
			said := tamper(m, client.UserOf(strings.TrimPrefix(bot, "Bearer ")), moved, f)
			m.epoch, m.seq = max(m.epoch, meta.GetEpoch()), meta.GetSeq()
			return said
		}
	}
	for name, c := range map[string]struct {
		rule   oracle.Rule
		tamper func(m *memory, user int64, moved bool, f frame) []frame
	}{
		"forgets a roll that it acknowledged": {oracle.Roll, func(_ *memory, user int64, _ bool, f frame) []frame {
			if scene, ok := f.body.(*wire.DiceScene); ok && scene.GetInRound() {
				delete(scene.Dice, user)
			}
			return []frame{f}
		}},
		"uses a number again": {oracle.Sequence, func(m *memory, _ int64, _ bool, f frame) []frame {
			if meta := f.body.GetMeta(); meta.GetEpoch() > m.first && meta.GetSeq() > 1 {
				meta.Seq--
			}
			return []frame{f}
		}},
		"leaves a number out": {oracle.Sequence, func(m *memory, _ int64, _ bool, f frame) []frame {
			if meta := f.body.GetMeta(); meta.GetEpoch() > m.first {
				meta.Seq++
			}
			return []frame{f}
		}},
		"speaks after it has lost the room": {oracle.Epoch, func(m *memory, _ int64, moved bool, f frame) []frame {
			if !moved {
				return []frame{f}
			}
			stale := frame{wire.Command_PING, &wire.Int64{Value: 1, Meta: &wire.Meta{Epoch: m.epoch, Seq: m.seq}}}
			return []frame{f, stale}
		}},
		"puts a player into another seat": {oracle.Seat, func(m *memory, user int64, _ bool, f frame) []frame {
			u, ok := f.body.(*wire.User)
			if ok && u.GetId() == user && u.GetSeat() >= 0 && u.GetMeta().GetRequest() == 0 && u.GetMeta().GetEpoch() > m.first {
				u.Seat += 40
			}
			return []frame{f}
		}},
		"does a request twice": {oracle.Reply, func(_ *memory, _ int64, _ bool, f frame) []frame {
			roll, ok := f.body.(*wire.DiceShake)
			if !ok || roll.GetPoints() == 0 {
				return []frame{f}
			}
			meta := roll.GetMeta()
			again := &wire.DiceShake{User: roll.GetUser(), Points: roll.GetPoints()%6 + 1, Round: roll.GetRound(),
				Meta: &wire.Meta{Epoch: meta.GetEpoch(), Seq: meta.GetSeq() + 1, Request: meta.GetRequest()}}
			return []frame{f, {f.op, again}}
		}},
		"answers a request twice": {oracle.Reply, func(_ *memory, _ int64, _ bool, f frame) []frame {
			if f.op == wire.Command_PING {
				return []frame{f, f}
			}
			return []frame{f}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &mutant{gate: owners(t), tamper: remember(c.tamper)}
			run := restless(8)
			run.Target = link.Target{Gates: []string{m.start(t)}, Token: signing()}
			caught := func(r *result.Run) bool { return r.Rules[c.rule.String()].Violated > 0 }
			r := play(t, run, func(s live.Snapshot) bool { return caught(s.Run) })
			named := slices.ContainsFunc(r.Violations, func(v result.Violation) bool { return v.Rule == c.rule.String() && len(v.Proof) > 0 })
			if !caught(r) || !named || r.Verdict != result.Fail {
				show(t, r)
				t.Fatal("not caught")
			}
		})
	}
}

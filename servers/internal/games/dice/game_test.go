package dice

import (
	"strings"
	"testing"
	"time"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
	"croupier/servers/wire"
)

// "a round lasts 30 s, idle 5 s, both configurable; the first round starts with the room"
func TestRoundsAndPauses(t *testing.T) {
	for _, test := range []struct {
		config      Config
		round, idle time.Duration
	}{
		{Config{}, 30 * time.Second, 5 * time.Second},
		{Config{Round: 8 * time.Second, Idle: time.Second}, 8 * time.Second, time.Second},
	} {
		table(t, test.config, func(t *testing.T, r *roomtest.Room) {
			pass(r, time.Second)
			s := r.Sit(1, room.AnySeat)
			scene := one[*wire.DiceScene](t, s, wire.Command_DICE_SCENE)
			if left := (test.round - time.Second).Milliseconds(); !scene.GetInRound() || scene.GetLeftMs() != left || scene.GetRound() != 1 {
				t.Errorf("after a second of the room the scene is %v, want round 1 with %d ms left", scene, left)
			}
			pass(r, test.round-time.Second-1)
			silent(t, s, wire.Command_DICE_SETTLEMENT)
			pass(r, 1)
			if m := one[*wire.DiceSettlement](t, s, wire.Command_DICE_SETTLEMENT); m.GetIdleMs() != test.idle.Milliseconds() || m.GetRound() != 1 {
				t.Errorf("settlement %v, want round 1 and a pause of %v", m, test.idle)
			}
			pass(r, test.idle-1)
			silent(t, s, wire.Command_DICE_START)
			pass(r, 1)
			if m := one[*wire.DiceStart](t, s, wire.Command_DICE_START); m.GetLengthMs() != test.round.Milliseconds() || m.GetRound() != 2 {
				t.Errorf("start %v, want round 2 of %v", m, test.round)
			}
		})
	}
}

func TestNegativeTimesAreRefused(t *testing.T) {
	for _, c := range []Config{{Round: -1}, {Idle: -1}} {
		if r, err := room.Open(room.Config{Encoder: roomtest.Encoder{}}, New(c)); r != nil || err == nil {
			t.Errorf("%+v is played", c)
		}
	}
}

// "it settles early once more than one has rolled and every seated player has"
func TestSettlesEarly(t *testing.T) {
	table(t, preset, func(t *testing.T, r *roomtest.Room) {
		a, b, c := r.Sit(1, room.AnySeat), r.Sit(2, room.AnySeat), r.Sit(3, room.AnySeat)
		rolls(t, r, a, 4)
		rolls(t, r, b, 6)
		silent(t, a, wire.Command_DICE_SETTLEMENT)
		rolls(t, r, c, 6)
		for _, s := range []*roomtest.Session{a, b, c} {
			settlement(t, s, []int64{2, 3}, map[int64]int32{1: 4, 2: 6, 3: 6})
		}
		pass(r, 5*time.Second) // the pause begins with the settlement
		one[*wire.DiceStart](t, a, wire.Command_DICE_START)
	})
}

func TestOneAloneDoesNotSettleEarly(t *testing.T) {
	table(t, preset, func(t *testing.T, r *roomtest.Room) {
		s := r.Sit(1, room.AnySeat)
		rolls(t, r, s, 4)
		pass(r, 30*time.Second-1)
		silent(t, s, wire.Command_DICE_SETTLEMENT)
		pass(r, 1)
		settlement(t, s, []int64{1}, map[int64]int32{1: 4})
	})
}

// A round that waited for one player only settles when that one leaves.
func TestSettlesWhenTheLastOneLeaves(t *testing.T) {
	table(t, preset, func(t *testing.T, r *roomtest.Room) {
		a, b, c := r.Sit(1, room.AnySeat), r.Sit(2, room.AnySeat), r.Sit(3, room.AnySeat)
		rolls(t, r, a, 1)
		rolls(t, r, b, 2)
		r.Lose(c)
		settlement(t, a, []int64{2}, map[int64]int32{1: 1, 2: 2})
		r.Check()
	})
}

// Neither does it wait for one who goes to the bench; who has rolled stays until the end of the round.
func TestSettlesWhenTheLastOneGoesToTheBench(t *testing.T) {
	table(t, preset, func(t *testing.T, r *roomtest.Room) {
		a, b, c := r.Sit(1, room.AnySeat), r.Sit(2, room.AnySeat), r.Sit(3, room.AnySeat)
		rolls(t, r, a, 1)
		rolls(t, r, b, 2)
		change := func(s *roomtest.Session) (answer roomtest.Sent) {
			t.Helper()
			s.Take()
			if err := r.Change(s, room.Spectating, room.Input{Request: 7}); err != nil {
				t.Fatal(err)
			}
			r.Wait()
			for _, sent := range s.Take() {
				if sent.Request == 7 {
					return sent
				}
			}
			t.Fatalf("user %d is not answered", s.User())
			return answer
		}
		if code := change(a).Code(); code != room.CodeStatusMismatch {
			t.Errorf("one who has rolled goes to the bench: %d", code)
		}
		if code := change(c).Code(); code != 0 {
			t.Errorf("one who has not rolled can't go to the bench: %d", code)
		}
		settlement(t, b, []int64{2}, map[int64]int32{1: 1, 2: 2})
		if code := change(a).Code(); code != 0 {
			t.Errorf("after the round nobody is held: %d", code)
		}
		r.Check()
	})
}

// Spectators are not waited for.
func TestSpectatorsDoNotDelayTheSettlement(t *testing.T) {
	table(t, preset, func(t *testing.T, r *roomtest.Room) {
		var players []*roomtest.Session
		for user := range int64(4) {
			players = append(players, r.Sit(user+1, room.AnySeat))
		}
		watcher := r.Sit(5, room.AnySeat)
		for i, s := range players {
			rolls(t, r, s, int32(i+1))
		}
		settlement(t, watcher, []int64{4}, map[int64]int32{1: 1, 2: 2, 3: 3, 4: 4})
	})
}

// "one roll a round" and the published codes of refusals
func TestRefusals(t *testing.T) {
	table(t, Config{}, func(t *testing.T, r *roomtest.Room) {
		a, b := r.Sit(1, room.AnySeat), r.Sit(2, room.AnySeat)
		refused := func(s *roomtest.Session, points, code int32) {
			t.Helper()
			if got := roll(t, r, s, points); got != code {
				t.Errorf("user %d rolls and gets code %d, want %d", s.User(), got, code)
			}
		}
		refused(a, 6, room.CodeFail) // presets are for development only
		rolls(t, r, a, 0)
		refused(a, 0, 10001)
		rolls(t, r, b, 0)
		refused(a, 0, room.CodeStatusMismatch) // settled
		pass(r, 5*time.Second)
		rolls(t, r, a, 0)
		r.Sit(3, room.AnySeat)
		r.Sit(4, room.AnySeat)
		refused(r.Sit(5, room.AnySeat), 0, room.CodeSpectator)
	})
}

func TestPreset(t *testing.T) {
	table(t, preset, func(t *testing.T, r *roomtest.Room) {
		s := r.Sit(1, room.AnySeat)
		for _, points := range []int32{-1, 7, 1 << 30} {
			if code := roll(t, r, s, points); code != room.CodeFail {
				t.Errorf("%d points are answered with code %d, want %d", points, code, room.CodeFail)
			}
		}
		rolls(t, r, s, 6)
		if m := one[*wire.DiceShake](t, s, wire.Command_DICE_SHAKE); m.GetPoints() != 6 {
			t.Errorf("rolled %v, want the 6 that was preset", m)
		}
	})
}

// Dice fall between 1 and 6, and all of them do.
func TestPointsAreFair(t *testing.T) {
	table(t, Config{Round: time.Second, Idle: time.Second}, func(t *testing.T, r *roomtest.Room) {
		s := r.Sit(1, room.AnySeat)
		counts := make(map[int32]int)
		for range 600 {
			rolls(t, r, s, 0)
			counts[one[*wire.DiceShake](t, s, wire.Command_DICE_SHAKE).GetPoints()]++
			pass(r, 2*time.Second)
		}
		if len(counts) != Faces {
			t.Fatalf("600 rolls: %v", counts)
		}
		for points := range int32(Faces) { // 100 each; 40 are 6.6 standard deviations away
			if n := counts[points+1]; n < 40 || n > 160 {
				t.Errorf("%d was rolled %d times of 600: %v", points+1, n, counts)
			}
		}
	})
}

// "others' points stay hidden until settlement"
func TestPointsAreHidden(t *testing.T) {
	table(t, preset, func(t *testing.T, r *roomtest.Room) {
		a, b := r.Sit(1, room.AnySeat), r.Sit(2, room.AnySeat)
		rolls(t, r, a, 5)
		if m := one[*wire.DiceShake](t, a, wire.Command_DICE_SHAKE); m.GetUser() != 1 || m.GetPoints() != 5 || m.GetRound() != 1 {
			t.Errorf("who rolled is told %v", m)
		}
		if m := one[*wire.DiceShake](t, b, wire.Command_DICE_SHAKE); m.GetUser() != 1 || m.GetPoints() != 0 || m.GetRound() != 1 {
			t.Errorf("the other is told %v", m)
		}
		points := func(s *roomtest.Session) (int32, bool) {
			t.Helper()
			p, there := one[*wire.DiceScene](t, s, wire.Command_DICE_SCENE).GetDice()[1]
			return p, there
		}
		c := r.Sit(3, room.AnySeat)
		if p, there := points(c); !there || p != 0 {
			t.Errorf("the scene shows a newcomer %d points (there: %v)", p, there)
		}
		if p, _ := points(r.Sit(1, room.AnySeat)); p != 5 {
			t.Errorf("the scene shows the roller %d points", p)
		}
		if state := r.State(); !strings.Contains(state, "user 1 rolled 5") {
			t.Errorf("the state for operators is %q", state)
		}
		rolls(t, r, b, 2)
		rolls(t, r, c, 1)
		if p, _ := points(r.Sit(4, room.AnySeat)); p != 5 {
			t.Errorf("after the settlement the scene shows %d points", p)
		}
	})
}

// "A player who rolled and leaves mid-round keeps the seat, offline, until settlement"
func TestRollerKeepsTheSeat(t *testing.T) {
	for name, leave := range map[string]func(*testing.T, *roomtest.Room, *roomtest.Session){
		"lost": func(_ *testing.T, r *roomtest.Room, s *roomtest.Session) { r.Lose(s) },
		"stands up": func(t *testing.T, r *roomtest.Room, s *roomtest.Session) {
			if err := r.Stand(s, room.Input{Request: 1}); err != nil {
				t.Fatal(err)
			}
			r.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			table(t, preset, func(t *testing.T, r *roomtest.Room) {
				witness, roller := r.Sit(1, 0), r.Sit(2, 3)
				rolls(t, r, roller, 6)
				leave(t, r, roller)
				if seen := witness.View()[2]; seen != (roomtest.Seen{Seat: 3}) {
					t.Fatalf("the roller is seen as %+v, want offline in seat 3", seen)
				}
				back := r.Sit(2, room.AnySeat)
				if seen := witness.View()[2]; seen != (roomtest.Seen{Seat: 3, Online: true}) {
					t.Errorf("the roller is back as %+v, want online in seat 3", seen)
				}
				leave(t, r, back)
				pass(r, 30*time.Second-1)
				if seen := witness.View()[2]; seen != (roomtest.Seen{Seat: 3}) {
					t.Errorf("the roller is seen as %+v just before the settlement", seen)
				}
				pass(r, 1)
				settlement(t, witness, []int64{2}, map[int64]int32{2: 6})
				if _, there := witness.View()[2]; there {
					t.Error("the roller is still in the room after the settlement")
				}
				r.Check()
			})
		})
	}
}

// "one who has not rolled stands up at once", and so does anyone between two rounds.
func TestOthersStandUpAtOnce(t *testing.T) {
	table(t, preset, func(t *testing.T, r *roomtest.Room) {
		witness, idle := r.Sit(1, room.AnySeat), r.Sit(2, room.AnySeat)
		r.Lose(idle)
		if _, there := witness.View()[2]; there {
			t.Error("who has not rolled is still there")
		}
		roller := r.Sit(3, room.AnySeat)
		rolls(t, r, witness, 1)
		rolls(t, r, roller, 2)
		r.Lose(roller)
		if _, there := witness.View()[3]; there {
			t.Error("who leaves in the pause is still there")
		}
		r.Check()
	})
}

// "An empty room at settlement closes."
func TestEmptyRoomCloses(t *testing.T) {
	for name, test := range map[string]struct {
		leave func(*testing.T, *roomtest.Room)
		after time.Duration
	}{
		"never entered":  {func(*testing.T, *roomtest.Room) {}, 30 * time.Second},
		"left unrolled":  {func(_ *testing.T, r *roomtest.Room) { r.Lose(r.Sit(1, 0)) }, 30 * time.Second},
		"left by roller": {func(t *testing.T, r *roomtest.Room) { s := r.Sit(1, 0); rolls(t, r, s, 3); r.Lose(s) }, 30 * time.Second},
		"left in the pause": {func(_ *testing.T, r *roomtest.Room) {
			s := r.Sit(1, 0)
			pass(r, 31*time.Second)
			r.Lose(s)
		}, 65 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			table(t, preset, func(t *testing.T, r *roomtest.Room) {
				began := time.Now()
				test.leave(t, r)
				if r.Over() {
					t.Fatal("the room closes before the settlement")
				}
				<-r.Done()
				if lasted := time.Since(began); lasted != test.after {
					t.Errorf("the room lasted %v, want %v", lasted, test.after)
				}
			})
		})
	}
}

// Settled from outside, a round is decided by the dice on the table; a pause needs no decision.
func TestSettleFromOutside(t *testing.T) {
	table(t, preset, func(t *testing.T, r *roomtest.Room) {
		a, b := r.Sit(1, room.AnySeat), r.Sit(2, room.AnySeat)
		rolls(t, r, a, 3)
		r.Settle(room.Retry)
		<-r.Done()
		settlement(t, b, []int64{1}, map[int64]int32{1: 3})
	})
	table(t, preset, func(t *testing.T, r *roomtest.Room) {
		a := r.Sit(1, room.AnySeat)
		pass(r, 30*time.Second)
		a.Take()
		r.Settle(room.Retry)
		<-r.Done()
		silent(t, a, wire.Command_DICE_SETTLEMENT)
	})
}

// A restored round is the same round: time left, rolls, the offline roller's seat.
func TestSnapshot(t *testing.T) {
	table(t, preset, func(t *testing.T, r *roomtest.Room) {
		r.Sit(1, 0)
		roller := r.Sit(2, 1)
		rolls(t, r, roller, 6)
		r.Lose(roller)
		pass(r, 12*time.Second)
		moved := roomtest.Restore(t, room.Config{}, New(preset), r.Store())
		back := moved.Sit(1, room.AnySeat)
		scene := one[*wire.DiceScene](t, back, wire.Command_DICE_SCENE)
		if !scene.GetInRound() || scene.GetLeftMs() != 18_000 || scene.GetRound() != 1 || len(scene.GetDice()) != 1 {
			t.Errorf("the scene is %v, want round 1 with one roll and 18 s left", scene)
		}
		rolls(t, moved, back, 2)
		settlement(t, back, []int64{2}, map[int64]int32{1: 2, 2: 6})
	})
}

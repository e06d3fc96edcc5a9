package dice

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
	"croupier/servers/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// table runs a test on a table of dice, in synthetic time that begins with the room.
func table(t *testing.T, c Config, f func(*testing.T, *roomtest.Room)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, roomtest.Open(t, room.Config{Seats: 4}, New(c)))
	})
}

// preset is a table where players may choose their points.
var preset = Config{Preset: true}

// heard returns what a session was sent under an opcode since it was last asked for anything.
func heard(t *testing.T, s *roomtest.Session, op wire.Command) []wire.WithMeta {
	t.Helper()
	var messages []wire.WithMeta
	for _, sent := range s.Take() {
		if sent.Op != uint32(op) {
			continue
		}
		m, err := wire.Decode(op, sent.Body)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m)
	}
	return messages
}

// one is heard where exactly one message must have been sent.
func one[M wire.WithMeta](t *testing.T, s *roomtest.Session, op wire.Command) M {
	t.Helper()
	messages := heard(t, s, op)
	if len(messages) != 1 {
		t.Fatalf("user %d was sent %d of %v: %v", s.User(), len(messages), op, messages)
	}
	return messages[0].(M)
}

// roll has a player roll, and returns the code of the refusal, 0 for none.
func roll(t *testing.T, r *roomtest.Room, s *roomtest.Session, points int32) int32 {
	t.Helper()
	m := shake(points)
	answer, answered := r.Say(s, m.Op, m.Body)
	if !answered {
		t.Fatalf("user %d rolls and is not answered", s.User())
	}
	return answer.Code()
}

// rolls has a player roll, which must be taken.
func rolls(t *testing.T, r *roomtest.Room, s *roomtest.Session, points int32) {
	t.Helper()
	if code := roll(t, r, s, points); code != 0 {
		t.Fatalf("user %d rolls and is refused with code %d", s.User(), code)
	}
}

// pass lets time go by.
func pass(r *roomtest.Room, d time.Duration) {
	time.Sleep(d)
	r.Wait()
}

// settlement checks who wins with what.
func settlement(t *testing.T, s *roomtest.Session, winners []int64, dice map[int64]int32) {
	t.Helper()
	m := one[*wire.DiceSettlement](t, s, wire.Command_DICE_SETTLEMENT)
	if !slices.Equal(m.GetWinners(), winners) || !maps.Equal(m.GetDice(), dice) {
		t.Errorf("user %d is told that %v win with %v; want %v with %v", s.User(), m.GetWinners(), m.GetDice(), winners, dice)
	}
}

// silent checks that nothing was said under an opcode.
func silent(t *testing.T, s *roomtest.Session, op wire.Command) {
	t.Helper()
	if messages := heard(t, s, op); len(messages) > 0 {
		t.Errorf("user %d was sent %v: %v", s.User(), op, messages)
	}
}

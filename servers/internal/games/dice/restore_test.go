package dice

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
	"croupier/servers/wire"
)

// inRoom makes the snapshot of a room with user 5 in seat 0 and user 6 watching, around that of a game.
func inRoom(game []byte) []byte {
	return fmt.Appendf(nil, `{"version":1,"id":7,"seats":2,"bench":1,"seq":1,"players":[{"id":5,"seat":0},{"id":6,"seat":-1}],"game":%q}`,
		base64.StdEncoding.EncodeToString(game))
}

func TestRestoreRefusesWhatWasNeverPlayed(t *testing.T) {
	for name, game := range map[string]string{
		"a future version": `{"version":2,"round":1}`,
		"round 0":          `{"version":1,"round":0,"in_round":true}`,
		"time before now":  `{"version":1,"round":1,"left_ns":-1}`,
		"too many points":  `{"version":1,"round":1,"in_round":true,"rolls":[{"user":5,"points":7}]}`,
		"no points":        `{"version":1,"round":1,"in_round":true,"rolls":[{"user":5}]}`,
		"two rolls":        `{"version":1,"round":1,"in_round":true,"rolls":[{"user":5,"points":1},{"user":5,"points":2}]}`,
		"an absent roller": `{"version":1,"round":1,"in_round":true,"rolls":[{"user":9,"points":1}]}`,
		"a spectator":      `{"version":1,"round":1,"in_round":true,"rolls":[{"user":6,"points":1}]}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			r, err := room.Restore(room.Config{Encoder: roomtest.Encoder{}}, New(preset), inRoom([]byte(game)))
			if r != nil || err == nil || !strings.Contains(err.Error(), "dice: ") {
				t.Errorf("%s: restored as %v, %v", name, r, err)
			}
		})
	}
}

// FuzzRestore: whatever a game's snapshot holds, it is refused, or it is a round that can be
// played and that stores itself as it was.
func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"version":1,"round":1}`))
	f.Add([]byte(`{"version":1,"round":3,"in_round":true,"left_ns":1000000000,"rolls":[{"user":5,"points":6}]}`))
	f.Add([]byte(`{"version":1,"round":9223372036854775807,"left_ns":9223372036854775807,"rolls":[{"user":9,"points":1}]}`))
	f.Add([]byte(`{"version":1,"round":18446744073709551615,"rolls":[{"user":9,"points":1}]}`)) // its next round would be number 0
	f.Fuzz(func(t *testing.T, game []byte) {
		synctest.Test(t, func(t *testing.T) {
			config := room.Config{Encoder: roomtest.Encoder{}}
			r, err := room.Restore(config, New(preset), inRoom(game))
			if err != nil {
				if strings.Contains(err.Error(), "panic") {
					t.Error(err)
				}
				return
			}
			r.Settle(room.Retry)
			<-r.Done()

			played := roomtest.Restore(t, config, New(preset), inRoom(game))
			if played.Over() {
				return // no time was left, and nobody is here
			}
			first := played.Store()
			twin := roomtest.Restore(t, config, New(preset), first)
			if second := twin.Store(); string(second) != string(first) {
				t.Errorf("stored as %s, then as %s", first, second)
			}
			s := twin.Sit(5, room.AnySeat)
			m := shake(1)
			twin.Say(s, m.Op, m.Body)
			twin.Check()
		})
	})
}

// After a move the round waits for those who have not rolled, until their grace is over. Whoever
// of them is dismissed last lets the round settle, which dismisses the absent rollers: all in one
// breath, each of them once.
func TestRoundSettlesWhenGraceIsOver(t *testing.T) {
	config := Config{Preset: true, Round: time.Hour}
	table(t, config, func(t *testing.T, r *roomtest.Room) {
		r.Sit(1, 0)
		r.Sit(2, 1)
		roller, absent := r.Sit(3, 2), r.Sit(4, 3)
		rolls(t, r, roller, 2)
		rolls(t, r, absent, 6)
		moved := roomtest.Restore(t, room.Config{}, New(config), r.Store())
		back := moved.Sit(3, room.AnySeat)
		pass(moved, 30*time.Second-1)
		silent(t, back, wire.Command_DICE_SETTLEMENT)
		pass(moved, 1)
		settlement(t, back, []int64{4}, map[int64]int32{3: 2, 4: 6})
		if view := back.View(); len(view) != 1 {
			t.Errorf("the room holds %v, want user 3 alone", view)
		}
		moved.Check()
	})
}

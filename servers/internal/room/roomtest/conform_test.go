package roomtest

import (
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"croupier/servers/internal/room"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func tallies(bug string, leak chan struct{}) Game {
	return Game{
		New:     func() room.Game { return newTally(bug, leak) },
		Seats:   3,
		Act:     randomAdd,
		Secrets: [2]room.Message{add(3), add(7)},
	}
}

func TestCorrectGameConforms(t *testing.T) { Conform(t, tallies("", nil)) }

// Every bug is found by the check that looks for it, with the words that help to mend it.
func TestBrokenGamesDoNotConform(t *testing.T) {
	for _, test := range []struct{ bug, check, complaint string }{
		{"ignores unknown opcodes", "refuses unknown opcodes", "is not refused"},
		{"changes, then refuses", "refuses unknown opcodes", "changes the game from"},
		{"panics on garbage", "refuses garbage", "the game panics in Receive: garbage"},
		{"takes garbage", "refuses garbage", "is not refused"},
		{"lets spectators act", "refuses spectators", "is not refused"},
		{"prints secrets", "hides secrets", "others can tell a secret"},
		{"announces secrets", "hides secrets", "others can tell a secret"},
		{"shows secrets in the scene", "hides secrets", "others can tell a secret"},
		{"panics when one leaves", "keeps seats", "the game panics in Left"},
		{"answers MayLeave with an event", "keeps seats", "is a question, and changes something"},
		{"never ends", "ends when everyone has left", "the room is still there"},
		{"forgets its clock", "ends when nobody comes back", "the room is still there"},
		{"settles nothing", "settles", "the game still holds user"},
		{"stores no time", "goes on from a snapshot", "is in another state"},
		{"forgets its clock", "goes on from a snapshot", "differs from the one it comes from"},
		{"forgets numbers", "goes on from a snapshot", "differs from the one it comes from"},
		{"restores any version", "refuses damaged snapshots", "a snapshot of a version to come is restored"},
		{"restores anything", "refuses damaged snapshots", "a truncated snapshot is restored"},
		{"answers AtRest with an event", "moves on", "is a question, and changes something"},
		{"forgets who asked", "moves on", "is not answered request"},
		{"forgets who asked", "lives on", "is not answered request"},
		{"leaks a goroutine", "settles", "goroutines behind"},
	} {
		t.Run(test.bug+" - "+test.check, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leak := make(chan struct{})
				defer close(leak)
				failures := record(t, func(tb testing.TB) { run(tb, test.check, tallies(test.bug, leak)) })
				if all := strings.Join(failures, "\n"); !strings.Contains(all, test.complaint) {
					t.Errorf("the suite does not say %q, but %q", test.complaint, all)
				}
			})
		})
	}
}

// run runs one check by name.
func run(tb testing.TB, name string, g Game) {
	for _, c := range checks {
		if c.name == name {
			c.within(tb, g)
			return
		}
	}
	tb.Fatalf("there is no check %q", name)
}

package roomtest

import (
	"encoding/json"
	"testing"
	"time"

	"croupier/servers/internal/room"
)

// goesOn: a room restored from a snapshot is the same room, down to the time left.
func goesOn(tb testing.TB, g Game) {
	for seed := range uint64(30) {
		r, players := g.table(tb, g.Seats)
		rng := source(seed)
		g.play(r, players, rng, rng.IntN(2*g.Seats))
		if rng.IntN(2) == 0 {
			r.Lose(players[rng.IntN(len(players))])
		}
		if r.Over() {
			continue
		}
		stored := r.Store()
		twin := Restore(tb, room.Config{}, g.New(), stored)
		if again := twin.Store(); string(again) != string(stored) {
			tb.Fatalf("a snapshot of a restored room differs from the one it comes from:\n%s\n%s", again, stored)
		}
		if a, b := r.State(), twin.State(); a != b {
			tb.Fatalf("a restored room is in another state:\n%s\nwas\n%s", b, a)
		}
		g.sameFuture(tb, r, twin, seed)
		r.close()
		twin.close()
	}
}

// sameFuture lets everyone come back to a room and its twin, and plays the same in both.
func (g Game) sameFuture(tb testing.TB, r, twin *Room, seed uint64) {
	tb.Helper()
	here, there := r.fill(g.Seats), twin.fill(g.Seats)
	r.Check()
	twin.Check()
	for i := range here {
		if a, b := here[i].View()[here[i].user], there[i].View()[here[i].user]; a != b {
			tb.Errorf("user %d has %+v in a room and %+v in its twin", here[i].user, a, b)
		}
	}
	rng, same := source(seed), source(seed)
	for i := range here {
		m, n := g.Act(rng), g.Act(same)
		a, _ := r.Say(here[i], m.Op, m.Body)
		b, _ := twin.Say(there[i], n.Op, n.Body)
		if a.Code() != b.Code() {
			tb.Errorf("user %d sends op %d %q: a room answers %v, its twin %v", here[i].user, m.Op, m.Body, a, b)
		}
		here[i].Take()
		there[i].Take()
	}
	asked := time.Now()
	time.Sleep(time.Hour)
	if a, b := here[0].nextAfter(asked), there[0].nextAfter(asked); a != b {
		tb.Errorf("a room speaks by itself after %v, its twin after %v: is all the time left in the snapshot?", a, b)
	}
	r.Check()
	twin.Check()
}

// nextAfter is how long after a time the session was sent something; 0: it was not.
func (s *Session) nextAfter(from time.Time) time.Duration {
	for _, m := range s.Take() {
		return m.At.Sub(from)
	}
	return 0
}

// damagedSnapshots: what is not a whole snapshot of this version is refused with an error.
func damagedSnapshots(tb testing.TB, g Game) {
	r, players := g.table(tb, g.Seats)
	rng := source(4)
	g.play(r, players, rng, 1+rng.IntN(g.Seats))
	stored := r.Store()
	var whole []byte
	Restore(tb, room.Config{}, damaging{Game: g.New(), damage: func(b []byte) []byte { whole = b; return b }}, stored)

	refuse := func(what string, game []byte) {
		tb.Helper()
		if _, err := g.restore(tb, stored, game); err == nil {
			tb.Errorf("%s is restored: %q", what, game)
		}
	}
	refuse("no snapshot at all", nil)
	refuse("an empty object", []byte("{}"))
	refuse("a snapshot of another kind", []byte(`["version",1]`))
	refuse("a snapshot of a version to come", future(tb, whole))
	for n := range whole {
		refuse("a truncated snapshot", whole[:n])
	}
	for range 300 {
		damaged := mutate(rng, whole)
		// What can be read is played on with, unless no time is left and nobody is here: then it ends.
		if twin, err := g.restore(tb, stored, damaged); err == nil && !twin.Over() {
			twin.fill(g.Seats)
			twin.Check()
			if twin.Settle(room.Retry); !twin.Over() {
				tb.Errorf("a room restored from %q does not settle", damaged)
			}
		}
	}
}

// restore restores a room with other bytes for the game's part.
func (g Game) restore(tb testing.TB, stored, game []byte) (*Room, error) {
	watch := &watched{Game: g.New()}
	c := room.Config{Seamless: true}
	r, err := room.Restore(complete(tb, c, watch), damaging{Game: watch, damage: func([]byte) []byte { return game }}, stored)
	for _, fault := range watch.found() {
		tb.Errorf("restore from %q: %s", game, fault)
	}
	if err != nil {
		return nil, err
	}
	return attend(tb, r, watch, c), nil
}

// damaging changes what a game is restored from.
type damaging struct {
	room.Game
	damage func([]byte) []byte
}

func (d damaging) Restore(t *room.Table, snapshot []byte) error {
	return d.Game.Restore(t, d.damage(snapshot))
}

// future makes a snapshot of a version that is not known yet.
func future(tb testing.TB, snapshot []byte) []byte {
	tb.Helper()
	var fields map[string]json.RawMessage
	var version int
	if err := json.Unmarshal(snapshot, &fields); err != nil {
		tb.Fatalf("the game's snapshot is not a JSON object: %v: %q", err, snapshot)
	}
	if err := json.Unmarshal(fields["version"], &version); err != nil {
		tb.Fatalf("the game's snapshot has no number \"version\": %q", snapshot)
	}
	fields["version"] = json.RawMessage("1000")
	changed, err := json.Marshal(fields)
	if err != nil {
		tb.Fatalf("change the version of a snapshot: %v", err)
	}
	return changed
}

package oracle

import (
	"fmt"
	"testing"
	"time"
)

// clocked is a table whose second round has just begun, so that everyone saw it begin.
func clocked(c Config) *world {
	w := table(true)
	w.oracle = New(c)
	w.see = w.oracle.See
	for bot := range int64(3) {
		w.cut(bot+1, true)
		w.sit(bot + 1)
	}
	w.playRound()
	w.now = w.turned + w.idle
	w.begin()
	return w
}

func TestTheClock(t *testing.T) {
	for name, c := range map[string]struct {
		config                     Config
		play                       func(w *world)
		violated, unknown, checked uint64 // of what follows the start of round 2
	}{
		"settled in time": {Config{}, func(w *world) {
			w.now = w.turned + w.length
			w.settle()
		}, 0, 0, 1},
		"settled early, and the next one starts in time": {Config{}, func(w *world) {
			w.playRound()
			w.now = w.turned + w.idle + 500*time.Millisecond
			w.begin()
			w.playRound()
		}, 0, 0, 3},
		"settled a second late": {Config{}, func(w *world) {
			w.now = w.turned + w.length + time.Second
			w.settle()
		}, 1, 0, 1},
		"a start that comes a second late": {Config{}, func(w *world) {
			w.playRound()
			w.now = w.turned + w.idle + time.Second
			w.begin()
		}, 1, 0, 2},
		"not settled, and something else comes": {Config{}, func(w *world) {
			w.now = w.turned + w.length + time.Second
			w.stand(2)
			w.stand(3)
		}, 1, 0, 1},
		"not settled, and nothing comes": {Config{}, func(w *world) {
			w.now = w.turned + w.length + time.Second
		}, 1, 0, 1},
		"late is what is said to be late": {Config{Late: 2 * time.Second}, func(w *world) {
			w.now = w.turned + w.length + time.Second
			w.settle()
		}, 0, 0, 1},
		"not checked": {Config{Late: -1}, func(w *world) {
			w.now = w.turned + w.length + time.Hour
			w.settle()
		}, 0, 0, 0},
		"nobody was there": {Config{}, func(w *world) {
			w.roll(1, 3)
			for bot := range int64(3) {
				w.cut(bot+1, true)
			}
			w.now = w.turned + w.length + time.Second
			w.sit(1)
			w.settle()
		}, 0, 1, 0},
		"the generator was behind": {Config{}, func(w *world) {
			w.now = w.turned + w.length + time.Second
			w.settle()
			w.oracle.Behind(w.now+200*time.Millisecond, 800*time.Millisecond)
		}, 0, 1, 0},
		"the generator was behind at another time": {Config{}, func(w *world) {
			w.oracle.Behind(w.now+time.Second, 800*time.Millisecond)
			w.now = w.turned + w.length + time.Second
			w.settle()
		}, 1, 0, 1},
		"the generator was hardly behind": {Config{}, func(w *world) {
			w.now = w.turned + w.length + time.Second
			w.settle()
			w.oracle.Behind(w.now+200*time.Millisecond, 180*time.Millisecond)
		}, 1, 0, 1},
		"one hears late": {Config{}, func(w *world) {
			var late []Event
			w.tamper = func(bot int64, e Event) []Event {
				if bot == 2 {
					late = append(late, e)
					return nil
				}
				return []Event{e}
			}
			w.now = w.turned + w.length
			w.settle()
			for _, e := range late {
				e.At = w.now + 5*time.Second
				w.see(w.room, e)
			}
		}, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := clocked(c.config)
			before := w.oracle.Findings().Tallies[Clock]
			c.play(w)
			// What is due at the very end is nobody's business here.
			lapses := uint64(0)
			if r := w.oracle.shards[7].rooms[7]; len(r.lives) > 0 && r.newest().clock.due != 0 && r.newest().clock.due+w.oracle.config.Late >= w.now {
				lapses = 1
			}
			f := w.finish()
			tally := f.Tallies[Clock]
			got := fmt.Sprintf("violated %d, unknown %d, checked %d", tally.Violated, tally.Unknown-before.Unknown-lapses, tally.Checked-before.Checked)
			want := fmt.Sprintf("violated %d, unknown %d, checked %d", c.violated, c.unknown, c.checked)
			if got != want || f.Violated() != c.violated {
				report(t, f)
				t.Errorf("%s; want %s", got, want)
			}
		})
	}
}

func TestSlipsAreBounded(t *testing.T) {
	var s slips
	for i := range 10 * mostSlips {
		s.add(time.Duration(3*i)*time.Second, time.Duration(3*i+1)*time.Second)
	}
	last := time.Duration(30*mostSlips-3) * time.Second
	if len(s.times) > mostSlips || !s.meet(last, last) || s.meet(last+2*time.Second, last+3*time.Second) {
		t.Errorf("%d slips", len(s.times))
	}
}

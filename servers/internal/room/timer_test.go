package room_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

// clockwork is a game with two timers, a and b, that note when they expire.
type clockwork struct {
	script
	began   time.Time
	a, b    *room.Timer
	expired []string
}

func newClockwork() *clockwork {
	g := &clockwork{}
	g.start = func(t *room.Table) error {
		g.began = time.Now()
		g.a = t.NewTimer(func() { g.note("a") })
		g.b = t.NewTimer(func() { g.note("b") })
		return nil
	}
	return g
}

func (g *clockwork) note(name string) {
	g.expired = append(g.expired, name+" "+time.Since(g.began).String())
}

// after lets time pass and checks what has expired since the last time.
func (g *clockwork) after(t *testing.T, r *roomtest.Room, d time.Duration, want ...string) {
	t.Helper()
	time.Sleep(d)
	r.Inside(func(*room.Table) {
		if !slices.Equal(g.expired, want) {
			t.Errorf("after %v, expired: %q, want %q", time.Since(g.began), g.expired, want)
		}
		g.expired = nil
	})
}

func TestTimers(t *testing.T) {
	const second = time.Second
	for _, test := range []struct {
		name string
		do   func(t *testing.T, g *clockwork) // at 0 s
		then func(t *testing.T, g *clockwork) // at 3 s, nil: nothing
		want []string                         // from 3 s on
	}{
		{"expires once", func(_ *testing.T, g *clockwork) { g.a.Reset(5 * second) }, nil, []string{"a 5s"}},
		{"in the order of their times", func(_ *testing.T, g *clockwork) { g.a.Reset(6 * second); g.b.Reset(5 * second) }, nil, []string{"b 5s", "a 6s"}},
		{"reset while it runs", func(_ *testing.T, g *clockwork) { g.a.Reset(5 * second) },
			func(_ *testing.T, g *clockwork) { g.a.Reset(5 * second) }, []string{"a 8s"}},
		{"reset to an earlier time", func(_ *testing.T, g *clockwork) { g.a.Reset(time.Hour) },
			func(_ *testing.T, g *clockwork) { g.a.Reset(second) }, []string{"a 4s"}},
		{"reset after it has fired", func(_ *testing.T, g *clockwork) { g.a.Reset(second) },
			func(_ *testing.T, g *clockwork) { g.expired = nil; g.a.Reset(second) }, []string{"a 4s"}},
		{"stopped", func(_ *testing.T, g *clockwork) { g.a.Reset(5 * second) },
			func(t *testing.T, g *clockwork) { stopped(t, g.a, true, false) }, nil},
		{"stopped before it ever ran", func(t *testing.T, g *clockwork) { stopped(t, g.a, false, false) }, nil, nil},
		{"stopped after it has fired", func(_ *testing.T, g *clockwork) { g.a.Reset(second) },
			func(t *testing.T, g *clockwork) { g.expired = nil; stopped(t, g.a, false, false) }, nil},
		{"stopped and started again", func(_ *testing.T, g *clockwork) { g.a.Reset(5 * second) },
			func(t *testing.T, g *clockwork) { stopped(t, g.a, true); g.a.Reset(4 * second) }, []string{"a 7s"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newClockwork()
			bubble(t, g, func(t *testing.T, r *roomtest.Room) {
				r.Inside(func(*room.Table) { test.do(t, g) })
				time.Sleep(3 * second)
				if test.then != nil {
					r.Inside(func(*room.Table) { test.then(t, g) })
				}
				g.after(t, r, 24*time.Hour, test.want...)
			})
		})
	}
}

// stopped stops a timer again and again, and checks the answers.
func stopped(t *testing.T, timer *room.Timer, answers ...bool) {
	t.Helper()
	for i, want := range answers {
		if got := timer.Stop(); got != want {
			t.Errorf("Stop number %d says %v, want %v", i+1, got, want)
		}
	}
}

func TestTimeLeft(t *testing.T) {
	g := newClockwork()
	bubble(t, g, func(t *testing.T, r *roomtest.Room) {
		left := func(want time.Duration) {
			t.Helper()
			r.Inside(func(*room.Table) {
				if got := g.a.Left(); got != want {
					t.Errorf("%v left, want %v", got, want)
				}
			})
		}
		left(0)
		r.Inside(func(*room.Table) { g.a.Reset(10 * time.Second) })
		left(10 * time.Second)
		time.Sleep(4 * time.Second)
		left(6 * time.Second)
		r.Inside(func(*room.Table) { g.a.Stop() })
		left(0)
		r.Inside(func(*room.Table) { g.a.Reset(time.Second) })
		g.after(t, r, time.Hour, "a 5s")
		left(0)
	})
}

// Both are due while the room is busy; the first to run undoes the second, which is then never run.
func TestNoExpiryAfterStopOrReset(t *testing.T) {
	for name, undo := range map[string]func(*room.Timer){
		"stop":  func(b *room.Timer) { b.Stop() },
		"reset": func(b *room.Timer) { b.Reset(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newClockwork()
			bubble(t, g, func(t *testing.T, r *roomtest.Room) {
				r.Inside(func(table *room.Table) {
					g.a = table.NewTimer(func() { g.note("a"); undo(g.b) })
					g.a.Reset(time.Second)
					g.b.Reset(2 * time.Second)
				})
				stall(t, r, 10*time.Second)
				g.after(t, r, time.Minute, "a 10s")
			})
		})
	}
}

// Timers that a busy room is late for run in the order of their times, not of their making.
func TestOverdueTimersRunInOrder(t *testing.T) {
	for _, test := range []struct {
		a, b time.Duration
		want []string
	}{
		{5 * time.Second, 6 * time.Second, []string{"a 10s", "b 10s"}},
		{6 * time.Second, 5 * time.Second, []string{"b 10s", "a 10s"}},
	} {
		g := newClockwork()
		bubble(t, g, func(t *testing.T, r *roomtest.Room) {
			r.Inside(func(*room.Table) { g.a.Reset(test.a); g.b.Reset(test.b) })
			stall(t, r, 10*time.Second)
			g.after(t, r, time.Minute, test.want...)
		})
	}
}

// A message that stops a timer whose time has come, but which the room had no time to run, comes
// after the expiry: the room runs timers first.
func TestExpiryComesBeforeLaterMessages(t *testing.T) {
	g := newClockwork()
	bubble(t, g, func(t *testing.T, r *roomtest.Room) {
		r.Inside(func(*room.Table) { g.a.Reset(time.Second) })
		time.Sleep(time.Second)
		r.Inside(func(*room.Table) { stopped(t, g.a, false) })
		g.after(t, r, 0, "a 1s")
	})
}

// A timer that is always due does not keep the room from its messages.
func TestTimerThatIsAlwaysDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var again *room.Timer
		runs := 0
		game := &script{start: func(table *room.Table) error {
			again = table.NewTimer(func() { runs++; again.Reset(0) })
			again.Reset(0)
			return nil
		}}
		r := open(t, room.Config{}, game)
		must(t, r.Do(t.Context(), func(*room.Table) {
			if !again.Stop() {
				t.Error("the timer does not run any more")
			}
		}))
		r.Settle(room.Disbanded)
		<-r.Done()
		if runs == 0 {
			t.Error("the timer never ran")
		}
	})
}

func TestTimerMayCloseTheRoom(t *testing.T) {
	g := newClockwork()
	bubble(t, g, func(t *testing.T, r *roomtest.Room) {
		s := r.Sit(1, 0)
		r.Inside(func(table *room.Table) {
			table.NewTimer(func() { g.note("last"); table.Close() }).Reset(time.Second)
			g.a.Reset(time.Second)
			g.b.Reset(time.Second)
		})
		<-r.Done()
		ends(t, s, room.Disbanded)
		if len(g.expired) > 3 || !slices.Contains(g.expired, "last 1s") {
			t.Errorf("expired: %q", g.expired)
		}
		if err := r.Do(t.Context(), func(*room.Table) {}); !errors.Is(err, room.ErrClosed) {
			t.Errorf("Do on a closed room: %v", err)
		}
	})
}

// stall keeps the room's goroutine busy for d.
func stall(t *testing.T, r *roomtest.Room, d time.Duration) {
	t.Helper()
	must(t, r.Do(t.Context(), func(*room.Table) { time.Sleep(d) }))
}

package room_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

// busy keeps the room's goroutine until the returned function is called.
func busy(t *testing.T, r *roomtest.Room) (release func()) {
	t.Helper()
	gate, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- r.Do(context.Background(), func(*room.Table) { <-gate }) }()
	r.Wait()
	return func() {
		close(gate)
		must(t, <-ended)
		r.Wait()
	}
}

func TestMailboxIsBounded(t *testing.T) {
	played := 0
	game := &script{receive: func(*room.Table, room.Request) error { played++; return nil }}
	bubble(t, game, func(t *testing.T, r *roomtest.Room) {
		s, other := r.Sit(1, 0), r.Sit(2, 1)
		release := busy(t, r)
		for range 8 {
			must(t, r.Play(s, 200, nil, room.Input{}))
		}
		for name, err := range map[string]error{
			"Play":  r.Play(s, 200, nil, room.Input{}),
			"Print": r.Print(s, room.Input{}),
			"Echo":  r.Echo(s, 8, nil, room.Input{}),
			"Stand": r.Stand(s, room.Input{}),
			"Move":  r.Move(s, 0, room.Input{}),
		} {
			if !errors.Is(err, room.ErrBusy) {
				t.Errorf("%s to a full mailbox: %v, want ErrBusy", name, err)
			}
		}
		// Comings and goings, and the server's own calls, are never refused.
		newcomers := make([]*roomtest.Session, 20)
		for i := range newcomers {
			newcomers[i] = roomtest.NewSession(int64(100 + i))
			must(t, r.Enter(newcomers[i], room.AnySeat, 0))
		}
		r.Lose(other)
		r.Warn("soon", 0)
		release()
		if played != 8 {
			t.Errorf("%d messages were played, want the 8 that were taken", played)
		}
		for i, n := range newcomers {
			if n.Take() == nil {
				t.Errorf("newcomer %d was told nothing", i)
			}
		}
		must(t, r.Play(s, 200, nil, room.Input{})) // and there is room again
	})
}

// Nobody is told anything by a room that has ended, and nobody waits for it.
func TestEndedRoomTakesNothing(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		s := r.Sit(1, 0)
		r.Settle(room.Disbanded)
		<-r.Done()
		s.Take()
		for range 100 {
			for name, err := range map[string]error{
				"Enter": r.Enter(roomtest.NewSession(2), 0, 0),
				"Play":  r.Play(s, 200, nil, room.Input{}),
				"Print": r.Print(s, room.Input{}),
				"Echo":  r.Echo(s, 8, nil, room.Input{}),
				"Stand": r.Stand(s, room.Input{}),
				"Move":  r.Move(s, 0, room.Input{}),
				"Do":    r.Do(t.Context(), func(*room.Table) { t.Error("Do runs in an ended room") }),
			} {
				if !errors.Is(err, room.ErrClosed) {
					t.Errorf("%s to an ended room: %v, want ErrClosed", name, err)
				}
			}
			r.Leave(s)
			r.Warn("late", time.Second)
			r.Settle(room.Retry)
		}
		if _, err := r.Summarize(t.Context()); !errors.Is(err, room.ErrClosed) {
			t.Errorf("Summarize of an ended room: %v, want ErrClosed", err)
		}
		r.Wait()
		hears(t, s)
	})
}

func TestDoWaits(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		ran := false
		must(t, r.Do(t.Context(), func(*room.Table) { ran = true }))
		if !ran {
			t.Error("Do returned before its function")
		}
	})
}

// Do and Summarize give up with their context; what they asked for may still happen, and does not
// touch what they returned (the race detector watches).
func TestDoGivesUp(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		go r.Do(context.Background(), func(*room.Table) { time.Sleep(time.Minute) }) //nolint:errcheck // it only keeps the room busy
		r.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		ran := make(chan struct{})
		if err := r.Do(ctx, func(*room.Table) { close(ran) }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Do on a busy room: %v, want a time-out", err)
		}
		summary, err := r.Summarize(ctx)
		if summary != (room.Summary{}) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Summarize of a busy room: %+v, %v, want a time-out", summary, err)
		}
		<-ran
	})
}

// Do that ends the room has run nonetheless; Do that comes with the end is told so and never hangs.
func TestDoAtTheEnd(t *testing.T) {
	for range 50 {
		bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
			must(t, r.Do(t.Context(), func(table *room.Table) { table.Close() }))
			<-r.Done()
		})
		bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
			release := busy(t, r)
			r.Settle(room.Disbanded)
			after := make(chan error, 1)
			go func() { after <- r.Do(t.Context(), func(*room.Table) { t.Error("runs after the end") }) }()
			r.Wait()
			release()
			if err := <-after; !errors.Is(err, room.ErrClosed) {
				t.Errorf("Do behind the end of the room: %v, want ErrClosed", err)
			}
		})
	}
}

func TestSummarize(t *testing.T) {
	on := true
	game := held(&on)
	game.state = func(reveal bool) string {
		if reveal {
			return "secret"
		}
		return "public"
	}
	bubble(t, game, func(t *testing.T, r *roomtest.Room) {
		r.Sit(1, 0)
		r.Lose(r.Sit(2, 1))
		r.Sit(3, room.AnySeat)
		got, err := r.Summarize(t.Context())
		must(t, err)
		want := room.Summary{ID: 7, Players: 2, Online: 2, Spectators: 1, Epoch: 1, Seq: 4, State: "public"}
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// Many senders at once, in real time, while the room ends: each is answered, none hangs, and every
// session is either ended by the room or handed on.
func TestManySendersWhileTheRoomEnds(t *testing.T) {
	for range 20 {
		late := make(map[room.Session]bool)
		r := open(t, room.Config{Seats: 4, Ended: func(entries []room.Entry, _ []room.Unread) {
			for _, e := range entries {
				late[e.Session] = true
			}
		}}, &script{})
		var senders sync.WaitGroup
		sessions := make([]*roomtest.Session, 16)
		entered := make([]bool, len(sessions))
		for i := range sessions {
			s := roomtest.NewSession(int64(i + 1))
			sessions[i] = s
			senders.Go(func() {
				entered[i] = r.Enter(s, room.AnySeat, 0) == nil
				for range 50 {
					if err := r.Print(s, room.Input{}); err != nil && !errors.Is(err, room.ErrBusy) && !errors.Is(err, room.ErrClosed) {
						t.Error(err)
					}
				}
				if i == 0 {
					r.Settle(room.Retry)
				}
			})
		}
		senders.Wait()
		<-r.Done()
		for i, s := range sessions {
			_, ended := s.Ended()
			if told := ended || late[s]; told != entered[i] {
				t.Errorf("user %d: entered %v, ended %v, handed on %v", s.User(), entered[i], ended, late[s])
			}
			for _, fault := range s.Faults() {
				t.Error(fault)
			}
		}
	}
}

// open opens a room that the test settles itself, in or out of a bubble.
func open(t *testing.T, c room.Config, game room.Game) *room.Room {
	t.Helper()
	c.ID, c.Encoder = 1, roomtest.Encoder{}
	r, err := room.Open(c, game)
	must(t, err)
	return r
}

// An idle room has one goroutine, and none after its end.
func TestOneGoroutineForARoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := roomtest.Goroutines()
		r := open(t, room.Config{}, &script{})
		synctest.Wait()
		if n := roomtest.Goroutines() - before; n != 1 {
			t.Errorf("a room has %d goroutines, want 1", n)
		}
		r.Settle(room.Disbanded)
		<-r.Done()
		synctest.Wait()
		if n := roomtest.Goroutines() - before; n != 0 {
			t.Errorf("%d goroutines are left of a room", n)
		}
	})
}

// What a player sent can be freed once the room has handled it, though no other message follows:
// it may be part of a much larger buffer of a trunk.
func TestIdleRoomHoldsOnToNoMessage(t *testing.T) {
	bubble(t, &script{}, func(t *testing.T, r *roomtest.Room) {
		s := r.Sit(1, 0)
		body := new([4096]byte)
		held := weak.Make(body)
		must(t, r.Play(s, 200, body[:], room.Input{}))
		r.Wait()
		body = nil
		runtime.GC()
		if held.Value() != nil {
			t.Error("the room still holds a message that it has handled")
		}
	})
}

// In real time, the end of the function and the end of the room are seen at once now and then.
func TestDoThatEndsTheRoomHasRun(t *testing.T) {
	for range 3000 {
		r := open(t, room.Config{}, &script{})
		must(t, r.Do(t.Context(), func(table *room.Table) { table.Close() }))
		<-r.Done()
	}
}

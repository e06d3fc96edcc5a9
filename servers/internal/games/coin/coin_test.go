package coin

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
	"croupier/servers/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	heads = wire.CoinFace_HEADS
	tails = wire.CoinFace_TAILS
)

// table runs a test on a table with users 1 and 2.
func table(t *testing.T, f func(t *testing.T, r *roomtest.Room, a, b *roomtest.Session)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := roomtest.Open(t, room.Config{Seats: Seats}, New())
		f(t, r, r.Sit(1, 0), r.Sit(2, 1))
	})
}

// calls has a player call a face, and returns the code of the refusal, 0 for none.
func calls(t *testing.T, r *roomtest.Room, s *roomtest.Session, face wire.CoinFace) int32 {
	t.Helper()
	m := call(face)
	answer, answered := r.Say(s, m.Op, m.Body)
	if !answered {
		t.Fatalf("user %d calls and is not answered", s.User())
	}
	return answer.Code()
}

// decode reads the last message that a session was sent under an opcode into m.
func decode(t *testing.T, s *roomtest.Session, op wire.Command, m proto.Message) {
	t.Helper()
	for _, sent := range slices.Backward(s.Take()) {
		if sent.Op == uint32(op) {
			if err := proto.Unmarshal(sent.Body, m); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("user %d was not sent %v", s.User(), op)
}

func TestToss(t *testing.T) {
	table(t, func(t *testing.T, r *roomtest.Room, a, b *roomtest.Session) {
		fell := make(map[wire.CoinFace]int)
		for toss := range uint64(200) {
			if code := calls(t, r, a, heads) + calls(t, r, b, tails); code != 0 {
				t.Fatalf("toss %d is refused with %d", toss, code)
			}
			var result wire.CoinResult
			decode(t, a, wire.Command_COIN_RESULT, &result)
			fell[result.GetFace()]++
			if want := []int64{int64(result.GetFace())}; !slices.Equal(result.GetWinners(), want) || result.GetToss() != toss+1 {
				t.Errorf("toss %d: %v, want the winner %v", toss+1, &result, want)
			}
		}
		if len(fell) != 2 || fell[heads] < 50 || fell[tails] < 50 { // 7 standard deviations
			t.Errorf("the coin fell %v", fell)
		}
		r.Check()
	})
}

func TestRefusals(t *testing.T) {
	table(t, func(t *testing.T, r *roomtest.Room, a, _ *roomtest.Session) {
		for _, test := range []struct {
			s    *roomtest.Session
			face wire.CoinFace
			want int32
		}{
			{a, 0, room.CodeFail},
			{a, 3, room.CodeFail},
			{r.Sit(3, room.AnySeat), heads, room.CodeSpectator},
			{a, heads, 0},
			{a, tails, room.CodeStatusMismatch},
		} {
			if got := calls(t, r, test.s, test.face); got != test.want {
				t.Errorf("user %d calls %v and gets code %d, want %d", test.s.User(), test.face, got, test.want)
			}
		}
	})
}

// A caller who loses the connection finds the seat and the call again.
func TestCallerComesBack(t *testing.T) {
	table(t, func(t *testing.T, r *roomtest.Room, a, b *roomtest.Session) {
		calls(t, r, a, tails)
		r.Lose(a)
		if seen := b.View()[1]; seen != (roomtest.Seen{Seat: 0}) {
			t.Fatalf("the caller is seen as %+v, want offline in seat 0", seen)
		}
		back := r.Sit(1, room.AnySeat)
		var scene wire.CoinScene
		decode(t, back, wire.Command_COIN_SCENE, &scene)
		if view := back.View()[1]; view.Seat != 0 || scene.GetCalls()[1] != int32(tails) {
			t.Errorf("the caller is back as %+v with %v", view, &scene)
		}
		r.Lose(back)
		calls(t, r, b, heads)
		if _, there := b.View()[1]; there {
			t.Error("the offline caller is still there after the toss")
		}
		r.Check()
	})
}

// Nobody waits for ever: the caller is held for as long as there is someone to wait for.
func TestNobodyWaitsForEver(t *testing.T) {
	for name, play := range map[string]func(*testing.T, *roomtest.Room, *roomtest.Session, *roomtest.Session){
		"the other goes too":        func(_ *testing.T, r *roomtest.Room, a, b *roomtest.Session) { r.Lose(a); r.Lose(b) },
		"the other has gone before": func(_ *testing.T, r *roomtest.Room, a, b *roomtest.Session) { r.Lose(b); r.Lose(a) },
		"a spectator is no one to toss": func(_ *testing.T, r *roomtest.Room, a, b *roomtest.Session) {
			s := r.Sit(3, -1)
			r.Lose(a)
			r.Lose(b)
			r.Lose(s)
		},
		"the other stands up": func(t *testing.T, r *roomtest.Room, a, b *roomtest.Session) {
			r.Lose(a)
			if err := r.Stand(b, room.Input{Request: 1}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			table(t, func(t *testing.T, r *roomtest.Room, a, b *roomtest.Session) {
				calls(t, r, a, heads)
				play(t, r, a, b)
				if !r.Over() {
					t.Errorf("the room is still there: %s", r.State())
				}
			})
		})
	}
	t.Run("the other does not come back to a moved room", func(t *testing.T) {
		table(t, func(t *testing.T, r *roomtest.Room, a, _ *roomtest.Session) {
			calls(t, r, a, heads)
			moved := roomtest.Restore(t, room.Config{}, New(), r.Store())
			back := moved.Sit(1, room.AnySeat)
			time.Sleep(30 * time.Second)
			moved.Wait()
			if view := back.View(); len(view) != 1 {
				t.Errorf("the caller still waits among %v", view)
			}
			stranger := moved.Sit(9, room.AnySeat)
			if code := calls(t, moved, stranger, heads); code != 0 {
				t.Errorf("the next one to come can't call: %d", code)
			}
			var result wire.CoinResult
			decode(t, back, wire.Command_COIN_RESULT, &result)
		})
	})
}

// A spectator is nobody to wait for, and a call goes with its caller.
func TestCallGoesWithTheCaller(t *testing.T) {
	table(t, func(t *testing.T, r *roomtest.Room, a, b *roomtest.Session) {
		watcher := r.Sit(3, room.AnySeat)
		calls(t, r, a, heads)
		r.Lose(a)
		r.Lose(b)
		if view := watcher.View(); len(view) != 1 {
			t.Errorf("the watcher sees %v, want nobody else", view)
		}
		if err := r.Move(watcher, 0, room.Input{Request: 1}); err != nil {
			t.Fatal(err)
		}
		r.Wait()
		calls(t, r, watcher, tails)
		if got, want := r.State(), "coin toss 1\nuser 3 called TAILS"; got != want {
			t.Errorf("the state is %q, want %q", got, want)
		}
		r.Check()
	})
}

// A call that nobody answers is void after a while, and keeps nobody any longer.
func TestCallLapses(t *testing.T) {
	table(t, func(t *testing.T, r *roomtest.Room, a, b *roomtest.Session) {
		calls(t, r, a, heads)
		r.Lose(a)
		time.Sleep(Lapse - 1)
		r.Wait()
		if view := b.View(); len(view) != 2 {
			t.Errorf("user 2 sees %v, want the caller, offline", view)
		}
		b.Take()
		time.Sleep(time.Nanosecond)
		r.Wait()
		var result wire.CoinResult
		decode(t, b, wire.Command_COIN_RESULT, &result)
		if result.GetFace() != wire.CoinFace_COIN_NONE || len(result.GetWinners()) != 0 || result.GetToss() != 1 {
			t.Errorf("the toss ends with %v, want no face and no winners", &result)
		}
		if view := b.View(); len(view) != 1 {
			t.Errorf("user 2 sees %v, want nobody else", view)
		}
		a = r.Sit(1, 0)
		if code := calls(t, r, b, tails) + calls(t, r, a, tails); code != 0 {
			t.Errorf("the next toss is refused with %d", code)
		}
		time.Sleep(time.Hour) // no call waits
		r.Wait()
		decode(t, b, wire.Command_COIN_RESULT, &result)
		if result.GetToss() != 2 {
			t.Errorf("the last result is %v, want that of toss 2", &result)
		}
		r.Check()
	})
}

// The time of a call goes on in a restored room.
func TestCallLapsesAfterAMove(t *testing.T) {
	table(t, func(t *testing.T, r *roomtest.Room, a, _ *roomtest.Session) {
		calls(t, r, a, heads)
		time.Sleep(Lapse / 2)
		moved := roomtest.Restore(t, room.Config{}, New(), r.Store())
		back := moved.Sit(1, room.AnySeat)
		back.Take()
		time.Sleep(Lapse/2 - 1)
		moved.Wait()
		if sent := back.Take(); sent != nil {
			t.Errorf("too early: %v", sent)
		}
		time.Sleep(time.Nanosecond)
		moved.Wait()
		decode(t, back, wire.Command_COIN_RESULT, &wire.CoinResult{})
	})
}

// Who goes to the bench takes no part any more.
func TestCallGoesToTheBench(t *testing.T) {
	table(t, func(t *testing.T, r *roomtest.Room, a, b *roomtest.Session) {
		calls(t, r, a, heads)
		change := func(s *roomtest.Session, seat int) int32 {
			t.Helper()
			s.Take()
			if err := r.Change(s, seat, room.Input{Request: 7}); err != nil {
				t.Fatal(err)
			}
			r.Wait()
			return s.Take()[0].Code()
		}
		if code := change(a, room.Spectating); code != room.CodeStatusMismatch {
			t.Errorf("a caller goes to the bench: %d", code)
		}
		if code := change(b, room.Spectating); code != 0 {
			t.Errorf("one who has not called can't go to the bench: %d", code)
		}
		if code := change(a, room.Spectating); code != 0 { // there is nobody to wait for
			t.Errorf("a caller whom nobody answers can't go to the bench: %d", code)
		}
		if got, want := r.State(), "coin toss 1"; got != want {
			t.Errorf("the state is %q, want %q", got, want)
		}
		r.Check()
		twin := roomtest.Restore(t, room.Config{}, New(), r.Store())
		twin.Check()
	})
}

// A coin that one player has not called is not tossed.
func TestSettleDropsCalls(t *testing.T) {
	table(t, func(t *testing.T, r *roomtest.Room, a, b *roomtest.Session) {
		calls(t, r, a, heads)
		b.Take()
		r.Settle(room.Retry)
		<-r.Done()
		for _, sent := range b.Take() {
			if sent.Op == uint32(wire.Command_COIN_RESULT) {
				t.Errorf("the coin fell: %v", sent)
			}
		}
		if why, ended := b.Ended(); !ended || why != room.Retry {
			t.Errorf("user 2 is told %v (%v), want retry", why, ended)
		}
	})
}

func TestState(t *testing.T) {
	table(t, func(t *testing.T, r *roomtest.Room, a, _ *roomtest.Session) {
		calls(t, r, a, tails)
		summary, err := r.Summarize(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := "coin toss 1\nuser 1 called"; summary.State != want {
			t.Errorf("players may read %q, want %q", summary.State, want)
		}
		if got, want := r.State(), "coin toss 1\nuser 1 called TAILS"; got != want {
			t.Errorf("operators may read %q, want %q", got, want)
		}
	})
}

func TestRestoreRefusesWhatWasNeverPlayed(t *testing.T) {
	const form = `{"version":1,"id":7,"seats":2,"bench":1,"seq":1,"players":[{"id":5,"seat":0},{"id":6,"seat":1},{"id":7,"seat":-1}],"game":%q}`
	for name, game := range map[string]string{
		"a future version": `{"version":2,"toss":1}`,
		"toss 0":           `{"version":1,"toss":0}`,
		"both have called": `{"version":1,"toss":1,"calls":{"5":1,"6":2}}`,
		"an unknown face":  `{"version":1,"toss":1,"calls":{"5":3}}`,
		"an absent caller": `{"version":1,"toss":1,"calls":{"9":1}}`,
		"a spectator":      `{"version":1,"toss":1,"calls":{"7":1}}`,
		"a long wait":      `{"version":1,"toss":1,"calls":{"5":1},"left_ns":30000000001}`,
		"time before now":  `{"version":1,"toss":1,"calls":{"5":1},"left_ns":-1}`,
	} {
		data := fmt.Appendf(nil, form, base64.StdEncoding.EncodeToString([]byte(game)))
		r, err := room.Restore(room.Config{Encoder: roomtest.Encoder{}}, New(), data)
		if r != nil || err == nil || !strings.Contains(err.Error(), "coin: ") {
			t.Errorf("%s: restored as %v, %v", name, r, err)
		}
	}
}

// FuzzRestore: whatever a game's snapshot holds, it is refused, or it is a toss that can be played
// and that stores itself as it was.
func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"version":1,"toss":1}`))
	f.Add([]byte(`{"version":1,"toss":3,"calls":{"5":2},"left_ns":1000000000}`))
	f.Add([]byte(`{"version":1,"toss":18446744073709551615,"calls":{"5":1},"left_ns":30000000000}`))
	f.Fuzz(func(t *testing.T, game []byte) {
		data := fmt.Appendf(nil, `{"version":1,"id":7,"seats":2,"bench":1,"seq":1,"players":[{"id":5,"seat":0,"online":true},{"id":6,"seat":1,"online":true}],"game":%q}`,
			base64.StdEncoding.EncodeToString(game))
		synctest.Test(t, func(t *testing.T) {
			config := room.Config{Encoder: roomtest.Encoder{}, Seamless: true}
			r, err := room.Restore(config, New(), data)
			if err != nil {
				if strings.Contains(err.Error(), "panic") {
					t.Error(err)
				}
				return
			}
			r.Settle(room.Retry)
			<-r.Done()

			played := roomtest.Restore(t, config, New(), data)
			first := played.Store()
			twin := roomtest.Restore(t, config, New(), first)
			if second := twin.Store(); string(second) != string(first) {
				t.Errorf("stored as %s, then as %s", first, second)
			}
			a, b := twin.Sit(5, room.AnySeat), twin.Sit(6, room.AnySeat)
			for _, s := range []*roomtest.Session{a, b} {
				m := call(heads)
				twin.Say(s, m.Op, m.Body)
			}
			twin.Check()
		})
	})
}

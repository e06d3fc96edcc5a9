package dice

import (
	"runtime"
	"testing"

	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
	"croupier/servers/wire"
)

// wired is what a game server sends: the published encoding of what the core says.
type wired struct{ roomtest.Encoder }

func (wired) Printed(state string) room.Message {
	return encode(wire.Command_PRINT, &wire.String{Value: state})
}

// waiting is a session that hands on that it was answered, and keeps nothing.
type waiting struct {
	user     int64
	answered chan struct{}
}

func (w *waiting) User() int64     { return w.user }
func (w *waiting) End(room.Reason) {}
func (w *waiting) Send(_ uint32, _ []byte, meta room.Meta) {
	if meta.Request != 0 {
		w.answered <- struct{}{}
	}
}

// seated opens a room with four players in it.
func seated(b *testing.B, record room.Record) (*room.Room, []*waiting) {
	b.Helper()
	r, err := room.Open(room.Config{ID: 1000, Encoder: wired{}, Record: record}, New(Config{}))
	if err != nil {
		b.Fatal(err)
	}
	players := make([]*waiting, 4)
	for i := range players {
		players[i] = &waiting{user: int64(100_000 + i), answered: make(chan struct{}, 1)}
		if err := r.Enter(players[i], room.AnySeat, 1); err != nil {
			b.Fatal(err)
		}
		<-players[i].answered
	}
	return r, players
}

func settle(r *room.Room) {
	r.Settle(room.Disbanded)
	<-r.Done()
}

// BenchmarkPrint is a player's message into a room with four players and back, the round trip of
// the published benchmark without the network.
func BenchmarkPrint(b *testing.B) {
	r, players := seated(b, nil)
	defer settle(r)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Print(players[0], room.Input{Request: 1}); err != nil {
			b.Fatal(err)
		}
		<-players[0].answered
	}
}

// BenchmarkPrintBurst is the same for all four players at once: how it is under load.
func BenchmarkPrintBurst(b *testing.B) {
	r, players := seated(b, nil)
	defer settle(r)
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range players {
			if err := r.Print(p, room.Input{Request: 1}); err != nil {
				b.Fatal(err)
			}
		}
		for _, p := range players {
			<-p.answered
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(4*b.N), "ns/message")
}

// instant is a record that takes no time.
type instant struct{}

func (instant) Save(_ []byte, done func(error)) { done(nil) }
func (instant) Close(done func(error))          { done(nil) }

// BenchmarkPrintStored is BenchmarkPrint in a room that is stored: a question costs no save.
func BenchmarkPrintStored(b *testing.B) {
	r, players := seated(b, instant{})
	defer settle(r)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Print(players[0], room.Input{Request: 1}); err != nil {
			b.Fatal(err)
		}
		<-players[0].answered
	}
}

// BenchmarkSnapshot is what a room with four players has to write down after a change, in a round
// in which three have rolled.
func BenchmarkSnapshot(b *testing.B) {
	r, players := seated(b, instant{})
	defer settle(r)
	body := shake(0).Body
	for _, p := range players[:3] { // a round waits for the fourth
		if err := r.Play(p, opShake, body, room.Input{Request: 7}); err != nil {
			b.Fatal(err)
		}
		<-p.answered
	}
	var size int
	err := r.Do(b.Context(), func(t *room.Table) {
		b.ReportAllocs()
		for b.Loop() {
			data, err := t.Snapshot()
			if err != nil {
				b.Error(err)
			}
			size = len(data)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(size), "B/snapshot")
}

// BenchmarkIdleRoom reports what a room with four players costs in memory while nothing happens,
// without their sessions: heap, and the stack of its goroutine.
func BenchmarkIdleRoom(b *testing.B) {
	const rooms = 1000
	var heap, stack float64
	for b.Loop() {
		before := memory()
		opened := make([]*room.Room, rooms)
		for i := range opened {
			opened[i], _ = seated(b, nil)
		}
		after := memory()
		for _, r := range opened {
			settle(r)
		}
		heap = float64(after.HeapAlloc-before.HeapAlloc) / rooms
		stack = float64(after.StackInuse-before.StackInuse) / rooms
	}
	b.ReportMetric(heap, "heap-B/room")
	b.ReportMetric(stack, "stack-B/room")
}

func memory() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

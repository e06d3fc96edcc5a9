package oracle

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// tape is what the four bots of a room are told, recorded once: how they sit down, and a loop of
// rounds that leaves them as it found them.
type tape struct {
	begin, loop []Event
	seqs        uint64 // events of the room in the loop
	rounds      uint64
	took        time.Duration
}

// taped plays rounds of four, in which one of the bots breaks its connection now and then and
// comes back. The bots hear of it in an order of chance, by the seed; 0: all at once.
func taped(seed uint64) *tape {
	const rounds = 20
	t := &tape{}
	w := newWorld()
	w.fences = true
	into := &t.begin
	w.see = func(_ int64, e Event) {
		e.Dice, e.Winners = slices.Clone(e.Dice), slices.Clone(e.Winners)
		*into = append(*into, e)
	}
	random := rand.New(rand.NewPCG(seed, 3))
	play := func() {
		for bot := range int64(4) {
			w.roll(bot+1, int32(random.IntN(faces))+1)
		}
		w.now += time.Second - w.now%time.Second
		w.begin()
	}
	for bot := range int64(4) {
		w.sit(bot + 1)
	}
	play()
	into = &t.loop
	seq, now := w.seq, w.now
	if seed > 0 {
		w.random = random
	}
	for i := range rounds {
		if i == rounds/2 {
			bot := random.Int64N(4) + 1
			w.cut(bot, true)
			w.notice(bot)
			w.sit(bot)
		}
		play()
	}
	w.random = nil
	w.deliver()
	t.seqs, t.rounds, t.took = w.seq-seq, rounds, w.now-now
	return t
}

// play hands in a part of a tape for one room, the n-th time it is played.
func (t *tape) play(o *Oracle, room int64, events []Event, n uint64) {
	for i := range events {
		e := events[i]
		e.Seq += n * t.seqs
		e.At += time.Duration(n) * t.took
		if e.Round != 0 {
			e.Round += n * t.rounds
		}
		if e.Request != 0 {
			e.Request += n * (t.rounds + 1) // of each bot: it rolls once a round, and may sit down once
		}
		o.See(room, e)
	}
}

func BenchmarkSee(b *testing.B) {
	t := taped(0)
	const rooms = 1000
	o := New(Config{})
	for room := range int64(rooms) {
		t.play(o, room, t.begin, 0)
	}
	b.ReportAllocs()
	b.ResetTimer()
	// A batch of events for one room, then one for the next, as they come from many connections.
	const batch = 16
	done := 0
	for n := uint64(0); done < b.N; n++ {
		for part := range slices.Chunk(t.loop, batch) {
			for room := int64(0); room < rooms && done < b.N; room++ {
				t.play(o, room, part, n)
				done += len(part)
			}
			if done >= b.N {
				break
			}
		}
	}
	b.StopTimer()
	if f := o.Findings(); f.Violated() > 0 {
		b.Fatalf("%v", f.Violations[0])
	}
}

// heap is the memory in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// memory is what an oracle holds for each bot of rooms of four in mid-play, after some rounds.
func memory(rooms, loops int) float64 {
	t := taped(0)
	before := heap()
	o := New(Config{})
	for room := range int64(rooms) {
		own := func(events []Event) []Event { // as each bot decodes them
			events = slices.Clone(events)
			for i := range events {
				events[i].Dice, events[i].Winners = slices.Clone(events[i].Dice), slices.Clone(events[i].Winners)
			}
			return events
		}
		t.play(o, room, own(t.begin), 0)
		for n := range uint64(loops) {
			t.play(o, room, own(t.loop), n)
		}
		t.play(o, room, own(t.loop[:10+room%20]), uint64(loops))
	}
	held := heap() - before
	runtime.KeepAlive(o)
	return float64(held) / float64(4*rooms)
}

func BenchmarkMemory(b *testing.B) {
	for _, rooms := range []int{10_000} {
		b.Run(fmt.Sprintf("%d rooms of four", rooms), func(b *testing.B) {
			for range b.N {
				b.ReportMetric(memory(rooms, 1), "B/bot")
			}
		})
	}
}

func BenchmarkFindings(b *testing.B) {
	t := taped(0)
	o := New(Config{})
	for room := range int64(12_500) {
		t.play(o, room, t.begin, 0)
	}
	b.ReportAllocs()
	for b.Loop() {
		o.Findings()
	}
}

package directory

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"croupier/servers/internal/bus"
)

// BenchmarkSave saves a thousand rooms of 1 KiB, each again as soon as it is answered, as busy rooms do. cpu-us/op is the CPU of
// the whole process, so with NATS of both ends: the client's and the server's.
func BenchmarkSave(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchSave(b, NewMemory()) })
	b.Run("nats", func(b *testing.B) { benchSave(b, benchNATS(b)) })
}

func benchNATS(b *testing.B) Store {
	e, err := bus.Embed("")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(e.Close)
	return openAt(b, dial(b, e.URL()))
}

func benchSave(b *testing.B, store Store) {
	const rooms = 1000
	d := join(b, store, "a", "a:1")
	tenures := make([]*Tenure, rooms)
	for i := range tenures {
		ten, err := d.Claim(soon(b), dice(int64(i)), 0, nil)
		if err != nil {
			b.Fatal(err)
		}
		tenures[i] = ten
	}
	snapshot := bytes.Repeat([]byte("x"), 1024)
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu()
	var wg sync.WaitGroup
	for i, ten := range tenures {
		count := b.N / rooms
		if i < b.N%rooms {
			count++
		}
		if count == 0 {
			continue
		}
		wg.Go(func() {
			answers := make(chan error, 1)
			answer := func(err error) { answers <- err }
			for range count {
				ten.Save(snapshot, answer)
				if err := <-answers; err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-us/op")
}

// BenchmarkSavePaced saves 3,000 times a second, as 8,000 players at their tables do: what a save costs depends on how many
// share a record. The pace itself is in the figure of "memory".
func BenchmarkSavePaced(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchSavePaced(b, NewMemory()) })
	b.Run("nats", func(b *testing.B) { benchSavePaced(b, benchNATS(b)) })
}

func benchSavePaced(b *testing.B, store Store) {
	const rooms, each = 2000, 3 // a millisecond
	d := join(b, store, "a", "a:1")
	tenures := make([]*Tenure, rooms)
	free := make([]atomic.Bool, rooms)
	for i := range tenures {
		ten, err := d.Claim(soon(b), dice(int64(i)), 0, nil)
		if err != nil {
			b.Fatal(err)
		}
		tenures[i] = ten
		free[i].Store(true)
	}
	snapshot := bytes.Repeat([]byte("x"), 1024)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	b.ResetTimer()
	before := cpu()
	for n := 0; n < b.N; n++ {
		if n%each == 0 {
			<-tick.C
		}
		if i := n % rooms; free[i].Swap(false) {
			tenures[i].Save(snapshot, func(err error) {
				if err != nil {
					b.Error(err)
				}
				free[i].Store(true)
			})
		}
	}
	for i := range free {
		for !free[i].Load() {
			<-tick.C
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-us/op")
}

// BenchmarkOrphans lists the orphans among 10,000 rooms.
func BenchmarkOrphans(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchOrphans(b, NewMemory()) })
	b.Run("nats", func(b *testing.B) { benchOrphans(b, benchNATS(b)) })
}

func benchOrphans(b *testing.B, store Store) {
	d := join(b, store, "a", "a:1")
	const rooms = 10_000
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := w; i < rooms; i += 16 {
				ten, err := d.Claim(soon(b), dice(int64(i)), 0, bytes.Repeat([]byte("x"), 1024))
				if err != nil {
					b.Error(err)
					return
				}
				if i%3 == 0 {
					ten.Abandon()
				}
			}
		})
	}
	wg.Wait()
	for b.Loop() {
		list, err := d.Orphans(soon(b))
		if err != nil || len(list) != (rooms+2)/3 {
			b.Fatal(fmt.Sprint(len(list), err))
		}
	}
}

// BenchmarkClaim is what a move costs the directory.
func BenchmarkClaim(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchClaim(b, NewMemory()) })
	b.Run("nats", func(b *testing.B) { benchClaim(b, benchNATS(b)) })
}

func benchClaim(b *testing.B, store Store) {
	d := join(b, store, "a", "a:1")
	var room int64
	var mu sync.Mutex
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			room++
			key := dice(room)
			mu.Unlock()
			if _, err := d.Claim(soon(b), key, 0, []byte("snapshot")); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

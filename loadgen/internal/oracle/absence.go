package oracle

import (
	"math/bits"
	"time"
)

// Absences says how long players were away from the table after they lost a connection.
type Absences struct {
	Count uint64        `json:"count"`
	P50   time.Duration `json:"p50_ns"`
	P99   time.Duration `json:"p99_ns"`
	Max   time.Duration `json:"max_ns"`
}

// absences is a histogram: four buckets to each doubling of a microsecond, so a percentile is at
// most a quarter too high.
type absences struct {
	buckets [4 * 40]uint64
	count   uint64
	longest time.Duration
}

func (a *absences) add(d time.Duration) {
	a.buckets[bucket(d)]++
	a.count++
	a.longest = max(a.longest, d)
}

func bucket(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 4))
	doubling := bits.Len64(us) - 1 // at least 2
	quarter := us >> (doubling - 2) & 3
	return min(4*(doubling-2)+int(quarter), 4*40-1)
}

// ceiling is the upper bound of a bucket.
func ceiling(i int) time.Duration {
	return time.Duration(uint64(i%4+5)<<(i/4)) * time.Microsecond
}

func (a *absences) merge(b *absences) {
	for i, n := range b.buckets {
		a.buckets[i] += n
	}
	a.count += b.count
	a.longest = max(a.longest, b.longest)
}

func (a *absences) percentile(share float64) time.Duration {
	var seen uint64
	for i, n := range a.buckets {
		if seen += n; n > 0 && float64(seen) >= share*float64(a.count) {
			return min(ceiling(i), a.longest)
		}
	}
	return a.longest
}

func (a *absences) summary() Absences {
	return Absences{Count: a.count, P50: a.percentile(0.50), P99: a.percentile(0.99), Max: a.longest}
}

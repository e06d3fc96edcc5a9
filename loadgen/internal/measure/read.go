package measure

import (
	"math"
	"time"
)

// Count is how many durations were counted.
func (h *Histogram) Count() uint64 {
	if h == nil {
		return 0
	}
	return h.count
}

// Mean is the mean of them, as exact as the buckets are.
func (h *Histogram) Mean() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	var sum float64
	for bucket, n := range h.each {
		sum += (float64(lowest(bucket)) + float64(width(bucket)-1)/2) * float64(n)
	}
	return time.Duration(sum / float64(h.count) * float64(time.Microsecond))
}

// At is the duration that percentile of 100 of the counted ones do not exceed: the longest that its
// bucket has. An empty histogram says 0.
func (h *Histogram) At(percentile float64) time.Duration {
	var at [1]time.Duration
	h.at(at[:], percentile)
	return at[0]
}

// at answers several percentiles, which must ascend, in one pass.
func (h *Histogram) at(into []time.Duration, percentiles ...float64) {
	var seen uint64
	next := 0
	for bucket, n := range h.each {
		seen += n
		for next < len(percentiles) && seen >= rank(percentiles[next], h.count) {
			into[next] = longest(bucket)
			next++
		}
		if next == len(percentiles) {
			return
		}
	}
}

// rank is which of so many is the percentile.
func rank(percentile float64, count uint64) uint64 {
	exact := percentile / 100 * float64(count)
	n := math.Ceil(exact - exact*1e-12) // 99.9/100*1000 is not above 999
	switch {
	case !(n >= 1):
		return 1
	case n >= float64(count):
		return count
	}
	return uint64(n)
}

// Quantiles are what people read of the histogram.
func (h *Histogram) Quantiles() Quantiles {
	var q [5]time.Duration
	h.at(q[:], 50, 90, 99, 99.9, 100)
	return Quantiles{Count: h.Count(), P50: q[0], P90: q[1], P99: q[2], P999: q[3], Max: q[4]}
}

// CountAbove is how many were longer than d, as exactly as the buckets tell: those in d's own bucket
// are not.
func (h *Histogram) CountAbove(d time.Duration) uint64 {
	if d < 0 {
		return h.Count()
	}
	limit := bucketOf(min(int64(d/time.Microsecond), highest))
	var n uint64
	for bucket, count := range h.each {
		if bucket > limit {
			n += count
		}
	}
	return n
}

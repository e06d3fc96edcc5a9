package measure

import (
	"math/bits"
	"time"
)

// The buckets are those of an HDR histogram of microseconds with three significant digits: one for
// each microsecond below 2,048, then 1,024 for each doubling, up to an hour. Other HDR tools have
// the same ones, which is why a histogram of theirs and of ours merge bucket for bucket.
const (
	digits  = 3
	highest = int64(time.Hour / time.Microsecond)

	half    = 1024
	linear  = 2 * half
	octaves = 21 // doublings after the linear part: 2,048 us << 21 is more than an hour
	buckets = linear + octaves*half
)

// bucketOf is the bucket of a time in microseconds.
func bucketOf(us int64) int {
	if us < linear {
		return int(us)
	}
	shift := bits.Len64(uint64(us)) - 11
	return shift*half + int(us>>shift)
}

// lowest is the shortest time that a bucket has, in microseconds.
func lowest(bucket int) int64 {
	if bucket < linear {
		return int64(bucket)
	}
	return int64(bucket%half+half) << (bucket/half - 1)
}

// width is how many microseconds a bucket has.
func width(bucket int) int64 {
	if bucket < linear {
		return 1
	}
	return 1 << (bucket/half - 1)
}

// longest is the longest time that a bucket has, as people are told it.
func longest(bucket int) time.Duration {
	return min(time.Duration(lowest(bucket)+width(bucket)-1)*time.Microsecond, time.Hour)
}

// microseconds is a time as the histogram has it: rounded up, so that no limit seems kept that was
// missed by less than a microsecond.
func microseconds(d time.Duration) int64 {
	us := int64((d + time.Microsecond - 1) / time.Microsecond)
	return min(max(us, 1), highest)
}

// coarse is the bucket that stands for its neighbours when two significant digits will do.
func coarse(bucket int) int {
	group := 8
	switch {
	case bucket < 256:
		return bucket
	case bucket < 512:
		group = 2
	case bucket < 1024:
		group = 4
	}
	return bucket&^(group-1) + group/2
}

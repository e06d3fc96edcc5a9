package measure

import (
	"errors"
	"math"
	"time"
)

// pageSize is how many buckets are allocated together. The times of a second lie close to each
// other: a histogram of them has a tenth of the pages.
const pageSize = 128

type page [pageSize]uint64

// Histogram counts durations from a microsecond to an hour, to three significant digits. Shorter
// and longer ones count as the shortest and the longest. A nil *Histogram is empty, and may be read.
//
// Any number of goroutines may read a histogram at once, and one alone may change it.
type Histogram struct {
	count  uint64
	pages  []*page // nil: no bucket is used, or packed has them
	packed []byte  // the buckets as the HDR format writes them
}

// NewHistogram returns an empty one.
func NewHistogram() *Histogram { return &Histogram{} }

// Record counts a duration.
func (h *Histogram) Record(d time.Duration) {
	h.add(bucketOf(microseconds(d)), 1)
	h.count++
}

// add counts n more in a bucket, and leaves the sum to the caller.
func (h *Histogram) add(bucket int, n uint64) {
	if h.pages == nil {
		h.unpack()
	}
	p := h.pages[bucket/pageSize]
	if p == nil {
		p = new(page)
		h.pages[bucket/pageSize] = p
	}
	p[bucket%pageSize] += n
}

// unpack makes the pages.
func (h *Histogram) unpack() {
	packed := h.packed
	h.pages, h.packed = make([]*page, (buckets+pageSize-1)/pageSize), nil
	unpack(packed, func(bucket int, n uint64) bool {
		h.add(bucket, n)
		return true
	})
}

// each goes through the buckets that have something, the shortest times first.
func (h *Histogram) each(yield func(bucket int, n uint64) bool) {
	if h == nil {
		return
	}
	if h.pages == nil {
		unpack(h.packed, yield)
		return
	}
	for i, p := range h.pages {
		if p == nil {
			continue
		}
		for j, n := range p {
			if n != 0 && !yield(i*pageSize+j, n) {
				return
			}
		}
	}
}

// Merge counts everything that the other histogram counts, bucket for bucket. It fails, and changes
// nothing, where the counts are more than a histogram can hold.
func (h *Histogram) Merge(other *Histogram) error {
	if other.Count() == 0 {
		return nil
	}
	if other.count > math.MaxInt64-h.count {
		return errors.New("the histograms count more than one can hold")
	}
	h.count += other.count
	if other == h {
		other = other.Clone()
	}
	for bucket, n := range other.each {
		h.add(bucket, n)
	}
	return nil
}

// Clone returns a copy.
func (h *Histogram) Clone() *Histogram {
	if h == nil {
		return nil
	}
	c := &Histogram{count: h.count, packed: h.packed} // packed buckets are never changed
	if h.pages != nil {
		c.pages = make([]*page, len(h.pages))
		for i, p := range h.pages {
			if p != nil {
				q := *p
				c.pages[i] = &q
			}
		}
	}
	return c
}

// Coarse returns a copy to two significant digits, which takes far less room: for the seconds of a
// long run. The merged copies of several histograms are the copy of the merged ones.
func (h *Histogram) Coarse() *Histogram {
	var p packer
	for bucket, n := range h.each {
		p.add(coarse(bucket), n)
	}
	return &Histogram{count: h.Count(), packed: p.bytes()}
}

// Compact makes the histogram as small in memory as it can be: some bytes for each bucket that is
// used. It can be read and changed as before; the first change undoes it.
func (h *Histogram) Compact() {
	if h != nil && h.pages != nil {
		h.packed, h.pages = h.pack(), nil
	}
}

// Reset empties the histogram. Pages that were used are kept for what comes next.
func (h *Histogram) Reset() {
	h.count, h.packed = 0, nil
	for i, p := range h.pages {
		switch {
		case p == nil:
		case *p == page{}:
			h.pages[i] = nil
		default:
			*p = page{}
		}
	}
}

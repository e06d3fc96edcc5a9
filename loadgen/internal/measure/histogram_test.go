package measure

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// some are durations as servers have them: log-normal around a millisecond, with a long tail.
func some(r *rand.Rand, n int) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = time.Duration(math.Exp(r.NormFloat64()*1.5) * float64(time.Millisecond))
	}
	return all
}

func histogramOf(all ...time.Duration) *Histogram {
	h := NewHistogram()
	for _, d := range all {
		h.Record(d)
	}
	return h
}

// same says whether two histograms are equal, bucket for bucket.
func same(a, b *Histogram) bool {
	type bucket struct {
		i int
		n uint64
	}
	list := func(h *Histogram) (all []bucket) {
		for i, n := range h.each {
			all = append(all, bucket{i, n})
		}
		return all
	}
	x, y := list(a), list(b)
	if len(x) != len(y) || a.Count() != b.Count() {
		return false
	}
	for i := range x {
		if x[i] != y[i] {
			return false
		}
	}
	return true
}

// The library is the yardstick: its histogram of the same times, in microseconds.
func yardstick(all []time.Duration) *hdrhistogram.Histogram {
	h := hdrhistogram.New(1, highest, digits)
	for _, d := range all {
		if err := h.RecordValue(microseconds(d)); err != nil {
			panic(err)
		}
	}
	return h
}

func TestBucketsAreThoseOfHDR(t *testing.T) {
	h := hdrhistogram.New(1, highest, digits)
	check := func(us int64) {
		t.Helper()
		b := bucketOf(us)
		if low, high := lowest(b), lowest(b)+width(b)-1; us < low || us > high {
			t.Fatalf("%d us is in bucket %d, which has %d..%d", us, b, low, high)
		}
		if want := h.ValuesAreEquivalent(us, lowest(b)); !want {
			t.Fatalf("%d us and %d us are in one bucket here, and in two of HDR's", us, lowest(b))
		}
		if b > 0 && h.ValuesAreEquivalent(us, lowest(b)-1) {
			t.Fatalf("%d us is the first of bucket %d here, and not of HDR's", lowest(b), b)
		}
	}
	for us := int64(1); us < 20_000; us++ {
		check(us)
	}
	for us := int64(20_000); us < highest; us += us / 777 {
		check(us)
	}
	check(highest)
	if b := bucketOf(highest); b >= buckets {
		t.Fatalf("an hour is in bucket %d of %d", b, buckets)
	}
}

func TestReadsAsHDR(t *testing.T) {
	all := some(rand.New(rand.NewPCG(1, 2)), 50_000)
	h, y := histogramOf(all...), yardstick(all)
	for _, p := range []float64{0, 1, 10, 50, 90, 99, 99.9, 99.99, 100} {
		if got, want := h.At(p), time.Duration(y.ValueAtQuantile(p))*time.Microsecond; got != want {
			t.Errorf("at %v: %s, and HDR says %s", p, got, want)
		}
	}
	if got, want := float64(h.Mean().Microseconds()), y.Mean(); math.Abs(got-want) > want/1000+1 {
		t.Errorf("mean %v, and HDR says %v", got, want)
	}
	q := h.Quantiles()
	if q != (Quantiles{Count: 50_000, P50: h.At(50), P90: h.At(90), P99: h.At(99), P999: h.At(99.9), Max: h.At(100)}) {
		t.Errorf("quantiles are %+v", q)
	}
}

func TestLimits(t *testing.T) {
	h := histogramOf(-time.Second, 0, time.Nanosecond, time.Microsecond, 1001*time.Nanosecond, time.Hour, 100*time.Hour)
	if got := h.At(50); got != time.Microsecond {
		t.Errorf("four of seven are a microsecond or less, and the median is %s", got)
	}
	if got := h.At(60); got != 2*time.Microsecond {
		t.Errorf("1.001 us is told as %s", got)
	}
	if got := h.At(100); got != time.Hour {
		t.Errorf("the longest is told as %s", got)
	}
	if got := histogramOf(100 * time.Hour).At(math.NaN()); got != time.Hour {
		t.Errorf("at no percentile: %s", got)
	}
}

func TestCountAbove(t *testing.T) {
	h := histogramOf(time.Millisecond, 2*time.Millisecond, 3*time.Millisecond)
	for d, want := range map[time.Duration]uint64{-1: 3, 0: 3, 999 * time.Microsecond: 3, time.Millisecond: 2, 2500 * time.Microsecond: 1, 3 * time.Millisecond: 0, 99 * time.Hour: 0} {
		if got := h.CountAbove(d); got != want {
			t.Errorf("%d are above %s, want %d", got, d, want)
		}
	}
}

func TestNilIsEmpty(t *testing.T) {
	var h *Histogram
	if h.Count() != 0 || h.Mean() != 0 || h.At(99) != 0 || h.CountAbove(0) != 0 || h.Clone() != nil {
		t.Error("a nil histogram has something")
	}
	if h.Quantiles() != (Quantiles{}) || h.Coarse().Count() != 0 {
		t.Error("a nil histogram has quantiles")
	}
	h.Compact()
	if err := NewHistogram().Merge(h); err != nil {
		t.Error(err)
	}
	if b, err := h.MarshalText(); err != nil || len(b) == 0 {
		t.Errorf("%q, %v", b, err)
	}
}

// The merged histograms are the histogram of all samples, whatever the order, and whichever of them
// are compact.
func TestMergeIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	all := some(r, 30_000)
	want := histogramOf(all...)
	for range 20 {
		parts := make([]*Histogram, 1+r.IntN(6))
		for i := range parts {
			parts[i] = NewHistogram()
		}
		for _, d := range all {
			parts[r.IntN(len(parts))].Record(d)
		}
		sum := NewHistogram()
		for _, i := range r.Perm(len(parts)) {
			if r.IntN(2) == 0 {
				parts[i].Compact()
			}
			if r.IntN(2) == 0 {
				sum.Compact()
			}
			if err := sum.Merge(parts[i]); err != nil {
				t.Fatal(err)
			}
		}
		if !same(sum, want) {
			t.Fatal("the merged histograms are not the histogram of all")
		}
	}
	double := want.Clone()
	if err := double.Merge(double); err != nil || double.Count() != 2*want.Count() || double.At(50) != want.At(50) {
		t.Errorf("merged with itself: %+v, %v", double.Quantiles(), err)
	}
}

func TestCoarseMerges(t *testing.T) {
	all := some(rand.New(rand.NewPCG(5, 6)), 20_000)
	a, b, both := histogramOf(all[:7000]...), histogramOf(all[7000:]...), histogramOf(all...)
	sum := a.Coarse()
	if err := sum.Merge(b.Coarse()); err != nil {
		t.Fatal(err)
	}
	if !same(sum, both.Coarse()) || !same(sum, both.Coarse().Coarse()) {
		t.Error("coarse copies do not merge to the coarse copy")
	}
	for _, p := range []float64{1, 50, 99, 99.9, 100} {
		if got, want := sum.At(p).Seconds(), both.At(p).Seconds(); math.Abs(got-want) > want/100 {
			t.Errorf("at %v: %v of %v", p, got, want)
		}
	}
}

func TestMergeRefusesTooMuch(t *testing.T) {
	h := histogramOf(time.Second)
	h.add(5, math.MaxInt64-1)
	h.count += math.MaxInt64 - 1
	if err := h.Merge(histogramOf(time.Second)); err == nil {
		t.Error("merged beyond what a histogram holds")
	}
	if h.Count() != math.MaxInt64 {
		t.Errorf("the failed merge changed the count to %d", h.Count())
	}
}

func TestTextIsHDR(t *testing.T) {
	all := some(rand.New(rand.NewPCG(7, 8)), 10_000)
	h, y := histogramOf(all...), yardstick(all)

	text, err := h.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	read, err := hdrhistogram.Decode(text)
	if err != nil {
		t.Fatalf("the HDR library does not read it: %v", err)
	}
	if !read.Equals(y) {
		t.Error("the HDR library reads another histogram")
	}

	theirs, err := y.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	back := NewHistogram()
	if err := back.UnmarshalText(theirs); err != nil {
		t.Fatal(err)
	}
	if !same(back, h) {
		t.Error("what the HDR library wrote is read as another histogram")
	}

	compact := h.Clone()
	compact.Compact()
	if again, err := compact.MarshalText(); err != nil || !bytes.Equal(again, text) {
		t.Errorf("the compact form writes something else: %v", err)
	}
	compact.Record(time.Second)
	if compact.Count() != h.Count()+1 || same(compact, h) {
		t.Error("a compact histogram can't be changed")
	}
}

func TestTextInJSON(t *testing.T) {
	type file struct {
		Times map[string]*Histogram `json:"times"`
	}
	in := file{map[string]*Histogram{"action": histogramOf(time.Millisecond), "empty": NewHistogram(), "none": nil}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out file
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if out.Times["none"] != nil || out.Times["empty"].Count() != 0 || !same(out.Times["action"], in.Times["action"]) {
		t.Errorf("%s was read as %+v", b, out)
	}
}

func TestHostileText(t *testing.T) {
	other := hdrhistogram.New(1, math.MaxInt64/2, 5) // hundreds of MiB, if one allocates what the header says
	if err := other.RecordValue(7); err != nil {
		t.Fatal(err)
	}
	wide, err := other.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	good, err := histogramOf(time.Millisecond).MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"nothing": {}, "no base64": []byte("!!!"), "short": []byte("HISTFA=="), "cut": good[:len(good)/2/4*4],
		"long": bytes.Repeat([]byte("A"), maxText+4), "other digits": wide,
	} {
		h := histogramOf(time.Second)
		if err := h.UnmarshalText(text); err == nil {
			t.Errorf("%s is read", name)
		}
		if h.Count() != 1 {
			t.Errorf("%s: the failed read changed the histogram", name)
		}
	}
}

func FuzzUnmarshalText(f *testing.F) {
	for _, h := range []*Histogram{nil, histogramOf(time.Millisecond), histogramOf(some(rand.New(rand.NewPCG(1, 1)), 500)...)} {
		text, err := h.MarshalText()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h := NewHistogram()
		if h.UnmarshalText(text) != nil {
			return
		}
		check1(t, h)
	})
}

// FuzzPacked starts behind the compression, which a fuzzer seldom gets through.
func FuzzPacked(f *testing.F) {
	f.Add(histogramOf(some(rand.New(rand.NewPCG(1, 1)), 500)...).pack())
	f.Add([]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xff})
	f.Fuzz(func(t *testing.T, packed []byte) {
		count, err := check(packed)
		if err != nil {
			return
		}
		check1(t, &Histogram{count: count, packed: packed})
	})
}

// check1 does with a histogram of unknown origin what is done with histograms.
func check1(t *testing.T, h *Histogram) {
	t.Helper()
	if q := h.Quantiles(); q.P50 > q.P90 || q.P90 > q.P99 || q.P99 > q.P999 || q.P999 > q.Max || q.Max > time.Hour {
		t.Fatalf("quantiles are %+v", q)
	}
	sum := NewHistogram()
	if err := sum.Merge(h); err != nil {
		t.Fatal(err)
	}
	text, err := sum.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	back := NewHistogram()
	if err := back.UnmarshalText(text); err != nil {
		t.Fatal(err)
	}
	if !same(back, h) {
		t.Fatal("written and read, it is another")
	}
}

func TestSizes(t *testing.T) {
	h := histogramOf(some(rand.New(rand.NewPCG(2, 2)), 5000)...)
	if n := len(h.Coarse().packed); n > 2500 { // they are from 10 us to 200 ms
		t.Errorf("a second of 5,000 times takes %d bytes", n)
	}
	h.Compact()
	if len(h.packed) > 6000 {
		t.Errorf("in full it takes %d bytes", len(h.packed))
	}
}

func BenchmarkHistogramRecord(b *testing.B) {
	all := some(rand.New(rand.NewPCG(1, 2)), 4096)
	h := histogramOf(all...)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.Record(all[i&4095])
	}
}

func BenchmarkCoarse(b *testing.B) {
	h := histogramOf(some(rand.New(rand.NewPCG(1, 2)), 10_000)...)
	b.ReportAllocs()
	for b.Loop() {
		h.Coarse()
	}
}

func BenchmarkMarshalText(b *testing.B) {
	h := histogramOf(some(rand.New(rand.NewPCG(1, 2)), 10_000)...).Coarse()
	text, _ := h.MarshalText()
	b.ReportMetric(float64(len(text)), "bytes/text")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.MarshalText(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshalText(b *testing.B) {
	text, err := histogramOf(some(rand.New(rand.NewPCG(1, 2)), 10_000)...).Coarse().MarshalText()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := NewHistogram().UnmarshalText(text); err != nil {
			b.Fatal(err)
		}
	}
}

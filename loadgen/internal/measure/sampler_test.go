package measure

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
)

func TestSamplerSeesThisProcess(t *testing.T) {
	debug.FreeOSMemory() // what tests before this one needed would serve this one, too
	s := NewSampler(func() int { return 20 })
	held := make([]byte, 32<<20)
	for i := range held { // work, and memory
		held[i] = byte(i * i)
	}
	for end := processorTime() + 0.05; processorTime() < end; {
		held[len(held)/2]++
	}
	runtime.GC()
	first := s.Sample(1000)
	if first.CPU <= 0 || first.Memory < uint64(len(held)) || first.Goroutines < 1 || first.Pause <= 0 || first.Pause > time.Second {
		t.Errorf("the sample is %+v", first)
	}
	runtime.KeepAlive(held)
	second := s.Sample(500)
	u := s.Usage()
	if u.Seconds <= 0 || u.CPU <= 0 || u.Memory < first.Memory || u.Pause < first.Pause || u.PerBot < uint64(len(held))/1000/2 {
		t.Errorf("after %+v and %+v the usage is %+v", first, second, u)
	}
	if u.GC < 0 || u.GC > 1 || u.Machine < 0 || u.Machine > 1 {
		t.Errorf("shares are %+v", u)
	}
	if runtime.GOOS != "linux" {
		return
	}
	if !(first.Known || second.Known) && first.CPU > 0 {
		t.Log("the machine's clock did not tick within the test")
	}
	if u.PortsLeft <= 0 || u.PortsLeft != portRange()-20 {
		t.Errorf("%d ports are left of %d", u.PortsLeft, portRange())
	}
	if u.FilesLeft <= 0 || u.FilesLeft >= fileLimit() {
		t.Errorf("%d files are left of %d", u.FilesLeft, fileLimit())
	}
}

func TestFilesLeftFollow(t *testing.T) {
	if runtime.GOOS != "linux" {
		return
	}
	var f files
	before := f.left(time.Now())
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if after := f.left(time.Now().Add(time.Minute)); after > before-2 {
		t.Errorf("%d files were left, and with two more open %d", before, after)
	}
}

func TestUnknownPorts(t *testing.T) {
	if got := NewSampler(nil).Sample(0).PortsLeft; got != Unknown {
		t.Errorf("nobody counts ports, and %d are left", got)
	}
	if fewest(Unknown, 3) != 3 || fewest(3, Unknown) != 3 || fewest(2, 3) != 2 {
		t.Error("the fewest is wrong")
	}
}

func TestLongestPause(t *testing.T) {
	s := new(Sampler)
	h := &metrics.Float64Histogram{Counts: []uint64{1, 2, 0}, Buckets: []float64{0, 0.001, 0.002, math.Inf(1)}}
	if got := s.longest(h); got != 2*time.Millisecond {
		t.Errorf("the longest pause is %s", got)
	}
	if got := s.longest(h); got != 0 {
		t.Errorf("no pause since, and the longest is %s", got)
	}
	h.Counts[2]++
	if got := s.longest(h); got != 2*time.Millisecond {
		t.Errorf("a pause without a bound is %s", got)
	}
}

func TestLimitsCheck(t *testing.T) {
	plenty := Limits{Files: 100_000, Ports: 28_000}
	for _, c := range []struct {
		limits        Limits
		bots, sources int
		want          string // part of the error; empty: none
	}{
		{plenty, 20_000, 1, ""},
		{plenty, 90_000, 0, ""},
		{plenty, 30_000, 1, "30000 bots need as many ports, and the source address has 28000: use more addresses (--sources 5), widen net.ipv4.ip_local_port_range, or play with --bots 27744 at most"},
		{plenty, 60_000, 2, "the 2 source addresses have 56000"},
		{Limits{Files: 1024, Ports: 28_000}, 10_000, 0, "10000 bots need 10256 open files, and this process may have 1024: raise the limit (ulimit -n 10256), or play with --bots 768 at most"},
		{Limits{Files: 100, Ports: 28_000}, 10, 0, "10 bots need 266 open files, and this process may have 100: raise the limit (ulimit -n 266)"},
		{Limits{Files: Unknown, Ports: Unknown}, 1_000_000, 1, ""},
	} {
		err := c.limits.Check(c.bots, c.sources)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d bots from %d addresses with %+v: %v, want %q", c.bots, c.sources, c.limits, err, c.want)
		}
	}
	for bots, want := range map[int]int{1: 1, 10_000: 2, 14_000: 3, 50_000: 8} {
		if got := plenty.Sources(bots); got != want {
			t.Errorf("%d bots need %d addresses, want %d", bots, got, want)
		}
		if err := (Limits{Files: Unknown, Ports: 28_000}).Check(bots, plenty.Sources(bots)); err != nil {
			t.Error(err)
		}
	}
	if err := CheckLimits(10, 0); err != nil {
		t.Error(err)
	}
}

func BenchmarkSample(b *testing.B) {
	s := NewSampler(func() int { return 0 })
	b.ReportAllocs()
	for b.Loop() {
		s.Sample(100)
	}
}

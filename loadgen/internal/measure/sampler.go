package measure

import (
	"math"
	"runtime"
	"runtime/metrics"
	"time"
)

// Unknown is a number that this system does not tell.
const Unknown = -1

// Sample is how the generator itself did since the sample before.
type Sample struct {
	CPU        float64       // in cores
	Machine    float64       // share of the machine's processors that was busy with anything; 0 where Known is not set
	Known      bool          // whether the machine tells
	GC         float64       // share of the generator's own processor time
	Pause      time.Duration // the longest for which the garbage collector stopped everything
	Memory     uint64        // bytes resident
	FilesLeft  int           // that the process may open; or Unknown
	PortsLeft  int           // on the source address that has the fewest; or Unknown
	Goroutines int
}

// Usage is what the samples of a run come to: means over the time, and the worst.
type Usage struct {
	Seconds    float64 // that were sampled
	CPU        float64 // mean, in cores
	Machine    float64 // mean share
	GC         float64 // share of the processor time
	Pause      time.Duration
	Memory     uint64 // most
	PerBot     uint64 // bytes: what came since the sampler was made, at most, over the most bots
	PortsLeft  int    // fewest; or Unknown
	FilesLeft  int    // fewest; or Unknown
	Goroutines int    // most
}

// Sampler looks after the generator itself. It is nothing for several goroutines.
type Sampler struct {
	portsInUse func() int
	ports      int // that an address has for connections to one other; or Unknown
	files      files
	before     reading
	base       uint64 // memory before the first bot
	bots       int    // most
	usage      Usage
	collected  float64 // processor seconds of the garbage collector
	machine    float64 // seconds for which the machine's share is known
	metrics    []metrics.Sample
	pauses     []uint64 // of the histogram, as they were before
}

// reading is what counts up since the process or the machine began.
type reading struct {
	at   time.Time
	cpu  float64 // processor seconds of this process
	gc   float64 // of them, by the garbage collector
	busy float64 // of the machine, in its own unit
	all  float64
}

const (
	gcMetric    = "/cpu/classes/gc/total:cpu-seconds"
	pauseMetric = "/sched/pauses/total/gc:seconds"
)

// NewSampler returns a sampler whose first sample is about the time from now. portsInUse counts the
// connections of the source address that has the most; nil: nobody counts.
func NewSampler(portsInUse func() int) *Sampler {
	s := &Sampler{
		portsInUse: portsInUse,
		ports:      portRange(),
		usage:      Usage{PortsLeft: Unknown, FilesLeft: Unknown},
		metrics:    []metrics.Sample{{Name: gcMetric}, {Name: pauseMetric}},
	}
	s.before, _ = s.read()
	s.base = residentMemory()
	return s
}

// read reads the counters, and the longest pause since they were read before.
func (s *Sampler) read() (reading, time.Duration) {
	now := reading{at: time.Now(), cpu: processorTime()}
	now.busy, now.all = machineTime()
	metrics.Read(s.metrics)
	if v := s.metrics[0].Value; v.Kind() == metrics.KindFloat64 {
		now.gc = v.Float64()
	}
	var pause time.Duration
	if v := s.metrics[1].Value; v.Kind() == metrics.KindFloat64Histogram {
		pause = s.longest(v.Float64Histogram())
	}
	return now, pause
}

// longest is the longest of the pauses that were added to the histogram.
func (s *Sampler) longest(h *metrics.Float64Histogram) time.Duration {
	if len(s.pauses) != len(h.Counts) {
		s.pauses = make([]uint64, len(h.Counts))
	}
	var worst float64
	for i, n := range h.Counts {
		if n > s.pauses[i] {
			worst = h.Buckets[i+1]
			if math.IsInf(worst, 1) {
				worst = h.Buckets[i]
			}
		}
		s.pauses[i] = n
	}
	return time.Duration(worst * float64(time.Second))
}

// Sample tells of the time since the sample before, in which so many bots were there. It is meant
// to be taken once a second.
func (s *Sampler) Sample(bots int) Sample {
	now, pause := s.read()
	before := s.before
	s.before = now
	sample := Sample{
		Pause: pause, Memory: residentMemory(),
		FilesLeft: s.files.left(now.at), PortsLeft: s.portsLeft(), Goroutines: runtime.NumGoroutine(),
	}
	if took := now.at.Sub(before.at).Seconds(); took > 0 {
		used, collected := now.cpu-before.cpu, now.gc-before.gc
		sample.CPU = used / took
		if used > 0 {
			sample.GC = min(collected/used, 1)
		}
		s.usage.CPU = mean(s.usage.CPU, s.usage.Seconds, sample.CPU, took)
		s.usage.Seconds += took
		s.collected += collected
		if busy := s.usage.CPU * s.usage.Seconds; busy > 0 {
			s.usage.GC = min(s.collected/busy, 1)
		}
		if all := now.all - before.all; all > 0 {
			sample.Known, sample.Machine = true, (now.busy-before.busy)/all
			s.usage.Machine = mean(s.usage.Machine, s.machine, sample.Machine, took)
			s.machine += took
		}
	}
	s.worst(sample, bots)
	return sample
}

func (s *Sampler) worst(sample Sample, bots int) {
	u := &s.usage
	u.Pause = max(u.Pause, sample.Pause)
	u.Memory = max(u.Memory, sample.Memory)
	u.Goroutines = max(u.Goroutines, sample.Goroutines)
	u.PortsLeft = fewest(u.PortsLeft, sample.PortsLeft)
	u.FilesLeft = fewest(u.FilesLeft, sample.FilesLeft)
	s.bots = max(s.bots, bots)
	if s.bots > 0 && u.Memory > s.base {
		u.PerBot = (u.Memory - s.base) / uint64(s.bots)
	}
}

// Usage is what all samples so far come to.
func (s *Sampler) Usage() Usage { return s.usage }

func (s *Sampler) portsLeft() int {
	if s.ports == Unknown || s.portsInUse == nil {
		return Unknown
	}
	return max(s.ports-s.portsInUse(), 0)
}

func mean(a, weight, b, more float64) float64 { return (a*weight + b*more) / (weight + more) }

// fewest is the smaller of two numbers of which some may be unknown.
func fewest(a, b int) int {
	switch {
	case a == Unknown:
		return b
	case b == Unknown:
		return a
	}
	return min(a, b)
}

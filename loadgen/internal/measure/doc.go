// Package measure keeps the times of a run: from when something was intended to when it was done,
// in HDR histograms that merge exactly, and the health of the generator itself.
//
// phase.go names what is timed. recorder.go takes times from any goroutine. histogram.go is a
// histogram, which many may read at once and one alone may change; layout.go is its buckets, read.go
// what is asked of it, encoding.go its text in result files. sampler.go, memory.go and limits.go are
// the generator's health: processor, memory, garbage collection, ports and files left.
package measure

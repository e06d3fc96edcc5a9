package measure

import "time"

// Quantiles are what people read of a histogram.
type Quantiles struct {
	Count uint64        `json:"count"`
	P50   time.Duration `json:"p50_ns"`
	P90   time.Duration `json:"p90_ns"`
	P99   time.Duration `json:"p99_ns"`
	P999  time.Duration `json:"p999_ns"`
	Max   time.Duration `json:"max_ns"`
}

// Version is the number of a server version within a Recorder. 0 is a server that did not say.
type Version uint16

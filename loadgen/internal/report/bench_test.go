package report

import (
	"io"
	"testing"
)

// A run of eight hours, as a page.
func BenchmarkPageOfEightHours(b *testing.B) {
	run := sample(8*3600, 1)
	var w counter
	b.ReportAllocs()
	for b.Loop() {
		w = 0
		if err := HTML(&w, run); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(w)/1024, "KiB/page")
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return io.Discard.Write(p)
}

package export

import (
	"testing"

	"croupier/loadgen/result"
)

// What one answer to Prometheus costs eight hours into a run.
func BenchmarkGather(b *testing.B) {
	s := snapshot()
	for range 8 * 3600 {
		s.Run.Series = append(s.Run.Series, result.Second{Sent: 1})
	}
	e := New()
	e.Show(s)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.registry.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}

package roomtest

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// recorder is a testing.TB that takes failures down instead of failing.
type recorder struct {
	testing.TB

	mu       sync.Mutex
	failures []string
	cleanups []func()
}

// record runs f to its end, cleanups included, and returns what failed.
func record(tb testing.TB, f func(testing.TB)) []string {
	r := &recorder{TB: tb}
	ended := make(chan struct{})
	go func() {
		defer close(ended) // after FailNow, too
		f(r)
	}()
	<-ended
	for _, cleanup := range slices.Backward(r.cleanups) {
		cleanup()
	}
	return r.failures
}

func (r *recorder) Helper() {}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Errorf(format string, a ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, a...))
}

func (r *recorder) Fatalf(format string, a ...any) {
	r.Errorf(format, a...)
	runtime.Goexit()
}

package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// journal is the timeline of a run. Any goroutine may write to it.
type journal struct {
	mu    sync.Mutex
	began time.Time
	to    io.Writer
}

// begin makes this moment the timeline's zero.
func (j *journal) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.began = time.Now()
}

func (j *journal) since() time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return time.Since(j.began)
}

// at is a moment on the timeline.
func (j *journal) at(moment time.Time) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return moment.Sub(j.began)
}

func (j *journal) say(format string, values ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fmt.Fprintf(j.to, "%8.3f s  %s\n", time.Since(j.began).Seconds(), fmt.Sprintf(format, values...))
}

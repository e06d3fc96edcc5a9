// Command rehearse shows the dashboard of a run that never was, to be looked at:
//
//	go run ./loadgen/internal/dashboard/testdata/rehearse [steady|broken|late] [first second]
//
// A second of it takes a tenth where FAST is set. Keys do what they do, but to nobody.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"croupier/loadgen/internal/dashboard"
	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/live/rehearsal"
)

type control struct{ stopped atomic.Bool }

func (*control) Storm(float64) {}
func (*control) Scale(float64) {}
func (c *control) Stop()       { c.stopped.Store(true) }

func main() {
	run, at := rehearsal.Steady, 1
	if len(os.Args) > 1 {
		run = map[string]rehearsal.Run{"steady": rehearsal.Steady, "broken": rehearsal.Broken, "late": rehearsal.Late}[os.Args[1]]
	}
	if len(os.Args) > 2 {
		at, _ = strconv.Atoi(os.Args[2])
	}
	pace := time.Second
	if os.Getenv("FAST") != "" {
		pace /= 10
	}
	c := &control{}
	ctx, cancel := context.WithCancel(context.Background())
	updates := make(chan live.Snapshot)
	go func() {
		defer close(updates)
		for ending := 3; ending > 0; at++ {
			s := run.At(at)
			if c.stopped.Load() {
				s.Stage = "stopping"
				ending--
			}
			select {
			case updates <- s:
			case <-ctx.Done():
				return
			}
			time.Sleep(pace)
		}
	}()
	err := dashboard.Run(ctx, os.Stdin, os.Stdout, c, updates)
	cancel()
	fmt.Println("the dashboard ended:", err)
}

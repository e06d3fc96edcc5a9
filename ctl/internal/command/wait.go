package command

import (
	"context"
	"fmt"
	"time"

	"croupier/ctl/internal/canary"
	"croupier/ctl/internal/fleet"
)

// pollEvery is how often a rollout is looked at. A look is two small reads.
const pollEvery = time.Second

// rollout waits for a workload, telling its progress.
type rollout struct {
	fleet   *fleet.Fleet
	streams Streams
	timeout time.Duration
	every   time.Duration
	// from is the first ordinal that must have the update revision.
	from func(*fleet.Workload) int
	// each is called with every picture, before it is judged.
	each func(context.Context, *fleet.Workload) error
	next string // what to do when it did not become healthy
}

// wait returns when the workload is updated and ready, pod by pod, or with
// exit code 4 and the reason of the pod that holds it up.
func (r rollout) wait(ctx context.Context, w *fleet.Workload) (*fleet.Workload, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	every := r.every
	if every == 0 {
		every = pollEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	var last string
	var progress canary.Progress
	for {
		now, err := r.fleet.Refresh(ctx, w)
		if err == nil && r.each != nil {
			err = r.each(ctx, now)
		}
		switch {
		case err == nil:
			progress = canary.Count(now.Set, r.from(now))
			if line := progress.String(); line != last {
				fmt.Fprintf(r.streams.Err, "%s: %s\n", now.Name, line)
				last = line
			}
			if progress.Done {
				return now, nil
			}
		case ctx.Err() == nil:
			// A read may fail while the API server restarts; say so and go on.
			if line := err.Error(); line != last {
				fmt.Fprintf(r.streams.Err, "%s: %s\n", w.Name, line)
				last = line
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if context.Cause(ctx) != context.DeadlineExceeded {
				return nil, fmt.Errorf("wait for %s: %w (the change itself was made; look with `croupier status`)", w.Name, ctx.Err())
			}
			return nil, timedOut("%s did not become healthy within %s: %s\nnext: %s", w.Name, r.timeout, progress, r.next)
		}
	}
}

func wholeSet(w *fleet.Workload) int { return w.Start }
func canaryOnly(w *fleet.Workload) int {
	return w.Partition
}

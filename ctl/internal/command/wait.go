package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"croupier/ctl/internal/canary"
	"croupier/ctl/internal/fleet"
)

// pollEvery is how often a rollout is looked at. A look is two small reads.
const pollEvery = time.Second

// lastLook is how long before the deadline no look begins any more: it would
// fail for want of time, which is no news of the workload.
const lastLook = pollEvery / 10

// pause waits for the next look, and reports false if ctx ends before.
func pause(ctx context.Context, tick *time.Ticker) bool {
	select {
	case <-tick.C:
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > lastLook {
			return true
		}
		<-ctx.Done()
	case <-ctx.Done():
	}
	return false
}

// looker takes a new picture of a workload.
type looker interface {
	Refresh(ctx context.Context, w *fleet.Workload) (*fleet.Workload, error)
}

// rollout waits for a workload, telling its progress.
type rollout struct {
	fleet   looker
	streams Streams
	timeout time.Duration
	waited  time.Duration // of timeout, what was spent before
	// from is the first ordinal that must have the update revision.
	from func(*fleet.Workload) int
	// each is called with every picture, before it is judged.
	each func(context.Context, *fleet.Workload) error
	next string // what to do when it did not become healthy
}

// wait returns when the workload is updated and ready, pod by pod, or with
// exit code 4 and the reason of the pod that holds it up.
func (r rollout) wait(ctx context.Context, w *fleet.Workload) (*fleet.Workload, error) {
	// At least two looks, or there would be no reason to tell.
	ctx, cancel := context.WithTimeout(ctx, max(r.timeout-r.waited, 2*pollEvery))
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last string
	var progress canary.Progress
	for {
		now, err := r.fleet.Refresh(ctx, w)
		if err == nil && r.each != nil {
			err = r.each(ctx, now)
		}
		var gone fleet.NotFoundError
		switch {
		case errors.As(err, &gone):
			return nil, fmt.Errorf("wait for %s: %w", w.Name, err)
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
		if pause(ctx, tick) {
			continue
		}
		if context.Cause(ctx) != context.DeadlineExceeded {
			return nil, fmt.Errorf("wait for %s: %w (the change itself was made; look with `croupier status`)", w.Name, ctx.Err())
		}
		return nil, timedOut("%s did not become healthy within %s: %s\nnext: %s", w.Name, r.timeout, progress, nextStep(progress, r.next))
	}
}

// deleteOnce deletes, once each, the pods that block a rollout.
func deleteOnce(f *fleet.Fleet, s Streams, blocking func(*fleet.Workload) []canary.Pod) func(context.Context, *fleet.Workload) error {
	done := make(map[string]bool)
	return func(ctx context.Context, w *fleet.Workload) error {
		for _, pod := range blocking(w) {
			if done[pod.UID] {
				continue
			}
			if err := f.DeletePod(ctx, pod); err != nil {
				return err
			}
			done[pod.UID] = true
			fmt.Fprintf(s.Err, "%s: deleted pod %s, which was in the way%s\n", w.Name, pod.Name, because(pod.Reason))
		}
		return nil
	}
}

// nextStep adds to the way back what the reason of a stuck pod suggests.
func nextStep(progress canary.Progress, next string) string {
	for _, pod := range progress.Stuck() {
		if strings.Contains(pod.Reason, "PersistentVolumeClaim") {
			return "the cluster has no volume for its claim: give it a default storage class, or, for trying things out, run " + beginAnew + " and deploy with --component scratch-store"
		}
		for _, reason := range []string{"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"} {
			if strings.HasPrefix(pod.Reason, reason) {
				return "the node cannot get the image: put it there with `croupier load` or `croupier push image`, or check its name; to go back: " + next
			}
		}
	}
	return next
}

// patience is how long to wait for a change of so many pods, one after the
// other: each may take its whole grace period to drain.
func (ch Change) patience(w *fleet.Workload, pods int) time.Duration {
	const (
		least = 5 * time.Minute
		start = 30 * time.Second // for a pod to be placed and to become ready
	)
	if ch.Timeout != 0 {
		return ch.Timeout
	}
	if w == nil {
		return least
	}
	return max(least, time.Duration(pods)*(w.Grace+start))
}

func wholeSet(w *fleet.Workload) int { return w.Start }
func canaryOnly(w *fleet.Workload) int {
	return w.Partition
}

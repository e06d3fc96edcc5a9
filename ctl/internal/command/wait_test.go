package command

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"croupier/ctl/internal/canary"
	"croupier/ctl/internal/fleet"
)

// script is a workload whose picture changes with every look.
type script struct {
	pictures []*fleet.Workload
	looks    int
}

func (s *script) Refresh(context.Context, *fleet.Workload) (*fleet.Workload, error) {
	at := min(s.looks, len(s.pictures)-1)
	s.looks++
	return s.pictures[at], nil
}

func unobserved(w *fleet.Workload) *fleet.Workload { w.Observed = false; return w }

func TestWaitFollowsTheRollout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waiting := diceCanary(false)
		waiting.Pods[2].Revision = "dice-1"
		starting := diceCanary(false)
		starting.Pods[2].Ready = false
		look := &script{pictures: []*fleet.Workload{unobserved(dice(3)), waiting, starting, starting, diceCanary(false)}}
		var errs bytes.Buffer
		w, err := rollout{fleet: look, streams: Streams{Err: &errs}, timeout: time.Minute, from: canaryOnly}.wait(t.Context(), dice(3))
		if err != nil || w.UpdateRevision != "dice-2" {
			t.Fatalf("%+v, %v", w, err)
		}
		golden(t, "progress.txt", errs.String())
		if look.looks != 5 {
			t.Errorf("looked %d times, want 5", look.looks)
		}
	})
}

func TestWaitGivesUpWithTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs bytes.Buffer
		begin := time.Now()
		_, err := rollout{
			fleet: &script{pictures: []*fleet.Workload{diceCanary(true)}}, streams: Streams{Err: &errs},
			timeout: 90 * time.Second, from: canaryOnly, next: "croupier canary abort dice",
		}.wait(t.Context(), dice(3))
		if ExitCode(err) != ExitTimeout {
			t.Fatalf("%v: exit code %d", err, ExitCode(err))
		}
		want := "dice did not become healthy within 1m30s: 1/1 updated, 0/1 ready; dice-2: CrashLoopBackOff: exit code 2\nnext: croupier canary abort dice"
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
		if took := time.Since(begin); took != 90*time.Second {
			t.Errorf("gave up after %s", took)
		}
	})
}

// hasty fails, as the client's rate limiter does, a look that has no time left.
type hasty struct{ script }

func (h *hasty) Refresh(ctx context.Context, w *fleet.Workload) (*fleet.Workload, error) {
	if deadline, _ := ctx.Deadline(); time.Until(deadline) < lastLook {
		return nil, errors.New("Wait(n=1) would exceed context deadline")
	}
	return h.script.Refresh(ctx, w)
}

func TestWaitDoesNotLookWhenTheTimeIsUp(t *testing.T) {
	for _, beyond := range []time.Duration{0, lastLook / 2} {
		synctest.Test(t, func(t *testing.T) {
			var errs bytes.Buffer
			_, err := rollout{
				fleet: &hasty{script{pictures: []*fleet.Workload{diceCanary(true)}}}, streams: Streams{Err: &errs},
				timeout: 10*pollEvery + beyond, from: canaryOnly,
			}.wait(t.Context(), dice(3))
			if ExitCode(err) != ExitTimeout || strings.Contains(errs.String(), "exceed") {
				t.Errorf("%v beyond a look: %v after\n%s", beyond, err, &errs)
			}
		})
	}
}

func TestWaitIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		_, err := rollout{
			fleet: &script{pictures: []*fleet.Workload{diceCanary(true)}}, streams: Streams{Err: &bytes.Buffer{}},
			timeout: time.Minute, from: canaryOnly,
		}.wait(ctx, dice(3))
		if ExitCode(err) != ExitFailed || !strings.Contains(err.Error(), "the change itself was made") {
			t.Errorf("%v", err)
		}
	})
}

func TestPatience(t *testing.T) {
	w := dice(10)
	w.Grace = 2 * time.Minute
	for _, test := range []struct {
		change Change
		w      *fleet.Workload
		pods   int
		want   time.Duration
	}{
		{Change{}, w, 1, 5 * time.Minute},
		{Change{}, w, 10, 25 * time.Minute},
		{Change{Timeout: time.Second}, w, 10, time.Second},
		{Change{}, nil, 0, 5 * time.Minute},
	} {
		if got := test.change.patience(test.w, test.pods); got != test.want {
			t.Errorf("%+v, %d pods: %s, want %s", test.change, test.pods, got, test.want)
		}
	}
}

func TestNextStepForAnImage(t *testing.T) {
	w := diceCanary(true)
	w.Pods[2].Reason = "ErrImagePull: no such host"
	got := nextStep(canary.Count(w.Set, 2), "croupier canary abort dice")
	if want := "the node cannot get the image: put it there with `croupier load` or `croupier push image`, or check its name; to go back: croupier canary abort dice"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNextStepForAVolume(t *testing.T) {
	w := diceCanary(true)
	w.Pods[2].Reason = "Unschedulable: 0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
	if got := nextStep(canary.Count(w.Set, 2), "croupier status"); !strings.Contains(got, "--component scratch-store") || !strings.Contains(got, "kubectl delete statefulset,pvc -n NAMESPACE -l app.kubernetes.io/name=nats") {
		t.Errorf("%q", got)
	}
}

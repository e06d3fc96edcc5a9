//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"croupier/loadgen/result"
)

// TestLoad lets bots play, and lose their connections, while every server and both gates below them
// are replaced. The verdict on what all of them saw is the test's, and not a round may be lost.
func TestLoad(t *testing.T) {
	w := open(t)
	w.deploy(t, "--replicas", "dice=2")
	w.door(t)
	w.load(t, "--for=50s", "--flap=4")
	w.step(t, "the bots play", func(t *testing.T) { w.busy(t, 5) })
	w.step(t, "canary", func(t *testing.T) {
		w.run(t, exitOK, "canary", "--image", "croupier/game:v2", "--yes", "dice")
	})
	w.step(t, "promote", func(t *testing.T) {
		w.run(t, exitOK, "canary", "promote", "--yes", "dice")
	})
	w.step(t, "new gates", func(t *testing.T) { w.change(t, "--image", "gate=croupier/gate:v2") })
	w.step(t, "verdict", func(t *testing.T) {
		counts := w.verdict(t)
		if counts.LostRounds > 0 || counts.Migrated == 0 {
			t.Errorf("%d rounds were lost, and rooms moved %d times", counts.LostRounds, counts.Migrated)
		}
	})
}

// TestKill lets bots play while game servers die under them: the process of one, then the pod of
// another; then NATS, for whose return the rooms wait. At last a server is drained by hand and made
// anew.
func TestKill(t *testing.T) {
	w := open(t)
	w.deploy(t, "--replicas", "dice=3")
	w.door(t)
	w.load(t, "--for=35s")
	w.step(t, "the bots play", func(t *testing.T) { w.busy(t, 3) })
	w.step(t, "kill -9 of a process", func(t *testing.T) {
		w.kill(t, "dice-1", "game")
		w.busy(t, 3, "dice-1") // what it had is with the others
	})
	w.step(t, "a pod is gone without grace", func(t *testing.T) {
		now := int64(0)
		if err := w.kube.CoreV1().Pods(namespace).Delete(t.Context(), "dice-2", metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			t.Fatal(err)
		}
		w.busy(t, 3, "dice-1", "dice-2")
	})
	w.step(t, "kill -9 of NATS", func(t *testing.T) {
		w.kill(t, "nats-0", "nats-server")
		eventually(t, "every room goes on", w.noneStill)
	})
	w.step(t, "drain of a pod", func(t *testing.T) {
		eventually(t, "all servers are back", func(ctx context.Context) error { return w.runs(ctx, "dice", "v1", "v1", "v1") })
		w.run(t, exitOK, "drain", "--delete", "--yes", "dice-0")
		w.run(t, exitOK, "status", "-o", "wide")
	})
	w.step(t, "verdict", func(t *testing.T) {
		counts := w.verdict(t)
		if counts.LostRounds > 0 || counts.Recovered == 0 {
			t.Errorf("%d rounds were lost, and rooms recovered %d times", counts.LostRounds, counts.Recovered)
		}
	})
}

// loaders is how many pods of the load generator play, loadBots how many bots each of them has, and
// loadRooms in how many rooms of four.
const (
	loaders   = 2
	loadBots  = 60
	loadRooms = loaders * loadBots / 4
)

// load starts bots that play through the gates.
func (w *world) load(t *testing.T, args ...string) {
	t.Helper()
	w.job(t, "load", loaders, append([]string{"run", "--gate=ws://gate:60006", fmt.Sprintf("--bots=%d", loadBots), "--quiet", "--output=json"}, args...)...)
}

// busy waits until nearly all of the load's rooms are open, at least so many of them on each game
// server but those left out: these may have none, or may not even answer.
func (w *world) busy(t *testing.T, least int, leftOut ...string) {
	t.Helper()
	eventually(t, "the bots' rooms are open", func(ctx context.Context) error {
		pods, err := w.pods(ctx, "dice")
		if err != nil {
			return err
		}
		rooms := 0
		for _, pod := range pods {
			h, err := w.house(ctx, pod)
			out := false
			for _, name := range leftOut {
				out = out || pod.Name == name
			}
			if !out && err == nil && len(h.Rooms) < least {
				err = fmt.Errorf("pod %s has %d rooms", pod.Name, len(h.Rooms))
			}
			if err != nil && !out {
				return err
			}
			rooms += len(h.Rooms)
		}
		if rooms < loadRooms*9/10 {
			return fmt.Errorf("%d rooms are open, of %d", rooms, loadRooms)
		}
		return nil
	})
}

// noneStill checks that NATS answers, and that no room waits for it.
func (w *world) noneStill(ctx context.Context) error {
	nats, err := w.kube.CoreV1().Pods(namespace).Get(ctx, "nats-0", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if !ready(*nats) || nats.Status.ContainerStatuses[0].RestartCount == 0 {
		return errors.New("NATS is not back")
	}
	pods, err := w.pods(ctx, "dice")
	if err != nil {
		return err
	}
	for _, pod := range pods {
		h, err := w.house(ctx, pod)
		if err != nil {
			return err
		}
		for _, r := range h.Rooms {
			if r.Still {
				return fmt.Errorf("room %s on %s stands still", r.ID, pod.Name)
			}
		}
	}
	return nil
}

// kill ends a pod's process as kill -9 does, from outside of the pod.
func (w *world) kill(t *testing.T, name, program string) {
	t.Helper()
	pod, err := w.kube.CoreV1().Pods(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	process, err := processOf(string(pod.UID), program)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatalf("kill the process of %s: %v", name, err)
	}
	eventually(t, fmt.Sprintf("process %d of pod %s is gone", process.Pid, name), func(context.Context) error {
		if process.Signal(syscall.Signal(0)) == nil {
			return errors.New("it is there")
		}
		return nil
	})
}

// verdict waits for the bots' results, requires that they found nothing to hold against the servers,
// and returns what all of them counted. That a generator was late, on a machine that also runs the
// cluster and everything in it, spoils its measurements of times, and not what it saw.
func (w *world) verdict(t *testing.T) (counts struct{ Migrated, Recovered, LostRounds uint64 }) {
	t.Helper()
	job, err := w.kube.BatchV1().Jobs(namespace).Get(t.Context(), "load", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if job.Status.Succeeded+job.Status.Failed > 0 {
		t.Error("the bots ended before the test did: raise --for")
	}
	eventually(t, "the bots give their verdict", func(ctx context.Context) error {
		job, err = w.kube.BatchV1().Jobs(namespace).Get(ctx, "load", metav1.GetOptions{})
		if err == nil && job.Status.Succeeded+job.Status.Failed < *job.Spec.Completions {
			err = errors.New("they play")
		}
		return err
	})
	pods, err := w.pods(t.Context(), "load")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	all := filepath.Join(dir, "all.json")
	merge := []string{"run", "./loadgen", "merge", "--save", all}
	for _, pod := range pods {
		text, err := w.kube.CoreV1().Pods(namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, pod.Name+".json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		merge = append(merge, file)
	}
	command := exec.CommandContext(t.Context(), "go", merge...)
	command.Dir = root
	report, err := command.CombinedOutput()
	t.Logf("%s", report)
	var run result.Run
	data, readErr := os.ReadFile(all)
	if readErr == nil {
		readErr = json.Unmarshal(data, &run)
	}
	if readErr != nil {
		t.Fatal(errors.Join(err, readErr))
	}
	late := func(reason string) bool { return strings.HasPrefix(reason, "the generator fell behind") }
	switch {
	case run.Verdict == result.Pass:
	case run.Verdict == result.Invalid && len(run.Violations) == 0 && !slices.ContainsFunc(run.Reasons, func(r string) bool { return !late(r) }):
		t.Logf("the verdict is %s only because of %q, which does not matter here", run.Verdict, run.Reasons)
	default:
		t.Errorf("the verdict is %s: %q", run.Verdict, run.Reasons)
	}
	counts.Migrated, counts.Recovered, counts.LostRounds = run.Counts.Migrated, run.Counts.Recovered, run.Counts.LostRounds
	return counts
}

// job starts pods of the load generator, each with users and rooms of its own.
func (w *world) job(t *testing.T, name string, pods int32, args ...string) {
	t.Helper()
	var (
		indexed       = batchv1.IndexedCompletion
		never   int32 = 0
		yes, no       = true, false
	)
	_, err := w.kube.BatchV1().Jobs(namespace).Create(t.Context(), &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: batchv1.JobSpec{
			CompletionMode: &indexed, Completions: &pods, Parallelism: &pods, BackoffLimitPerIndex: &never,
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				RestartPolicy:                corev1.RestartPolicyNever,
				AutomountServiceAccountToken: &no,
				SecurityContext: &corev1.PodSecurityContext{
					RunAsNonRoot: &yes, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
				},
				Containers: []corev1.Container{{
					Name: "loadgen", Image: "croupier/loadgen:v1", ImagePullPolicy: corev1.PullNever, Args: args,
					Env: []corev1.EnvVar{{Name: "JWT_KEY", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
						LocalObjectReference: corev1.LocalObjectReference{Name: "jwt"}, Key: "JWT_KEY",
					}}}},
					SecurityContext: &corev1.SecurityContext{
						AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
						Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
					},
				}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("start the load: %v", err)
	}
}

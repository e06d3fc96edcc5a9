//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestLoad lets bots play, and lose their connections, while every server and the gate below them
// are replaced. The verdict on what all of them saw is the test's.
func TestLoad(t *testing.T) {
	w := open(t)
	w.deploy(t, "--replicas", "dice=2", "--component", "quick-drain")
	w.door(t)
	w.job(t, "load", 2, "run", "--gate=ws://gate:60006", "--bots=60", "--for=90s", "--flap=4", "--quiet", "--output=json")
	w.step(t, "the bots play", func(t *testing.T) {
		eventually(t, "both servers have rooms", func(ctx context.Context) error {
			pods, err := w.pods(ctx, "dice")
			if err != nil {
				return err
			}
			for _, pod := range pods {
				h, err := w.house(ctx, pod)
				if err != nil {
					return err
				}
				if len(h.Rooms) < 5 {
					return fmt.Errorf("pod %s has %d rooms", pod.Name, len(h.Rooms))
				}
			}
			return nil
		})
	})
	// The gate comes first. Without a directory of rooms a new gate finds them only where its
	// reckoning puts them, which is no longer where they are once a server was away.
	w.step(t, "a new gate", func(t *testing.T) {
		w.run(t, exitOK, "deploy", "--manifests", w.manifests, "--component", "quick-rounds", "--component", "quick-drain", "--image", "gate=croupier/gate:v2", "--yes")
	})
	w.step(t, "canary", func(t *testing.T) {
		w.run(t, exitOK, "canary", "--image", "croupier/game:v2", "--yes", "dice")
	})
	w.step(t, "promote", func(t *testing.T) {
		w.run(t, exitOK, "canary", "promote", "--yes", "dice")
	})
	w.step(t, "verdict", func(t *testing.T) {
		job, err := w.kube.BatchV1().Jobs(namespace).Get(t.Context(), "load", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if job.Status.Succeeded+job.Status.Failed > 0 {
			t.Error("the bots ended before the upgrades did: raise --for")
		}
		var done *batchv1.Job
		eventually(t, "the bots give their verdict", func(ctx context.Context) error {
			done, err = w.kube.BatchV1().Jobs(namespace).Get(ctx, "load", metav1.GetOptions{})
			if err == nil && done.Status.Succeeded+done.Status.Failed < *done.Spec.Completions {
				err = errors.New("they play")
			}
			return err
		})
		pods, err := w.pods(t.Context(), "load")
		if err != nil {
			t.Fatal(err)
		}
		merge := []string{"run", "./loadgen", "merge"}
		for _, pod := range pods {
			text, err := w.kube.CoreV1().Pods(namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), pod.Name+".json")
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			merge = append(merge, file)
		}
		command := exec.CommandContext(t.Context(), "go", merge...)
		command.Dir = root
		report, err := command.CombinedOutput()
		t.Logf("%s", report)
		if err != nil || done.Status.Failed > 0 {
			t.Errorf("%d of %d load generators found the promise broken; all of them together: %v", done.Status.Failed, *done.Spec.Completions, err)
		}
	})
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

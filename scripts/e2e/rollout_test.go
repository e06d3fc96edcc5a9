//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"croupier/servers/wire"
)

// TestRollout takes a game from its first deployment through a canary, its promotion, a second
// canary that is taken back, and one that never starts; while people play.
func TestRollout(t *testing.T) {
	w := open(t)
	w.deploy(t, "--replicas", "dice=3")
	w.step(t, "deployed", func(t *testing.T) {
		eventually(t, "every pod runs v1", func(ctx context.Context) error {
			return errors.Join(w.runs(ctx, "dice", "v1", "v1", "v1"), w.gateRuns(ctx, "v1"))
		})
	})
	d := w.door(t)
	w.step(t, "a round through the gate", func(t *testing.T) {
		b := d.open(t, 1, 3)
		for range 2 {
			if err := errors.Join(b.round(t.Context()), b.unbroken()); err != nil {
				t.Fatal(err)
			}
		}
		b.leave(t)
	})
	tables := w.tableOnEach(t, d, "dice")
	sessions := make([]*session, len(tables))
	for i, b := range tables {
		sessions[i] = b.keepPlaying(t)
	}
	w.step(t, "canary", func(t *testing.T) { w.canary(t, tables, sessions) })
	w.step(t, "try the new version on the rooms in play", w.snapshots)
	w.step(t, "promote", func(t *testing.T) {
		w.run(t, exitOK, "canary", "promote", "--yes", "dice")
		w.mustRun(t, "dice", "v2", "v2", "v2")
		w.oneRevision(t, "dice")
	})
	w.step(t, "every table has moved, and nobody noticed", func(t *testing.T) {
		for i, s := range sessions {
			goesOn(t, s)
			s.stop(t)
			w.ordinal(t, tables[i], "dice")
		}
	})
	w.step(t, "a message to players", func(t *testing.T) { w.message(t, tables) })
	for _, b := range tables {
		b.leave(t)
	}
	w.step(t, "rollback by name", w.rollback)
	w.step(t, "rollback past a broken pod", w.rollbackBroken)
	w.step(t, "abort of a canary that crashes", w.abortCrashing)
	w.step(t, "deploying again changes nothing", w.deployAgain)
	w.step(t, "still playing", func(t *testing.T) {
		b := d.open(t, 90, 2)
		if err := b.round(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.leave(t)
	})
}

// canary tries v2 on the highest ordinal while every server has a table. The table on the server
// that goes moves to another one, and its players play on; the others notice nothing.
func (w *world) canary(t *testing.T, tables []*table, sessions []*session) {
	before, err := w.pods(t.Context(), "dice")
	if err != nil {
		t.Fatal(err)
	}
	last := len(tables) - 1
	w.run(t, exitOK, "canary", "--image", "croupier/game:v2", "--yes", "dice")
	w.mustRun(t, "dice", "v1", "v1", "v2")
	after, err := w.pods(t.Context(), "dice")
	if err != nil {
		t.Fatal(err)
	}
	for i := range last {
		if before[i].UID != after[i].UID {
			t.Errorf("the canary replaced pod %s", before[i].Name)
		}
	}
	goesOn(t, sessions[last])
	w.ordinal(t, tables[last], "dice")
	set, err := w.set(t.Context(), "dice")
	if err != nil {
		t.Fatal(err)
	}
	if set.Status.CurrentRevision == set.Status.UpdateRevision {
		t.Errorf("the canary became the stable revision %s", set.Status.CurrentRevision)
	}
	for i, pod := range after {
		want := set.Status.CurrentRevision
		if i == last {
			want = set.Status.UpdateRevision
		}
		if have := pod.Labels["controller-revision-hash"]; have != want {
			t.Errorf("pod %s has revision %s, want %s", pod.Name, have, want)
		}
	}
}

// rollback opens a canary, then changes its template once more by hand. Now the second-newest
// revision is the first canary's, which was never stable, and the stable one must be found by name.
func (w *world) rollback(t *testing.T) {
	set, err := w.set(t.Context(), "dice")
	if err != nil {
		t.Fatal(err)
	}
	stable := set.Status.CurrentRevision
	// The template would not change, so nothing would happen: better said than done.
	w.run(t, exitRefused, "canary", "--image", "croupier/game:v2", "--yes", "dice")
	w.run(t, exitOK, "canary", "--image", "croupier/game:v3", "--yes", "dice")
	w.mustRun(t, "dice", "v2", "v2", "v3")
	// At no replicas Kubernetes would take the canary for the stable revision.
	w.run(t, exitRefused, "scale", "--replicas", "0", "--yes", "dice")
	w.patchImage(t, "dice", "croupier/game:v4")
	eventually(t, "the second canary runs", func(ctx context.Context) error {
		return w.runs(ctx, "dice", "v2", "v2", "v4")
	})
	w.run(t, exitOK, "rollback", "--yes", "dice")
	w.mustRun(t, "dice", "v2", "v2", "v2")
	if revision := w.oneRevision(t, "dice"); revision != stable {
		t.Errorf("rolled back to revision %s, the stable one was %s", revision, stable)
	}
}

// rollbackBroken opens a canary with an image that does not exist. With ordered pods the broken
// pod blocks its own rollback, until somebody deletes it.
func (w *world) rollbackBroken(t *testing.T) {
	w.run(t, exitTimeout, "canary", "--image", "croupier/game:none", "--timeout", "10s", "--yes", "dice")
	pods, err := w.pods(t.Context(), "dice")
	if err != nil {
		t.Fatal(err)
	}
	broken := pods[len(pods)-1]
	if ready(broken) {
		t.Fatalf("pod %s is ready with an image that does not exist", broken.Name)
	}
	w.run(t, exitRefused, "canary", "promote", "--yes", "dice")
	w.run(t, exitOK, "rollback", "--yes", "dice")
	w.mustRun(t, "dice", "v2", "v2", "v2")
	w.oneRevision(t, "dice")
}

// abortCrashing opens a canary whose program ends at once: a gate does not understand the flags of
// a game server. Kubernetes would call that rollout in progress for ever.
func (w *world) abortCrashing(t *testing.T) {
	w.run(t, exitTimeout, "canary", "--image", "croupier/gate:v1", "--timeout", "10s", "--yes", "dice")
	w.run(t, exitOK, "canary", "abort", "--yes", "dice")
	w.mustRun(t, "dice", "v2", "v2", "v2")
	w.oneRevision(t, "dice")
}

// deployAgain deploys without naming images or sizes, which stay as canaries and people left them.
func (w *world) deployAgain(t *testing.T) {
	before, err := w.pods(t.Context(), "dice")
	if err != nil {
		t.Fatal(err)
	}
	w.change(t)
	w.mustRun(t, "dice", "v2", "v2", "v2")
	after, err := w.pods(t.Context(), "dice")
	if err != nil {
		t.Fatal(err)
	}
	for i := range before {
		if before[i].UID != after[i].UID {
			t.Errorf("pod %s was replaced", before[i].Name)
		}
	}
}

// snapshots saves the rooms in play, and tries the canary's version on them, and the way back.
func (w *world) snapshots(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rooms.jsonl")
	w.run(t, exitOK, "snapshot", "save", "--to", file, "dice")
	w.run(t, exitOK, "snapshot", "check", "--old", "pod/dice-0", "--new", "pod/dice-2", "--from", file, "-o", "wide")
}

// message sends a notice to the players of a table, and to somebody who is not there.
func (w *world) message(t *testing.T, tables []*table) {
	const text = "the kitchen is open"
	var users []string
	for _, b := range tables {
		for _, p := range b.players {
			users = append(users, fmt.Sprint(p.user))
		}
	}
	w.run(t, exitPartly, "push", "message", "--user", strings.Join(append(users, "999999"), ","), "--text", text)
	w.run(t, exitOK, "push", "message", "--all", "--yes", "--text", text+" still")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, b := range tables {
		for _, p := range b.players {
			for _, want := range []string{text, text + " still"} {
				err := p.hears(ctx, "that "+want, func() bool {
					return slices.ContainsFunc(p.notices, func(n *wire.Notice) bool { return n.Text == want })
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// goesOn waits until a session has played two more rounds.
func goesOn(t *testing.T, s *session) {
	t.Helper()
	want := s.rounds.Load() + 2
	eventually(t, fmt.Sprintf("room %d plays on", s.table.room), func(context.Context) error {
		select {
		case <-s.done:
			return fmt.Errorf("it stopped: %w", s.err)
		default:
		}
		if have := s.rounds.Load(); have < want {
			return fmt.Errorf("%d of %d rounds", have, want)
		}
		return nil
	})
}

// tableOnEach opens tables until each server of a game has one, and returns them by ordinal.
func (w *world) tableOnEach(t *testing.T, d *door, workload string) []*table {
	t.Helper()
	pods, err := w.pods(t.Context(), workload)
	if err != nil {
		t.Fatal(err)
	}
	tables := make([]*table, len(pods))
	for room := int64(100); slices.Contains(tables, nil); room++ {
		if room == 200 {
			t.Fatal("a hundred rooms, and not one on each server")
		}
		b := d.open(t, room, 2)
		i := w.ordinal(t, b, workload)
		if tables[i] != nil {
			b.leave(t)
			continue
		}
		tables[i] = b
	}
	return tables
}

// ordinal is the index of the one pod of a workload that holds a table.
func (w *world) ordinal(t *testing.T, b *table, workload string) int {
	t.Helper()
	holders, err := w.where(t.Context(), b.room, workload)
	if err != nil {
		t.Fatal(err)
	}
	if len(holders) != 1 {
		t.Fatalf("room %d is held by %d pods of %s, want 1", b.room, len(holders), workload)
	}
	pods, err := w.pods(t.Context(), workload)
	if err != nil {
		t.Fatal(err)
	}
	return slices.IndexFunc(pods, func(p corev1.Pod) bool { return p.UID == holders[0].UID })
}

// mustRun is runs at this moment: a command that returned success has waited already.
func (w *world) mustRun(t *testing.T, workload string, versions ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := w.runs(ctx, workload, versions...); err != nil {
		t.Fatal(err)
	}
}

// oneRevision checks that a rollout is over in the eyes of the API: the status follows the pods by
// a moment.
func (w *world) oneRevision(t *testing.T, workload string) string {
	t.Helper()
	var revision string
	eventually(t, workload+" has one revision", func(ctx context.Context) error {
		set, err := w.set(ctx, workload)
		if err != nil {
			return err
		}
		if set.Status.CurrentRevision != set.Status.UpdateRevision {
			return fmt.Errorf("current %s, update %s", set.Status.CurrentRevision, set.Status.UpdateRevision)
		}
		revision = set.Status.CurrentRevision
		return nil
	})
	return revision
}

// patchImage changes a template behind ctl's back.
func (w *world) patchImage(t *testing.T, workload, image string) {
	t.Helper()
	set, err := w.set(t.Context(), workload)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []map[string]string{{"name": set.Spec.Template.Spec.Containers[0].Name, "image": image}},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.kube.AppsV1().StatefulSets(namespace).Patch(t.Context(), workload, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

package command

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"croupier/ctl/internal/canary"
	"croupier/ctl/internal/fleet"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with testdata/NAME, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (write it anew with -update):\n%s\nwant:\n%s", path, got, want)
	}
}

const there = "namespace here (https://there:6443)"

// dice is a healthy set of n pods of v1.
func dice(n int) *fleet.Workload {
	w := &fleet.Workload{
		Kind: fleet.StatefulSet, Component: fleet.GameComponent, Container: "game", Image: "croupier/game:v1", Partitioned: true,
		Set: canary.Set{Name: "dice", Replicas: n, Observed: true, CurrentRevision: "dice-1", UpdateRevision: "dice-1"},
	}
	for i := range n {
		w.Pods = append(w.Pods, canary.Pod{Name: fmt.Sprintf("dice-%d", i), UID: fmt.Sprint("uid-", i), Ordinal: i, Revision: "dice-1", Ready: true})
	}
	return w
}

// diceCanary is dice(3) with a canary of v2 on the highest, broken or not.
func diceCanary(broken bool) *fleet.Workload {
	w := dice(3)
	w.Image, w.UpdateRevision, w.Partition = "croupier/game:v2", "dice-2", 2
	w.Pods[2].Revision = "dice-2"
	if broken {
		w.Pods[2].Ready, w.Pods[2].Stuck, w.Pods[2].Reason = false, true, "CrashLoopBackOff: exit code 2"
	}
	return w
}

func group(letter string, n int) *fleet.Workload {
	w := dice(n)
	w.Name, w.Group = "dice-"+letter, letter
	return w
}

// TestPlans holds what people agree to: the plan, or why there is none.
func TestPlans(t *testing.T) {
	stable := fleet.Revision{Name: "dice-1", Image: "croupier/game:v1"}
	var out bytes.Buffer
	show := func(name string, plan Plan, write fleet.Write, err error) {
		fmt.Fprintf(&out, "== %s\n", name)
		if err != nil {
			fmt.Fprintf(&out, "refused: %s\n\n", err)
			if ExitCode(err) != ExitRefused {
				t.Errorf("%s: exit code %d", name, ExitCode(err))
			}
			return
		}
		plan.write(Streams{Out: &out})
		fmt.Fprintf(&out, "writes: %s\n\n", written(write))
	}
	start := func(name string, o CanaryStart, w *fleet.Workload) {
		o.Name = "dice"
		plan, write, err := o.plan(w, there)
		show(name, plan, write, err)
	}
	start("canary of one", CanaryStart{Image: "croupier/game:v2", Pods: 1}, dice(3))
	start("canary of two", CanaryStart{Image: "croupier/game:v2", Pods: 2}, dice(3))
	start("canary of all", CanaryStart{Image: "croupier/game:v2", Pods: 3}, dice(3))
	start("canary of the same image", CanaryStart{Image: "croupier/game:v1", Pods: 1}, dice(3))
	start("canary while one is open", CanaryStart{Image: "croupier/game:v3", Pods: 1}, diceCanary(false))

	promote := func(name string, w *fleet.Workload) {
		plan, write, err := CanaryPromote{Name: "dice"}.plan(w, there)
		show(name, plan, write, err)
	}
	promote("promote", diceCanary(false))
	promote("promote a broken canary", diceCanary(true))
	promote("promote nothing", dice(3))

	back := func(name string, o RollbackTo, w *fleet.Workload, to fleet.Revision) {
		o.Name = "dice"
		plan, write := o.plan(w, to, there)
		show(name, plan, write, nil)
	}
	back("abort", RollbackTo{Abort: true}, diceCanary(false), stable)
	back("abort a broken canary", RollbackTo{Abort: true}, diceCanary(true), stable)
	back("roll a finished rollout back", RollbackTo{}, dice(3), fleet.Revision{Name: "dice-0", Image: "croupier/game:v0"})
	interrupted := diceCanary(true)
	interrupted.UpdateRevision, interrupted.Partition, interrupted.Image = "dice-1", 0, "croupier/game:v1"
	back("take an interrupted rollback up", RollbackTo{}, interrupted, stable)

	scale := func(name string, to int, w *fleet.Workload, selected string) {
		plan, write, err := ScaleTo{Name: w.Name, Replicas: to}.plan(w, selected, there)
		show(name, plan, write, err)
	}
	scale("scale up", 5, dice(3), "")
	scale("scale down", 1, dice(3), "")
	scale("scale to nothing", 0, dice(3), "")
	leftover := dice(3)
	leftover.Partition = 2
	scale("scale to nothing with a partition left behind", 0, leftover, "")
	scale("scale with a canary open", 0, diceCanary(false), "")
	scale("scale the idle group to nothing", 0, group("a", 2), "b")
	scale("scale the group in use to nothing", 0, group("a", 2), "a")
	gate := dice(2)
	gate.Kind, gate.Component, gate.Name = fleet.Deployment, fleet.GateComponent, "gate"
	scale("scale the gate down", 1, gate, "")
	scale("scale to the same", 3, dice(3), "")
	directory := dice(1)
	directory.Component, directory.Name = natsComponent, "nats"
	scale("scale NATS", 3, directory, "")

	change := func(name, to, now string, w *fleet.Workload) {
		plan, err := SwitchTo{Game: "dice", Group: to}.plan(w, now, there)
		show(name, plan, fleet.Write{}, err)
	}
	change("switch", "b", "a", group("b", 2))
	half := group("b", 2)
	half.Pods[1].Ready = false
	change("switch to a group that is half ready", "b", "a", half)
	change("switch to where it is", "b", "b", group("b", 1))
	change("switch to an empty group", "b", "a", group("b", 0))
	change("switch without groups", "b", "", &fleet.Workload{})
	golden(t, "plans.txt", out.String())
}

func written(w fleet.Write) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if w.Image != "" {
		add("image %s", w.Image)
	}
	if w.Partition != nil {
		add("partition %d", *w.Partition)
	}
	if w.Replicas != nil {
		add("replicas %d", *w.Replicas)
	}
	if w.Previous != "" {
		add("previous %s", w.Previous)
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func TestExitCode(t *testing.T) {
	for code, err := range map[int]error{
		ExitOK:      nil,
		ExitFailed:  errors.New("x"),
		ExitUsage:   fmt.Errorf("around: %w", usage("x")),
		ExitRefused: fmt.Errorf("change dice: %w", fleet.ErrChanged),
		ExitTimeout: timedOut("x"),
	} {
		if got := ExitCode(err); got != code {
			t.Errorf("%v: %d, want %d", err, got, code)
		}
	}
	for _, err := range []error{refused("x"), canary.Refusal{Reason: "x"}, fleet.ForeignError{}, fleet.NotFoundError{}} {
		if got := ExitCode(err); got != ExitRefused {
			t.Errorf("%#v: %d, want %d", err, got, ExitRefused)
		}
	}
}

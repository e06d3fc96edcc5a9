package canary

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// set is a StatefulSet of n ready pods of revision "old".
func set(n int) Set {
	s := Set{Name: "dice", Replicas: n, Observed: true, CurrentRevision: "old", UpdateRevision: "old"}
	for i := range n {
		s.Pods = append(s.Pods, Pod{Name: fmt.Sprintf("dice-%d", i), UID: fmt.Sprint(i), Ordinal: i, Revision: "old", Ready: true})
	}
	return s
}

// canaryOf is set(n) with the highest k pods on revision "new".
func canaryOf(n, k int) Set {
	s := set(n)
	s.UpdateRevision, s.Partition = "new", n-k
	for i := n - k; i < n; i++ {
		s.Pods[i].Revision = "new"
	}
	return s
}

func with(s Set, change func(*Set)) Set { change(&s); return s }

func broken(p *Pod) { p.Ready, p.Stuck, p.Reason = false, true, "CrashLoopBackOff" }

func TestPhase(t *testing.T) {
	for _, test := range []struct {
		name string
		set  Set
		want Phase
	}{
		{"one revision everywhere", set(3), Settled},
		{"no pods at all", set(0), Settled},
		{"a partition that holds nothing back", with(set(3), func(s *Set) { s.Partition = 2 }), Settled},
		{"the controller has not looked", with(set(3), func(s *Set) { s.Observed = false }), Rolling},
		{"canary on the highest", canaryOf(3, 1), Open},
		{"canary of no pod: partition above the replicas", with(canaryOf(3, 0), func(s *Set) { s.Partition = 9 }), Open},
		{"promoted, still replacing", with(canaryOf(3, 1), func(s *Set) { s.Partition = 0 }), Rolling},
		{"rolled back, still replacing", with(canaryOf(3, 1), func(s *Set) { s.UpdateRevision, s.Partition = "old", 0 }), Rolling},
		{"ordinals that start at 5", with(canaryOf(3, 1), func(s *Set) { s.Start, s.Partition = 5, 5 }), Rolling},
	} {
		if got := test.set.Phase(); got != test.want {
			t.Errorf("%s: phase %s, want %s", test.name, got, test.want)
		}
	}
}

func TestBegin(t *testing.T) {
	for _, test := range []struct {
		name      string
		set       Set
		pods      int
		partition int
		refusal   string
	}{
		{"the highest of three", set(3), 1, 2, ""},
		{"two of three", set(3), 2, 1, ""},
		{"first ordinal 5", with(set(3), func(s *Set) {
			s.Start = 5
			for i := range s.Pods {
				s.Pods[i].Ordinal += 5
			}
		}), 1, 7, ""},
		{"a left-over partition does not matter", with(set(3), func(s *Set) { s.Partition = 1 }), 1, 2, ""},
		{"all of them", set(3), 3, 0, "leaves nobody on the stable revision"},
		{"the only one", set(1), 1, 0, "croupier scale --replicas 2 dice"},
		{"none", set(3), 0, 0, "--pods 1"},
		{"another is open", canaryOf(3, 1), 1, 0, "already has a canary open"},
		{"a rollout runs", with(canaryOf(3, 1), func(s *Set) { s.Partition = 0 }), 1, 0, "in the middle of a rollout"},
		{"not observed", with(set(3), func(s *Set) { s.Observed = false }), 1, 0, "in the middle of a rollout"},
		{"a pod is broken before", with(set(3), func(s *Set) { broken(&s.Pods[1]) }), 1, 0, "not healthy before the canary: 3/3 updated, 2/3 ready; dice-1: CrashLoopBackOff"},
		{"a pod is missing before", with(set(3), func(s *Set) { s.Pods = s.Pods[:2] }), 1, 0, "not healthy before the canary: 2/3 updated"},
	} {
		partition, err := Begin(test.set, test.pods)
		check(t, test.name, err, test.refusal)
		if err == nil && partition != test.partition {
			t.Errorf("%s: partition %d, want %d", test.name, partition, test.partition)
		}
	}
}

func TestPromoteAndAbort(t *testing.T) {
	for _, test := range []struct {
		name           string
		set            Set
		promote, abort string // what a refusal says; empty: allowed
	}{
		{"a healthy canary", canaryOf(3, 1), "", ""},
		{"a broken canary", with(canaryOf(3, 1), func(s *Set) { broken(&s.Pods[2]) }), "not healthy: 1/1 updated, 0/1 ready; dice-2: CrashLoopBackOff", ""},
		{"a canary not yet replaced", with(canaryOf(3, 1), func(s *Set) { s.Pods[2].Revision = "old" }), "not healthy: 0/1 updated", ""},
		{"a canary of no pod", with(canaryOf(3, 0), func(s *Set) { s.Partition = 3 }), "covers no pod", ""},
		{"none open", set(3), "has no canary open", "croupier rollback dice"},
		{"promoted already, rolling", with(canaryOf(3, 1), func(s *Set) { s.Partition = 0 }), "has no canary open", ""},
	} {
		check(t, "promote, "+test.name, Promote(test.set), test.promote)
		check(t, "abort, "+test.name, Abort(test.set), test.abort)
	}
}

func TestStableRevision(t *testing.T) {
	known := []string{"new", "old", "older"}
	for _, test := range []struct {
		name     string
		set      Set
		previous string
		known    []string
		want     string
		refusal  string
	}{
		{"a canary is open", canaryOf(3, 1), "older", known, "old", ""},
		{"a promotion runs", with(canaryOf(3, 1), func(s *Set) { s.Partition = 0 }), "old", known, "old", ""},
		{"after a rollout", set(3), "older", known, "older", ""},
		{"an interrupted rollback is taken up again", with(set(3), func(s *Set) { s.Pods[2].Revision = "new" }), "older", known, "old", ""},
		{"nothing on record", set(3), "", known, "", "choose one with --to (known: new, old, older)"},
		{"the record is what runs", set(3), "old", known, "", "already runs its stable revision old"},
		{"no longer kept", set(3), "ancient", known, "", "revision ancient of dice is no longer kept"},
		{"no revision at all", set(3), "ancient", nil, "", "(known: none)"},
	} {
		got, err := StableRevision(test.set, test.previous, test.known)
		check(t, test.name, err, test.refusal)
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestInTheWay(t *testing.T) {
	reverted := with(canaryOf(3, 2), func(s *Set) { s.UpdateRevision, s.Partition = "old", 0 })
	for _, test := range []struct {
		name      string
		set       Set
		want      []string
		abandoned []string
	}{
		{"healthy canary pods are the controller's to replace", reverted, nil, nil},
		{"a broken one", with(reverted, func(s *Set) { s.Pods = slices.Clone(s.Pods); broken(&s.Pods[2]) }), []string{"dice-2"}, []string{"dice-2"}},
		{"one that is only starting", with(reverted, func(s *Set) { s.Pods = slices.Clone(s.Pods); s.Pods[2].Ready = false }), []string{"dice-2"}, nil},
		{"one that goes already", with(reverted, func(s *Set) { s.Pods = slices.Clone(s.Pods); broken(&s.Pods[2]); s.Pods[2].Terminating = true }), nil, nil},
		{"a broken one of the right revision", with(reverted, func(s *Set) { s.Pods = slices.Clone(s.Pods); broken(&s.Pods[0]) }), nil, nil},
		{"the controller has not seen the reverted template", with(reverted, func(s *Set) { s.Pods = slices.Clone(s.Pods); broken(&s.Pods[2]); s.Observed = false }), nil, nil},
		{"the template is not reverted", with(canaryOf(3, 1), func(s *Set) { broken(&s.Pods[2]) }), nil, nil},
	} {
		if got := names(InTheWay(test.set, "old")); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
		if got := names(Abandoned(test.set)); !slices.Equal(got, test.abandoned) {
			t.Errorf("%s: abandoned %v, want %v", test.name, got, test.abandoned)
		}
	}
	held := with(canaryOf(3, 1), func(s *Set) { s.Partition = 3; s.Pods[1].Revision = "oldest"; broken(&s.Pods[1]) })
	if got := names(Abandoned(held)); got != nil {
		t.Errorf("below the partition: abandoned %v, want none", got)
	}
}

func TestScale(t *testing.T) {
	for _, test := range []struct {
		name     string
		set      Set
		replicas int
		want     Resize
		refusal  string
	}{
		{"up", set(2), 5, Resize{Added: 3}, ""},
		{"down", set(3), 1, Resize{Removed: 2}, ""},
		{"to nothing", set(3), 0, Resize{Removed: 3}, ""},
		{"to nothing, with a partition left behind", with(set(3), func(s *Set) { s.Partition = 2 }), 0, Resize{Removed: 3, ClearPartition: true}, ""},
		{"same size", set(3), 3, Resize{}, ""},
		{"same size, while a rollout runs", with(canaryOf(3, 1), func(s *Set) { s.Partition = 0 }), 3, Resize{}, ""},
		{"to nothing, while a canary is open", canaryOf(3, 1), 0, Resize{}, "kubernetes#121534"},
		{"down, while a canary is open", canaryOf(3, 1), 2, Resize{}, "which are the canary"},
		{"up, while a canary is open", canaryOf(3, 1), 4, Resize{}, "would all join the canary"},
		{"during a rollout", with(canaryOf(3, 1), func(s *Set) { s.Partition = 0 }), 4, Resize{}, "during a rollout"},
		{"less than nothing", set(3), -1, Resize{}, "-1 replicas is not a size"},
	} {
		got, err := Scale(test.set, test.replicas)
		check(t, test.name, err, test.refusal)
		if got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestCount(t *testing.T) {
	for _, test := range []struct {
		name string
		set  Set
		from int
		done bool
		line string
	}{
		{"all well", set(3), 0, true, "3/3 updated, 3/3 ready"},
		{"nothing wanted, nothing there", set(0), 0, true, "0/0 updated, 0/0 ready"},
		{"not observed", with(set(3), func(s *Set) { s.Observed = false }), 0, false, "waiting for the controller to see the change"},
		{"the canary alone", canaryOf(3, 1), 2, true, "1/1 updated, 1/1 ready"},
		{"a canary is not a finished rollout", canaryOf(3, 1), 0, false, "1/3 updated, 1/3 ready; dice-0 waits for its turn; dice-1 waits for its turn"},
		{"a partition above the replicas is not a finished rollout", with(canaryOf(3, 0), func(s *Set) { s.Partition = 9 }), 0, false,
			"0/3 updated, 0/3 ready; dice-0 waits for its turn; dice-1 waits for its turn; dice-2 waits for its turn"},
		{"a pod is missing", with(set(3), func(s *Set) { s.Pods = s.Pods[:2] }), 0, false, "2/3 updated, 2/3 ready"},
		{"a pod too many", with(set(3), func(s *Set) { s.Replicas = 2; s.Pods[2].Terminating = true }), 0, false, "2/2 updated, 2/2 ready, 1 to go; dice-2 is stopping"},
		{"crash loop", with(set(3), func(s *Set) { broken(&s.Pods[2]) }), 0, false, "3/3 updated, 2/3 ready; dice-2: CrashLoopBackOff"},
		{"starting", with(set(3), func(s *Set) { s.Pods[2].Ready = false }), 0, false, "3/3 updated, 2/3 ready; dice-2 is starting"},
		{"many", with(set(6), func(s *Set) { s.UpdateRevision = "new" }), 0, false,
			"0/6 updated, 0/6 ready; dice-0 waits for its turn; dice-1 waits for its turn; dice-2 waits for its turn; and 3 more"},
	} {
		progress := Count(test.set, test.from)
		if progress.Done != test.done || progress.String() != test.line {
			t.Errorf("%s: done %t, %q; want %t, %q", test.name, progress.Done, progress, test.done, test.line)
		}
	}
	stuck := Count(with(set(3), func(s *Set) { broken(&s.Pods[2]); s.Pods[1].Ready = false }), 0).Stuck()
	if got := names(stuck); !slices.Equal(got, []string{"dice-2"}) {
		t.Errorf("stuck: %v, want dice-2 only", got)
	}
}

func names(pods []Pod) []string {
	var out []string
	for _, p := range pods {
		out = append(out, p.Name)
	}
	return out
}

// check wants a Refusal that says part, or no error if part is empty.
func check(t *testing.T, name string, err error, part string) {
	t.Helper()
	var refusal Refusal
	switch {
	case part == "" && err != nil:
		t.Errorf("%s: refused: %v", name, err)
	case part != "" && !errors.As(err, &refusal):
		t.Errorf("%s: %v, want a refusal with %q", name, err, part)
	case part != "" && !strings.Contains(err.Error(), part):
		t.Errorf("%s: refusal %q does not say %q", name, err, part)
	}
}

// Package canary holds the decisions of a rollout and nothing else: which
// partition, which revision, which pod is in the way, and whether it is over.
// It reads a Set, a picture of one workload that package fleet takes, and
// answers; it never talks to a cluster, so each rule can be tested in a table.
//
// The rules follow what the StatefulSet controller does, not what its status
// promises: `status.updatedReplicas` is not consulted, pods are counted.
package canary

import (
	"fmt"
	"sort"
)

// Set is a workload as it was at one moment. A Deployment fits too: it has no
// partition and its revisions are its pod template hashes.
type Set struct {
	Name            string
	Replicas        int
	Partition       int  // ordinals below it keep CurrentRevision
	Start           int  // the first ordinal, spec.ordinals.start
	Observed        bool // the controller has seen the present spec
	CurrentRevision string
	UpdateRevision  string
	Pods            []Pod
}

// Pod is one pod of a Set.
type Pod struct {
	Name        string
	UID         string
	Ordinal     int
	Revision    string
	Ready       bool
	Terminating bool
	Stuck       bool   // waiting will not mend it: a crash loop, an image that cannot be pulled
	Reason      string // why it is not ready, for a person; empty when nothing is known
}

// Phase says where a Set is in its rollout.
type Phase string

const (
	// Settled: one revision, and every pod has it.
	Settled Phase = "settled"
	// Open: a canary: the update revision is held to the highest ordinals.
	Open Phase = "canary"
	// Rolling: pods are still to be replaced, or the controller has not yet
	// looked at the newest spec.
	Rolling Phase = "rolling"
)

func (p Phase) while() string {
	if p == Open {
		return "while its canary is open"
	}
	return "during a rollout"
}

// Phase tells where s is. A partition that covers every replica is a canary of
// no pods, which Kubernetes calls complete and we do not.
func (s Set) Phase() Phase {
	switch {
	case !s.Observed:
		return Rolling
	case s.UpdateRevision != s.CurrentRevision && s.Partition > s.Start:
		return Open
	case s.UpdateRevision != s.CurrentRevision:
		return Rolling
	}
	for _, p := range s.Pods {
		if p.Revision != s.UpdateRevision {
			return Rolling
		}
	}
	return Settled
}

// Canaries lists the pods that the partition leaves to the update revision.
func (s Set) Canaries() []Pod {
	var pods []Pod
	for _, p := range s.Pods {
		if p.Ordinal >= s.Partition {
			pods = append(pods, p)
		}
	}
	return pods
}

// Refusal is a decision not to act, with the next step in its words.
type Refusal struct{ Reason string }

func (r Refusal) Error() string { return r.Reason }

func refuse(format string, args ...any) error {
	return Refusal{Reason: fmt.Sprintf(format, args...)}
}

// Begin answers which partition opens a canary of n pods.
func Begin(s Set, n int) (partition int, err error) {
	switch s.Phase() {
	case Open:
		return 0, refuse("%s already has a canary open (revision %s): promote it with `croupier canary promote %s` or close it with `croupier canary abort %s`",
			s.Name, s.UpdateRevision, s.Name, s.Name)
	case Rolling:
		return 0, refuse("%s is in the middle of a rollout: wait until `croupier status` says settled, or go back with `croupier rollback %s`", s.Name, s.Name)
	}
	if n < 1 {
		return 0, refuse("a canary of %d pods proves nothing: ask for --pods 1 or more", n)
	}
	if n >= s.Replicas {
		return 0, refuse("%s has %d replicas, so a canary of %d leaves nobody on the stable revision: scale up with `croupier scale --replicas %d %s`, or replace every pod with `croupier deploy`",
			s.Name, s.Replicas, n, n+1, s.Name)
	}
	if progress := Count(s, s.Start); !progress.Done {
		return 0, refuse("%s is not healthy before the canary: %s; look with `croupier status -o wide`", s.Name, progress)
	}
	return s.Start + s.Replicas - n, nil
}

// Promote answers whether the open canary may be given to every pod.
func Promote(s Set) error {
	if s.Phase() != Open {
		return refuse("%s has no canary open (it is %s): open one with `croupier canary --image IMAGE %s`", s.Name, s.Phase(), s.Name)
	}
	progress := Count(s, s.Partition)
	if progress.Want == 0 {
		return refuse("the canary of %s covers no pod (partition %d of %d replicas), so nothing proved it: close it with `croupier canary abort %s`",
			s.Name, s.Partition, s.Replicas, s.Name)
	}
	if !progress.Done {
		return refuse("the canary of %s is not healthy: %s; close it with `croupier canary abort %s`", s.Name, progress, s.Name)
	}
	return nil
}

// Abort answers whether there is a canary to close.
func Abort(s Set) error {
	if s.Phase() == Open || s.UpdateRevision != s.CurrentRevision {
		return nil
	}
	return refuse("%s has no canary open (it is %s): to leave a finished rollout use `croupier rollback %s`", s.Name, s.Phase(), s.Name)
}

// StableRevision answers, by name, which revision a rollback goes to. During a
// rollout it is the current revision; after one it is the revision that was
// current before it, which ctl wrote down (previous). It is never "the one but
// newest", which after two canaries is a revision that was never stable.
// A rollback that was interrupted is taken up again: its template is already
// the stable one, and pods of another revision are left.
func StableRevision(s Set, previous string, known []string) (string, error) {
	target := previous
	switch {
	case s.CurrentRevision != s.UpdateRevision:
		target = s.CurrentRevision
	case s.Phase() == Rolling:
		target = s.UpdateRevision
	}
	switch {
	case target == "":
		return "", refuse("%s has no earlier stable revision on record: choose one with --to (known: %s)", s.Name, list(known))
	case target == s.UpdateRevision && s.Phase() == Settled:
		return "", refuse("%s already runs its stable revision %s", s.Name, target)
	}
	for _, name := range known {
		if name == target {
			return target, nil
		}
	}
	return "", refuse("revision %s of %s is no longer kept: choose one with --to (known: %s)", target, s.Name, list(known))
}

// InTheWay lists the pods that block a return to target: they have another
// revision and are not ready, and with OrderedReady the controller waits for
// them for ever, even after the template was reverted (kubernetes#67250). They
// must be deleted, and only once the controller has seen the reverted spec, or
// it makes them again from the broken one.
func InTheWay(s Set, target string) []Pod {
	if !s.Observed || s.UpdateRevision != target {
		return nil
	}
	var pods []Pod
	for _, p := range s.Pods {
		if p.Revision != target && !p.Ready && !p.Terminating {
			pods = append(pods, p)
		}
	}
	return pods
}

// Resize is what a change of size needs.
type Resize struct {
	// ClearPartition: the partition has to go to 0 in the same write.
	ClearPartition bool
	// Removed and Added count pods; the highest ordinals go first.
	Removed, Added int
}

// Scale answers whether s may have n replicas, and what else must change.
//
// Scaling to 0 with a partition makes the controller take the update revision
// for the current one (kubernetes#121534): zero updated of zero wanted counts
// as a finished rollout. While a canary is open that would silently promote
// it, so it is refused; a partition left behind by nothing is cleared first.
func Scale(s Set, n int) (Resize, error) {
	if n < 0 {
		return Resize{}, refuse("%d replicas is not a size", n)
	}
	if phase := s.Phase(); phase != Settled && n != s.Replicas {
		why := "pods are still being replaced"
		next := fmt.Sprintf("wait until `croupier status` says settled, or go back with `croupier rollback %s`", s.Name)
		if phase == Open {
			next = fmt.Sprintf("first `croupier canary promote %s` or `croupier canary abort %s`", s.Name, s.Name)
			switch {
			case n == 0:
				why = "at 0 replicas Kubernetes takes the canary's revision for the stable one (kubernetes#121534)"
			case n < s.Replicas:
				why = "scaling down removes the highest ordinals, which are the canary"
			default:
				why = "new pods get the highest ordinals, so they would all join the canary"
			}
		}
		return Resize{}, refuse("%s cannot be scaled %s: %s; %s", s.Name, phase.while(), why, next)
	}
	return Resize{
		ClearPartition: s.Partition > 0,
		Removed:        max(0, s.Replicas-n),
		Added:          max(0, n-s.Replicas),
	}, nil
}

// Abandoned lists the pods that an earlier rollout left stuck and that a newer
// template cannot replace by itself, for the same reason as InTheWay. Pods that
// may still become ready are left to the controller.
func Abandoned(s Set) []Pod {
	var pods []Pod
	for _, p := range InTheWay(s, s.UpdateRevision) {
		if p.Stuck && p.Ordinal >= s.Partition {
			pods = append(pods, p)
		}
	}
	return pods
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	sorted := append([]string(nil), names...)
	sort.Strings(sorted)
	out := sorted[0]
	for _, n := range sorted[1:] {
		out += ", " + n
	}
	return out
}

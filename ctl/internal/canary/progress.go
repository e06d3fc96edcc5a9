package canary

import (
	"fmt"
	"strings"
)

// Progress is how far a rollout has come, counted pod by pod.
type Progress struct {
	Want    int // pods that should have the update revision
	Updated int // of those, pods that have it
	Ready   int // of those, pods that are ready too
	Extra   int // pods that should not be there any more
	Waiting []Pod
	Done    bool

	observed bool
}

// Count counts the pods with an ordinal of at least from. A whole rollout is
// counted from the set's start, a canary from its partition.
//
// It is done when the controller has seen the spec and exactly the wanted pods
// exist, updated and ready. A partition that hides pods from the update does
// not make it done: they are wanted and not updated.
func Count(s Set, from int) Progress {
	from = max(from, s.Start)
	end := s.Start + s.Replicas
	p := Progress{Want: max(0, end-from), observed: s.Observed}
	for _, pod := range s.Pods {
		if pod.Ordinal < from {
			continue
		}
		if pod.Ordinal >= end {
			p.Extra++
			p.Waiting = append(p.Waiting, pod)
			continue
		}
		updated := pod.Revision == s.UpdateRevision
		if updated {
			p.Updated++
		}
		if updated && pod.Ready && !pod.Terminating {
			p.Ready++
			continue
		}
		p.Waiting = append(p.Waiting, pod)
	}
	p.Done = s.Observed && p.Ready == p.Want && len(p.Waiting) == 0
	return p
}

// Stuck lists the waiting pods that waiting will not mend.
func (p Progress) Stuck() []Pod {
	var stuck []Pod
	for _, pod := range p.Waiting {
		if pod.Stuck {
			stuck = append(stuck, pod)
		}
	}
	return stuck
}

// String is one line for a person: counts, then what is being waited for.
func (p Progress) String() string {
	if !p.observed {
		return "waiting for the controller to see the change"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d/%d updated, %d/%d ready", p.Updated, p.Want, p.Ready, p.Want)
	if p.Extra > 0 {
		fmt.Fprintf(&b, ", %d to go", p.Extra)
	}
	for i, pod := range p.Waiting {
		if i == 3 {
			fmt.Fprintf(&b, "; and %d more", len(p.Waiting)-i)
			break
		}
		fmt.Fprintf(&b, "; %s", pod.Name)
		switch {
		case pod.Terminating:
			b.WriteString(" is stopping")
		case pod.Reason != "":
			b.WriteString(": " + pod.Reason)
		case pod.Ready:
			b.WriteString(" waits for its turn")
		default:
			b.WriteString(" is starting")
		}
	}
	return b.String()
}

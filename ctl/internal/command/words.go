package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"croupier/ctl/internal/canary"
	"croupier/ctl/internal/fleet"
)

// opsTimeout bounds a question to one pod; a pod that is slower is not asked.
const opsTimeout = 3 * time.Second

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// ordinals names the pods from first up to, not including, end.
func ordinals(set string, first, end int) string {
	switch end - first {
	case 0:
		return "no pod"
	case 1:
		return fmt.Sprintf("%s-%d", set, first)
	case 2:
		return fmt.Sprintf("%s-%d and %s-%d", set, first, set, end-1)
	}
	return fmt.Sprintf("%s-%d to %s-%d", set, first, set, end-1)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// repository is an image reference without its tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if at := strings.LastIndex(image, ":"); at > strings.LastIndex(image, "/") {
		image = image[:at]
	}
	return image
}

// noteRooms says how many rooms and players are on the pods that a plan stops.
func noteRooms(ctx context.Context, f *fleet.Fleet, w *fleet.Workload, plan *Plan, touched func(canary.Pod) bool) {
	if !w.IsGame() {
		return
	}
	some := *w
	some.PodList = nil
	stops := map[string]bool{}
	for _, p := range w.Pods {
		stops[p.Name] = touched(p)
	}
	for _, pod := range w.PodList {
		if stops[pod.Name] {
			some.PodList = append(some.PodList, pod)
		}
	}
	if len(some.PodList) == 0 {
		return
	}
	rooms, players, silent := 0, 0, 0
	answers := f.Ask(ctx, &some, opsTimeout)
	for _, pod := range some.PodList {
		answer, asked := answers[pod.Name]
		if !asked {
			continue // not running: it has no room
		}
		if !answer.Reached {
			silent++
			continue
		}
		rooms += len(answer.Rooms)
		players += answer.Players()
	}
	if rooms > 0 {
		if len(some.PodList) < len(w.PodList) {
			plan.Note("%s with %s move off these pods, one pod after the other", plural(rooms, "room", "rooms"), plural(players, "player", "players"))
		} else {
			plan.Note("%s with %s move from pod to pod, as each is replaced", plural(rooms, "room", "rooms"), plural(players, "player", "players"))
		}
	}
	if silent > 0 {
		plan.Note("%s not answer how many rooms they have", plural(silent, "pod does", "pods do"))
	}
}

package fleet

import (
	"fmt"
	"strings"

	"croupier/ctl/internal/canary"

	corev1 "k8s.io/api/core/v1"
)

// stuckReasons are waiting reasons that time alone does not mend. Pulling may
// succeed later and a crash loop may end, but not without someone's doing.
var stuckReasons = map[string]bool{
	"CrashLoopBackOff":           true,
	"ImagePullBackOff":           true,
	"ErrImagePull":               true,
	"ErrImageNeverPull":          true,
	"InvalidImageName":           true,
	"CreateContainerConfigError": true,
	"CreateContainerError":       true,
	"RunContainerError":          true,
}

// picture reduces a pod to what decisions need.
func picture(pod *corev1.Pod, ordinal int, revision string) canary.Pod {
	reason, stuck := Why(pod)
	return canary.Pod{
		Name:        pod.Name,
		UID:         string(pod.UID),
		Ordinal:     ordinal,
		Revision:    revision,
		Ready:       condition(pod, corev1.PodReady) == corev1.ConditionTrue,
		Terminating: pod.DeletionTimestamp != nil,
		Stuck:       stuck,
		Reason:      reason,
	}
}

// Why says in one line what keeps a pod from being ready, and whether it is
// stuck. It is empty for a ready pod and for one that is simply starting.
func Why(pod *corev1.Pod) (reason string, stuck bool) {
	if condition(pod, corev1.PodReady) == corev1.ConditionTrue {
		return "", false
	}
	statuses := append(append([]corev1.ContainerStatus(nil), pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...)
	for _, c := range statuses {
		if w := c.State.Waiting; w != nil && stuckReasons[w.Reason] {
			if last := lastWords(c); last != "" {
				return join(w.Reason, last), true // the kubelet's message is only the length of the pause
			}
			return join(w.Reason, oneLine(w.Message)), true
		}
		if t := c.State.Terminated; t != nil && t.ExitCode != 0 {
			return join(ended(t), oneLine(t.Message)), false
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return join(c.Reason, oneLine(c.Message)), true
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Running != nil && !c.Ready {
			text := "running, but its readiness probe fails"
			if c.RestartCount > 0 {
				text += fmt.Sprintf(" (%d restarts)", c.RestartCount)
			}
			return join(text, lastWords(c)), false
		}
	}
	if pod.Status.Reason != "" {
		return join(pod.Status.Reason, oneLine(pod.Status.Message)), false
	}
	return "", false
}

// lastWords is how the container ended last and what it said: the termination
// message, which the manifests fill from the end of the log.
func lastWords(c corev1.ContainerStatus) string {
	t := c.LastTerminationState.Terminated
	if t == nil {
		return ""
	}
	return join(ended(t), oneLine(t.Message))
}

func ended(t *corev1.ContainerStateTerminated) string {
	if t.Reason != "" && t.Reason != "Error" {
		return fmt.Sprintf("%s, exit code %d", t.Reason, t.ExitCode)
	}
	return fmt.Sprintf("exit code %d", t.ExitCode)
}

func condition(pod *corev1.Pod, kind corev1.PodConditionType) corev1.ConditionStatus {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind {
			return c.Status
		}
	}
	return corev1.ConditionUnknown
}

// oneLine keeps the last line of a message, which in a log is the one that
// says why, and no more than a terminal's worth of it.
func oneLine(message string) string {
	lines := strings.Split(strings.TrimSpace(message), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	const most = 240
	if r := []rune(last); len(r) > most {
		return string(r[:most]) + "..."
	}
	return last
}

func join(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, ": ")
}

package fleet

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestWhy(t *testing.T) {
	waiting := func(reason, message string) corev1.ContainerStatus {
		return corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
	}
	ended := func(code int32, reason, message string) *corev1.ContainerStateTerminated {
		return &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}
	}
	crashing := waiting("CrashLoopBackOff", "back-off 20s restarting failed container=game")
	crashing.LastTerminationState.Terminated = ended(1, "Error", "loading\ngame: JWT_KEY: no signing key\n")
	killed := waiting("CrashLoopBackOff", "back-off 40s")
	killed.LastTerminationState.Terminated = ended(137, "OOMKilled", "")
	silent := corev1.ContainerStatus{RestartCount: 2, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	unschedulable := corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes are available: 1 Insufficient memory."}

	for _, test := range []struct {
		name   string
		status corev1.PodStatus
		want   string
		stuck  bool
	}{
		{"ready", corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}, "", false},
		{"new", corev1.PodStatus{}, "", false},
		{"its image is being pulled", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("ContainerCreating", "")}}, "", false},
		{"no such image", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("ImagePullBackOff", `Back-off pulling image "x:nope"`)}},
			`ImagePullBackOff: Back-off pulling image "x:nope"`, true},
		{"a Secret is missing", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("CreateContainerConfigError", `secret "jwt" not found`)}},
			`CreateContainerConfigError: secret "jwt" not found`, true},
		{"crash loop, with its last words", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{crashing}},
			"CrashLoopBackOff: exit code 1: game: JWT_KEY: no signing key", true},
		{"out of memory", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{killed}}, "CrashLoopBackOff: OOMKilled, exit code 137", true},
		{"just crashed", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Terminated: ended(2, "Error", "bad flag")}}}},
			"exit code 2: bad flag", false},
		{"an init container crashes", corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{crashing}},
			"CrashLoopBackOff: exit code 1: game: JWT_KEY: no signing key", true},
		{"runs, but is not ready", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{silent}},
			"running, but its readiness probe fails (2 restarts)", false},
		{"fits nowhere", corev1.PodStatus{Conditions: []corev1.PodCondition{unschedulable}}, "Unschedulable: 0/1 nodes are available: 1 Insufficient memory.", true},
		{"evicted", corev1.PodStatus{Reason: "Evicted", Message: "The node was low on memory."}, "Evicted: The node was low on memory.", false},
	} {
		got, stuck := Why(&corev1.Pod{Status: test.status})
		if got != test.want || stuck != test.stuck {
			t.Errorf("%s: %q, stuck %t; want %q, stuck %t", test.name, got, stuck, test.want, test.stuck)
		}
	}
	if long := oneLine(strings.Repeat("ö", 500)); len([]rune(long)) != 243 || !strings.HasSuffix(long, "...") {
		t.Errorf("a long message becomes %d characters", len([]rune(long)))
	}
}

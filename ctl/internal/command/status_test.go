package command

import (
	"bytes"
	"testing"
	"time"

	"croupier/ctl/internal/fleet"
	"croupier/ctl/internal/output"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestStatusForPeopleAndPrograms(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	pods := func(w *fleet.Workload) *fleet.Workload {
		for i, p := range w.Pods {
			image := "croupier/game:v1"
			if p.Revision == "dice-2" {
				image = "croupier/game:v2"
			}
			pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: p.Name, CreationTimestamp: metav1.NewTime(now.Add(-time.Duration(i*i*i*13+5) * time.Minute))}}
			pod.Spec.NodeName, pod.Status.PodIP = "node1", "10.244.0.4"
			pod.Spec.Containers = []corev1.Container{{Name: w.Container, Image: image}}
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{RestartCount: int32(i)}}
			w.PodList = append(w.PodList, pod)
		}
		return w
	}
	broken := pods(diceCanary(true))
	idle := group("b", 0)
	used := pods(group("a", 2))
	used.Pods[1].Terminating = true
	yes, no := true, false
	a, b := describe(used, map[string]fleet.Ops{
		"dice-0": {Reached: true, Version: "v1", House: fleet.House{Server: "dice-0.x", Cordoned: true, Rooms: []fleet.Room{{Players: 4, Awaited: 3, Still: true}, {Players: 1}}}},
	}), describe(idle, nil)
	a.Selected, b.Selected = &yes, &no
	report := statusReport{Namespace: "here", Workloads: []workloadReport{
		describe(broken, map[string]fleet.Ops{
			"dice-0": {Reached: true, Version: "v1", House: fleet.House{Rooms: []fleet.Room{{Players: 4}}}},
			"dice-1": {Problem: "ask pod dice-1 for /version: timeout"},
		}), a, b,
	}}
	for name, format := range map[string]output.Format{
		"status.txt": output.Plain, "status-wide.txt": output.Wide, "status.json": output.JSON, "status.yaml": output.YAML,
	} {
		var out bytes.Buffer
		o := StatusOf{Format: format, Now: func() time.Time { return now }}
		var err error
		if format == output.JSON || format == output.YAML {
			err = output.Encode(&out, format, report)
		} else {
			err = o.print(Streams{Out: &out}, report)
		}
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, out.String())
	}
}

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	namespace   = "croupier"
	gameOpsPort = 60011
	gateOpsPort = 60016

	// patience is how long any one condition may take to come true.
	patience = 90 * time.Second
)

// cluster is the Kubernetes that the test watches, by its API and by the pods' own addresses.
type cluster struct {
	kube kubernetes.Interface
	http *http.Client
}

func connect() (*cluster, error) {
	const next = "next: scripts/cluster/up, then eval \"$(scripts/cluster/env)\""
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("no cluster to test on: %w\n%s", err, next)
	}
	config.QPS = -1 // no limit: the test looks often, at a cluster that is all its own
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	if _, err := kube.Discovery().ServerVersion(); err != nil {
		return nil, fmt.Errorf("the cluster does not answer: %w\n%s", err, next)
	}
	return &cluster{kube: kube, http: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}, nil
}

// eventually waits until check returns nil, looking ten times a second.
func eventually(t *testing.T, what string, check func(ctx context.Context) error) {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			t.Logf("%s, after %.1f s", what, time.Since(began).Seconds())
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not within %s: %s: %v", patience, what, err)
		}
	}
}

// wipe removes the namespace and all in it, without grace: pods may wait for their players, and
// ours are gone. The pods go first, because deleting the namespace waits out the grace of those it
// finds.
func (c *cluster) wipe(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	now := int64(0)
	everything, atOnce := metav1.ListOptions{}, metav1.DeleteOptions{GracePeriodSeconds: &now}
	background := metav1.DeletePropagationBackground
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := errors.Join(
			c.kube.AppsV1().StatefulSets(namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, everything),
			c.kube.AppsV1().Deployments(namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, everything),
			c.kube.BatchV1().Jobs(namespace).DeleteCollection(ctx, metav1.DeleteOptions{PropagationPolicy: &background}, everything),
			c.kube.CoreV1().Pods(namespace).DeleteCollection(ctx, atOnce, everything),
		)
		pods, listErr := c.kube.CoreV1().Pods(namespace).List(ctx, everything)
		if err = errors.Join(err, listErr); err != nil {
			t.Fatalf("clear namespace %s: %v", namespace, err)
		}
		if len(pods.Items) == 0 {
			err := c.kube.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{})
			if apierrors.IsNotFound(err) {
				return
			}
			if err != nil && !apierrors.IsConflict(err) {
				t.Fatalf("delete namespace %s: %v", namespace, err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("namespace %s is still there after %s, with %d pods", namespace, patience, len(pods.Items))
		}
	}
}

// pods lists the pods of a StatefulSet by ordinal, or those of a Deployment.
func (c *cluster) pods(ctx context.Context, workload string) ([]corev1.Pod, error) {
	all, err := c.kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var pods []corev1.Pod
	for _, pod := range all.Items {
		for _, owner := range pod.OwnerReferences {
			if owner.Name == workload || owner.Kind == "ReplicaSet" && strings.HasPrefix(owner.Name, workload+"-") {
				pods = append(pods, pod)
			}
		}
	}
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return pods, nil
}

func (c *cluster) set(ctx context.Context, name string) (*appsv1.StatefulSet, error) {
	return c.kube.AppsV1().StatefulSets(namespace).Get(ctx, name, metav1.GetOptions{})
}

// ask reads JSON from a pod's operations port.
func (c *cluster) ask(ctx context.Context, pod corev1.Pod, port int, path string, into any) error {
	if pod.Status.PodIP == "" {
		return fmt.Errorf("pod %s has no address", pod.Name)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d%s", pod.Status.PodIP, port, path), nil)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("ask pod %s: %w", pod.Name, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("ask pod %s for %s: %w", pod.Name, path, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask pod %s for %s: %s: %s", pod.Name, path, response.Status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("ask pod %s for %s: %w in %q", pod.Name, path, err, body)
	}
	return nil
}

// version is what a pod's own program says it is.
func (c *cluster) version(ctx context.Context, pod corev1.Pod, port int) (string, error) {
	var answer struct {
		Version string `json:"version"`
	}
	err := c.ask(ctx, pod, port, "/version", &answer)
	return answer.Version, err
}

// house is what a game server says of its rooms.
type house struct {
	Cordoned bool `json:"cordoned"`
	Rooms    []struct {
		ID      json.Number `json:"id"`
		Game    string      `json:"game"`
		Players int         `json:"players"`
		Still   bool        `json:"still"`
	} `json:"rooms"`
}

func (c *cluster) house(ctx context.Context, pod corev1.Pod) (house, error) {
	var h house
	err := c.ask(ctx, pod, gameOpsPort, "/rooms", &h)
	return h, err
}

// where finds the pods that hold a room, whichever set they are of.
func (c *cluster) where(ctx context.Context, room int64, workloads ...string) ([]corev1.Pod, error) {
	var holders []corev1.Pod
	for _, workload := range workloads {
		pods, err := c.pods(ctx, workload)
		if err != nil {
			return nil, err
		}
		for _, pod := range pods {
			if !running(pod) {
				continue
			}
			h, err := c.house(ctx, pod)
			if err != nil {
				return nil, err
			}
			for _, r := range h.Rooms {
				if r.ID.String() == fmt.Sprint(room) {
					holders = append(holders, pod)
				}
			}
		}
	}
	return holders, nil
}

func running(pod corev1.Pod) bool {
	for _, status := range pod.Status.ContainerStatuses {
		if status.State.Running == nil {
			return false
		}
	}
	return len(pod.Status.ContainerStatuses) > 0
}

func ready(pod corev1.Pod) bool {
	if pod.DeletionTimestamp != nil {
		return false
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// runs checks that the pods of a game are exactly these versions, by ordinal: each ready, with the
// image of that tag, and its program of the same mind.
func (c *cluster) runs(ctx context.Context, workload string, versions ...string) error {
	pods, err := c.pods(ctx, workload)
	if err != nil {
		return err
	}
	var have []string
	for _, pod := range pods {
		image := pod.Spec.Containers[0].Image
		tag := image[strings.LastIndexByte(image, ':')+1:]
		if !ready(pod) {
			return fmt.Errorf("pod %s (%s) is not ready", pod.Name, image)
		}
		version, err := c.version(ctx, pod, gameOpsPort)
		if err != nil {
			return err
		}
		if version != tag {
			return fmt.Errorf("pod %s has image %s and says that it is version %q", pod.Name, image, version)
		}
		have = append(have, tag)
	}
	if !slices.Equal(have, versions) {
		return fmt.Errorf("the pods of %s run %v, want %v", workload, have, versions)
	}
	return nil
}

// address is the ClusterIP and port of a Service, which the machine reaches through the cluster's wire.
func (c *cluster) address(t *testing.T, service string) string {
	t.Helper()
	s, err := c.kube.CoreV1().Services(namespace).Get(t.Context(), service, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s:%d", s.Spec.ClusterIP, s.Spec.Ports[0].Port)
}

// tell logs what a person would look at first: pods, events, and the ends of the pods' logs.
func (c *cluster) tell(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	defer cancel()
	var out strings.Builder
	defer func() { t.Log(out.String()) }()
	fmt.Fprintln(&out, "the cluster as the test left it")
	sets, err := c.kube.AppsV1().StatefulSets(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		fmt.Fprintln(&out, err)
		return
	}
	for _, s := range sets.Items {
		partition := int32(0)
		if s.Spec.UpdateStrategy.RollingUpdate != nil && s.Spec.UpdateStrategy.RollingUpdate.Partition != nil {
			partition = *s.Spec.UpdateStrategy.RollingUpdate.Partition
		}
		fmt.Fprintf(&out, "statefulset %s replicas=%d partition=%d current=%s update=%s\n", s.Name, *s.Spec.Replicas, partition, s.Status.CurrentRevision, s.Status.UpdateRevision)
	}
	pods, err := c.kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		fmt.Fprintln(&out, err)
		return
	}
	lines := int64(30)
	for _, pod := range pods.Items {
		fmt.Fprintf(&out, "pod %s %s ready=%v stopping=%v revision=%s ip=%s", pod.Name, pod.Status.Phase, ready(pod), pod.DeletionTimestamp != nil, pod.Labels["controller-revision-hash"], pod.Status.PodIP)
		for _, status := range pod.Status.ContainerStatuses {
			fmt.Fprintf(&out, " %s restarts=%d", status.Image, status.RestartCount)
			if waiting := status.State.Waiting; waiting != nil {
				fmt.Fprintf(&out, " %s: %s", waiting.Reason, waiting.Message)
			}
		}
		fmt.Fprintln(&out)
		for _, container := range pod.Spec.Containers {
			text, err := c.kube.CoreV1().Pods(namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: container.Name, TailLines: &lines}).DoRaw(ctx)
			if err != nil {
				text = []byte(err.Error())
			}
			for line := range strings.Lines(string(text)) {
				fmt.Fprintf(&out, "    %s: %s", container.Name, line)
			}
			fmt.Fprintln(&out)
		}
	}
	events, err := c.kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		fmt.Fprintln(&out, err)
		return
	}
	slices.SortFunc(events.Items, func(a, b corev1.Event) int { return a.LastTimestamp.Compare(b.LastTimestamp.Time) })
	for _, e := range events.Items[max(0, len(events.Items)-40):] {
		fmt.Fprintf(&out, "event %s %s/%s %s: %s\n", e.LastTimestamp.Format(time.TimeOnly), e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message)
	}
}

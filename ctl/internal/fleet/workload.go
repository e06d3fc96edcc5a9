package fleet

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"croupier/ctl/internal/canary"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kinds of workload.
const (
	StatefulSet = "StatefulSet"
	Deployment  = "Deployment"
)

// Workload is a StatefulSet or a Deployment with its pods, at one moment.
type Workload struct {
	canary.Set
	Kind            string
	Component       string // game, gate or nats
	Namespace       string
	UID             string
	ResourceVersion string
	Generation      int64  // counts what was asked of it; ResourceVersion counts what became of it, too
	Ready           int    // pods, as its status says
	Container       string // the first container, which carries the image
	Image           string
	Group           string // croupier.dev/group, empty outside A/B
	Previous        string // the stable revision before this one, by name
	Partitioned     bool   // partition is set at all
	Selector        string
	Grace           time.Duration // how long a pod may take to stop
	PodList         []corev1.Pod
}

// IsGame tells whether it is a set of game servers.
func (w *Workload) IsGame() bool { return w.Component == GameComponent }

// NotFoundError says that a workload does not exist, and which ones do.
type NotFoundError struct {
	Kind, Name, Namespace string
	Have                  []string
	IsDeployment          bool // there is a Deployment of that name
	IsNATS                bool // it is a StatefulSet, and not of game servers
}

func (e NotFoundError) Error() string {
	if e.IsDeployment {
		return fmt.Sprintf("%s is a Deployment, which has no canary and keeps no rooms: change it, and change it back, with `croupier deploy --image %s=IMAGE`", e.Name, e.Name)
	}
	if e.IsNATS {
		return fmt.Sprintf("%s keeps the directory of rooms and is no game: change it, and change it back, with `croupier deploy --image %s=IMAGE`", e.Name, e.Name)
	}
	have := "none: deploy first with `croupier deploy`"
	if len(e.Have) > 0 {
		have = strings.Join(e.Have, ", ")
	}
	return fmt.Sprintf("there is no %s %q in namespace %s (there is: %s)", e.Kind, e.Name, e.Namespace, have)
}

// Workloads lists every StatefulSet, then every Deployment, of the namespace
// that is part of Croupier.
func (f *Fleet) Workloads(ctx context.Context) ([]*Workload, error) {
	selector := metav1.ListOptions{LabelSelector: PartOfLabel + "=" + PartOf}
	sets, err := f.Kube.AppsV1().StatefulSets(f.Namespace).List(ctx, selector)
	if err != nil {
		return nil, fmt.Errorf("list StatefulSets in %s: %w", f.Namespace, err)
	}
	deployments, err := f.Kube.AppsV1().Deployments(f.Namespace).List(ctx, selector)
	if err != nil {
		return nil, fmt.Errorf("list Deployments in %s: %w", f.Namespace, err)
	}
	var all []*Workload
	for i := range sets.Items {
		w, err := f.fromStatefulSet(ctx, &sets.Items[i])
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	for i := range deployments.Items {
		w, err := f.fromDeployment(ctx, &deployments.Items[i])
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// StatefulSet reads one StatefulSet and its pods.
func (f *Fleet) StatefulSet(ctx context.Context, name string) (*Workload, error) {
	set, err := f.Kube.AppsV1().StatefulSets(f.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, f.notFound(ctx, StatefulSet, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read StatefulSet %s: %w", name, err)
	}
	return f.fromStatefulSet(ctx, set)
}

// Game reads one StatefulSet of game servers and its pods.
func (f *Fleet) Game(ctx context.Context, name string) (*Workload, error) {
	w, err := f.StatefulSet(ctx, name)
	if err == nil && !w.IsGame() {
		return nil, NotFoundError{Kind: StatefulSet, Name: name, Namespace: f.Namespace, IsNATS: true}
	}
	return w, err
}

// Deployment reads one Deployment and its pods.
func (f *Fleet) Deployment(ctx context.Context, name string) (*Workload, error) {
	d, err := f.Kube.AppsV1().Deployments(f.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, f.notFound(ctx, Deployment, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read Deployment %s: %w", name, err)
	}
	return f.fromDeployment(ctx, d)
}

// Workload reads the StatefulSet of that name, else the Deployment.
func (f *Fleet) Workload(ctx context.Context, name string) (*Workload, error) {
	set, err := f.Kube.AppsV1().StatefulSets(f.Namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case err == nil:
		return f.fromStatefulSet(ctx, set)
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("read StatefulSet %s: %w", name, err)
	}
	d, err := f.Kube.AppsV1().Deployments(f.Namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case err == nil:
		return f.fromDeployment(ctx, d)
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("read Deployment %s: %w", name, err)
	}
	return nil, f.notFound(ctx, "workload", name)
}

// Refresh reads the same workload again.
func (f *Fleet) Refresh(ctx context.Context, w *Workload) (*Workload, error) {
	if w.Kind == Deployment {
		return f.Deployment(ctx, w.Name)
	}
	return f.StatefulSet(ctx, w.Name)
}

func (f *Fleet) notFound(ctx context.Context, kind, name string) error {
	e := NotFoundError{Kind: kind, Name: name, Namespace: f.Namespace}
	if all, err := f.Workloads(ctx); err == nil {
		for _, w := range all {
			e.IsDeployment = e.IsDeployment || (kind == StatefulSet && w.Kind == Deployment && w.Name == name)
			if kind == w.Kind && w.IsGame() || kind == "workload" {
				e.Have = append(e.Have, w.Name)
			}
		}
	}
	return e
}

func (f *Fleet) fromStatefulSet(ctx context.Context, set *appsv1.StatefulSet) (*Workload, error) {
	w := &Workload{
		Kind:            StatefulSet,
		Component:       set.Labels[ComponentLabel],
		Namespace:       set.Namespace,
		UID:             string(set.UID),
		ResourceVersion: set.ResourceVersion,
		Generation:      set.Generation,
		Ready:           int(set.Status.ReadyReplicas),
		Group:           set.Labels[GroupLabel],
		Previous:        set.Annotations[PreviousAnnotation],
	}
	w.Name = set.Name
	w.Replicas = replicas(set.Spec.Replicas)
	w.Observed = set.Status.ObservedGeneration >= set.Generation
	w.CurrentRevision = set.Status.CurrentRevision
	w.UpdateRevision = set.Status.UpdateRevision
	if o := set.Spec.Ordinals; o != nil {
		w.Start = int(o.Start)
	}
	if r := set.Spec.UpdateStrategy.RollingUpdate; r != nil && r.Partition != nil {
		w.Partition, w.Partitioned = int(*r.Partition), true
	}
	w.setTemplate(&set.Spec.Template.Spec)
	pods, err := f.pods(ctx, w, set.Spec.Selector)
	if err != nil {
		return nil, err
	}
	for i := range pods {
		w.PodList = append(w.PodList, pods[i])
		w.Pods = append(w.Pods, picture(&pods[i], ordinal(set.Name, pods[i].Name), pods[i].Labels[appsv1.ControllerRevisionHashLabelKey]))
	}
	w.sort()
	return w, nil
}

// fromDeployment gives each pod of the newest ReplicaSet an ordinal within the
// wanted replicas and each older pod one beyond them, so that counting from 0
// holds for a Deployment too.
func (f *Fleet) fromDeployment(ctx context.Context, d *appsv1.Deployment) (*Workload, error) {
	w := &Workload{
		Kind:            Deployment,
		Component:       d.Labels[ComponentLabel],
		Namespace:       d.Namespace,
		UID:             string(d.UID),
		ResourceVersion: d.ResourceVersion,
		Generation:      d.Generation,
		Ready:           int(d.Status.ReadyReplicas),
		Group:           d.Labels[GroupLabel],
	}
	w.Name = d.Name
	w.Replicas = replicas(d.Spec.Replicas)
	w.Observed = d.Status.ObservedGeneration >= d.Generation
	w.setTemplate(&d.Spec.Template.Spec)
	hash, err := f.newestHash(ctx, d)
	if err != nil {
		return nil, err
	}
	w.UpdateRevision, w.CurrentRevision = hash, hash
	w.Observed = w.Observed && hash != ""
	pods, err := f.pods(ctx, w, d.Spec.Selector)
	if err != nil {
		return nil, err
	}
	fresh, old := 0, w.Replicas
	for i := range pods {
		rev := pods[i].Labels[appsv1.DefaultDeploymentUniqueLabelKey]
		n := &old
		if rev == hash && pods[i].DeletionTimestamp == nil {
			n = &fresh
		}
		w.PodList = append(w.PodList, pods[i])
		w.Pods = append(w.Pods, picture(&pods[i], *n, rev))
		*n++
	}
	w.sort()
	return w, nil
}

// newestHash finds the ReplicaSet that the Deployment's revision annotation
// names; status.updatedReplicas is counted by the controller, we count.
func (f *Fleet) newestHash(ctx context.Context, d *appsv1.Deployment) (string, error) {
	const revision = "deployment.kubernetes.io/revision"
	sets, err := f.Kube.AppsV1().ReplicaSets(f.Namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)})
	if err != nil {
		return "", fmt.Errorf("list ReplicaSets of %s: %w", d.Name, err)
	}
	for _, rs := range sets.Items {
		if metav1.IsControlledBy(&rs, d) && d.Annotations[revision] != "" && rs.Annotations[revision] == d.Annotations[revision] {
			return rs.Labels[appsv1.DefaultDeploymentUniqueLabelKey], nil
		}
	}
	return "", nil
}

func (f *Fleet) pods(ctx context.Context, w *Workload, selector *metav1.LabelSelector) ([]corev1.Pod, error) {
	w.Selector = metav1.FormatLabelSelector(selector)
	list, err := f.Kube.CoreV1().Pods(f.Namespace).List(ctx, metav1.ListOptions{LabelSelector: w.Selector})
	if err != nil {
		return nil, fmt.Errorf("list pods of %s: %w", w.Name, err)
	}
	var own []corev1.Pod
	for _, pod := range list.Items {
		owner := metav1.GetControllerOf(&pod)
		if owner == nil {
			continue
		}
		if w.Kind == StatefulSet && string(owner.UID) != w.UID {
			continue
		}
		ended := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		if ended && pod.DeletionTimestamp == nil && w.Kind == Deployment {
			continue // evicted, say: its controller made another and leaves this one lying
		}
		own = append(own, pod)
	}
	return own, nil
}

func (w *Workload) setTemplate(pod *corev1.PodSpec) {
	if len(pod.Containers) > 0 {
		w.Container, w.Image = pod.Containers[0].Name, pod.Containers[0].Image
	}
	w.Grace = 30 * time.Second // the API's default
	if g := pod.TerminationGracePeriodSeconds; g != nil {
		w.Grace = time.Duration(*g) * time.Second
	}
}

func (w *Workload) sort() {
	sort.SliceStable(w.Pods, func(i, j int) bool { return w.Pods[i].Ordinal < w.Pods[j].Ordinal })
	at := make(map[string]int, len(w.Pods))
	for i, p := range w.Pods {
		at[p.Name] = i
	}
	sort.SliceStable(w.PodList, func(i, j int) bool { return at[w.PodList[i].Name] < at[w.PodList[j].Name] })
}

func replicas(n *int32) int {
	if n == nil {
		return 1 // the API's default
	}
	return int(*n)
}

// ordinal reads the number at the end of a StatefulSet's pod name.
func ordinal(set, pod string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(pod, set+"-"))
	if err != nil {
		return -1
	}
	return n
}

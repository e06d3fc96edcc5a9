package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"croupier/ctl/internal/canary"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ErrChanged says that the object changed after the plan was made.
var ErrChanged = errors.New("it changed after the plan was made: look with `croupier status` and run the command again")

// object is a JSON object under construction.
type object = map[string]any

// Write is a change to a workload. Zero fields are left alone.
type Write struct {
	Image     string          // the first container's image
	Template  json.RawMessage // a whole template, from a revision
	Partition *int
	Replicas  *int
	Previous  string // the revision to remember as the earlier stable one
}

// retries is how often a write is tried on an object whose status keeps changing.
const retries = 5

// Change patches a workload, on the condition that it is still what w was: the
// same generation and revisions, and no fewer pods ready. That its pods became
// ready meanwhile, say, is no reason to refuse what was planned.
func (f *Fleet) Change(ctx context.Context, w *Workload, change Write, dryRun bool) error {
	err := f.change(ctx, w, change, dryRun)
	for tries := 1; errors.Is(err, ErrChanged) && tries < retries; tries++ {
		now, unread := f.Refresh(ctx, w)
		if unread != nil || !w.stillHolds(now) {
			return err
		}
		err = f.change(ctx, now, change, dryRun)
	}
	return err
}

// stillHolds says whether a plan that was made for w is right for what it is now.
func (w *Workload) stillHolds(now *Workload) bool {
	return now.UID == w.UID && now.Generation == w.Generation && now.CurrentRevision == w.CurrentRevision &&
		now.UpdateRevision == w.UpdateRevision && now.Previous == w.Previous && now.Ready >= w.Ready
}

func (f *Fleet) change(ctx context.Context, w *Workload, change Write, dryRun bool) error {
	spec := object{}
	if change.Template != nil {
		if err := json.Unmarshal(change.Template, &spec); err != nil {
			return fmt.Errorf("read the template of a revision of %s: %w", w.Name, err)
		}
	}
	if change.Image != "" {
		spec["template"] = object{"spec": object{"containers": []object{{"name": w.Container, "image": change.Image}}}}
	}
	if change.Partition != nil {
		spec["updateStrategy"] = object{
			"type":          string(appsv1.RollingUpdateStatefulSetStrategyType),
			"rollingUpdate": object{"partition": *change.Partition},
		}
	}
	if change.Replicas != nil {
		spec["replicas"] = *change.Replicas
	}
	metadata := object{"resourceVersion": w.ResourceVersion, "uid": w.UID}
	if change.Previous != "" {
		metadata["annotations"] = object{PreviousAnnotation: change.Previous}
	}
	patch, err := json.Marshal(object{"metadata": metadata, "spec": spec})
	if err != nil {
		return fmt.Errorf("write a patch for %s: %w", w.Name, err)
	}
	options := metav1.PatchOptions{FieldManager: Manager, DryRun: dry(dryRun)}
	if w.Kind == Deployment {
		_, err = f.Kube.AppsV1().Deployments(f.Namespace).Patch(ctx, w.Name, types.StrategicMergePatchType, patch, options)
	} else {
		_, err = f.Kube.AppsV1().StatefulSets(f.Namespace).Patch(ctx, w.Name, types.StrategicMergePatchType, patch, options)
	}
	return written(err, w.Kind, w.Name)
}

// DeletePod deletes the very pod that was seen, not a newer one of its name.
func (f *Fleet) DeletePod(ctx context.Context, pod canary.Pod) error {
	uid := types.UID(pod.UID)
	err := f.Kube.CoreV1().Pods(f.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // gone, or replaced by a newer one: nothing in the way
	}
	if err != nil {
		return fmt.Errorf("delete pod %s: %w", pod.Name, err)
	}
	return nil
}

// Revision is one stored template of a StatefulSet.
type Revision struct {
	Name   string
	Number int64
	Image  string
	spec   json.RawMessage // {"template": ...}, a strategic merge patch
}

// Template is the patch that puts a StatefulSet's template back.
func (r Revision) Template() json.RawMessage { return r.spec }

// Revisions lists the stored revisions of a StatefulSet.
func (f *Fleet) Revisions(ctx context.Context, w *Workload) ([]Revision, error) {
	list, err := f.Kube.AppsV1().ControllerRevisions(f.Namespace).List(ctx, metav1.ListOptions{LabelSelector: w.Selector})
	if err != nil {
		return nil, fmt.Errorf("list revisions of %s: %w", w.Name, err)
	}
	var revisions []Revision
	for i := range list.Items {
		item := &list.Items[i]
		owner := metav1.GetControllerOf(item)
		if owner == nil || string(owner.UID) != w.UID {
			continue
		}
		var data struct {
			Spec json.RawMessage `json:"spec"`
		}
		if err := json.Unmarshal(item.Data.Raw, &data); err != nil {
			return nil, fmt.Errorf("read revision %s: %w", item.Name, err)
		}
		var spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		}
		if err := json.Unmarshal(data.Spec, &spec); err != nil {
			return nil, fmt.Errorf("read the template of revision %s: %w", item.Name, err)
		}
		r := Revision{Name: item.Name, Number: item.Revision, spec: data.Spec}
		for _, c := range spec.Template.Spec.Containers {
			if c.Name == w.Container {
				r.Image = c.Image
			}
		}
		revisions = append(revisions, r)
	}
	return revisions, nil
}

// Service reads a Service.
func (f *Fleet) Service(ctx context.Context, name string) (*corev1.Service, error) {
	svc, err := f.Kube.CoreV1().Services(f.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("there is no Service %q in namespace %s: deploy with `croupier deploy --overlay ab`", name, f.Namespace)
	}
	if err != nil {
		return nil, fmt.Errorf("read Service %s: %w", name, err)
	}
	return svc, nil
}

// SelectedGroup is the group that a Service selects; empty if it selects none
// or does not exist.
func (f *Fleet) SelectedGroup(ctx context.Context, name string) (string, error) {
	svc, err := f.Kube.CoreV1().Services(f.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read Service %s: %w", name, err)
	}
	return svc.Spec.Selector[GroupLabel], nil
}

// SelectGroup points a Service at another group.
func (f *Fleet) SelectGroup(ctx context.Context, svc *corev1.Service, group string, dryRun bool) error {
	patch, err := json.Marshal(object{
		"metadata": object{"resourceVersion": svc.ResourceVersion, "uid": svc.UID},
		"spec":     object{"selector": object{GroupLabel: group}},
	})
	if err != nil {
		return fmt.Errorf("write a patch for Service %s: %w", svc.Name, err)
	}
	_, err = f.Kube.CoreV1().Services(f.Namespace).Patch(ctx, svc.Name, types.StrategicMergePatchType, patch,
		metav1.PatchOptions{FieldManager: Manager, DryRun: dry(dryRun)})
	return written(err, "Service", svc.Name)
}

// Endpoints lists the names of the pods that a Service's EndpointSlices hold
// as ready.
func (f *Fleet) Endpoints(ctx context.Context, service string) ([]string, error) {
	slices, err := f.Kube.DiscoveryV1().EndpointSlices(f.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + service})
	if err != nil {
		return nil, fmt.Errorf("list the endpoints of Service %s: %w", service, err)
	}
	var pods []string
	for _, slice := range slices.Items {
		for _, e := range slice.Endpoints {
			if e.TargetRef != nil && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
				pods = append(pods, e.TargetRef.Name)
			}
		}
	}
	return pods, nil
}

func dry(run bool) []string {
	if run {
		return []string{metav1.DryRunAll}
	}
	return nil
}

func written(err error, kind, name string) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsConflict(err):
		return fmt.Errorf("change %s %s: %w", kind, name, ErrChanged)
	default:
		return fmt.Errorf("change %s %s: %w", kind, name, err)
	}
}

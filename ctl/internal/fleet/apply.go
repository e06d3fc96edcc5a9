package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/csaupgrade"
)

// Action is what applying an object would do.
type Action string

// Actions.
const (
	Create    Action = "create"
	Configure Action = "change"
	Keep      Action = "keep"
)

// Difference is one object of a deployment, compared with what runs.
type Difference struct {
	Object *unstructured.Unstructured // what to apply
	Live   *unstructured.Unstructured // nil if it does not exist
	Action Action
	Fields []string // what changes, for a person
}

// Changes tells whether a field under that dotted path changes.
func (d Difference) Changes(path string) bool {
	return slices.ContainsFunc(d.Fields, func(field string) bool {
		rest, ok := strings.CutPrefix(field, path)
		return ok && strings.ContainsAny(rest[:1], ".[:")
	})
}

// ForeignError says that another manager owns a field that we would set.
type ForeignError struct {
	Kind, Name string
	Causes     []string
}

func (e ForeignError) Error() string {
	return fmt.Sprintf("%s %s: someone else manages what we would set: %s (take it over with --force-conflicts, or leave it to them)",
		e.Kind, e.Name, strings.Join(e.Causes, "; "))
}

// NamespaceExists tells whether the fleet's namespace is there.
func (f *Fleet) NamespaceExists(ctx context.Context) (bool, error) {
	_, err := f.Kube.CoreV1().Namespaces().Get(ctx, f.Namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read namespace %s: %w", f.Namespace, err)
	}
	return true, nil
}

// CreateNamespace makes the fleet's namespace, with the strictest standard for
// its pods, which ours keep.
func (f *Fleet) CreateNamespace(ctx context.Context) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: f.Namespace,
		Labels: map[string]string{
			PartOfLabel:                          PartOf,
			"pod-security.kubernetes.io/enforce": "restricted",
		},
	}}
	_, err := f.Kube.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{FieldManager: Manager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", f.Namespace, err)
	}
	return nil
}

// SecretExists tells whether the namespace has that Secret. Its content is
// not looked at.
func (f *Fleet) SecretExists(ctx context.Context, name string) (bool, error) {
	_, err := f.Kube.CoreV1().Secrets(f.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read Secret %s: %w", name, err)
	}
	return true, nil
}

// CreateSecret makes a Secret of one value. An existing one is left alone,
// even one that appeared this moment.
func (f *Fleet) CreateSecret(ctx context.Context, name, key, value string) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{PartOfLabel: PartOf}},
		Type:       corev1.SecretTypeOpaque,
		StringData: map[string]string{key: value},
	}
	_, err := f.Kube.CoreV1().Secrets(f.Namespace).Create(ctx, secret, metav1.CreateOptions{FieldManager: Manager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create Secret %s: %w", name, err)
	}
	return nil
}

// Compare asks the API server what applying the object would make of it.
func (f *Fleet) Compare(ctx context.Context, o *unstructured.Unstructured, force bool) (Difference, error) {
	d := Difference{Object: o, Action: Create}
	client, err := f.resource(o)
	if err != nil {
		return d, err
	}
	live, err := client.Get(ctx, o.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return d, fmt.Errorf("read %s %s: %w", o.GetKind(), o.GetName(), err)
	default:
		d.Live = live
	}
	after, err := f.apply(ctx, client, o, force, true)
	if err != nil || d.Live == nil {
		return d, err
	}
	d.Fields = changed(d.Live.Object, after.Object)
	d.Action = Keep
	if len(d.Fields) > 0 {
		d.Action = Configure
	}
	return d, nil
}

// Apply makes the object so, and leaves alone the fields that it does not name.
func (f *Fleet) Apply(ctx context.Context, d Difference, force bool) error {
	client, err := f.resource(d.Object)
	if err != nil {
		return err
	}
	if d.Live != nil {
		if err := f.unite(ctx, client, d.Live); err != nil {
			return err
		}
	}
	_, err = f.apply(ctx, client, d.Object, force, false)
	return err
}

func (f *Fleet) apply(ctx context.Context, client dynamic.ResourceInterface, o *unstructured.Unstructured, force, dryRun bool) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("write %s %s: %w", o.GetKind(), o.GetName(), err)
	}
	options := metav1.PatchOptions{FieldManager: Manager, Force: &force, DryRun: dry(dryRun)}
	after, err := client.Patch(ctx, o.GetName(), types.ApplyPatchType, data, options)
	if !force && apierrors.IsConflict(err) {
		causes := foreign(err)
		if len(causes) > 0 {
			return nil, ForeignError{Kind: o.GetKind(), Name: o.GetName(), Causes: causes}
		}
		// Only our own patches (canary, scale, switch) are in the way.
		own := true
		options.Force = &own
		after, err = client.Patch(ctx, o.GetName(), types.ApplyPatchType, data, options)
	}
	if err != nil {
		return nil, fmt.Errorf("apply %s %s: %w", o.GetKind(), o.GetName(), err)
	}
	return after, nil
}

// unite gives the fields that our patches own to our applied configuration.
// Otherwise a field that a patch once set would stay for ever after the
// manifests no longer name it.
func (f *Fleet) unite(ctx context.Context, client dynamic.ResourceInterface, live *unstructured.Unstructured) error {
	var err error
	for range retries {
		var patch []byte
		if patch, err = csaupgrade.UpgradeManagedFieldsPatch(live, sets.New(Manager), Manager); err != nil || patch == nil {
			return err
		}
		if _, err = client.Patch(ctx, live.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: Manager}); !apierrors.IsConflict(err) {
			break
		}
		now, unread := client.Get(ctx, live.GetName(), metav1.GetOptions{})
		if unread != nil || now.GetUID() != live.GetUID() || now.GetGeneration() == 0 || now.GetGeneration() != live.GetGeneration() {
			break
		}
		live = now // only its status has changed
	}
	if apierrors.IsConflict(err) || apierrors.IsInvalid(err) {
		return fmt.Errorf("change %s %s: %w", live.GetKind(), live.GetName(), ErrChanged)
	}
	if err != nil {
		return fmt.Errorf("take over the fields of %s %s: %w", live.GetKind(), live.GetName(), err)
	}
	return nil
}

// foreign lists the conflicts with managers other than ourselves.
func foreign(err error) []string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return []string{err.Error()}
	}
	var causes []string
	for _, c := range status.Status().Details.Causes {
		if !strings.HasPrefix(c.Message, fmt.Sprintf("conflict with %q", Manager)) {
			causes = append(causes, c.Field+" ("+c.Message+")")
		}
	}
	return causes
}

func (f *Fleet) resource(o *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := o.GroupVersionKind()
	mapping, err := f.Mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, fmt.Errorf("find %s in the API server at %s: %w", kind.Kind, f.Server, err)
	}
	return f.Dynamic.Resource(mapping.Resource).Namespace(f.Namespace), nil
}

// changed lists the fields that differ, as dotted paths with both values where
// these are short. What the API server keeps for itself is left out.
func changed(before, after map[string]any) []string {
	var fields []string
	for _, key := range union(before, after) {
		switch key {
		case "status", "kind", "apiVersion":
		case "metadata":
			b, _ := before[key].(map[string]any)
			a, _ := after[key].(map[string]any)
			for _, k := range []string{"labels", "annotations"} {
				fields = append(fields, difference(k, withoutNotes(b[k]), withoutNotes(a[k]))...)
			}
		default:
			fields = append(fields, difference(key, before[key], after[key])...)
		}
	}
	return fields
}

// withoutNotes leaves out what ctl writes down for itself.
func withoutNotes(labels any) any {
	m, ok := labels.(map[string]any)
	if !ok {
		return labels
	}
	m = maps.Clone(m)
	delete(m, PreviousAnnotation)
	if len(m) == 0 {
		return nil
	}
	return m
}

func difference(path string, before, after any) []string {
	if reflect.DeepEqual(before, after) {
		return nil
	}
	b, bIsMap := before.(map[string]any)
	a, aIsMap := after.(map[string]any)
	if bIsMap && aIsMap {
		var fields []string
		for _, key := range union(b, a) {
			fields = append(fields, difference(path+"."+key, b[key], a[key])...)
		}
		return fields
	}
	bs, bIsList := before.([]any)
	as, aIsList := after.([]any)
	if bIsList && aIsList && len(bs) == len(as) {
		var fields []string
		for i := range bs {
			fields = append(fields, difference(fmt.Sprintf("%s[%d]", path, i), bs[i], as[i])...)
		}
		return fields
	}
	return []string{fmt.Sprintf("%s: %s -> %s", path, brief(before), brief(after))}
}

func brief(v any) string {
	if v == nil {
		return "none"
	}
	text, isText := v.(string)
	if !isText {
		data, err := json.Marshal(v)
		if err != nil {
			return "?"
		}
		text = string(data)
	}
	if r := []rune(text); len(r) > 100 {
		return string(r[:100]) + "..."
	}
	return text
}

func union(a, b map[string]any) []string {
	var keys []string
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

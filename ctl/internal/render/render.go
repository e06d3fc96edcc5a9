// Package render turns the manifests into the objects to apply: it writes one
// more kustomize overlay on top of a chosen one, with what the command line
// asked for, and builds it in memory.
package render

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// Overlay says what to render.
type Overlay struct {
	Name       string            // a folder of overlays/
	Components []string          // folders of components/, in addition
	Namespace  string            //
	Images     map[string]string // by workload
	Replicas   map[string]int    // by workload
	Selectors  map[string]string // A/B: the group that a Service selects, by Service
}

const groupLabel = "croupier.dev/group"

// Names lists the folders of a kind: "overlays" or "components".
func Names(manifests fs.FS, kind string) []string {
	entries, err := fs.ReadDir(manifests, kind)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// UnknownError says that there is no such overlay or component.
type UnknownError struct {
	Kind, Name string
	Have       []string
}

func (e UnknownError) Error() string {
	return fmt.Sprintf("there is no %q in %s/ (there is: %s)", e.Name, e.Kind, strings.Join(e.Have, ", "))
}

// Build renders the overlay, in the order in which to apply it.
func Build(manifests fs.FS, o Overlay) ([]*unstructured.Unstructured, error) {
	if names := Names(manifests, "overlays"); !slices.Contains(names, o.Name) {
		return nil, UnknownError{Kind: "overlays", Name: o.Name, Have: names}
	}
	for _, c := range o.Components {
		if names := Names(manifests, "components"); !slices.Contains(names, c) {
			return nil, UnknownError{Kind: "components", Name: c, Have: names}
		}
	}
	bare, err := o.render(manifests, types.Kustomization{})
	if err != nil {
		return nil, err
	}
	if err := o.check(bare); err != nil {
		return nil, err
	}
	return o.render(manifests, o.changes())
}

// render builds the overlay with the changes on top.
func (o Overlay) render(manifests fs.FS, k types.Kustomization) ([]*unstructured.Unstructured, error) {
	k.TypeMeta = types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind}
	k.Namespace = o.Namespace
	k.Resources = []string{"../overlays/" + o.Name}
	k.SortOptions = &types.SortOptions{Order: types.LegacySortOrder}
	for _, c := range o.Components {
		k.Components = append(k.Components, "../components/"+c)
	}
	memory := filesys.MakeFsInMemory()
	if err := copyInto(memory, manifests); err != nil {
		return nil, fmt.Errorf("read the manifests: %w", err)
	}
	top, err := yaml.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("write the overlay: %w", err)
	}
	const at = "/manifests/asked"
	if err := memory.WriteFile(at+"/kustomization.yaml", top); err != nil {
		return nil, fmt.Errorf("write the overlay: %w", err)
	}
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified // the overlay says the order
	built, err := krusty.MakeKustomizer(options).Run(memory, at)
	if err != nil {
		return nil, fmt.Errorf("render overlay %s: %w", o.Name, err)
	}
	var objects []*unstructured.Unstructured
	for _, resource := range built.Resources() {
		m, err := resource.Map()
		if err != nil {
			return nil, fmt.Errorf("render overlay %s: %w", o.Name, err)
		}
		objects = append(objects, &unstructured.Unstructured{Object: m})
	}
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int { return order(a) - order(b) })
	return objects, nil
}

// order is when to apply an object: what pods need comes before them, and what
// game servers need before those. The rest stays as kustomize has it.
func order(o *unstructured.Unstructured) int {
	switch kind := o.GetKind(); {
	case kind != "StatefulSet" && kind != "Deployment":
		return 0
	case o.GetLabels()[componentLabel] == "nats":
		return 1
	}
	return 2
}

// check refuses an image or a size for a workload that is not there: kustomize
// ignores a patch without a target, and is hard to understand about sizes.
func (o Overlay) check(objects []*unstructured.Unstructured) error {
	var have []string
	for _, w := range Workloads(objects) {
		have = append(have, w.Name)
	}
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(o.Images)), slices.Sorted(maps.Keys(o.Replicas))) {
		if !slices.Contains(have, name) {
			return UnknownError{Kind: "overlays/" + o.Name, Name: name, Have: have}
		}
	}
	return nil
}

// changes are what was asked for beyond the overlay itself.
func (o Overlay) changes() types.Kustomization {
	var k types.Kustomization
	for _, name := range slices.Sorted(maps.Keys(o.Replicas)) {
		k.Replicas = append(k.Replicas, types.Replica{Name: name, Count: int64(o.Replicas[name])})
	}
	patch := func(kind, name, path, value string) {
		k.Patches = append(k.Patches, types.Patch{
			Target: &types.Selector{ResId: resID(kind, name)},
			Patch:  fmt.Sprintf("- {op: replace, path: %s, value: %q}", path, value),
		})
	}
	for _, name := range slices.Sorted(maps.Keys(o.Images)) {
		patch("StatefulSet|Deployment", name, "/spec/template/spec/containers/0/image", o.Images[name])
	}
	for _, name := range slices.Sorted(maps.Keys(o.Selectors)) {
		patch("Service", name, "/spec/selector/"+strings.ReplaceAll(groupLabel, "/", "~1"), o.Selectors[name])
	}
	return k
}

// Workload is what an overlay says about one StatefulSet or Deployment.
type Workload struct {
	Kind      string
	Name      string
	Component string // game, gate or nats
	Container string // the first one
	Image     string // of the first container
	Replicas  int
}

// Game is the component of the game servers.
const Game = "game"

const componentLabel = "app.kubernetes.io/component"

// Foreign tells whether others make the image, so that no tag of ours names it.
func (w Workload) Foreign() bool { return !strings.HasPrefix(w.Image, "croupier/") }

// Workloads lists the StatefulSets and Deployments among the objects.
func Workloads(objects []*unstructured.Unstructured) []Workload {
	var all []Workload
	for _, o := range objects {
		if kind := o.GetKind(); kind != "StatefulSet" && kind != "Deployment" {
			continue
		}
		// The part that both kinds share reads alike.
		var set appsv1.Deployment
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &set); err != nil {
			continue // the API server will say what is wrong with it
		}
		w := Workload{Kind: o.GetKind(), Name: o.GetName(), Component: o.GetLabels()[componentLabel], Replicas: 1}
		if set.Spec.Replicas != nil {
			w.Replicas = int(*set.Spec.Replicas)
		}
		if c := set.Spec.Template.Spec.Containers; len(c) > 0 {
			w.Container, w.Image = c[0].Name, c[0].Image
		}
		all = append(all, w)
	}
	return all
}

// Group is the group that a Service selects, empty if it selects none.
func Group(service *unstructured.Unstructured) string {
	group, _, _ := unstructured.NestedString(service.Object, "spec", "selector", groupLabel)
	return group
}

func copyInto(to filesys.FileSystem, from fs.FS) error {
	return fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" && ext != ".json" && ext != ".conf" {
			return nil
		}
		data, err := fs.ReadFile(from, name)
		return errors.Join(err, to.WriteFile("/manifests/"+name, data))
	})
}

package render

import (
	"errors"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"croupier/manifests"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

func build(t *testing.T, o Overlay) []*unstructured.Unstructured {
	t.Helper()
	objects, err := Build(manifests.FS, o)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// every renders each overlay, with and without each component.
func every(t *testing.T) map[string][]*unstructured.Unstructured {
	all := make(map[string][]*unstructured.Unstructured)
	for _, overlay := range Names(manifests.FS, "overlays") {
		all[overlay] = build(t, Overlay{Name: overlay, Namespace: "here"})
	}
	all["plain, quick-drain"] = build(t, Overlay{Name: "plain", Namespace: "here", Components: []string{"quick-drain"}})
	all["ab, quick-drain"] = build(t, Overlay{Name: "ab", Namespace: "here", Components: []string{"quick-drain"}})
	all["plain, scratch-store"] = build(t, Overlay{Name: "plain", Namespace: "here", Components: []string{"scratch-store"}})
	all["ab, nats-three"] = build(t, Overlay{Name: "ab", Namespace: "here", Components: []string{"nats-three"}})
	all["plain, nats-three, scratch-store"] = build(t, Overlay{Name: "plain", Namespace: "here", Components: []string{"nats-three", "scratch-store"}})
	return all
}

func as[T any](t *testing.T, o *unstructured.Unstructured) *T {
	t.Helper()
	into := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, into, true); err != nil {
		t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
	}
	return into
}

// template is the pod template of a workload, nil for anything else.
func template(t *testing.T, o *unstructured.Unstructured) *corev1.PodTemplateSpec {
	switch o.GetKind() {
	case "StatefulSet":
		return &as[appsv1.StatefulSet](t, o).Spec.Template
	case "Deployment":
		return &as[appsv1.Deployment](t, o).Spec.Template
	}
	return nil
}

func TestOverlaysHold(t *testing.T) {
	want := map[string]string{
		"plain": "StatefulSet/dice",
		"ab":    "StatefulSet/dice-a StatefulSet/dice-b",
	}
	const both = "ConfigMap/nats Deployment/gate NetworkPolicy/game NetworkPolicy/gate NetworkPolicy/nats PodDisruptionBudget/dice PodDisruptionBudget/gate PodDisruptionBudget/nats " +
		"Service/dice Service/gate Service/nats Service/nats-peers ServiceAccount/game ServiceAccount/gate ServiceAccount/nats "
	generated := regexp.MustCompile(`^ConfigMap/nats-[0-9a-z]{10}$`) // the name says what is in it, so that a change starts pods anew
	for name, objects := range every(t) {
		workloads := 0
		for i, o := range objects {
			if template(t, o) == nil && workloads > 0 {
				t.Errorf("%s: %s %s comes after a workload that may need it", name, o.GetKind(), o.GetName())
			}
			if template(t, o) != nil {
				if workloads++; workloads == 1 && o.GetName() != "nats" {
					t.Errorf("%s: %s comes before NATS, at %d", name, o.GetName(), i)
				}
			}
		}
		var got []string
		for _, o := range objects {
			got = append(got, generated.ReplaceAllString(o.GetKind()+"/"+o.GetName(), "ConfigMap/nats"))
			if o.GetNamespace() != "here" {
				t.Errorf("%s: %s %s is in namespace %q", name, o.GetKind(), o.GetName(), o.GetNamespace())
			}
			if o.GetLabels()["app.kubernetes.io/part-of"] != "croupier" {
				t.Errorf("%s: %s %s is not labelled as part of croupier", name, o.GetKind(), o.GetName())
			}
		}
		slices.Sort(got)
		overlay, _, _ := strings.Cut(name, ",")
		if joined := strings.Join(got, " "); joined != both+want[overlay]+" StatefulSet/nats" {
			t.Errorf("%s holds\n%s, want\n%s", name, joined, both+want[overlay]+" StatefulSet/nats")
		}
	}
}

// TestPodsAreConfined holds every container to the same confinement, and every
// pod to a grace period that its drain fits in.
func TestPodsAreConfined(t *testing.T) {
	for name, objects := range every(t) {
		for _, o := range objects {
			tmpl := template(t, o)
			if tmpl == nil {
				continue
			}
			at := name + ": " + o.GetName()
			pod := tmpl.Spec
			if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
				t.Errorf("%s: the service account's token is mounted", at)
			}
			if sc := pod.SecurityContext; sc == nil || !*sc.RunAsNonRoot || *sc.RunAsUser != 65532 || sc.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s: security context %+v", at, sc)
			}
			for _, c := range pod.Containers {
				sc := c.SecurityContext
				if sc == nil || *sc.AllowPrivilegeEscalation || !*sc.ReadOnlyRootFilesystem || !slices.Equal(sc.Capabilities.Drop, []corev1.Capability{"ALL"}) {
					t.Errorf("%s: container security context %+v", at, sc)
				}
				if c.ImagePullPolicy != corev1.PullIfNotPresent || c.ReadinessProbe == nil || c.LivenessProbe == nil || c.Resources.Requests.Cpu().IsZero() {
					t.Errorf("%s: pull policy %s, probes %v %v, requests %v", at, c.ImagePullPolicy, c.ReadinessProbe, c.LivenessProbe, c.Resources.Requests)
				}
				for _, e := range c.Env {
					if e.Name != "DRAIN_TIMEOUT" {
						continue
					}
					drain, err := time.ParseDuration(e.Value)
					grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second
					if err != nil || drain <= 0 || drain+10*time.Second > grace {
						t.Errorf("%s: a drain of %s (%v) does not fit in a grace period of %s with 10s to settle", at, e.Value, err, grace)
					}
				}
			}
		}
	}
}

// TestServicesReachPods finds, for every Service, which templates it selects.
func TestServicesReachPods(t *testing.T) {
	for _, test := range []struct {
		overlay   string
		selectors map[string]string
		dice      []string
	}{
		{"plain", nil, []string{"dice"}},
		{"ab", nil, []string{"dice-a"}},
		{"ab", map[string]string{"dice": "b"}, []string{"dice-b"}},
	} {
		objects := build(t, Overlay{Name: test.overlay, Namespace: "here", Selectors: test.selectors})
		reached := make(map[string][]string)
		for _, o := range objects {
			if o.GetKind() != "Service" {
				continue
			}
			svc := as[corev1.Service](t, o)
			for _, w := range objects {
				tmpl := template(t, w)
				if tmpl == nil || !contains(tmpl.Labels, svc.Spec.Selector) {
					continue
				}
				reached[svc.Name] = append(reached[svc.Name], w.GetName())
				for _, port := range svc.Spec.Ports {
					if !slices.ContainsFunc(tmpl.Spec.Containers[0].Ports, func(p corev1.ContainerPort) bool {
						return p.Name == port.TargetPort.String() && p.ContainerPort == port.Port
					}) {
						t.Errorf("%s: Service %s has no port %s at %s", test.overlay, svc.Name, port.Name, w.GetName())
					}
				}
			}
		}
		if !slices.Equal(reached["dice"], test.dice) || !slices.Equal(reached["gate"], []string{"gate"}) {
			t.Errorf("%s %v: Services reach %v", test.overlay, test.selectors, reached)
		}
	}
}

func TestStatefulSets(t *testing.T) {
	for name, objects := range every(t) {
		for _, o := range objects {
			if o.GetKind() != "StatefulSet" {
				continue
			}
			set := as[appsv1.StatefulSet](t, o)
			if set.Name == "nats" {
				continue
			}
			if set.Spec.ServiceName != "dice" || set.Spec.PodManagementPolicy != appsv1.OrderedReadyPodManagement || *set.Spec.UpdateStrategy.RollingUpdate.Partition != 0 {
				t.Errorf("%s: %s: service %q, %s, %+v", name, set.Name, set.Spec.ServiceName, set.Spec.PodManagementPolicy, set.Spec.UpdateStrategy)
			}
			if !contains(set.Spec.Template.Labels, set.Spec.Selector.MatchLabels) {
				t.Errorf("%s: %s selects pods it does not make", name, set.Name)
			}
			if group := set.Spec.Selector.MatchLabels[groupLabel]; group != strings.TrimPrefix(strings.TrimPrefix(set.Name, "dice"), "-") {
				t.Errorf("%s: %s selects group %q", name, set.Name, group)
			}
		}
	}
}

func TestAsked(t *testing.T) {
	objects := build(t, Overlay{
		Name: "ab", Namespace: "here",
		Images:   map[string]string{"dice-b": "r/game@sha256:1", "gate": "r/gate:v2"},
		Replicas: map[string]int{"dice-b": 0, "gate": 3},
	})
	want := []Workload{
		{Kind: "StatefulSet", Name: "nats", Component: "nats", Container: "nats", Image: "nats:2.15.2", Replicas: 1},
		{Kind: "Deployment", Name: "gate", Component: "gate", Container: "gate", Image: "r/gate:v2", Replicas: 3},
		{Kind: "StatefulSet", Name: "dice-a", Component: "game", Container: "game", Image: "croupier/game:dev", Replicas: 2},
		{Kind: "StatefulSet", Name: "dice-b", Component: "game", Container: "game", Image: "r/game@sha256:1", Replicas: 0},
	}
	if got := Workloads(objects); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestUnknownNames(t *testing.T) {
	for want, o := range map[string]Overlay{
		`there is no "green" in overlays/ (there is: ab, plain)`:              {Name: "green"},
		`there is no "tls" in components/`:                                    {Name: "plain", Components: []string{"tls"}},
		`there is no "poker" in overlays/plain/ (there is: nats, gate, dice)`: {Name: "plain", Images: map[string]string{"poker": "x"}},
		`there is no "dice-b" in overlays/plain/`:                             {Name: "plain", Replicas: map[string]int{"dice-b": 1}},
	} {
		_, err := Build(manifests.FS, o)
		var unknown UnknownError
		if !errors.As(err, &unknown) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
}

func TestEmbeddedIsWhatIsThere(t *testing.T) {
	var files []string
	err := fs.WalkDir(manifests.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 10 {
		t.Errorf("embedded %v (%v)", files, err)
	}
}

func contains(labels, selector map[string]string) bool {
	for _, key := range slices.Collect(maps.Keys(selector)) {
		if labels[key] != selector[key] {
			return false
		}
	}
	return true
}

package fleet

import (
	"errors"
	"strings"
	"testing"

	"croupier/ctl/internal/canary"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
)

// These tests use the fake clientset for reading only, where it is true to the
// API server: it keeps objects and lists them by label.

func ptr[T any](v T) *T { return &v }

func named(name string, uid types.UID, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: "here", UID: uid, Labels: labels}
}

func owned(m metav1.ObjectMeta, kind string, uid types.UID) metav1.ObjectMeta {
	m.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: "x", UID: uid, Controller: ptr(true)}}
	return m
}

func pod(name string, owner string, uid types.UID, labels map[string]string, ready bool) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: owned(named(name, types.UID(name), labels), owner, uid)}
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	p.Status.Phase = corev1.PodRunning
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
	return p
}

func labels(pairs ...string) map[string]string {
	m := map[string]string{NameLabel: "dice", ComponentLabel: GameComponent, PartOfLabel: PartOf}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func statefulSet() *appsv1.StatefulSet {
	set := &appsv1.StatefulSet{ObjectMeta: named("dice", "set", labels())}
	set.Generation, set.ResourceVersion = 4, "77"
	set.Annotations = map[string]string{PreviousAnnotation: "dice-older"}
	set.Spec.Replicas = ptr(int32(3))
	set.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{NameLabel: "dice"}}
	set.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr(int32(2))}
	set.Spec.Template.Spec.Containers = []corev1.Container{{Name: "game", Image: "croupier/game:v2"}}
	set.Status = appsv1.StatefulSetStatus{ObservedGeneration: 4, CurrentRevision: "dice-old", UpdateRevision: "dice-new"}
	return set
}

func TestStatefulSet(t *testing.T) {
	rev := func(r string) map[string]string { return labels(appsv1.ControllerRevisionHashLabelKey, r) }
	f := &Fleet{Namespace: "here", Kube: fake.NewClientset(
		statefulSet(),
		pod("dice-10", StatefulSet, "set", rev("dice-new"), false), // more than there should be, and sorted by number
		pod("dice-2", StatefulSet, "set", rev("dice-new"), true),
		pod("dice-0", StatefulSet, "set", rev("dice-old"), true),
		pod("dice-a-0", StatefulSet, "another", rev("dice-old"), true), // same labels, another set's
		pod("bystander", "Job", "job", rev("dice-old"), true),
	)}
	w, err := f.Workload(t.Context(), "dice")
	if err != nil {
		t.Fatal(err)
	}
	if w.Kind != StatefulSet || w.Replicas != 3 || w.Partition != 2 || !w.Partitioned || !w.Observed || w.Previous != "dice-older" ||
		w.Image != "croupier/game:v2" || w.Container != "game" || w.ResourceVersion != "77" || w.Phase() != canary.Open {
		t.Errorf("%+v", w)
	}
	var got []string
	for i, p := range w.Pods {
		got = append(got, p.Name+"="+p.Revision)
		if w.PodList[i].Name != p.Name {
			t.Errorf("pod %d is %s in one list and %s in the other", i, p.Name, w.PodList[i].Name)
		}
	}
	if want := "dice-0=dice-old dice-2=dice-new dice-10=dice-new"; strings.Join(got, " ") != want {
		t.Errorf("pods %v, want %s", got, want)
	}

	_, err = f.StatefulSet(t.Context(), "coin")
	var missing NotFoundError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), `there is no StatefulSet "coin" in namespace here (there is: dice)`) {
		t.Errorf("a set that is not there: %v", err)
	}
}

func TestUnobserved(t *testing.T) {
	set := statefulSet()
	set.Generation = 5
	f := &Fleet{Namespace: "here", Kube: fake.NewClientset(set)}
	w, err := f.StatefulSet(t.Context(), "dice")
	if err != nil {
		t.Fatal(err)
	}
	if w.Observed || w.Phase() != canary.Rolling {
		t.Errorf("observed %t, %s: the controller has not seen generation 5", w.Observed, w.Phase())
	}
}

func TestDeploymentCountsTheNewestReplicaSet(t *testing.T) {
	const revision = "deployment.kubernetes.io/revision"
	d := &appsv1.Deployment{ObjectMeta: named("gate", "gate", labels())}
	d.Annotations = map[string]string{revision: "2"}
	d.Spec.Replicas = ptr(int32(2))
	d.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{NameLabel: "dice"}}
	hash := func(h string) map[string]string { return labels(appsv1.DefaultDeploymentUniqueLabelKey, h) }
	replicaSet := func(name, rev string) *appsv1.ReplicaSet {
		rs := &appsv1.ReplicaSet{ObjectMeta: owned(named("gate-"+name, types.UID(name), hash(name)), Deployment, "gate")}
		rs.Annotations = map[string]string{revision: rev}
		return rs
	}
	objects := []runtime.Object{
		d, replicaSet("new", "2"), replicaSet("old", "1"),
		pod("gate-old-1", "ReplicaSet", "old", hash("old"), true),
		pod("gate-new-1", "ReplicaSet", "new", hash("new"), true),
		pod("gate-new-2", "ReplicaSet", "new", hash("new"), true),
	}
	f := &Fleet{Namespace: "here", Kube: fake.NewClientset(objects...)}
	w, err := f.Workload(t.Context(), "gate")
	if err != nil {
		t.Fatal(err)
	}
	if progress := canary.Count(w.Set, 0); progress.Done || progress.Ready != 2 || progress.Extra != 1 {
		t.Errorf("while an old pod is left: %+v", progress)
	}
	f.Kube = fake.NewClientset(append(objects[:3:3], objects[4:]...)...)
	if w, err = f.Deployment(t.Context(), "gate"); err != nil {
		t.Fatal(err)
	}
	if progress := canary.Count(w.Set, 0); !progress.Done {
		t.Errorf("when it has gone: %+v", progress)
	}
}

// TestEndedPodsAreThereUntilTheyAreGone: a pod that was told to stop has often
// succeeded some moments before it goes.
func TestEndedPodsAreThereUntilTheyAreGone(t *testing.T) {
	set := statefulSet()
	set.Spec.Replicas = ptr(int32(0))
	last := pod("dice-0", StatefulSet, "set", labels(), false)
	last.Status.Phase = corev1.PodSucceeded
	f := &Fleet{Namespace: "here", Kube: fake.NewClientset(set, last)}
	w, err := f.StatefulSet(t.Context(), "dice")
	if err != nil {
		t.Fatal(err)
	}
	if progress := canary.Count(w.Set, 0); progress.Done || progress.Extra != 1 {
		t.Errorf("a pod is left, but counted as %+v", progress)
	}

	d := &appsv1.Deployment{ObjectMeta: named("gate", "gate", labels())}
	d.Spec.Selector = set.Spec.Selector
	evicted := pod("gate-1", "ReplicaSet", "rs", labels(), false)
	evicted.Status.Phase = corev1.PodFailed
	f.Kube = fake.NewClientset(d, evicted)
	if w, err = f.Deployment(t.Context(), "gate"); err != nil {
		t.Fatal(err)
	}
	if len(w.Pods) != 0 {
		t.Errorf("an evicted pod of a Deployment counts: %+v", w.Pods)
	}
}

func TestRevisions(t *testing.T) {
	revision := func(name string, owner types.UID, image string) *appsv1.ControllerRevision {
		return &appsv1.ControllerRevision{
			ObjectMeta: owned(named(name, types.UID(name), labels()), StatefulSet, owner),
			Data:       runtime.RawExtension{Raw: []byte(`{"spec":{"template":{"$patch":"replace","spec":{"containers":[{"name":"game","image":"` + image + `"}]}}}}`)},
		}
	}
	f := &Fleet{Namespace: "here", Kube: fake.NewClientset(statefulSet(),
		revision("dice-old", "set", "croupier/game:v1"), revision("other", "another", "x"))}
	w, err := f.StatefulSet(t.Context(), "dice")
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Revisions(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Name != "dice-old" || got[0].Image != "croupier/game:v1" || !strings.Contains(string(got[0].Template()), `"$patch":"replace"`) {
		t.Errorf("%+v", got)
	}
}

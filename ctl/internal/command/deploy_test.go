package command

import (
	"bytes"
	"cmp"
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"croupier/ctl/internal/canary"
	"croupier/ctl/internal/fleet"
	"croupier/ctl/internal/image"
	"croupier/ctl/internal/render"
	"croupier/manifests"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func abWorkloads() []render.Workload {
	return []render.Workload{
		{Kind: fleet.StatefulSet, Name: "nats", Component: "nats", Container: "nats", Image: "nats:1.2.3", Replicas: 1},
		{Kind: fleet.Deployment, Name: "gate", Component: "gate", Container: "gate", Image: "croupier/gate:dev", Replicas: 2},
		{Kind: fleet.StatefulSet, Name: "dice-a", Component: "game", Container: "game", Image: "croupier/game:dev", Replicas: 2},
		{Kind: fleet.StatefulSet, Name: "dice-b", Component: "game", Container: "game", Image: "croupier/game:dev", Replicas: 2},
	}
}

func TestWhichImages(t *testing.T) {
	built := t.TempDir()
	if err := image.WriteIndex(built, []image.Built{{Name: "game", Reference: "croupier/game:built"}, {Name: "gate", Reference: "croupier/gate:built"}}); err != nil {
		t.Fatal(err)
	}
	running := map[string]*fleet.Workload{"gate": {Image: "g:1"}, "dice-a": {Image: "a:1"}, "dice-b": {Image: "b:1"}}
	mirrored := map[string]*fleet.Workload{"nats": {Image: "mirror/nats:1.2.2"}, "gate": {Image: "g:1"}, "dice-a": {Image: "a:1"}, "dice-b": {Image: "b:1"}}
	for _, test := range []struct {
		name string
		o    DeployOverlay
		live map[string]*fleet.Workload
		want string // gate dice-a dice-b [nats], or what the error says
	}{
		{"NATS is none of ours: a tag is not its", DeployOverlay{Tag: "v2"}, nil, "croupier/gate:v2 croupier/game:v2 croupier/game:v2 nats:1.2.3"},
		{"NATS from elsewhere", DeployOverlay{Tag: "v2", Images: map[string]string{"nats": "mirror/nats:1.2.3"}}, nil, "croupier/gate:v2 croupier/game:v2 croupier/game:v2 mirror/nats:1.2.3"},
		{"NATS stays as it runs", DeployOverlay{Tag: "v2"}, mirrored, "croupier/gate:v2 croupier/game:v2 croupier/game:v2 mirror/nats:1.2.2"},
		{"a tag", DeployOverlay{Tag: "v2"}, running, "croupier/gate:v2 croupier/game:v2 croupier/game:v2"},
		{"a tag in a registry", DeployOverlay{Tag: "v2", Registry: "r.example/x/"}, nil, "r.example/x/croupier/gate:v2 r.example/x/croupier/game:v2 r.example/x/croupier/game:v2"},
		{"one group", DeployOverlay{Images: map[string]string{"dice-b": "new"}}, running, "g:1 a:1 new"},
		{"every game", DeployOverlay{Images: map[string]string{"game": "new"}}, running, "g:1 new new"},
		{"the workload before the container before the tag", DeployOverlay{Tag: "v2", Images: map[string]string{"dice-b": "b", "game": "all"}}, running, "croupier/gate:v2 all b"},
		{"nothing named: what runs", DeployOverlay{}, running, "g:1 a:1 b:1"},
		{"nothing runs: what was built", DeployOverlay{ImagesDir: built}, nil, "croupier/gate:built croupier/game:built croupier/game:built"},
		{"nothing was built", DeployOverlay{ImagesDir: filepath.Join(built, "none")}, nil, "which image for gate? give --tag TAG or --image gate=REF"},
		{"a name that is nothing", DeployOverlay{Tag: "v2", Images: map[string]string{"poker": "x"}}, nil, "--image poker=... names nothing here: use game, gate, nats or one of nats, gate, dice-a, dice-b"},
	} {
		got, err := test.o.images(abWorkloads(), test.live)
		text := strings.Join([]string{got["gate"], got["dice-a"], got["dice-b"]}, " ")
		if nats := cmp.Or(got["nats"], "nats:1.2.3"); strings.Count(test.want, " ") == 3 {
			text += " " + nats
		}
		if err != nil {
			if text = err.Error(); ExitCode(err) != ExitUsage {
				t.Errorf("%s: exit code %d", test.name, ExitCode(err))
			}
		}
		if (err == nil && text != test.want) || !strings.Contains(text, test.want) {
			t.Errorf("%s: %q, want %q", test.name, text, test.want)
		}
	}
}

func TestWhichSizes(t *testing.T) {
	running := map[string]*fleet.Workload{
		"nats": {Set: canary.Set{Replicas: 3}}, "gate": {Set: canary.Set{Replicas: 4}}, "dice-a": {Set: canary.Set{Replicas: 5}}, "dice-b": {Set: canary.Set{Replicas: 0}},
	}
	for _, test := range []struct {
		name string
		ask  []string
		live map[string]*fleet.Workload
		want map[string]int
	}{
		{"what runs stays", nil, running, map[string]int{"gate": 4, "dice-a": 5, "dice-b": 0}},
		{"the manifests decide for what is new", nil, nil, map[string]int{}},
		{"every game", []string{"3"}, running, map[string]int{"gate": 4, "dice-a": 3, "dice-b": 3}},
		{"every game but one", []string{"3", "dice-b=1"}, nil, map[string]int{"dice-a": 3, "dice-b": 1}},
		{"the gate", []string{"gate=2"}, nil, map[string]int{"gate": 2}},
	} {
		ask, err := sizes(test.ask)
		if err != nil {
			t.Fatal(err)
		}
		if got := (DeployOverlay{Replicas: ask}).sizes(abWorkloads(), test.live); !maps.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestDeployPlans(t *testing.T) {
	objects, err := render.Build(manifests.FS, render.Overlay{Name: "plain", Namespace: "here"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	show := func(title string, d deployment) {
		d.plan.Title = title
		d.describe()
		d.plan.write(Streams{Out: &out})
		out.WriteString("\n")
	}
	first := deployment{createNamespace: true, createSecrets: secrets()}
	for _, o := range objects {
		first.objects = append(first.objects, fleet.Difference{Object: o, Action: fleet.Create})
	}
	show("Into nothing", first)

	stuck := diceCanary(true)
	stuck.Partition = 0
	second := deployment{live: map[string]*fleet.Workload{"dice": stuck, "dice-a": group("a", 1)}}
	for _, o := range objects {
		diff := fleet.Difference{Object: o, Action: fleet.Keep}
		if o.GetKind() == fleet.StatefulSet && o.GetName() == "dice" {
			diff.Action = fleet.Configure
			diff.Fields = []string{"spec.a: 1 -> 2", "spec.b: 1 -> 2", "spec.c: 1 -> 2", "spec.d: 1 -> 2", "spec.e: 1 -> 2", "spec.f: 1 -> 2", "spec.g: 1 -> 2", "spec.h: 1 -> 2", "spec.i: 1 -> 2"}
		}
		second.objects = append(second.objects, diff)
	}
	show("Over what runs", second)
	golden(t, "deploy.txt", out.String())
}

// TestNATSKeepsItsNumber: one server of three, or three of one, would begin
// with an empty directory while rooms are open.
func TestNATSKeepsItsNumber(t *testing.T) {
	live := func(n int) map[string]*fleet.Workload {
		return map[string]*fleet.Workload{"nats": {Set: canary.Set{Replicas: n}}}
	}
	for _, running := range []map[string]*fleet.Workload{nil, live(1)} {
		if err := sameNATS(abWorkloads(), running); err != nil {
			t.Errorf("%v: %v", running, err)
		}
	}
	err := sameNATS(abWorkloads(), live(3))
	if ExitCode(err) != ExitRefused || !strings.Contains(err.Error(), "--component nats-three") || !strings.Contains(err.Error(), "app.kubernetes.io/name=nats") {
		t.Errorf("three become one: %v", err)
	}
}

// TestNATSTokenIsNoNumber: see manifests/base/nats/nats.conf.
func TestNATSTokenIsNoNumber(t *testing.T) {
	rule := regexp.MustCompile(`^[a-z][a-z0-9]{40,}$`)
	if one, other := newNATSToken(), newNATSToken(); !rule.MatchString(one) || one == other {
		t.Errorf("%d and %d letters, equal: %v", len(one), len(other), one == other)
	}
}

// TestPreviousRevisionIsWrittenDown: a deployment that changes the template
// notes which revision was stable before; one that does not keeps the note.
func TestPreviousRevisionIsWrittenDown(t *testing.T) {
	for _, test := range []struct {
		name   string
		live   *fleet.Workload
		fields []string
		want   string
	}{
		{"the template changes", dice(2), []string{"spec.template.spec.containers[0].image: a -> b"}, "dice-1"},
		{"only the size changes", dice(2), []string{"spec.replicas: 1 -> 2"}, "dice-0"},
		{"over a rollout that did not finish", diceCanary(true), []string{"spec.template.x: a -> b"}, "dice-0"},
		{"nothing runs yet", nil, nil, ""},
	} {
		object := &unstructured.Unstructured{Object: map[string]any{"kind": "StatefulSet", "metadata": map[string]any{"name": "dice"}}}
		live := map[string]*fleet.Workload{}
		if test.live != nil {
			test.live.Previous = "dice-0"
			live["dice"] = test.live
		}
		keepPrevious(&fleet.Difference{Object: object, Fields: test.fields}, live)
		if got := object.GetAnnotations()[fleet.PreviousAnnotation]; got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

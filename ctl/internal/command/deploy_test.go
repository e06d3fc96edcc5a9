package command

import (
	"bytes"
	"maps"
	"path/filepath"
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
		{Kind: fleet.Deployment, Name: "gate", Container: "gate", Replicas: 1},
		{Kind: fleet.StatefulSet, Name: "dice-a", Container: "game", Replicas: 2},
		{Kind: fleet.StatefulSet, Name: "dice-b", Container: "game", Replicas: 2},
	}
}

func TestWhichImages(t *testing.T) {
	built := t.TempDir()
	if err := image.WriteIndex(built, []image.Built{{Name: "game", Reference: "croupier/game:built"}, {Name: "gate", Reference: "croupier/gate:built"}}); err != nil {
		t.Fatal(err)
	}
	running := map[string]*fleet.Workload{"gate": {Image: "g:1"}, "dice-a": {Image: "a:1"}, "dice-b": {Image: "b:1"}}
	for _, test := range []struct {
		name string
		o    DeployOverlay
		live map[string]*fleet.Workload
		want string // gate dice-a dice-b, or what the error says
	}{
		{"a tag", DeployOverlay{Tag: "v2"}, running, "croupier/gate:v2 croupier/game:v2 croupier/game:v2"},
		{"a tag in a registry", DeployOverlay{Tag: "v2", Registry: "r.example/x/"}, nil, "r.example/x/croupier/gate:v2 r.example/x/croupier/game:v2 r.example/x/croupier/game:v2"},
		{"one group", DeployOverlay{Images: map[string]string{"dice-b": "new"}}, running, "g:1 a:1 new"},
		{"every game", DeployOverlay{Images: map[string]string{"game": "new"}}, running, "g:1 new new"},
		{"the workload before the container before the tag", DeployOverlay{Tag: "v2", Images: map[string]string{"dice-b": "b", "game": "all"}}, running, "croupier/gate:v2 all b"},
		{"nothing named: what runs", DeployOverlay{}, running, "g:1 a:1 b:1"},
		{"nothing runs: what was built", DeployOverlay{ImagesDir: built}, nil, "croupier/gate:built croupier/game:built croupier/game:built"},
		{"nothing was built", DeployOverlay{ImagesDir: filepath.Join(built, "none")}, nil, "which image for gate? give --tag TAG or --image gate=REF"},
		{"a name that is nothing", DeployOverlay{Tag: "v2", Images: map[string]string{"poker": "x"}}, nil, "--image poker=... names nothing here: use game, gate or one of gate, dice-a, dice-b"},
	} {
		got, err := test.o.images(abWorkloads(), test.live)
		text := strings.Join([]string{got["gate"], got["dice-a"], got["dice-b"]}, " ")
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
		"gate": {Set: canary.Set{Replicas: 4}}, "dice-a": {Set: canary.Set{Replicas: 5}}, "dice-b": {Set: canary.Set{Replicas: 0}},
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
	first := deployment{createNamespace: true, createKey: true}
	for _, o := range objects {
		first.objects = append(first.objects, fleet.Difference{Object: o, Action: fleet.Create})
	}
	show("Into nothing", first)

	stuck := diceCanary(true)
	stuck.Partition = 0
	second := deployment{live: map[string]*fleet.Workload{"dice": stuck, "dice-a": group("a", 1)}}
	for _, o := range objects {
		diff := fleet.Difference{Object: o, Action: fleet.Keep}
		if o.GetKind() == fleet.StatefulSet {
			diff.Action = fleet.Configure
			diff.Fields = []string{"spec.a: 1 -> 2", "spec.b: 1 -> 2", "spec.c: 1 -> 2", "spec.d: 1 -> 2", "spec.e: 1 -> 2", "spec.f: 1 -> 2", "spec.g: 1 -> 2", "spec.h: 1 -> 2", "spec.i: 1 -> 2"}
		}
		second.objects = append(second.objects, diff)
	}
	show("Over what runs", second)
	golden(t, "deploy.txt", out.String())
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

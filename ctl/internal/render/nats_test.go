package render

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func find[T any](t *testing.T, objects []*unstructured.Unstructured, kind, prefix string) *T {
	t.Helper()
	for _, o := range objects {
		if o.GetKind() == kind && strings.HasPrefix(o.GetName(), prefix) {
			return as[T](t, o)
		}
	}
	t.Fatalf("there is no %s %s", kind, prefix)
	return nil
}

// environment is what a container of NATS sees, with that token. References
// are replaced as the kubelet does: by variables that stand before.
func environment(t *testing.T, c corev1.Container, token string) map[string]string {
	t.Helper()
	env := make(map[string]string)
	for _, e := range c.Env {
		switch {
		case e.Name == "POD_NAME":
			env[e.Name] = "nats-1"
		case e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil:
			env[e.Name] = token
		default:
			env[e.Name] = e.Value
			for name, value := range env {
				env[e.Name] = strings.ReplaceAll(env[e.Name], "$("+name+")", value)
			}
		}
	}
	for name, value := range env {
		if strings.Contains(value, "$(") {
			t.Errorf("%s=%s refers to what does not stand before it", name, value)
		}
	}
	return env
}

// TestNATSReadsItsConfiguration gives the rendered configuration to the server
// itself, in the environment that the manifests make.
func TestNATSReadsItsConfiguration(t *testing.T) {
	const token = "tabcdefghijklmnopqrstuvwxyz234567"
	for _, test := range []struct {
		components []string
		routes     int
	}{{nil, 0}, {[]string{"scratch-store"}, 0}, {[]string{"nats-three"}, 3}, {[]string{"nats-three", "scratch-store"}, 3}} {
		objects := build(t, Overlay{Name: "plain", Namespace: "here", Components: test.components})
		set := find[appsv1.StatefulSet](t, objects, "StatefulSet", "nats")
		pod := set.Spec.Template.Spec
		container := pod.Containers[0]
		for name, value := range environment(t, container, token) {
			t.Setenv(name, value)
		}
		config := find[corev1.ConfigMap](t, objects, "ConfigMap", "nats-")
		if pod.Volumes[0].ConfigMap.Name != config.Name {
			t.Errorf("%v: the pod mounts %s, the configuration is %s", test.components, pod.Volumes[0].ConfigMap.Name, config.Name)
		}
		file := filepath.Join(t.TempDir(), "nats.conf")
		if err := os.WriteFile(file, []byte(config.Data["nats.conf"]), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := server.ProcessConfigFile(file)
		if err != nil {
			t.Fatalf("%v: %v", test.components, err)
		}
		if !o.JetStream || o.StoreDir != "/data" || o.Authorization != token || o.ServerName != "nats-1" || o.Port != 4222 || o.HTTPPort != 8222 {
			t.Errorf("%v: JetStream %v in %s, token %v, name %s, ports %d %d", test.components, o.JetStream, o.StoreDir, o.Authorization == token, o.ServerName, o.Port, o.HTTPPort)
		}
		if len(o.Routes) != test.routes || (len(o.Routes) == 0) != (o.Cluster.Port == 0) || int(*set.Spec.Replicas) != max(1, len(o.Routes)) {
			t.Errorf("%v: %d servers, routes %v, route port %d", test.components, *set.Spec.Replicas, o.Routes, o.Cluster.Port)
		}
		for i, route := range o.Routes {
			password, _ := route.User.Password()
			want := []string{"nats-0", "nats-1", "nats-2"}[i] + "." + set.Spec.ServiceName + ":6222"
			if route.Host != want || password != token || o.Cluster.Password != token || route.User.Username() != o.Cluster.Username {
				t.Errorf("%v: route to %s as %s, want %s", test.components, route.Host, route.User.Username(), want)
			}
		}
		game := find[appsv1.StatefulSet](t, objects, "StatefulSet", "dice").Spec.Template.Spec.Containers[0]
		if slices.Contains(game.Args, "--nats-replicas=3") != (test.routes == 3) {
			t.Errorf("%v: game servers run with %v", test.components, game.Args)
		}
		if slices.ContainsFunc(container.Args, func(arg string) bool { return strings.Contains(strings.ToLower(arg), "token") }) {
			t.Errorf("%v: the token is on the command line: %v", test.components, container.Args)
		}
		claimed := len(set.Spec.VolumeClaimTemplates) == 1
		if scratch := slices.Contains(test.components, "scratch-store"); scratch == claimed || scratch != (len(pod.Volumes) == 2) {
			t.Errorf("%v: %d claims, volumes %v", test.components, len(set.Spec.VolumeClaimTemplates), pod.Volumes)
		}
	}
}

// TestNATSIsTheReleaseThatIsTested ties the image to the module: the tests'
// embedded server is of that release.
func TestNATSIsTheReleaseThatIsTested(t *testing.T) {
	data, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(data), "github.com/nats-io/nats-server/v2 v")
	if !found {
		t.Fatal("go.mod names no NATS server")
	}
	release := strings.Fields(after)[0]
	for _, w := range Workloads(build(t, Overlay{Name: "plain", Namespace: "here"})) {
		if w.Name != "nats" {
			continue
		}
		if !w.Foreign() {
			t.Errorf("%s counts as an image of ours", w.Image)
		}
		if w.Image != "nats:"+release {
			t.Errorf("the manifests run %s, go.mod names %s", w.Image, release)
		}
	}
}

// TestServersFindNATS: game servers and gates have the address and the token,
// and a way there through the policies.
func TestServersFindNATS(t *testing.T) {
	for name, objects := range every(t) {
		for _, o := range objects {
			tmpl := template(t, o)
			if tmpl == nil || o.GetName() == "nats" {
				continue
			}
			env := make(map[string]corev1.EnvVar)
			for _, e := range tmpl.Spec.Containers[0].Env {
				env[e.Name] = e
			}
			from := env["NATS_TOKEN"].ValueFrom
			if env["NATS_URL"].Value != "nats://nats:4222" || from == nil || from.SecretKeyRef.Name != "nats" || from.SecretKeyRef.Key != "NATS_TOKEN" {
				t.Errorf("%s: %s has NATS_URL %q and NATS_TOKEN from %+v", name, o.GetName(), env["NATS_URL"].Value, from)
			}
		}
		for server, peers := range map[string][]string{"nats": {"game", "gate"}, "game": {"game", "gate"}, "gate": nil} {
			policy := find[networkingv1.NetworkPolicy](t, objects, "NetworkPolicy", server)
			got := admitted(policy, map[string]string{"nats": "client", "game": "grpc"}[server])
			if !slices.Equal(got, peers) {
				t.Errorf("%s: %s admits %v, want %v", name, server, got, peers)
			}
			if server == "nats" && len(policy.Spec.Ingress) != 2 {
				t.Errorf("%s: NATS admits more than clients and peers: %+v", name, policy.Spec.Ingress)
			}
		}
	}
}

// admitted are the components that a policy lets to a port by name, sorted.
func admitted(policy *networkingv1.NetworkPolicy, port string) []string {
	var who []string
	for _, rule := range policy.Spec.Ingress {
		if !slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.String() == port }) {
			continue
		}
		for _, peer := range rule.From {
			if one := peer.PodSelector.MatchLabels[componentLabel]; one != "" {
				who = append(who, one)
			}
			for _, e := range peer.PodSelector.MatchExpressions {
				who = append(who, e.Values...)
			}
		}
	}
	slices.Sort(who)
	return who
}

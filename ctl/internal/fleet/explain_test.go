package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// kubeconfig writes one with a context named "home" for a server.
func kubeconfig(t *testing.T, server, current string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: home, cluster: {server: %q}}]
users: [{name: me, user: {token: none}}]
contexts: [{name: home, context: {cluster: home, user: me}}]
current-context: %s
`, server, current)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestConnectSaysWhichFlagToGive(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	rubbish := filepath.Join(t.TempDir(), "rubbish")
	if err := os.WriteFile(rubbish, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := kubeconfig(t, "http://127.0.0.1:1", "home")
	for name, test := range map[string]struct {
		target Target
		says   string
	}{
		"nothing":                 {Target{}, "no kubeconfig, or an empty one: name one with --kubeconfig"},
		"nothing, with a context": {Target{Context: "nosuch"}, "no kubeconfig, or an empty one: name one with --kubeconfig"},
		"rubbish":                 {Target{Kubeconfig: rubbish}, "read the kubeconfig: error loading config file"},
		"no such file":            {Target{Kubeconfig: good + "x"}, "--kubeconfig " + good + "x: there is no such file"},
		"no such context":         {Target{Kubeconfig: good, Context: "nosuch"}, "--context nosuch: the kubeconfig has no such context (it has: home)"},
		"a broken current one":    {Target{Kubeconfig: kubeconfig(t, "http://127.0.0.1:1", "nosuch")}, "choose with --context (it has: home)"},
	} {
		_, err := Connect(test.target)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "KUBERNETES_MASTER") {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

func TestExplainNamesTheNextStep(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + closed.Addr().String()
	closed.Close()
	f, err := Connect(Target{Kubeconfig: kubeconfig(t, address, "home"), Namespace: "croupier"})
	if err != nil {
		t.Fatal(err)
	}
	_, down := f.StatefulSet(t.Context(), "dice")
	pods := schema.GroupResource{Resource: "pods"}
	for name, test := range map[string]struct {
		err  error
		says string
	}{
		"down":      {down, "the API server at " + address + " cannot be reached"},
		"stranger":  {fmt.Errorf("list: %w", apierrors.NewUnauthorized("no")), "log in again"},
		"forbidden": {fmt.Errorf("list: %w", apierrors.NewForbidden(pods, "x", errors.New("no"))), "kubectl auth can-i --list --namespace croupier"},
	} {
		if got := f.Explain(test.err); !errors.Is(got, test.err) || !strings.Contains(got.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, got, test.says)
		}
	}
	for _, err := range []error{nil, ErrChanged, fmt.Errorf("wait: %w", context.Canceled)} {
		if got := f.Explain(err); got != err {
			t.Errorf("explains %v as %v", err, got)
		}
	}
}

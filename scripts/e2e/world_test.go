//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"croupier/servers/token"
)

// world is an empty namespace of the cluster, with the images loaded and ctl built.
type world struct {
	*cluster
	ctl
	manifests string // a copy of the project's, with the components in testdata
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{cluster: connect(t), ctl: ctl{program(t, "ctl")}, manifests: t.TempDir()}
	err := errors.Join(
		os.CopyFS(w.manifests, os.DirFS(filepath.Join(root, "manifests"))),
		os.CopyFS(filepath.Join(w.manifests, "components"), os.DirFS("testdata")),
	)
	if err != nil {
		t.Fatal(err)
	}
	w.wipe(t)
	t.Cleanup(func() {
		if t.Failed() {
			w.tell(t)
		}
	})
	w.load(t)
	return w
}

// step is a subtest on which the next ones rest.
func (w *world) step(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	if !t.Run(name, f) {
		t.FailNow()
	}
}

// loaded says that this process has loaded the images; tests run one after the other.
var loaded bool

// load builds the images of the versions that the tests move between and loads them.
func (w *world) load(t *testing.T) {
	t.Helper()
	if loaded {
		return
	}
	for version, programs := range map[string][]string{
		"v1": {"game", "gate"},
		"v2": {"game", "gate"},
		"v3": {"game"},
		"v4": {"game"},
	} {
		dir := filepath.Join(t.TempDir(), version)
		w.run(t, exitOK, append([]string{"build", "--tag", version, "--out", dir}, programs...)...)
		w.run(t, exitOK, append([]string{"load", "--from", dir, "--yes"}, programs...)...)
	}
	loaded = true
}

// deploy deploys an overlay at version v1, with rounds short enough to wait for.
func (w *world) deploy(t *testing.T, args ...string) {
	t.Helper()
	w.run(t, exitOK, append([]string{"deploy", "--manifests", w.manifests, "--component", "quick-rounds", "--tag", "v1", "--yes"}, args...)...)
}

func (w *world) gateRuns(ctx context.Context, version string) error {
	pods, err := w.pods(ctx, "gate")
	if err != nil {
		return err
	}
	if len(pods) == 0 {
		return fmt.Errorf("the gate has no pod")
	}
	for _, pod := range pods {
		have, err := w.version(ctx, pod, gateOpsPort)
		if err != nil {
			return err
		}
		if have != version || !ready(pod) {
			return fmt.Errorf("pod %s runs %s, ready %v; want %s", pod.Name, have, ready(pod), version)
		}
	}
	return nil
}

// door is the gate's Service, with the key that the deployment made.
func (w *world) door(t *testing.T) *door {
	t.Helper()
	secret, err := w.kube.CoreV1().Secrets(namespace).Get(t.Context(), "jwt", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := token.ParseKeys(string(secret.Data["JWT_KEY"]))
	if err != nil {
		t.Fatal(err)
	}
	address := w.address(t, "gate")
	// The Service's address works a moment after the pods behind it are ready.
	eventually(t, "the gate's Service leads to it", func(ctx context.Context) error {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	return &door{url: "ws://" + address + "/", keys: keys}
}

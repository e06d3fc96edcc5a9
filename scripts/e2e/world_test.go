//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"croupier/servers/token"
)

// croupier is the program under test, which TestMain builds.
var croupier ctl

// TestMain builds ctl, and by it the images of the versions between which the tests move, and
// loads these. The versions differ by nothing but their number.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "croupier-e2e-")
	if err == nil {
		err = prepare(dir)
	}
	code := 1
	if err == nil {
		code = m.Run()
	}
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func prepare(dir string) error {
	if _, err := connect(); err != nil {
		return err
	}
	croupier.path = filepath.Join(dir, "croupier")
	if err := shell("go", "build", "-o", croupier.path, "./ctl"); err != nil {
		return err
	}
	for version, programs := range map[string][]string{
		"v1": {"game", "gate", "loadgen", "nats"},
		"v2": {"game", "gate"},
		"v3": {"game"},
		"v4": {"game"},
	} {
		images := filepath.Join(dir, version)
		err := shell(croupier.path, append([]string{"build", "--tag", version, "--out", images}, programs...)...)
		if err != nil {
			return err
		}
		if err := shell(croupier.path, "load", "--from", images, "--yes"); err != nil {
			return err
		}
	}
	return nil
}

// shell runs a program in the repository.
func shell(name string, args ...string) error {
	command := exec.Command(name, args...)
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	return nil
}

// world is a namespace of the cluster, empty at first, and the programs to fill it.
type world struct {
	*cluster
	ctl
	manifests string // a copy of the project's, with the components in testdata
}

func open(t *testing.T) *world {
	t.Helper()
	c, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{cluster: c, ctl: croupier, manifests: t.TempDir()}
	err = errors.Join(
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
	return w
}

// step is a subtest on which the next ones rest.
func (w *world) step(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	if !t.Run(name, f) {
		t.FailNow()
	}
}

// deploy deploys an overlay at version v1.
func (w *world) deploy(t *testing.T, args ...string) {
	t.Helper()
	w.change(t, append([]string{"--tag", "v1", "--image", "nats=croupier/nats:v1"}, args...)...)
}

// change deploys what args name, and leaves the rest as it runs. Rounds are short enough to wait
// for, and NATS keeps its files in the pod: the cluster has no volumes to claim.
func (w *world) change(t *testing.T, args ...string) {
	t.Helper()
	w.run(t, exitOK, append([]string{"deploy", "--manifests", w.manifests, "--yes",
		"--component", "quick-rounds", "--component", "quick-drain", "--component", "scratch-store"}, args...)...)
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

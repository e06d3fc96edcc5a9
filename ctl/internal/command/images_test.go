package command

import (
	"io"
	"log"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"croupier/ctl/internal/image"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// builtFolder is what `build --tag v1 game gate` leaves, with other programs.
func builtFolder(t *testing.T) (dir string, built []image.Built) {
	t.Helper()
	dir = t.TempDir()
	for _, program := range []string{"game", "gate"} {
		img, err := image.Pack(image.Spec{Name: program, Binary: []byte("the " + program), Version: "v1", OS: "linux", Arch: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		digest, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.NewTag("croupier/" + program + ":v1")
		if err != nil {
			t.Fatal(err)
		}
		if err := image.WriteArchive(filepath.Join(dir, program+".tar"), ref, img); err != nil {
			t.Fatal(err)
		}
		built = append(built, image.Built{Name: program, Reference: "croupier/" + program + ":v1", Version: "v1", Digest: digest.String(), Archive: program + ".tar"})
	}
	if err := image.WriteIndex(dir, built); err != nil {
		t.Fatal(err)
	}
	return dir, built
}

func TestPushVerb(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	dir, built := builtFolder(t)

	code, out, errs := line(t, "push", "image", "--from", dir, "--to", host+"/x", "--dry-run")
	if code != ExitOK || !strings.Contains(out, "croupier/game:v1") || !strings.Contains(out, "nothing was changed") {
		t.Errorf("dry run: code %d, %q, %q", code, out, errs)
	}
	if code, _, errs := line(t, "push", "image", "--from", dir, "--to", host+"/x"); code != ExitRefused || !strings.Contains(errs, "--yes") {
		t.Errorf("nobody to ask: code %d, %q", code, errs)
	}
	code, out, errs = line(t, "push", "image", "--from", dir, "--to", host+"/x", "--yes")
	if code != ExitOK {
		t.Fatalf("code %d, %q, %q", code, out, errs)
	}
	for _, b := range built {
		want := host + "/x/croupier/" + b.Name + "@" + b.Digest
		if !strings.Contains(out, want+"\n") {
			t.Errorf("does not print %s: %q", want, out)
		}
		ref, err := name.ParseReference(want)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := remote.Head(ref); err != nil {
			t.Errorf("the registry has no %s: %v", want, err)
		}
	}
	if code, _, errs := line(t, "push", "image", "--from", dir, "--to", host, "--yes", "loadgen"); code != ExitFailed || !strings.Contains(errs, "croupier build --out "+dir+" loadgen") {
		t.Errorf("an image that was not built: code %d, %q", code, errs)
	}
}

func TestLoadVerbPlans(t *testing.T) {
	dir, built := builtFolder(t)
	code, out, errs := line(t, "load", "--from", dir, "--containerd-socket", "/run/x.sock", "--dry-run", "gate")
	want := "ctr -a /run/x.sock -n k8s.io images tag --force docker.io/croupier/gate:v1 docker.io/croupier/gate@" + built[1].Digest
	if code != ExitOK || !strings.Contains(out, want) || strings.Contains(out, "game") {
		t.Errorf("code %d, %q, %q; want %s", code, out, errs, want)
	}
}

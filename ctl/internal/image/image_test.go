package image

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func pack(t *testing.T, binary string) v1.Image {
	t.Helper()
	img, err := Pack(Spec{Name: "game", Binary: []byte(binary), Version: "v1", OS: "linux", Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func tag(t *testing.T, ref string) name.Tag {
	t.Helper()
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

func digest(t *testing.T, img interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	h, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func TestPackIsReproducible(t *testing.T) {
	first, second, other := pack(t, "the program"), pack(t, "the program"), pack(t, "another program")
	if digest(t, first) != digest(t, second) {
		t.Error("the same program was packed into two different images")
	}
	if digest(t, first) == digest(t, other) {
		t.Error("two programs were packed into one image")
	}
	config, err := first.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" || !slices.Equal(config.Config.Entrypoint, []string{"/game"}) {
		t.Errorf("user %q, entrypoint %q", config.Config.User, config.Config.Entrypoint)
	}
	if config.Config.Labels["org.opencontainers.image.version"] != "v1" || config.Created.Unix() != 0 {
		t.Errorf("labels %v, created %v", config.Config.Labels, config.Created)
	}
}

func TestArchiveKeepsTheDigestAndSaysItTwice(t *testing.T) {
	img, path := pack(t, "the program"), filepath.Join(t.TempDir(), "game.tar")
	ref := tag(t, "croupier/game:v1")
	if err := WriteArchive(path, ref, img); err != nil {
		t.Fatal(err)
	}
	back, got, err := ReadArchive(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Name() != ref.Name() || digest(t, back) != digest(t, img) {
		t.Errorf("read back %s %s, want %s %s", got, digest(t, back), ref, digest(t, img))
	}
	if err := validate.Image(back); err != nil {
		t.Error(err)
	}
	// What older readers see: the same configuration under the short name.
	short := tag(t, "croupier/game:v1")
	legacy, err := tarball.ImageFromPath(path, &short)
	if err != nil {
		t.Fatal(err)
	}
	want, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if config, err := legacy.ConfigName(); err != nil || config != want {
		t.Errorf("the older description has configuration %v (%v), want %v", config, err, want)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteArchive(path, ref, pack(t, "the program")); err != nil {
		t.Fatal(err)
	}
	if second, err := os.ReadFile(path); err != nil || !slices.Equal(first, second) {
		t.Errorf("the same image was written as two different archives (%v)", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("temporary files were left: %v (%v)", entries, err)
	}
}

func TestReadArchiveOfSomethingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.tar")
	for text, want := range map[string]string{
		"":              "index.json",
		"not a tarball": "unexpected EOF",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ReadArchive(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", text, err, want)
		}
	}
}

func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	img, path := pack(t, "the program"), filepath.Join(t.TempDir(), "game.tar")
	if err := WriteArchive(path, tag(t, "croupier/game:v1"), img); err != nil {
		t.Fatal(err)
	}
	ref, err := Push(t.Context(), path, host+"/games/", false)
	if err != nil {
		t.Fatal(err)
	}
	if want := host + "/games/croupier/game@" + digest(t, img); ref != want {
		t.Errorf("pushed %s, want %s", ref, want)
	}
	pulled, err := remote.Image(tag(t, host+"/games/croupier/game:v1"))
	if err != nil {
		t.Fatal(err)
	}
	if digest(t, pulled) != digest(t, img) {
		t.Error("the registry has another image")
	}
	if err := validate.Image(pulled); err != nil {
		t.Error(err)
	}
	closed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer closed.Close()
	if _, err := Push(t.Context(), path, strings.TrimPrefix(closed.URL, "http://"), false); err == nil || !strings.Contains(err.Error(), "docker login 127.0.0.1") {
		t.Errorf("pushing where it is forbidden: %v", err)
	}
	server.Close()
	if _, err := Push(t.Context(), path, host, false); err == nil || !strings.Contains(err.Error(), "push "+host) || !strings.Contains(err.Error(), "does a registry listen at "+host) {
		t.Errorf("pushing to nobody: %v", err)
	}
}

func TestLoaderCommands(t *testing.T) {
	built := Built{Name: "game", Reference: "croupier/game:v1", Digest: "sha256:abc"}
	for want, loader := range map[string]Loader{
		"ctr -a /s -n k8s.io images import g.tar; ctr -a /s -n k8s.io images tag --force docker.io/croupier/game:v1 docker.io/croupier/game@sha256:abc": {Socket: "/s"},
		"k3s ctr -n k8s.io images import g.tar; k3s ctr -n k8s.io images tag --force docker.io/croupier/game:v1 docker.io/croupier/game@sha256:abc":     {Socket: "/s", K3s: true},
		"kind load image-archive g.tar --name dev": {Socket: "/s", Kind: "dev"},
	} {
		lines, err := loader.Commands("g.tar", built)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, line := range lines {
			got = append(got, strings.Join(line, " "))
		}
		if joined := strings.Join(got, "; "); joined != want {
			t.Errorf("%+v:\n%s, want\n%s", loader, joined, want)
		}
	}
}

func TestLoadSaysWhatToTry(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	built := Built{Name: "game", Reference: "croupier/game:v1", Digest: "sha256:abc"}
	if err := (Loader{Socket: "/s"}).Load(t.Context(), "g.tar", built); err == nil || !strings.Contains(err.Error(), "croupier push image") {
		t.Errorf("without ctr: %v", err)
	}
	script := "#!/bin/sh\necho \"$*\" >>" + bin + "/ran\necho cannot dial /s >&2\nexit $FAIL\n"
	if err := os.WriteFile(filepath.Join(bin, "ctr"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FAIL", "1")
	if err := (Loader{Socket: "/s"}).Load(t.Context(), "g.tar", built); err == nil || !strings.Contains(err.Error(), "cannot dial /s (is the node's containerd at that socket") {
		t.Errorf("with a ctr that fails: %v", err)
	}
	t.Setenv("FAIL", "0")
	if err := (Loader{Socket: "/s"}).Load(t.Context(), "g.tar", built); err != nil {
		t.Error(err)
	}
	ran, err := os.ReadFile(filepath.Join(bin, "ran"))
	if err != nil || strings.Count(string(ran), "images import g.tar") != 2 || strings.Count(string(ran), "images tag") != 1 {
		t.Errorf("ran %q (%v)", ran, err)
	}
}

func TestIndexKeepsWhatAnotherBuildLeft(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadIndex(dir); err == nil || !strings.Contains(err.Error(), "croupier build --out "+dir) {
		t.Errorf("an empty folder: %v", err)
	}
	for _, built := range [][]Built{{{Name: "game", Version: "v1"}, {Name: "gate", Version: "v1"}}, {{Name: "game", Version: "v2"}}} {
		if err := WriteIndex(dir, built); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ReadIndex(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []Built{{Name: "game", Version: "v2"}, {Name: "gate", Version: "v1"}}; !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestCompile builds a stand-in for the project, in two places.
func TestCompile(t *testing.T) {
	source := func() string {
		dir := t.TempDir()
		for path, text := range map[string]string{
			"go.mod":               "module croupier\n\ngo 1.26\n",
			"servers/version.go":   "package servers\n\nvar Version = \"none\"\n",
			"servers/game/main.go": "package main\n\nimport \"croupier/servers\"\n\nfunc main() { print(servers.Version) }\n",
			"servers/gate/main.go": "package main\n\nfunc main() { nothing() }\n",
		} {
			path = filepath.Join(dir, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	one, two := source(), source()
	if found, err := FindSource(filepath.Join(one, "servers", "game")); err != nil || found != one {
		t.Errorf("found the source at %q (%v), want %q", found, err, one)
	}
	if _, err := FindSource(t.TempDir()); err == nil || !strings.Contains(err.Error(), "--source") {
		t.Errorf("no source: %v", err)
	}
	first, err := Compile(t.Context(), one, "game", "v7", runtime.GOOS, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Compile(t.Context(), two, "game", "v7", runtime.GOOS, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first, second) {
		t.Error("the same source in two folders gave two programs")
	}
	program := filepath.Join(t.TempDir(), "game")
	if err := os.WriteFile(program, first, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), program).CombinedOutput(); err != nil || string(out) != "v7" {
		t.Errorf("the program says %q (%v), want its version v7", out, err)
	}
	if _, err := Compile(t.Context(), one, "gate", "v7", runtime.GOOS, runtime.GOARCH); err == nil || !strings.Contains(err.Error(), "undefined: nothing") {
		t.Errorf("a program that does not compile: %v", err)
	}
}

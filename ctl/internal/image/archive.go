package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// An archive holds an image twice described, as `docker save` does since
// version 25: an OCI layout (index.json, blobs/), which containerd prefers and
// which keeps the digest, and a manifest.json for older readers.

// annotationName is where containerd looks for the name to import as.
const annotationName = "io.containerd.image.name"

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    *v1.Platform      `json:"platform,omitempty"`
}

// WriteArchive writes img under the reference ref to path, whole or not at all.
func WriteArchive(path string, ref name.Tag, img v1.Image) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".image-*")
	if err != nil {
		return fmt.Errorf("write image archive: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write image archive %s: %w", path, err), os.Remove(temporary.Name()))
		}
	}()
	if err = errors.Join(writeTar(temporary, ref, img), temporary.Chmod(0o644), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

func writeTar(out io.Writer, ref name.Tag, img v1.Image) error {
	manifest, err := img.Manifest()
	if err != nil {
		return err
	}
	rawManifest, err := img.RawManifest()
	if err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	rawConfig, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	index, err := json.Marshal(map[string]any{
		"schemaVersion": 2,
		"mediaType":     "application/vnd.oci.image.index.v1+json",
		"manifests": []descriptor{{
			MediaType: string(manifest.MediaType), Digest: digest.String(), Size: int64(len(rawManifest)),
			Annotations: map[string]string{
				annotationName:                      canonical(ref),
				"org.opencontainers.image.ref.name": ref.TagStr(),
			},
			Platform: &v1.Platform{OS: config.OS, Architecture: config.Architecture},
		}},
	})
	if err != nil {
		return err
	}
	var layers []string
	for _, l := range manifest.Layers {
		layers = append(layers, blob(l.Digest))
	}
	legacy, err := json.Marshal([]map[string]any{{
		"Config": blob(manifest.Config.Digest), "RepoTags": []string{familiar(ref)}, "Layers": layers,
	}})
	if err != nil {
		return err
	}

	w := tar.NewWriter(out)
	add := func(path string, size int64, from io.Reader) error {
		header := &tar.Header{Name: path, Mode: 0o644, Size: size, Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0).UTC(), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		_, err := io.Copy(w, from)
		return err
	}
	text := func(path string, data []byte) error {
		return add(path, int64(len(data)), strings.NewReader(string(data)))
	}
	if err := text("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	if err := errors.Join(text("index.json", index), text("manifest.json", legacy),
		text(blob(digest), rawManifest), text(blob(manifest.Config.Digest), rawConfig)); err != nil {
		return err
	}
	all, err := img.Layers()
	if err != nil {
		return err
	}
	for i, layer := range all {
		data, err := layer.Compressed()
		if err != nil {
			return err
		}
		err = errors.Join(add(blob(manifest.Layers[i].Digest), manifest.Layers[i].Size, data), data.Close())
		if err != nil {
			return err
		}
	}
	return w.Close()
}

func blob(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

// familiar is the short form that people type: without the default registry.
func familiar(ref name.Tag) string {
	return strings.TrimPrefix(strings.TrimPrefix(ref.Name(), "index.docker.io/"), "library/")
}

// canonical is the name as containerd stores it: it calls the default registry
// docker.io, this library calls it index.docker.io.
func canonical(ref name.Tag) string {
	if rest, ok := strings.CutPrefix(ref.Name(), "index.docker.io/"); ok {
		return "docker.io/" + rest
	}
	return ref.Name()
}

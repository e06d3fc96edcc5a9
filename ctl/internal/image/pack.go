// Package image makes container images without a container engine: a static
// binary alone in an image, the same bytes from the same source, as an archive
// that containerd, Docker and a registry all take.
package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// User is who the servers run as: nobody in particular, never root.
const User = "65532:65532"

// Spec is one image to pack.
type Spec struct {
	Name    string // of the image: game, gate, loadgen or nats
	File    string // of the program in it; empty: as the image
	Binary  []byte
	Version string
	OS      string
	Arch    string
}

// Pack puts a binary at /FILE of an otherwise empty image. The result depends
// on nothing but its argument: no clock, no host name, no file mode of the day.
func Pack(s Spec) (v1.Image, error) {
	if s.File == "" {
		s.File = s.Name
	}
	layerTar, err := singleFile(s.File, s.Binary)
	if err != nil {
		return nil, fmt.Errorf("pack image %s: %w", s.Name, err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(layerTar)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, fmt.Errorf("pack image %s: %w", s.Name, err)
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	created := v1.Time{Time: time.Unix(0, 0).UTC()}
	img, err := mutate.Append(base, mutate.Addendum{
		Layer:     layer,
		MediaType: types.OCILayer,
		History:   v1.History{Created: created, CreatedBy: "croupier build", Comment: s.Name + " " + s.Version},
	})
	if err != nil {
		return nil, fmt.Errorf("pack image %s: %w", s.Name, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("pack image %s: %w", s.Name, err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = s.OS, s.Arch
	config.Created = created
	config.Config = v1.Config{
		User:       User,
		Entrypoint: []string{"/" + s.File},
		WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":   s.Name,
			"org.opencontainers.image.version": s.Version,
		},
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, fmt.Errorf("pack image %s: %w", s.Name, err)
	}
	return img, nil
}

func singleFile(name string, data []byte) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	header := &tar.Header{
		Name: name, Mode: 0o555, Size: int64(len(data)), Typeflag: tar.TypeReg,
		ModTime: time.Unix(0, 0).UTC(), Format: tar.FormatUSTAR,
	}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// mostArchive bounds what is read into memory. A server's image is some tens
// of megabytes.
const mostArchive = 1 << 30

// archived is an image read from an archive, by its OCI description, so that
// its digest is the one that was written.
type archived struct {
	files    map[string][]byte
	manifest []byte
	config   v1.Hash
	media    types.MediaType
}

func (a *archived) RawManifest() ([]byte, error)        { return a.manifest, nil }
func (a *archived) MediaType() (types.MediaType, error) { return a.media, nil }
func (a *archived) RawConfigFile() ([]byte, error)      { return a.blob(a.config) }
func (a *archived) blob(h v1.Hash) (data []byte, e error) {
	data, ok := a.files[blob(h)]
	if !ok {
		return nil, fmt.Errorf("the archive has no blob %s", h)
	}
	return data, nil
}

func (a *archived) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	data, err := a.blob(h)
	if err != nil {
		return nil, err
	}
	return archivedLayer{hash: h, data: data}, nil
}

type archivedLayer struct {
	hash v1.Hash
	data []byte
}

func (l archivedLayer) Digest() (v1.Hash, error) { return l.hash, nil }
func (l archivedLayer) Size() (int64, error)     { return int64(len(l.data)), nil }
func (l archivedLayer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.data)), nil
}
func (l archivedLayer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

// ReadArchive opens an archive that WriteArchive wrote and returns the image
// with the reference that it was stored under.
func ReadArchive(path string) (v1.Image, name.Tag, error) {
	img, ref, err := readArchive(path)
	if err != nil {
		return nil, name.Tag{}, fmt.Errorf("read image archive %s: %w", path, err)
	}
	return img, ref, nil
}

func readArchive(path string) (img v1.Image, ref name.Tag, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, ref, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	files := make(map[string][]byte)
	r := tar.NewReader(io.LimitReader(f, mostArchive))
	for {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, ref, err
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			return nil, ref, err
		}
	}
	var index struct {
		Manifests []descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(files["index.json"], &index); err != nil {
		return nil, ref, fmt.Errorf("index.json: %w (was it written by `croupier build`?)", err)
	}
	if len(index.Manifests) != 1 {
		return nil, ref, fmt.Errorf("index.json names %d images, want 1", len(index.Manifests))
	}
	entry := index.Manifests[0]
	if ref, err = name.NewTag(entry.Annotations[annotationName]); err != nil {
		return nil, ref, err
	}
	digest, err := v1.NewHash(entry.Digest)
	if err != nil {
		return nil, ref, err
	}
	a := &archived{files: files, media: types.MediaType(entry.MediaType)}
	if a.manifest, err = a.blob(digest); err != nil {
		return nil, ref, err
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(a.manifest))
	if err != nil {
		return nil, ref, err
	}
	a.config = manifest.Config.Digest
	img, err = partial.CompressedToImage(a)
	return img, ref, err
}

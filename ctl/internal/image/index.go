package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// indexFile lists what a folder of archives holds.
const indexFile = "images.json"

// Built is one image in a folder.
type Built struct {
	Name      string `json:"name"`      // game, gate, loadgen or nats
	Reference string `json:"reference"` // croupier/game:TAG
	Version   string `json:"version"`
	Platform  string `json:"platform"`
	Digest    string `json:"digest"` // of the manifest, as a registry and containerd know it
	Archive   string `json:"archive"`
	Size      int64  `json:"size"` // bytes of the archive
}

// WriteIndex lists the images of a folder, keeping what an earlier build of
// other programs left there.
func WriteIndex(dir string, built []Built) error {
	earlier, err := ReadIndex(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	all := append([]Built(nil), built...)
	for _, e := range earlier {
		kept := true
		for _, b := range built {
			kept = kept && b.Name != e.Name
		}
		if kept {
			all = append(all, e)
		}
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("list the images of %s: %w", dir, err)
	}
	if err := os.WriteFile(filepath.Join(dir, indexFile), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("list the images of %s: %w", dir, err)
	}
	return nil
}

// ReadIndex reads the list of a folder.
func ReadIndex(dir string) ([]Built, error) {
	data, err := os.ReadFile(filepath.Join(dir, indexFile))
	if err != nil {
		return nil, fmt.Errorf("read the list of images: %w (build them with `croupier build --out %s`)", err, dir)
	}
	var all []Built
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("read the list of images %s: %w", filepath.Join(dir, indexFile), err)
	}
	return all, nil
}

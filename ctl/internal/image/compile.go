package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Program is what an image is made of.
type Program struct {
	Package  string // to compile
	File     string // its name in the image
	OnDemand bool   // only built when named: others publish an image of it
}

// Programs are the images that can be built, by name. The nats image is for
// where no registry can be reached: the very release that go.mod names, at the
// place where the official image has it.
var Programs = map[string]Program{
	"game":    {Package: "./servers/game", File: "game"},
	"gate":    {Package: "./servers/gate", File: "gate"},
	"loadgen": {Package: "./loadgen", File: "loadgen"},
	"nats":    {Package: "github.com/nats-io/nats-server/v2", File: "nats-server", OnDemand: true},
}

// stamp is the variable that carries the version into the programs.
const stamp = "croupier/servers.Version"

// FindSource walks up from dir to the folder of this project's go.mod.
func FindSource(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the source: %w", err)
	}
	for at := start; ; at = filepath.Dir(at) {
		data, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && strings.HasPrefix(strings.TrimSpace(string(data)), "module croupier") {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("find the source: no go.mod of module croupier in %s or above it (name the checkout with --source)", start)
		}
	}
}

// Describe is the version that git gives the source, or "dev" without git.
func Describe(ctx context.Context, source string) string {
	cmd := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty")
	cmd.Dir = source
	out, err := cmd.Output()
	if version := strings.TrimSpace(string(out)); err == nil && version != "" {
		return version
	}
	return "dev"
}

// Compile builds one program as a static binary whose bytes depend on the
// source, the version and the Go release only.
func Compile(ctx context.Context, source, program, version, goos, goarch string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "croupier-build-")
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", program, err)
	}
	data, err := compile(ctx, dir, source, program, version, goos, goarch)
	return data, errors.Join(err, os.RemoveAll(dir))
}

func compile(ctx context.Context, dir, source, program, version, goos, goarch string) ([]byte, error) {
	out := filepath.Join(dir, program)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -X "+stamp+"="+version, "-o", out, Programs[program].Package)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch, "GOFLAGS=")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("compile %s: %w\n%s", program, err, strings.TrimSpace(output.String()))
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", program, err)
	}
	return data, nil
}

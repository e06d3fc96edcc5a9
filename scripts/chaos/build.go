package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Build is how the programs are built.
type Build struct {
	Source string // folder of the module
	Race   bool   // the servers have the race detector
}

// into builds the programs of a run into a folder.
func (b Build) into(ctx context.Context, dir string) error {
	for _, one := range []struct {
		name, from string
		race       bool
	}{
		{"game", "croupier/servers/game", b.Race},
		{"gate", "croupier/servers/gate", b.Race},
		{"loadgen", "croupier/loadgen", false},
		{"nats-server", "github.com/nats-io/nats-server/v2", false},
	} {
		args := []string{"build", "-o", filepath.Join(dir, one.name)}
		if one.race {
			args = append(args, "-race")
		}
		command := exec.CommandContext(ctx, "go", append(args, one.from)...)
		command.Dir = b.Source
		if said, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", one.from, err, said)
		}
	}
	return nil
}

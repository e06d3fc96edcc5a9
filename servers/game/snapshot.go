package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"croupier/servers/internal/cmdline"
	"croupier/servers/internal/games"
	"croupier/servers/internal/games/dice"
	"croupier/servers/internal/room"
)

const snapshotUsage = `Usage: game snapshot replay < SAVED    restore saved rooms with this build, and save them again

Reads a line of JSON for each room, as GET /snapshots shows them, {"game","room","snapshot"}, and
writes one for each: with what this build would save, or with "error" where it refuses the room.
No room runs, and nothing is stored. Exit code 1: a room was refused.

`

// errSomeRefused makes the exit code 1; the lines say which and why.
var errSomeRefused = errors.New("some rooms were refused")

// snapshot is the verb `game snapshot`, for trying an upgrade on rooms in play before it is made.
func snapshot(args []string, in io.Reader, out, usage io.Writer) error {
	if len(args) == 0 || args[0] != "replay" {
		fmt.Fprint(usage, snapshotUsage)
		return cmdline.Misuse("snapshot: the only thing to do with snapshots is `game snapshot replay`")
	}
	f := flag.NewFlagSet("game snapshot replay", flag.ContinueOnError)
	if err := cmdline.Parse(f, args[1:], usage, snapshotUsage); err != nil {
		return err
	}
	refused, err := replay(in, out, games.Builtin(dice.Config{}, 0))
	if err == nil && refused > 0 {
		err = fmt.Errorf("%d %w", refused, errSomeRefused)
	}
	return err
}

// saved is a line of what replay reads and writes.
type saved struct {
	Game     string `json:"game"`
	Room     int64  `json:"room"`
	Snapshot []byte `json:"snapshot,omitempty"`
	Error    string `json:"error,omitempty"`
}

// maxSnapshotLine bounds a line. A snapshot has some KiB.
const maxSnapshotLine = 4 << 20

// replay restores each room of in, and writes what would be saved of it to out.
func replay(in io.Reader, out io.Writer, known games.Register) (refused int, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxSnapshotLine)
	buffered := bufio.NewWriter(out)
	answers := json.NewEncoder(buffered)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var s saved
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return refused, errors.Join(fmt.Errorf("line %d is no saved room: %w", n, err), buffered.Flush())
		}
		if s.Error == "" {
			if s.Snapshot, err = again(s, known); err != nil {
				s.Snapshot, s.Error = nil, err.Error()
				refused++
			}
		}
		if err := answers.Encode(s); err != nil {
			return refused, fmt.Errorf("write the answers: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return refused, errors.Join(fmt.Errorf("read saved rooms: %w", err), buffered.Flush())
	}
	return refused, buffered.Flush()
}

// mute encodes nothing: a room that does not run says nothing.
type mute struct{ room.Encoder }

// again restores a room and makes its snapshot anew, without running it.
func again(s saved, known games.Register) ([]byte, error) {
	kind, is := known[s.Game]
	if !is {
		return nil, fmt.Errorf("unknown game %q: this build has %s", s.Game, known)
	}
	p, err := room.Prepare(room.Config{Encoder: mute{}}, kind.New(), s.Snapshot)
	if err != nil {
		return nil, err
	}
	defer p.Drop()
	if p.ID() != s.Room {
		return nil, fmt.Errorf("the snapshot is of room %d", p.ID())
	}
	return p.Snapshot()
}

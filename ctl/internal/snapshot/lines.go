// Package snapshot reads saved snapshots of rooms and judges whether they
// survive the way through another version of the game server. It runs nothing:
// what each version makes of a snapshot is given to it.
package snapshot

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Line is one room in a file of snapshots: a JSON object a line. Either
// Snapshot or Error is set.
type Line struct {
	Game     string `json:"game"`
	Room     int64  `json:"room"`
	Snapshot []byte `json:"snapshot,omitempty"` // base64 in JSON
	Error    string `json:"error,omitempty"`    // why a server refused it
}

// Key names a room.
type Key struct {
	Game string
	Room int64
}

// Key is the room's name.
func (l Line) Key() Key { return Key{l.Game, l.Room} }

// maxLine bounds a line: a snapshot is a few KiB, and a directory keeps none of
// more than a MiB.
const maxLine = 4 << 20

// Read reads lines to the end of r. Of a room that is there twice, because it
// moved while it was saved, the last line counts. Empty lines are skipped.
func Read(r io.Reader) ([]Line, error) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxLine)
	var lines []Line
	at := make(map[Key]int)
	for n := 1; scanner.Scan(); n++ {
		if strings.TrimSpace(scanner.Text()) == "" {
			continue
		}
		var l Line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("line %d is no snapshot: %w", n, err)
		}
		if l.Game == "" || l.Room < 1 || (len(l.Snapshot) == 0) == (l.Error == "") {
			return nil, fmt.Errorf("line %d is no snapshot: it needs game, room, and snapshot or error", n)
		}
		if i, twice := at[l.Key()]; twice {
			lines[i] = l
			continue
		}
		at[l.Key()] = len(lines)
		lines = append(lines, l)
	}
	if err := scanner.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("a line is longer than %d MiB, which no snapshot is", maxLine>>20)
	} else if err != nil {
		return nil, err
	}
	return lines, nil
}

// Write writes lines.
func Write(w io.Writer, lines []Line) error {
	encoder := json.NewEncoder(w)
	for _, l := range lines {
		if err := encoder.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

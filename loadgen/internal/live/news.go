package live

import (
	"fmt"
	"strconv"

	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
)

// Violation is a violation in a line.
func Violation(v result.Violation) string {
	return fmt.Sprintf("%s: room %d: %s", words.Clean(v.Rule), v.Room, words.Clean(v.Text))
}

// Finder tells which violations were not in the snapshots before.
type Finder struct {
	known map[string]struct{}
}

// keepKnown bounds what a Finder remembers. A result keeps far fewer violations.
const keepKnown = 10_000

// Fresh returns the violations of a snapshot that were in none before, as they stand there.
func (f *Finder) Fresh(s Snapshot) []result.Violation {
	if f.known == nil {
		f.known = make(map[string]struct{})
	}
	var news []result.Violation
	for _, v := range s.Run.Violations {
		key := v.Rule + "\x00" + strconv.FormatInt(v.Room, 10) + "\x00" + v.Text
		if _, known := f.known[key]; known || len(f.known) >= keepKnown {
			continue
		}
		f.known[key] = struct{}{}
		news = append(news, v)
	}
	return news
}

// Notes tells which notes were not in the snapshots before. Notes come in the order of their time;
// of those with the time of the last one, it goes by their number.
type Notes struct {
	last  result.Note
	count int // of those told with the time of the last one
}

// Fresh returns the notes of a snapshot that were in none before.
func (n *Notes) Fresh(s Snapshot) []result.Note {
	var news []result.Note
	same := 0
	for _, note := range s.Notes {
		if n.count > 0 && note.At < n.last.At {
			continue
		}
		if n.count > 0 && note.At == n.last.At {
			if same++; same <= n.count {
				continue
			}
		}
		news = append(news, note)
	}
	for _, note := range news {
		if n.count > 0 && note.At == n.last.At {
			n.count++
		} else {
			n.last, n.count = note, 1
		}
	}
	return news
}

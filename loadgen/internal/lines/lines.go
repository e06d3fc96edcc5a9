// Package lines shows a run where there is no terminal: a line a second for people, or a JSON object
// a second for programs. It has no state but that of Show, which one goroutine runs.
package lines

import (
	"context"
	"fmt"
	"io"
	"strings"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
)

// Format is how Show writes.
type Format int

const (
	ForPeople   Format = iota // Text, and what happened since the line before on lines of its own
	ForPrograms               // JSON
)

// mostViolations is how many violations are written as they are found; the report has more.
const mostViolations = 10

// Show writes each snapshot until updates is closed or ctx ends. It fails where the writer does.
func Show(ctx context.Context, w io.Writer, format Format, updates <-chan live.Snapshot) error {
	var t teller
	for {
		select {
		case <-ctx.Done():
			return nil
		case s, open := <-updates:
			if !open {
				return nil
			}
			if s.Run == nil {
				continue
			}
			text, err := t.tell(s, format)
			if err == nil {
				_, err = w.Write(text)
			}
			if err != nil {
				return fmt.Errorf("show the run: %w", err)
			}
		}
	}
}

// Header names the columns of Text.
const Header = "   time verdict seated coming  away  out settled/s      p99  lost  back violated"

// headerEvery is after how many lines Show writes Header again.
const headerEvery = 30

// Text is a snapshot as one line of 80 columns, without its end: where the bots are, settlements in
// the last second, the 99th percentile of an action's time in the last ten, connections lost and
// bots back at their tables in the last second, and the violations of the whole run.
func Text(s live.Snapshot) string {
	verdict, _ := live.Verdict(s)
	word := string(verdict)
	if verdict == live.NoVerdict {
		word = "..."
	}
	r := s.Run
	if r == nil {
		r = &result.Run{}
	}
	last, took := lastSecond(r)
	p99 := "–"
	if q := s.Recent[measure.Action.String()]; q.Count > 0 {
		p99 = words.Duration(q.P99)
	}
	b := last.Bots
	return fmt.Sprintf("%7s %-7s%7s%7s%6s%5s%10s%9s%6s%6s%9s", words.Clock(s.At), word,
		words.Short(b.Seated+b.Watching), words.Short(b.Connecting), words.Short(b.Away), words.Short(b.Out),
		words.Short(perSecond(last.Settlements, took)), p99,
		words.Short(last.Lost+last.Broken), words.Short(last.Returns), words.Short(r.Checks().Violated))
}

// lastSecond is the newest second of a run, and how long it took.
func lastSecond(r *result.Run) (last result.Second, took float64) {
	n := len(r.Series)
	if n == 0 {
		return last, 0
	}
	last, took = r.Series[n-1], r.Series[n-1].At
	if n > 1 {
		took -= r.Series[n-2].At
	}
	return last, took
}

func perSecond(count uint64, took float64) int64 {
	if took <= 0 {
		return 0
	}
	return int64(float64(count)/took + 0.5)
}

// teller knows what was told.
type teller struct {
	violations live.Finder
	told       int // violations
	lines      int // of figures
	notes      live.Notes
	verdict    result.Verdict
}

// tell is everything to write about a snapshot.
func (t *teller) tell(s live.Snapshot, format Format) ([]byte, error) {
	if format == ForPrograms {
		text, err := JSON(s)
		return append(text, '\n'), err
	}
	var text strings.Builder
	for _, note := range t.notes.Fresh(s) {
		fmt.Fprintf(&text, "%7s %s\n", words.Clock(note.At), words.Clean(note.Text))
	}
	for _, v := range t.violations.Fresh(s) {
		switch t.told++; {
		case t.told <= mostViolations:
			fmt.Fprintf(&text, "%7s violated: %s\n", words.Clock(s.At), live.Violation(v))
		case t.told == mostViolations+1:
			fmt.Fprintf(&text, "%7s more violations are counted, and not written here: see the report\n", words.Clock(s.At))
		}
	}
	verdict, why := live.Verdict(s)
	if verdict != t.verdict && verdict != result.Pass && verdict != live.NoVerdict && why != "" {
		fmt.Fprintf(&text, "%7s %s so far: %s\n", words.Clock(s.At), verdict, why)
	}
	t.verdict = verdict
	if t.lines%headerEvery == 0 {
		text.WriteString(Header + "\n")
	}
	t.lines++
	text.WriteString(Text(s))
	text.WriteByte('\n')
	return []byte(text.String()), nil
}

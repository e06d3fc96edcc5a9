package dashboard

import (
	"time"

	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
)

// wave is a disconnect wave as a row of a table; brief: in a line of so many columns.
func (m Model) wave(w result.Wave, brief int) string {
	who := "servers"
	if w.Own {
		who = "storm"
	}
	until := func(d time.Duration) string {
		if d <= 0 {
			return "–"
		}
		return words.Duration(d)
	}
	back := words.Percent(float64(w.Back), float64(w.Lost))
	if brief > 0 {
		back += " back"
	}
	if w.Back < w.Lost {
		back = m.styles.warn.Render(back)
	}
	if brief > 0 {
		return head(flow([]string{words.Moment(w.At) + " " + who + ": " + words.Short(w.Lost) + " lost", back,
			"half in " + until(w.Half), "99% in " + until(w.Most)}, ", ", brief))
	}
	return right(words.Moment(w.At), 7) + "  " + fit(who, 8) + right(words.Short(w.Lost), 6) + right(back, 6) +
		right(until(w.Half), 9) + right(until(w.Most), 9)
}

// waves are the newest ones in so many rows, a title among them.
func (m Model) waves(width, rows int) []string {
	lines := []string{m.rule("disconnect waves", width)}
	r := m.snapshot.Run
	if r == nil || len(r.Waves) == 0 {
		return append(lines, m.styles.dim.Render(" none so far"))
	}
	if rows > 2 {
		lines = append(lines, m.styles.dim.Render("     at  who       lost  back"+right("half", 9)+right("99%", 9)))
	}
	return append(lines, newest(len(r.Waves), rows-len(lines), func(i int) string { return m.wave(r.Waves[i], 0) })...)
}

// notes are the newest ones in so many rows, a title among them.
func (m Model) notes(width, rows int) []string {
	notes := m.snapshot.Notes
	lines := []string{m.rule("what was done", width)}
	if len(notes) == 0 {
		return append(lines, m.styles.dim.Render(" nothing so far"))
	}
	for i := len(notes) - 1; i >= 0 && len(lines) < rows; i-- {
		for j, line := range wrap(words.Clean(notes[i].Text), width-9, mostNarrow) {
			at := ""
			if j == 0 {
				at = words.Clock(notes[i].At)
			}
			lines = append(lines, right(at, 8)+" "+line)
		}
	}
	return lines[:min(len(lines), max(0, rows))]
}

func note(at time.Duration, text string) string {
	return right(words.Clock(at), 7) + " " + words.Clean(text)
}

// newest draws the last of some things, the newest first.
func newest(count, rows int, draw func(i int) string) []string {
	var lines []string
	for i := count - 1; i >= 0 && len(lines) < rows; i-- {
		lines = append(lines, draw(i))
	}
	return lines
}

// errors are the most frequent ones in so many rows, a title among them.
func (m Model) errors(width, rows int) []string {
	lines := []string{m.rule("errors", width)}
	r := m.snapshot.Run
	if r == nil || len(r.Troubles) == 0 {
		return append(lines, m.styles.dim.Render(" none so far"))
	}
	for _, t := range r.Troubles[:max(0, min(len(r.Troubles), rows-1))] {
		lines = append(lines, trouble(t))
	}
	return lines
}

func trouble(t result.Trouble) string {
	return right(words.Short(t.Count), 7) + " × " + words.Clean(t.Text)
}

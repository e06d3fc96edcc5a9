package dashboard

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/words"
)

// phaseWidth is the width of the table of phases.
const phaseWidth = 2 + 8 + 3*9 + 7

// byWorth are the phases as they matter where there is no room for all.
var byWorth = []measure.Phase{measure.Action, measure.Reseat, measure.Seat, measure.Skew, measure.Late, measure.Dial, measure.Auth, measure.Lag}

// phasesTable is the percentiles of the last seconds in so many rows, a title among them. The chosen
// phase is always there.
func (m Model) phasesTable(width, rows int) []string {
	header := right("p50", 7) + right("p99", 9) + right("max", 9) + right("times", 7)
	lines := []string{fit(m.styles.dim.Render("── ")+m.styles.title.Render("last 10 s")+m.styles.dim.Render(header), width)}
	worth := slices.Clone(byWorth)
	for _, phase := range []measure.Phase{measure.Blackout, measure.Recovery} { // where rooms move, nothing matters more
		if m.snapshot.Recent[phase.String()].Count > 0 {
			worth = slices.Insert(worth, 0, phase)
		}
	}
	shown := worth[:min(len(byWorth), max(0, rows-1))]
	if len(shown) > 0 && !slices.Contains(shown, m.phase) {
		shown[len(shown)-1] = m.phase
	}
	slices.Sort(shown)
	for _, phase := range shown {
		q := m.snapshot.Recent[phase.String()]
		mark := " "
		if phase == m.phase {
			mark = "►"
		}
		cell := func(d time.Duration) string { return right(recent(q.Count, d), 9) }
		name := fit(phase.String(), 9)
		if phase < 9 {
			name = fmt.Sprintf("%d %s", phase+1, fit(phase.String(), 7))
		}
		line := fmt.Sprintf("%s%s%s%s%s%s", mark, name,
			cell(q.P50), cell(q.P99), cell(q.Max), right(words.Short(q.Count), 7))
		if phase == m.phase {
			line = m.styles.title.Render(line)
		}
		lines = append(lines, fit(line, width))
	}
	return lines
}

// chart is the chosen phase's p50 and p99 by the second.
func (m Model) chart(width, rows int) []string {
	n := span(width)
	seconds := m.history.seconds[max(0, len(m.history.seconds)-n):]
	upper, lower := make([]float64, len(seconds)), make([]float64, len(seconds))
	for i := range seconds {
		upper[i], lower[i] = float64(seconds[i].p99[m.phase]), float64(seconds[i].p50[m.phase])
	}
	p := plot{curves: []curve{{upper, m.styles.upper}, {lower, m.styles.lower}}, ends: m.ends(), marks: m.marks(), unit: duration, gaps: true}
	_, _, log := p.scale()
	title := m.phase.String() + " by the second: p99 above, p50 below"
	if log {
		title += ", logarithmic"
	}
	if columns(title) > width-6 {
		title = m.phase.String() + ": p99 above, p50 below"
		if log {
			title = m.phase.String() + ": p99, p50, log"
		}
	}
	return append([]string{m.rule(title, width)}, p.draw(width, rows-1, m.styles)...)
}

// flowChart is the settlements by the second: what a table that stands still shows first.
func (m Model) flowChart(width, rows int) []string {
	p := plot{
		curves: []curve{{m.history.series(span(width), figures[1].of), m.styles.lower}},
		ends:   m.ends(), marks: m.marks(), unit: words.Rate,
	}
	return append([]string{m.rule("settlements in a second", width)}, p.draw(width, rows-1, m.styles)...)
}

// ends is when the last second of the charts ended.
func (m Model) ends() float64 {
	if n := len(m.history.seconds); n > 0 {
		return m.history.seconds[n-1].at
	}
	return m.snapshot.At.Seconds()
}

// marks are the moments at which many lost their connections, or something was done.
func (m Model) marks() []float64 {
	var at []float64
	if r := m.snapshot.Run; r != nil {
		for _, w := range r.Waves {
			at = append(at, w.At)
		}
	}
	for _, note := range m.snapshot.Notes {
		at = append(at, note.At.Seconds())
	}
	return at
}

// beside puts columns of lines next to each other.
func beside(rows int, left []string, leftWidth int, between string, others []string) []string {
	left, others = tall(left, rows), tall(others, rows)
	lines := make([]string, rows)
	for i := range lines {
		lines[i] = fit(left[i], leftWidth) + between + others[i]
	}
	return lines
}

// indented puts lines a column from the edge.
func indented(lines []string) []string {
	for i := range lines {
		if lines[i] != "" {
			lines[i] = " " + strings.TrimRight(lines[i], " ")
		}
	}
	return lines
}

package dashboard

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"croupier/loadgen/internal/live"
)

// chartColumns is what a chart beside the table of phases needs.
const chartColumns = 30

// exampleRows is what the screen needs to show a counter-example beside the reasons.
const exampleRows = 20

// narrow is the dashboard in few columns or few rows.
func (m Model) narrow() []string {
	lines := []string{" " + spread(m.call()+m.subject(), m.score(), m.width-2)}
	lines = append(lines, m.whyNarrow()...)
	lines = append(lines, " "+m.progress(m.width-2))
	body := m.height - len(lines) - 1
	width := m.width - 9
	phases := func(rows int) []string {
		room := m.width - phaseWidth - 1
		if room < chartColumns || rows < 6 {
			return m.phasesTable(m.width, rows)
		}
		return beside(rows, m.phasesTable(phaseWidth, rows), phaseWidth, " ", m.chart(room, rows))
	}
	blocks := []block{
		{0, 1, 2, func(rows int) []string {
			return []string{" bots   " + m.botsShort(width), "        " + m.botsBar(width)}
		}},
		{1, 1, 1, func(int) []string { return []string{" rates  " + m.ratesLine(width)} }},
		{3, 3, 9, phases},
		{2, 1, m.gridRows(m.width), func(rows int) []string { return m.rulesGrid(m.width, rows) }},
		{4, 1, 1, func(int) []string { return []string{" waves  " + m.lastWave(width)} }},
		{4, 1, 1, func(int) []string { return []string{" self   " + m.healthLine(width)} }},
	}
	blocks = append(blocks, wrapped(" errors ", m.topError(), width)...)
	blocks = append(blocks, wrapped(" notes  ", m.lastNote(), width)...)
	blocks = append(blocks, block{spare, 6, endless, func(rows int) []string { return m.flowChart(m.width, rows) }})
	return append(append(lines, stack(body, blocks)...), m.footer())
}

// whyNarrow is the reason of the verdict in a line, or in two where there are many.
func (m Model) whyNarrow() []string {
	bad := false
	why, most := ansi.Strip(m.why()), 1
	if m.height >= exampleRows {
		most = 2
	}
	if _, silent := m.silent(); silent {
		bad = true
	} else if m.newest != nil && m.height < exampleRows {
		bad, why = true, live.Violation(*m.newest) // there is no room for both
	}
	lines := wrap(why, m.width-2, most)
	for i := range lines {
		if bad {
			lines[i] = m.styles.bad.Render(lines[i])
		}
		lines[i] = " " + lines[i]
	}
	if len(lines) == 0 {
		return []string{""}
	}
	return lines
}

// mostNarrow is how many lines an error or a note has beside everything else.
const mostNarrow = 3

// wrapped is a text after its title. Each of its lines is a block, so that as many are seen as there is room for.
func wrapped(title, text string, width int) []block {
	lines := wrap(text, width, mostNarrow)
	blocks := make([]block, len(lines))
	for i, line := range lines {
		if i > 0 {
			title = strings.Repeat(" ", columns(title))
		}
		line = title + line
		blocks[i] = block{5, 1, 1, func(int) []string { return []string{line} }}
	}
	return blocks
}

func (m Model) lastWave(width int) string {
	r := m.snapshot.Run
	if r == nil || len(r.Waves) == 0 {
		return m.styles.dim.Render("none so far")
	}
	return m.wave(r.Waves[len(r.Waves)-1], width)
}

func (m Model) topError() string {
	r := m.snapshot.Run
	if r == nil || len(r.Troubles) == 0 {
		return m.styles.dim.Render("none so far")
	}
	return strings.TrimSpace(trouble(r.Troubles[0]))
}

func (m Model) lastNote() string {
	notes := m.snapshot.Notes
	if len(notes) == 0 {
		return m.styles.dim.Render("nothing was done so far")
	}
	last := notes[len(notes)-1]
	return strings.TrimSpace(note(last.At, last.Text))
}

package dashboard

import (
	"strings"

	"croupier/loadgen/internal/words"
)

// state is some of the bots, with the sign that stands for them in the bar.
type state struct {
	bots  int
	name  string
	sign  string
	style paint
}

func (m Model) states() []state {
	b := m.population()
	return []state{
		{b.Seated, "seated", "█", m.styles.good},
		{b.Watching, "watching", "▓", m.styles.good},
		{b.Connecting, "connecting", "▒", m.styles.warn},
		{b.Away, "away", "░", m.styles.bad},
		{b.Out, "out", "·", m.styles.dim},
	}
}

// botsLines say how many bots there are of those wanted, and where they are.
func (m Model) botsLines(width int) []string {
	b := m.population()
	parts := []string{words.Count(b.Present()) + " of " + words.Count(b.Wanted) + " wanted "}
	for _, s := range m.states() {
		parts = append(parts, s.style.Render(s.sign)+" "+words.Count(s.bots)+" "+s.name)
	}
	return flow(parts, "  ", width)
}

// botsShort is botsLines in few columns.
func (m Model) botsShort(width int) string {
	b := m.population()
	parts := []string{words.Short(b.Present()) + " of " + words.Short(b.Wanted)}
	for _, s := range m.states() {
		if s.bots > 0 || s.name == "seated" {
			parts = append(parts, s.style.Render(s.sign)+" "+words.Short(s.bots)+" "+s.name)
		}
	}
	return head(flow(parts, " ", width))
}

// botsBar is where the bots are, in proportion. Nobody's part is so small that it is not seen, and
// those who are wanted and not there are the rest of it.
func (m Model) botsBar(width int) string {
	b := m.population()
	whole := max(b.Wanted, b.Present())
	if whole == 0 {
		return m.styles.dim.Render(strings.Repeat("─", max(0, width)))
	}
	states := m.states()
	cells := make([]int, len(states))
	used, widest := 0, 0
	for i, s := range states {
		if s.bots > 0 {
			cells[i] = max(1, s.bots*width/whole)
		}
		used += cells[i]
		if cells[i] > cells[widest] {
			widest = i
		}
	}
	over := used - width
	if missing := whole - b.Present(); missing == 0 || over > 0 {
		cells[widest] = max(0, cells[widest]-over) // what rounding left, or took
	} else if over == 0 {
		cells[widest] = max(0, cells[widest]-1) // some are missing, and it is seen
	}
	var line strings.Builder
	used = 0
	for i, s := range states {
		n := max(0, min(cells[i], width-used))
		used += n
		if n > 0 {
			line.WriteString(s.style.Render(strings.Repeat(s.sign, n)))
		}
	}
	line.WriteString(m.styles.dim.Render(strings.Repeat("─", max(0, width-used))))
	return line.String()
}

// figure is something that happens so many times in a second.
type figure struct {
	name string
	of   func(*second) float64
}

var figures = []figure{
	{"actions", func(s *second) float64 { return s.actions }},
	{"settlements", func(s *second) float64 { return s.settlements }},
	{"connects", func(s *second) float64 { return s.connects }},
	{"lost connections", func(s *second) float64 { return s.lost }},
}

// ratesLine is the rates side by side.
func (m Model) ratesLine(width int) string {
	parts := make([]string, 0, len(figures))
	for _, f := range figures[:3] {
		parts = append(parts, words.Rate(m.history.rate(f.of))+" "+f.name+"/s")
	}
	return head(flow(parts, " · ", width))
}

// ratesTable is a row for each rate, with the last seconds beside it.
func (m Model) ratesTable(width int) []string {
	lines := make([]string, 0, len(figures))
	for _, f := range figures {
		text := fit(f.name+"/s", 18) + right(words.Rate(m.history.rate(f.of)), 9)
		graph := width - columns(text) - 2
		lines = append(lines, text+"  "+m.styles.lower.Render(spark(m.history.series(graph, f.of), graph)))
	}
	return lines
}

// head is the first of some lines.
func head(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[0]
}

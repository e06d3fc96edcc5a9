package ui

import (
	"fmt"
	"strings"

	"croupier/tui-client/internal/scene"
)

// narrow is the table in few columns or few rows: the seats side by side where their dice fit,
// else a line for each.
func (m Model) narrow() []string {
	lines := []string{m.header(), m.bar(m.width)}
	style := m.styles.title
	switch {
	case m.scene.Link == scene.Lost || m.scene.Link == scene.Closed:
		style = m.styles.bad
	case m.scene.Phase == scene.Pausing && len(m.scene.Winners) > 0 && !m.revealing():
		style = m.styles.win
	}
	call := m.call()
	if m.height >= 14 {
		lines = append(lines, "")
		for _, line := range call {
			lines = append(lines, style.Render(center(line, m.width)))
		}
		if trouble := m.scene.Trouble; trouble != nil && m.scene.Link != scene.Online {
			for _, line := range head(wrap(scene.Explain(trouble), m.width-2), 4) {
				lines = append(lines, m.styles.dim.Render(" "+line))
			}
		}
		lines = append(tall(lines, max(5, len(lines))), "")
	} else {
		lines = append(lines, style.Render(fit(" "+strings.Join(call, " · "), m.width)))
	}
	if m.height >= stripRows && m.width >= m.scene.Seats*stripColumn {
		lines = append(lines, m.strip()...)
	} else {
		for seat := range m.scene.Seats {
			lines = append(lines, m.row(seat))
		}
	}
	if watching := m.scene.Spectators(); len(watching) > 0 {
		lines = append(lines, m.styles.dim.Render(fit(" "+m.watching(watching), m.width)))
	}
	rest := m.height - 1 - len(lines)
	if rest >= 2 {
		lines = append(lines, m.styles.dim.Render(strings.Repeat("─", m.width)))
		lines = append(lines, tall(m.logLines(rest-1, m.width), rest-1)...)
	}
	return append(tall(lines, m.height-1), m.footer())
}

// A strip of dice needs so many columns for each seat, and so many rows of the screen.
const (
	stripColumn = dieWidth + 1
	stripRows   = 19
)

// strip is all seats side by side.
func (m Model) strip() []string {
	lines := make([]string, cardHeight)
	margin := max(0, m.width-m.scene.Seats*stripColumn) / 2
	for seat := range m.scene.Seats {
		for i, line := range m.slim(seat) {
			if seat == 0 {
				lines[i] = strings.Repeat(" ", margin)
			}
			lines[i] += fit(line, stripColumn)
		}
	}
	return lines
}

// slim is one seat of a strip: cardHeight lines.
func (m Model) slim(seat int) []string {
	p, taken := m.scene.At(seat)
	if !taken {
		lines := append([]string{m.styles.dim.Render(fmt.Sprintf("  seat %d", seat))}, blank.draw(dotted, m.emptySeat(), m.styles.dim)...)
		return append(lines, "")
	}
	name := strings.Replace(m.nameOf(p), "player ", "", 1)
	word := strings.Replace(m.wordOf(p), "did not roll", "no roll", 1)
	edge, pad := m.edgeOf(p), 0
	if m.tumbles(p.ID) {
		_, jump := tumbling(p.ID, m.now)
		pad = jump / 2
	}
	lines := append([]string{name}, indent(m.shows(p.ID).draw(edge, "", m.dieStyle(p)), pad)...)
	return append(lines, center(word, dieWidth))
}

// row is one seat in a line.
func (m Model) row(seat int) string {
	p, taken := m.scene.At(seat)
	if !taken {
		return m.styles.dim.Render(fmt.Sprintf("   %-2d %s", seat, m.emptySeat()))
	}
	name, word := m.nameOf(p), m.wordOf(p)
	die := m.dieStyle(p).Render("[" + m.shows(p.ID).letter() + "]")
	return fmt.Sprintf(" %s %s %s", fit(name, max(10, m.width-20)), die, word)
}

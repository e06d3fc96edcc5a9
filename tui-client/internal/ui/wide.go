package ui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"croupier/tui-client/internal/scene"
)

// The wide table needs so much room, and takes no more than widest: eyes want to see all of it.
const (
	wideColumns = 72
	wideRows    = 20
	widest      = 104
)

// cardWidth is the width of a seat beside the table, cardHeight its height with a drawn die and
// cardLow that with a die of one letter.
const (
	cardWidth  = 21
	cardHeight = dieHeight + 2
	cardLow    = 3
)

// wide is the table with the seats around it: half of them at its left, half at its right.
func (m Model) wide() []string {
	rows := (m.scene.Seats + 1) / 2
	const around = 2 + 1 // header and bar above, keys below
	logRows := max(2, min(5, m.height-around-1-rows*cardHeight))
	room := m.height - around - 1 - logRows
	card := cardHeight
	if rows*card > room {
		card = cardLow
	}
	if gap := (room - rows*card) / rows; gap > 0 {
		card += min(gap, 3) // a tall terminal: air between the seats
	}
	height := min(room, max(rows*card, cardHeight+2))

	left, right := m.column(0, card, height), m.column(1, card, height)
	across := min(m.width, widest)
	felt := m.felt(across-2*cardWidth-2, height)
	margin := strings.Repeat(" ", (m.width-across)/2)
	lines := []string{m.header(), m.bar(m.width - 1)}
	for i := range height {
		lines = append(lines, margin+fit(left[i], cardWidth)+" "+felt[i]+" "+fit(right[i], cardWidth))
	}
	logRows = m.height - around - 1 - height // what the table leaves
	lines = append(lines, m.styles.dim.Render(strings.Repeat("─", m.width)))
	lines = append(lines, tall(m.logLines(logRows, m.width), logRows)...)
	return append(lines, m.footer())
}

// column is the cards of every second seat.
func (m Model) column(first, card, height int) []string {
	var lines []string
	for seat := first; seat < m.scene.Seats; seat += 2 {
		lines = append(lines, tall(m.card(seat, card < cardHeight), card)...)
	}
	return tall(lines, height)
}

// card is one seat.
func (m Model) card(seat int, low bool) []string {
	p, taken := m.scene.At(seat)
	if !taken {
		name := m.styles.dim.Render(fmt.Sprintf("   seat %d", seat))
		if low {
			return []string{name, m.styles.dim.Render("   " + m.emptySeat())}
		}
		return append([]string{name}, indent(blank.draw(dotted, m.emptySeat(), m.styles.dim), 4)...)
	}
	name, word := m.nameOf(p), m.wordOf(p)
	if low {
		return []string{name, fmt.Sprintf("   [%s] %s", m.shows(p.ID).letter(), word)}
	}
	pad := 4
	if m.tumbles(p.ID) {
		_, jump := tumbling(p.ID, m.now)
		pad += jump - 1
	}
	lines := append([]string{name}, indent(m.shows(p.ID).draw(m.edgeOf(p), "", m.dieStyle(p)), pad)...)
	return append(lines, "   "+word)
}

// emptySeat is what stands in a seat that nobody is known to have. Who is not in the room does not
// know whether others sit there.
func (m Model) emptySeat() string {
	if m.scene.Seated {
		return "free"
	}
	return ""
}

// edgeOf is the border of a player's die.
func (m Model) edgeOf(p scene.Player) border {
	switch {
	case m.tumbles(p.ID):
		return thin
	case m.celebrated(p.ID):
		return thick
	case !m.scene.Rolled(p.ID):
		return dotted
	}
	return thin
}

// nameOf is the first line of a seat: who, whether there, rounds won.
func (m Model) nameOf(p scene.Player) string {
	mark, presence, style := " ", "●", m.styles.title
	if p.ID == m.scene.Me {
		mark = "►"
	}
	if !p.Online {
		presence, style = "○", m.styles.dim
	}
	text := fmt.Sprintf("%s%s %s", mark, presence, m.scene.Name(p.ID))
	if m.scene.Link != scene.Online {
		style = m.styles.dim
	}
	text = style.Render(text)
	wins := m.scene.Wins[p.ID]
	if m.revealing() && m.scene.Won(p.ID) {
		wins-- // not before the dice lie open
	}
	if wins > 0 {
		text += m.styles.win.Render(fmt.Sprintf(" ★%d", wins))
	}
	return text
}

// wordOf says what a seated player is doing.
func (m Model) wordOf(p scene.Player) string {
	switch {
	case m.tumbles(p.ID):
		return m.styles.warn.Render("rolling")
	case m.celebrated(p.ID):
		return m.styles.win.Render("★ wins ★")
	case !p.Online:
		return m.styles.dim.Render("offline")
	case m.scene.Rolled(p.ID):
		return m.styles.good.Render("rolled")
	case m.scene.Phase == scene.Rolling:
		return "to roll"
	case m.scene.Phase == scene.Pausing && len(m.scene.Dice) > 0:
		return m.styles.dim.Render("did not roll")
	}
	return ""
}

// celebrated says that a user's win is shown now.
func (m Model) celebrated(user int64) bool {
	return m.scene.Phase == scene.Pausing && m.scene.Won(user) && !m.revealing()
}

func (m Model) dieStyle(p scene.Player) lipgloss.Style {
	switch {
	case m.scene.Link != scene.Online || !p.Online:
		return m.styles.dim
	case m.celebrated(p.ID):
		return m.styles.win
	case m.tumbles(p.ID):
		return m.styles.warn
	case m.scene.Rolled(p.ID):
		return m.styles.good
	}
	return m.styles.dim
}

// felt is the middle of the table.
func (m Model) felt(width, height int) []string {
	inner := width - 2
	style := m.styles.felt
	if m.scene.Link != scene.Online {
		style = m.styles.bad
	}
	var middle []string
	add := func(style lipgloss.Style, lines ...string) {
		for _, line := range lines {
			middle = append(middle, style.Render(center(line, inner)))
		}
	}
	call, callStyle := m.call(), m.styles.title
	switch {
	case m.scene.Link == scene.Lost || m.scene.Link == scene.Closed:
		callStyle = m.styles.bad
	case m.scene.Phase == scene.Pausing && len(m.scene.Winners) > 0 && !m.revealing():
		callStyle = m.styles.win
	}
	add(callStyle, call...)
	if trouble := m.scene.Trouble; trouble != nil && m.scene.Link != scene.Online {
		add(m.styles.dim, "")
		add(m.styles.dim, head(wrap(scene.Explain(trouble), inner-4), 6)...)
	} else if m.scene.Seated && m.scene.Phase != scene.Unknown && height-2-len(middle) >= 9 {
		add(m.styles.dim, "")
		add(m.styles.felt, bigNumber(int(m.scene.Left(m.now).Seconds()+0.999))...)
	}
	if watching := m.scene.Spectators(); len(watching) > 0 && m.scene.Seated {
		add(m.styles.dim, "", m.watching(watching))
	}
	room := height - 2
	middle = tall(middle, min(len(middle), room))
	above := (room - len(middle)) / 2
	lines := []string{style.Render("╭" + strings.Repeat("─", inner) + "╮")}
	for i := range room {
		line := strings.Repeat(" ", max(inner, 0))
		if j := i - above; j >= 0 && j < len(middle) {
			line = middle[j]
		}
		lines = append(lines, style.Render("│")+line+style.Render("│"))
	}
	return append(lines, style.Render("╰"+strings.Repeat("─", inner)+"╯"))
}

// watching names the spectators, the first ones if they are many.
func (m Model) watching(ids []int64) string {
	const most = 5
	names := make([]string, 0, most)
	for _, id := range ids[:min(len(ids), most)] {
		name := fmt.Sprint(id)
		if id == m.scene.Me {
			name = "you"
		}
		names = append(names, name)
	}
	text := "watching: " + strings.Join(names, ", ")
	if more := len(ids) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func indent(lines []string, by int) []string {
	pad := strings.Repeat(" ", by)
	for i := range lines {
		lines[i] = pad + lines[i]
	}
	return lines
}

package dashboard

import (
	"strings"

	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
)

// endless rows are those of a part that uses whatever it gets.
const endless = 1 << 20

// wide is the dashboard in two columns.
func (m Model) wide() []string {
	lines := m.masthead()
	body := m.height - len(lines) - 1
	leftWidth := m.width * 58 / 100
	rightWidth := m.width - leftWidth - 2

	bots := m.botsLines(leftWidth - 2)
	leftBlocks := []block{
		{0, 2 + len(bots), 2 + len(bots), func(int) []string {
			return append([]string{m.rule("bots", leftWidth)}, indented(append(bots, m.botsBar(leftWidth-2)))...)
		}},
		{1, 1 + len(figures), 1 + len(figures), func(int) []string {
			return append([]string{m.rule("rates, mean of the last 10 s", leftWidth)}, indented(m.ratesTable(leftWidth-2))...)
		}},
		{1, 9, 9, func(rows int) []string { return m.phasesTable(leftWidth, rows) }},
		{2, 9, 26, func(rows int) []string { return m.chart(leftWidth, rows) }},
		{spare, 9, endless, func(rows int) []string { return m.flowChart(leftWidth, rows) }},
	}
	r := m.snapshot.Run
	if r == nil {
		r = &result.Run{}
	}
	rules := 2 + len(r.Rules)
	if m.newest != nil {
		rules += 3
	}
	health := 6
	if m.warning() != "" {
		health += 2
	}
	rightBlocks := []block{
		{0, 5, rules, func(rows int) []string { return m.rulesTable(rightWidth, rows) }},
		{2, 2, 2 + max(1, min(8, len(r.Waves))), func(rows int) []string { return m.waves(rightWidth, rows) }},
		{1, health, health, func(rows int) []string { return m.health(rightWidth, rows) }},
		{3, 2, 1 + max(1, min(6, len(r.Troubles))), func(rows int) []string { return m.errors(rightWidth, rows) }},
		{4, 2, endless, func(rows int) []string { return m.notes(rightWidth, rows) }},
	}
	lines = append(lines, beside(body, stack(body, leftBlocks), leftWidth, "  ", stack(body, rightBlocks))...)
	return append(lines, m.footer())
}

// masthead is the verdict in large letters, with what it is about beside it.
func (m Model) masthead() []string {
	verdict, _ := m.verdict()
	style, _ := m.styles.verdict(verdict)
	large := banner(verdict)
	width := m.width - columns(large[0]) - 5
	why := append(wrap(m.why(), width, 2), m.reasons()...)
	beside := []string{spread(m.call()+m.subject(), m.score(), width)}
	beside = append(beside, tall(why, bannerRows-1)...)
	beside = append(beside, m.progress(width))
	large = append(large, strings.Repeat(" ", columns(large[0])))
	lines := make([]string, 0, len(large))
	for i := range large {
		lines = append(lines, " "+style.Render(large[i])+"   "+fit(beside[i], width))
	}
	return lines
}

// reasons are those of the verdict after the first.
func (m Model) reasons() []string {
	r := m.snapshot.Run
	if r == nil || len(r.Reasons) == 0 {
		return nil
	}
	rest := make([]string, 0, len(r.Reasons))
	for _, reason := range r.Reasons[1:] {
		rest = append(rest, words.Clean(reason))
	}
	return rest
}

// score is what the run proved so far.
func (m Model) score() string {
	r := m.snapshot.Run
	if r == nil {
		return ""
	}
	text := words.Short(r.Checks().Violated) + " violated of " + words.Short(r.Checks().Checked)
	if m.width >= wideColumns {
		text += " checks"
	}
	return text
}

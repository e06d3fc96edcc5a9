package dashboard

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/internal/words"
)

// rule is a rule and what became of its checks.
type rule struct {
	name string
	oracle.Tally
}

// rules are all of them: those that were broken first, then in the order of the oracle.
func (m Model) rules() []rule {
	r := m.snapshot.Run
	if r == nil {
		return nil
	}
	order := make(map[string]int)
	for i, o := range oracle.Rules() {
		order[o.String()] = i - len(oracle.Rules()) // before those that it does not know
	}
	list := make([]rule, 0, len(r.Rules))
	for _, name := range slices.Sorted(maps.Keys(r.Rules)) {
		list = append(list, rule{words.Clean(name), r.Rules[name]})
	}
	slices.SortStableFunc(list, func(a, b rule) int {
		return cmp.Or(cmp.Compare(b.Violated, a.Violated), cmp.Compare(order[a.name], order[b.name]))
	})
	return list
}

// mark says whether a rule was kept, as far as it is known.
func (m Model) mark(r rule) string {
	switch {
	case r.Violated > 0:
		return m.styles.bad.Render("✗")
	case r.Checked == 0:
		return m.styles.dim.Render("–")
	}
	return m.styles.good.Render("✓")
}

// rulesTitle sums them up.
func (m Model) rulesTitle() string {
	r := m.snapshot.Run
	if r == nil {
		return "rules"
	}
	all := r.Checks()
	return fmt.Sprintf("rules: %s checked, %s violated, %s unknown",
		words.Short(all.Checked), words.Short(all.Violated), words.Short(all.Unknown))
}

// rulesTable is a row for each rule, the title with the sums before them, and the newest
// counter-example after those that were broken.
func (m Model) rulesTable(width, rows int) []string {
	name := max(10, min(20, width-3-3*10))
	lines := []string{
		m.rule(m.rulesTitle(), width),
		m.styles.dim.Render("   " + fit("", name) + right("checked", 10) + right("violated", 10) + right("unknown", 10)),
	}
	list := m.rules()
	for i, r := range list {
		if r.Violated == 0 && (i == 0 || list[i-1].Violated > 0) {
			lines = append(lines, m.example(width, 3)...)
		}
		line := fmt.Sprintf(" %s %s", m.mark(r), fit(r.name, name))
		figures := right(words.Short(r.Checked), 10) + right(words.Short(r.Violated), 10) + right(words.Short(r.Unknown), 10)
		if r.Violated > 0 {
			figures = m.styles.bad.Render(figures)
		}
		lines = append(lines, line+figures)
	}
	if len(list) > 0 && list[len(list)-1].Violated > 0 {
		lines = append(lines, m.example(width, 3)...)
	}
	return cut(lines, rows, "more rules")
}

// rulesGrid is the rules side by side in few rows, the title with the sums before them: how often
// each was checked, or how often it was broken.
func (m Model) rulesGrid(width, rows int) []string {
	lines := []string{m.rule(m.rulesTitle(), width)}
	if m.height >= exampleRows {
		lines = append(lines, m.example(width, max(0, min(2, rows-2)))...)
	}
	var parts []string
	cell := 0
	for _, r := range m.rules() {
		text := words.Short(r.Checked)
		if r.Violated > 0 {
			text = m.styles.bad.Render(words.Short(r.Violated) + "×")
		}
		part := m.mark(r) + " " + r.name + " " + text
		parts = append(parts, part)
		cell = max(cell, columns(part))
	}
	cell = min(cell, width-1)
	for i := range parts {
		parts[i] = fit(parts[i], cell)
	}
	return append(lines, indented(flow(parts, "  ", width-1))...)
}

// gridRows is how many rows rulesGrid has use for, with its title.
func (m Model) gridRows(width int) int { return len(m.rulesGrid(width, endless)) }

// example is the newest violation in a few lines.
func (m Model) example(width, most int) []string {
	if m.newest == nil {
		return nil
	}
	text := live.Violation(*m.newest)
	lines := wrap(text, width-5, most)
	for i := range lines {
		lines[i] = "   " + m.styles.bad.Render(lines[i])
	}
	return lines
}

// cut is at most so many lines; the last one says how many are left out.
func cut(lines []string, rows int, what string) []string {
	if len(lines) <= rows || rows < 1 {
		return lines[:max(0, min(len(lines), rows))]
	}
	return append(slices.Clone(lines[:rows-1]), fmt.Sprintf("   and %d %s", len(lines)-rows+1, what))
}

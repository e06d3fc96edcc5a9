package dashboard

import (
	"fmt"
	"strings"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/internal/words"
)

// paneRows is how many lines of a pane are seen at once.
func (m Model) paneRows() int { return max(1, m.height-3) }

// scrollBy moves a pane, as far as there is something to see.
func (m *Model) scrollBy(lines int) {
	if m.pane == paneNone {
		return
	}
	_, text := m.paneText()
	m.scroll = max(0, min(m.scroll+lines, len(text)-m.paneRows()))
}

// covered is a pane over the dashboard, with the verdict still to be seen.
func (m Model) covered() []string {
	title, text := m.paneText()
	rows := m.paneRows()
	first := max(0, min(m.scroll, len(text)-rows))
	lines := []string{" " + spread(m.call(), words.Clock(m.snapshot.At), m.width-2), m.rule(title, m.width)}
	for _, line := range tall(text[first:min(len(text), first+rows)], rows) {
		lines = append(lines, " "+line)
	}
	if m.asking || m.flash != "" || m.stopping {
		return append(lines, m.footer())
	}
	keys := " q back"
	if len(text) > rows {
		keys += fmt.Sprintf(" · ↑ ↓ scroll, lines %d-%d of %d", first+1, min(len(text), first+rows), len(text))
	}
	return append(lines, m.styles.dim.Render(fit(keys, m.width)))
}

// paneText is what the open pane says, in lines that fit.
func (m Model) paneText() (title string, text []string) {
	width := m.width - 2
	switch m.pane {
	case paneViolations:
		return "violations, with their proof", m.violationsText(width)
	case paneErrors:
		return "errors, the most frequent first", m.errorsText(width)
	case paneNotes:
		return "what was done, the newest last", m.notesText(width)
	}
	return "keys and signs", m.helpText(width)
}

// mostWrapped bounds the lines of one text in a pane.
const mostWrapped = 12

func (m Model) violationsText(width int) []string {
	r := m.snapshot.Run
	if r == nil || len(r.Violations) == 0 {
		return []string{"none so far"}
	}
	meanings := make(map[string]string)
	for _, rule := range oracle.Rules() {
		meanings[rule.String()] = rule.Meaning()
	}
	var lines []string
	for i, v := range r.Violations {
		if i > 0 {
			lines = append(lines, "")
		}
		for _, line := range wrap(fmt.Sprintf("✗ %d of %d: %s", i+1, len(r.Violations), live.Violation(v)), width, mostWrapped) {
			lines = append(lines, m.styles.bad.Render(line))
		}
		if meaning := meanings[v.Rule]; meaning != "" {
			lines = append(lines, m.styles.dim.Render(fit("  the rule: "+meaning, width)))
		}
		for _, event := range v.Proof {
			for _, line := range wrap(words.Clean(event), width-2, mostWrapped) {
				lines = append(lines, "  "+line)
			}
		}
	}
	if all := r.Checks().Violated; all > uint64(len(r.Violations)) {
		lines = append(lines, "", fmt.Sprintf("%s more were counted, without proof", words.Count(all-uint64(len(r.Violations)))))
	}
	return lines
}

func (m Model) errorsText(width int) []string {
	r := m.snapshot.Run
	if r == nil || len(r.Troubles) == 0 {
		return []string{"none so far"}
	}
	var lines []string
	for _, t := range r.Troubles {
		for i, line := range wrap(words.Clean(t.Text), width-10, mostWrapped) {
			count := ""
			if i == 0 {
				count = words.Short(t.Count) + " ×"
			}
			lines = append(lines, right(count, 9)+" "+line)
		}
	}
	return lines
}

func (m Model) notesText(width int) []string {
	if len(m.snapshot.Notes) == 0 {
		return []string{"nothing so far"}
	}
	var lines []string
	for _, n := range m.snapshot.Notes {
		for i, line := range wrap(words.Clean(n.Text), width-9, mostWrapped) {
			at := ""
			if i == 0 {
				at = words.Clock(n.At)
			}
			lines = append(lines, right(at, 8)+" "+line)
		}
	}
	return lines
}

func (m Model) helpText(width int) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(help), "\n") {
		if line == "" {
			lines = append(lines, "")
		}
		lines = append(lines, wrap(line, width, mostWrapped)...)
	}
	return lines
}

const help = `
q, ctrl-c  stop: the bots get up from their tables; again, and y:
           break off
+  -       a quarter more or fewer bots; more or fewer a second
           where the scenario is open
s  S       storm: a tenth, or all, of the bots lose their
           connections now
tab, 1-8   the phase in the chart
v  e  n    violations with proof, errors, what was done
?          this page

dial    to the TCP connection, from the intended moment
auth    the handshake with the token
seat    from the request to the seat
action  from the intended roll to its acknowledgement
skew    between room mates who hear of one settlement
reseat  from a lost connection to the own seat again
late    how late settlements and starts came
lag     how late this generator itself was; beyond 5 ms
        at p99 the run is INVALID

✓ PASS     no rule was broken, every objective met
✗ FAIL     a rule was broken, and there is proof
! SLO      no rule was broken, an objective was missed
? INVALID  the run says nothing about the servers

█ seated  ▓ watching  ▒ connecting  ░ away: wants back
· out: will sit down again  ─ wanted, not there
▲ on a chart: a disconnect wave, or something was done
unknown: a check that nobody was there to see`

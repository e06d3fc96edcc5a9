package dashboard

import (
	"fmt"
	"strings"
	"time"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
)

// From these sizes on the dashboard has two columns, and is more than a few figures.
const (
	wideColumns, wideRows   = 116, 30
	smallColumns, smallRows = 44, 10
)

// View draws the screen: exactly as many lines as it has, none wider than it is.
func (m Model) View() string {
	if m.width <= 0 || m.height <= 0 || m.quitting {
		return ""
	}
	var lines []string
	switch {
	case m.pane != paneNone && m.height >= 4:
		lines = m.covered()
	case m.width >= wideColumns && m.height >= wideRows:
		lines = m.wide()
	case m.width >= smallColumns && m.height >= smallRows:
		lines = m.narrow()
	default:
		lines = m.tiny()
	}
	lines = tall(lines, m.height)
	for i, line := range lines {
		lines[i] = fit(line, m.width)
	}
	return strings.Join(lines, "\n")
}

// call is the verdict so far in a few words, with its sign and its colour.
func (m Model) call() string {
	verdict, _ := m.verdict()
	style, sign := m.styles.verdict(verdict)
	text := sign + " " + string(verdict)
	if verdict != live.NoVerdict {
		text += " so far"
	}
	return style.Render(text)
}

// why is the reason of the verdict, or what is more urgent.
func (m Model) why() string {
	if d, ok := m.silent(); ok {
		return m.styles.bad.Render(fmt.Sprintf("! no news of the run for %.0f s: the generator is stuck or overloaded", d.Seconds()))
	}
	verdict, why := m.verdict()
	if r := m.snapshot.Run; r != nil {
		if r.Unusable != "" {
			why = words.Clean(r.Unusable)
		}
		if why == "" && verdict == result.Pass {
			why = "no rule was broken in " + words.Count(r.Checks().Checked) + " checks"
		}
	}
	return why
}

// subject is what runs against what, to follow the verdict.
func (m Model) subject() string {
	r := m.snapshot.Run
	if r == nil {
		return ""
	}
	text := ""
	for _, part := range []string{r.Scenario.Name, r.Target} {
		if part != "" {
			text += " · " + words.Clean(part)
		}
	}
	return text
}

// clock is the time so far and in all.
func (m Model) clock() string {
	s := m.snapshot
	switch {
	case s.Run == nil:
		return ""
	case s.Left < 0:
		return words.Clock(s.At) + ", until stopped"
	}
	return fmt.Sprintf("%s of %s, %s left", words.Clock(s.At), words.Clock(s.At+s.Left), words.Clock(s.Left))
}

// progress is the stage, a bar and the clock in one line.
func (m Model) progress(width int) string {
	s := m.snapshot
	stage := words.Clean(s.Stage)
	switch {
	case m.stopping || stage == "stopping":
		return spread("stopping: the bots get up from their tables", words.Clock(s.At), width)
	case stage == "":
		stage = "run"
	}
	clock := m.clock()
	room := width - columns(stage) - columns(clock) - 2
	if room < 8 || s.Left < 0 || s.Run == nil {
		return spread(stage, clock, width)
	}
	full := room
	if s.Left > 0 {
		full = int(float64(room) * float64(max(0, s.At)) / float64(max(0, s.At)+s.Left))
	}
	full = min(room, max(0, full))
	return stage + " " + m.styles.good.Render(strings.Repeat("━", full)) + m.styles.dim.Render(strings.Repeat("─", room-full)) + " " + clock
}

// footer is the last line: a question, a word to the user while there is one, else the keys.
func (m Model) footer() string {
	switch {
	case m.asking:
		text := "Break off? The bots will not get up from their tables. y: yes, other keys: no"
		if m.width < columns(text)+2 {
			text = "break off? y: yes, else: no"
		}
		return m.styles.bad.Render(fit(" "+text, m.width))
	case m.flash != "":
		return m.styles.warn.Render(fit(" ! "+m.flash, m.width))
	case m.stopping:
		return m.styles.warn.Render(fit(" stopping: the bots get up from their tables · q again to break off", m.width))
	}
	keys := [][2]string{{"q", "stop"}, {"?", "help"}, {"+ -", "bots"}, {"s", "storm"}, {"tab", "phase"},
		{"v", "violations"}, {"e", "errors"}, {"n", "notes"}, {"S", "storm of all"}, {"1-8", "phase"}}
	if r := m.snapshot.Run; r != nil && r.Scenario.Rate > 0 {
		keys[2][1] = "rate"
	}
	var line strings.Builder
	used := 0
	for _, key := range keys {
		n := columns(key[0]) + 1 + columns(key[1])
		if used+n+2 > m.width {
			break
		}
		line.WriteString("  " + m.styles.key.Render(key[0]) + m.styles.dim.Render(" "+key[1]))
		used += n + 2
	}
	return line.String()
}

// tiny is what fits where nearly nothing does.
func (m Model) tiny() []string {
	lines := []string{m.call()}
	if m.asking || m.flash != "" || m.stopping {
		lines = append(lines, m.footer())
	}
	r := m.snapshot.Run
	if r == nil {
		return lines
	}
	b := m.population()
	lines = append(lines,
		words.Clock(m.snapshot.At)+remaining(m.snapshot.Left),
		fmt.Sprintf("%s of %s bots seated", words.Short(b.Seated), words.Short(b.Wanted)),
		fmt.Sprintf("%s violated", words.Short(r.Checks().Violated)),
		m.phase.String()+" p99 "+recent(m.snapshot.Recent[m.phase.String()].Count, m.snapshot.Recent[m.phase.String()].P99))
	lines = append(lines, wrap(m.why(), m.width, min(mostNarrow, m.height-len(lines)))...)
	if len(m.snapshot.Notes) > 0 {
		lines = append(lines, wrap(m.lastNote(), m.width, min(mostNarrow, m.height-len(lines)))...)
	}
	return lines
}

func remaining(d time.Duration) string {
	if d < 0 {
		return ""
	}
	return ", " + words.Clock(d) + " left"
}

// recent is a percentile, or that there is none.
func recent(count uint64, d time.Duration) string {
	if count == 0 {
		return "–"
	}
	return words.Duration(d)
}

// rule is the title of a part of the screen, with a line after it.
func (m Model) rule(title string, width int) string {
	title = fit(title, min(columns(title), max(0, width-4)))
	return m.styles.dim.Render("── ") + m.styles.title.Render(title) + " " +
		m.styles.dim.Render(strings.Repeat("─", max(0, width-4-columns(title))))
}

package dashboard

import (
	"fmt"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
)

// From here on the generator's own state is worth a warning: beyond it the run is soon INVALID.
const (
	lagWarn  = result.WorstLag / 2 // at p99
	fewPorts = 1000
	fewFiles = 500
	hotCores = 0.95 // share of the machine's processors
	bigPause = 10 * time.Millisecond
)

// warning is the most urgent thing about the generator itself; empty: it is well.
func (m Model) warning() string {
	r := m.snapshot.Run
	if r == nil {
		return ""
	}
	h, now := r.Health, m.snapshot.Recent[measure.Lag.String()]
	switch {
	case h.Lag.Count < result.EnoughLags && now.Count < result.EnoughLags && h.Slow == 0:
	case h.Lag.P99 > result.WorstLag:
		return fmt.Sprintf("the generator is late: lag p99 %s, beyond %s the run is INVALID", words.Duration(h.Lag.P99), words.Duration(result.WorstLag))
	case now.P99 > lagWarn:
		return fmt.Sprintf("the generator falls behind: lag p99 %s in the last 10 s, beyond %s INVALID", words.Duration(now.P99), words.Duration(result.WorstLag))
	case h.Lag.P99 > lagWarn:
		return fmt.Sprintf("the generator fell behind: lag p99 %s, beyond %s the run is INVALID", words.Duration(h.Lag.P99), words.Duration(result.WorstLag))
	case h.Slow > 0:
		return fmt.Sprintf("the generator was too slow to take what it was told, %s times", words.Count(h.Slow))
	case h.Seconds == 0: // nobody looked
	case h.PortsLeft != measure.Unknown && h.PortsLeft < fewPorts:
		return fmt.Sprintf("only %s ports left to connect from: give more --sources", words.Count(h.PortsLeft))
	case h.FilesLeft != measure.Unknown && h.FilesLeft < fewFiles:
		return fmt.Sprintf("only %s files left to open: raise ulimit -n", words.Count(h.FilesLeft))
	case h.Machine >= hotCores:
		return fmt.Sprintf("the machine is %s busy: times are the machine's as much as the servers'", words.Percent(h.Machine, 1))
	}
	return ""
}

// cores is what the generator used in the last second.
func (m Model) cores() float64 {
	if r := m.snapshot.Run; r != nil && len(r.Series) > 0 {
		return r.Series[len(r.Series)-1].CPU
	}
	return 0
}

// healthLine is the generator in a line.
func (m Model) healthLine(width int) string {
	r := m.snapshot.Run
	if r == nil {
		return ""
	}
	if warning := m.warning(); warning != "" {
		return m.styles.warn.Render("! " + warning)
	}
	h, lag := r.Health, m.snapshot.Recent[measure.Lag.String()]
	return head(flow([]string{
		"lag p99 " + recent(lag.Count, lag.P99), fmt.Sprintf("%.2f cores", m.cores()), "GC " + words.Percent(h.GC, 1),
		words.Bytes(h.PerBot) + "/bot", left(h, h.PortsLeft) + " ports, " + left(h, h.FilesLeft) + " files left",
	}, " · ", width))
}

// health is the generator in so many rows, a title among them.
func (m Model) health(width, rows int) []string {
	lines := []string{m.rule("this generator", width)}
	r := m.snapshot.Run
	if r == nil {
		return lines
	}
	if warning := m.warning(); warning != "" {
		for _, line := range wrap("! "+warning, width-2, 2) {
			lines = append(lines, " "+m.styles.warn.Render(line))
		}
	}
	h, lag := r.Health, m.snapshot.Recent[measure.Lag.String()]
	half := max(0, width/2-1)
	rest := [][2]string{
		{"lag p99 " + recent(lag.Count, lag.P99), "run " + recent(h.Lag.Count, h.Lag.P99) + ", limit " + words.Duration(result.WorstLag)},
		{fmt.Sprintf("CPU %.2f cores", m.cores()), fmt.Sprintf("mean %.2f, machine %s", h.CPU, words.Percent(h.Machine, 1))},
		{"GC " + words.Percent(h.GC, 1) + " of CPU", "longest pause " + words.Duration(h.Pause)},
		{"memory " + words.Bytes(h.Memory), words.Bytes(h.PerBot) + " a bot"},
		{"ports left " + left(h, h.PortsLeft), "files left " + left(h, h.FilesLeft)},
	}
	for _, pair := range rest {
		right := pair[1]
		if h.Pause > bigPause && pair[0][:2] == "GC" {
			right = m.styles.warn.Render(right + " !")
		}
		lines = append(lines, " "+fit(pair[0], half)+right)
	}
	return lines[:min(len(lines), max(0, rows))]
}

// left is how much of a resource the process has, where somebody looked.
func left(h result.Health, n int) string {
	if h.Seconds == 0 || n == measure.Unknown {
		return "–"
	}
	return words.Short(n)
}

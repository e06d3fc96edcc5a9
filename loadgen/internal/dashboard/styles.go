package dashboard

import (
	"github.com/charmbracelet/lipgloss"

	"croupier/loadgen/result"
)

// styles are the dashboard's colours: Okabe and Ito's, which the colour-blind can tell apart, on any
// background. Whatever a colour says a word or a shape says too.
type styles struct {
	title, dim, good, warn, bad, upper, lower, key lipgloss.Style
}

func newStyles(r *lipgloss.Renderer) styles {
	color := func(hex string) lipgloss.Style { return r.NewStyle().Foreground(lipgloss.Color(hex)) }
	const blue, orange, green, vermilion, gray = "#0090D9", "#E69F00", "#009E73", "#D55E00", "#808080"
	return styles{
		title: r.NewStyle().Bold(true),
		dim:   color(gray),
		good:  color(blue),
		warn:  color(orange),
		bad:   color(vermilion).Bold(true),
		upper: color(orange),
		lower: color(blue),
		key:   r.NewStyle().Bold(true).Underline(true),
	}
}

// verdict is the colour and the sign of a verdict.
func (s styles) verdict(v result.Verdict) (lipgloss.Style, string) {
	switch v {
	case result.Pass:
		return s.good.Bold(true), "✓"
	case result.Fail:
		return s.bad, "✗"
	case result.Missed:
		return s.warn.Bold(true), "!"
	case result.Invalid:
		return s.warn.Bold(true), "?"
	}
	return s.dim, "…"
}

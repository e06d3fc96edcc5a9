package ui

import "github.com/charmbracelet/lipgloss"

// styles are the table's colours: Okabe and Ito's, which the colour-blind can tell apart, on any
// background. Whatever a colour says a word, a letter or a shape says too.
type styles struct {
	title, dim, me, good, warn, bad, win, felt, key lipgloss.Style
}

func newStyles(r *lipgloss.Renderer) styles {
	color := func(hex string) lipgloss.Style { return r.NewStyle().Foreground(lipgloss.Color(hex)) }
	const blue, orange, green, vermilion, gray = "#0090D9", "#E69F00", "#009E73", "#D55E00", "#808080"
	return styles{
		title: r.NewStyle().Bold(true),
		dim:   color(gray),
		me:    r.NewStyle().Bold(true),
		good:  color(blue),
		warn:  color(orange),
		bad:   color(vermilion).Bold(true),
		win:   color(orange).Bold(true),
		felt:  color(green),
		key:   r.NewStyle().Bold(true).Underline(true),
	}
}

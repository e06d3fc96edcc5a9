package dashboard

import (
	"strings"

	"github.com/charmbracelet/lipgloss"

	"croupier/loadgen/result"
)

// paint is a style whose escape sequences are known, so that a picture of hundreds of pieces costs
// nothing.
type paint struct{ on, off string }

func newPaint(style lipgloss.Style) paint {
	const probe = "x" // is in no sequence
	on, off, _ := strings.Cut(style.Render(probe), probe)
	return paint{on, off}
}

// Render is a text in the style.
func (p paint) Render(text string) string {
	if text == "" {
		return ""
	}
	return p.on + text + p.off
}

// styles are the dashboard's colours: Okabe and Ito's, which the colour-blind can tell apart, on any
// background. Whatever a colour says a word or a shape says too.
type styles struct {
	title, dim, good, warn, bad, upper, lower, key paint
	pass, doubt                                    paint // verdicts
}

func newStyles(r *lipgloss.Renderer) styles {
	color := func(hex string) lipgloss.Style { return r.NewStyle().Foreground(lipgloss.Color(hex)) }
	const blue, orange, vermilion, gray = "#0090D9", "#E69F00", "#D55E00", "#808080"
	return styles{
		title: newPaint(r.NewStyle().Bold(true)),
		dim:   newPaint(color(gray)),
		good:  newPaint(color(blue)),
		warn:  newPaint(color(orange)),
		bad:   newPaint(color(vermilion).Bold(true)),
		upper: newPaint(color(orange)),
		lower: newPaint(color(blue)),
		key:   newPaint(r.NewStyle().Bold(true).Underline(true)),
		pass:  newPaint(color(blue).Bold(true)),
		doubt: newPaint(color(orange).Bold(true)),
	}
}

// verdict is the colour and the sign of a verdict.
func (s styles) verdict(v result.Verdict) (paint, string) {
	switch v {
	case result.Pass:
		return s.pass, "✓"
	case result.Fail:
		return s.bad, "✗"
	case result.Missed:
		return s.doubt, "!"
	case result.Invalid:
		return s.doubt, "?"
	}
	return s.dim, "…"
}

package play

import (
	"io"
	"os"

	"golang.org/x/term"

	"croupier/loadgen/internal/report"
	"croupier/loadgen/result"
)

// Text writes a result for a person, in lines of at most width columns, or 80 if width is less.
func Text(w io.Writer, run *result.Run, width int) error { return report.Text(w, run, width) }

// Columns is how wide a text for a person may be: as the terminal that it goes to, within reason, else 80.
func Columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return min(max(width, 80), 120)
		}
	}
	return 80
}

// HTML writes a result as a page that needs nothing else.
func HTML(w io.Writer, run *result.Run) error { return report.HTML(w, run) }

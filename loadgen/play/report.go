package play

import (
	"io"

	"croupier/loadgen/internal/report"
	"croupier/loadgen/result"
)

// Text writes a result for a person, in lines of at most width columns, or 80 if width is less.
func Text(w io.Writer, run *result.Run, width int) error { return report.Text(w, run, width) }

// HTML writes a result as a page that needs nothing else.
func HTML(w io.Writer, run *result.Run) error { return report.HTML(w, run) }

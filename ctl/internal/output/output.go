// Package output turns results into what people and programs read: aligned
// tables, JSON and YAML on stdout, with colour only where a person looks.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
	"sigs.k8s.io/yaml"
)

// Format is what -o asked for.
type Format string

// Formats. Wide is a table with more columns.
const (
	Plain Format = ""
	Wide  Format = "wide"
	JSON  Format = "json"
	YAML  Format = "yaml"
)

// ParseFormat reads the value of -o.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case Plain, Wide, JSON, YAML:
		return f, nil
	case "table":
		return Plain, nil
	}
	return "", fmt.Errorf("unknown output format %q: use wide, json or yaml", s)
}

// Encode writes v as JSON or YAML.
func Encode(w io.Writer, f Format, v any) error {
	var (
		data []byte
		err  error
	)
	if f == YAML {
		data, err = yaml.Marshal(v)
	} else {
		data, err = json.MarshalIndent(v, "", "  ")
		data = append(data, '\n')
	}
	if err != nil {
		return fmt.Errorf("encode the result as %s: %w", f, err)
	}
	_, err = w.Write(data)
	return err
}

// Table is rows under a header, columns two spaces apart.
type Table struct {
	Header []string
	Rows   [][]string
}

// Add appends a row; an empty cell is shown as "-".
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Write prints the table. Colour, if any, goes by paint, which is given the
// cell's text after it was padded.
func (t *Table) Write(w io.Writer, paint func(column int, text string) string) error {
	width := make([]int, len(t.Header))
	for _, row := range append([][]string{t.Header}, t.Rows...) {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(shown(cell)))
		}
	}
	var b strings.Builder
	for n, row := range append([][]string{t.Header}, t.Rows...) {
		for i, cell := range row {
			text := shown(cell)
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(text))
			if paint != nil && n > 0 {
				text = paint(i, text)
			}
			b.WriteString(text)
			if i < len(row)-1 {
				b.WriteString(pad + "  ")
			}
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func shown(cell string) string {
	if cell == "" {
		return "-"
	}
	return cell
}

// Palette colours text, or leaves it alone.
type Palette struct{ on bool }

// NewPalette allows colour if w is a terminal and the environment does not
// forbid it (NO_COLOR of any value but the empty one, TERM=dumb).
func NewPalette(w io.Writer, environ func(string) string) Palette {
	return newPalette(IsTerminal(w), environ)
}

func newPalette(terminal bool, environ func(string) string) Palette {
	return Palette{on: terminal && environ("NO_COLOR") == "" && environ("TERM") != "dumb"}
}

// IsTerminal tells whether v is a file that is a terminal.
func IsTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (p Palette) paint(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Good, Bad, Warn and Bold mark text; the words themselves must say it too.
func (p Palette) Good(s string) string { return p.paint("32", s) }

// Bad marks what is broken.
func (p Palette) Bad(s string) string { return p.paint("31", s) }

// Warn marks what is not finished.
func (p Palette) Warn(s string) string { return p.paint("33", s) }

// Bold marks a title.
func (p Palette) Bold(s string) string { return p.paint("1", s) }

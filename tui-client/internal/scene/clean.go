package scene

import (
	"strings"
	"unicode"
)

// longest is how many characters of a stranger's text are worth a line.
const longest = 4000

// Clean makes a server's text fit for a terminal: no control characters, which could move the
// cursor or worse, and no end of it.
func Clean(text string) string {
	return strings.TrimSpace(strings.Join(strings.Fields(CleanLines(text)), " "))
}

// CleanLines is Clean for text of several lines.
func CleanLines(text string) string {
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > longest {
			return -1
		}
		if r == '\n' || r == ' ' {
			return r
		}
		if r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

package ui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// fit makes a line exactly width columns wide.
func fit(line string, width int) string {
	if width <= 0 {
		return ""
	}
	n := ansi.StringWidth(line)
	if n > width {
		line = ansi.Truncate(line, width, "…")
		n = ansi.StringWidth(line)
	}
	return line + strings.Repeat(" ", width-n)
}

// center puts a line in the middle of width columns.
func center(line string, width int) string {
	n := ansi.StringWidth(line)
	if n >= width {
		return fit(line, width)
	}
	return fit(strings.Repeat(" ", (width-n)/2)+line, width)
}

// spread puts one text at the left and one at the right end of a line; the left one gives way.
func spread(left, right string, width int) string {
	n := ansi.StringWidth(right)
	if n >= width {
		return fit(right, width)
	}
	return fit(left, width-n-1) + " " + right
}

// wrap breaks text into lines of at most width columns.
func wrap(text string, width int) []string {
	if width <= 0 {
		return nil
	}
	return strings.Split(ansi.Wrap(text, width, ""), "\n")
}

// tall makes exactly height lines of some: the first ones, then blank ones.
func tall(lines []string, height int) []string {
	height = max(height, 0)
	if len(lines) > height {
		return lines[:height]
	}
	return append(lines, make([]string, height-len(lines))...)
}

// head is the first lines of some, at most so many.
func head(lines []string, most int) []string { return lines[:min(len(lines), most)] }

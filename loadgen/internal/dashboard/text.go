package dashboard

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// columns is the width of a line on the screen.
func columns(line string) int {
	for i := range len(line) {
		if c := line[i]; c < ' ' || c >= utf8.RuneSelf || c == 0x7f {
			return ansi.StringWidth(line)
		}
	}
	return len(line) // the cheap case, and a frequent one
}

// fit makes a line exactly width columns wide.
func fit(line string, width int) string {
	if width <= 0 {
		return ""
	}
	n := columns(line)
	if n > width {
		line = ansi.Truncate(line, width, "…")
		n = columns(line)
	}
	return line + strings.Repeat(" ", max(0, width-n))
}

// right puts a text at the right end of width columns.
func right(text string, width int) string {
	n := columns(text)
	if n >= width {
		return fit(text, width)
	}
	return strings.Repeat(" ", width-n) + text
}

// spread puts one text at the left and one at the right end of a line; the left one gives way.
func spread(left, right string, width int) string {
	n := columns(right)
	if n >= width {
		return fit(right, width)
	}
	return fit(left, width-n-1) + " " + right
}

// wrap breaks text into lines of at most width columns, and no more than most of them.
func wrap(text string, width, most int) []string {
	if width <= 0 || most <= 0 || text == "" {
		return nil
	}
	lines := strings.Split(ansi.Wrap(text, width, ""), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ") // one before a hyphen may be left, beyond the width
	}
	if len(lines) > most {
		lines = lines[:most]
		lines[most-1] = ansi.Truncate(lines[most-1], width-1, "") + "…"
	}
	return lines
}

// tall makes exactly height lines of some: the first ones, then blank ones.
func tall(lines []string, height int) []string {
	height = max(height, 0)
	if len(lines) > height {
		return lines[:height]
	}
	for len(lines) < height {
		lines = append(lines, "")
	}
	return lines
}

// flow puts parts side by side, gap between them, into lines of at most width columns.
func flow(parts []string, gap string, width int) []string {
	var lines []string
	line, used := "", 0
	for _, part := range parts {
		n := columns(part)
		if used > 0 && used+columns(gap)+n > width {
			lines = append(lines, line)
			line, used = "", 0
		}
		if used > 0 {
			line += gap
			used += columns(gap)
		}
		line += part
		used += n
	}
	if used > 0 {
		lines = append(lines, line)
	}
	return lines
}

// block is a part of the screen that can do with least rows and has no use for more than most.
type block struct {
	rank        int // the lowest one gets its rows first; at most spare
	least, most int
	draw        func(rows int) []string
}

// spare is the rank of a block that gets what nobody else can use, or nothing.
const spare = 6

// stack puts blocks below one another in exactly so many rows. Blocks for which there is no room
// are left out, those of the highest ranks first.
func stack(rows int, blocks []block) []string {
	given := make([]int, len(blocks))
	left := rows
	each := func(from, to int, do func(i int, b block)) {
		for rank := from; rank <= to; rank++ {
			for i, b := range blocks {
				if b.rank == rank {
					do(i, b)
				}
			}
		}
	}
	least := func(i int, b block) {
		if b.least <= left {
			given[i] = b.least
			left -= b.least
		}
	}
	more := func(i int, b block) {
		if given[i] > 0 {
			n := min(max(0, b.most-given[i]), left)
			given[i] += n
			left -= n
		}
	}
	each(0, spare-1, least)
	each(0, spare-1, more)
	each(spare, spare, least)
	each(spare, spare, more)
	lines := make([]string, 0, rows)
	for i, b := range blocks {
		if given[i] > 0 {
			lines = append(lines, tall(b.draw(given[i]), given[i])...)
		}
	}
	return tall(lines, rows)
}

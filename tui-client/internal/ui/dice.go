package ui

import (
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
)

// face is what a die shows.
type face int

const (
	blank  face = 0  // not rolled
	hidden face = -1 // rolled, and nobody may know what
)

// pips are the three rows of a die.
func (f face) pips() [3]string {
	switch f {
	case hidden:
		return [3]string{"  ▄▄▄  ", "   ▄▀  ", "   ▄   "}
	case 1:
		return [3]string{"       ", "   ●   ", "       "}
	case 2:
		return [3]string{" ●     ", "       ", "     ● "}
	case 3:
		return [3]string{" ●     ", "   ●   ", "     ● "}
	case 4:
		return [3]string{" ●   ● ", "       ", " ●   ● "}
	case 5:
		return [3]string{" ●   ● ", "   ●   ", " ●   ● "}
	case 6:
		return [3]string{" ●   ● ", " ●   ● ", " ●   ● "}
	}
	return [3]string{"       ", "       ", "       "}
}

// letter is a die in one column.
func (f face) letter() string {
	switch {
	case f == hidden:
		return "?"
	case f >= 1 && f <= 9:
		return string(rune('0' + f))
	}
	return " "
}

// dieWidth and dieHeight are the size of a drawn die.
const (
	dieWidth  = 9
	dieHeight = 5
)

// border is the edge of a drawn die.
type border struct{ top, side, bottom string }

var (
	thin   = border{"╭───────╮", "│", "╰───────╯"}
	thick  = border{"╔═══════╗", "║", "╚═══════╝"} // a winner's
	dotted = border{"╭╌╌╌╌╌╌╌╮", "╎", "╰╌╌╌╌╌╌╌╯"} // an empty seat, or one that has not rolled
)

// draw is a die in dieHeight lines.
func (f face) draw(b border, middle string, style lipgloss.Style) []string {
	rows := f.pips()
	if middle != "" {
		rows[1] = center(middle, dieWidth-2)
	}
	lines := []string{b.top}
	for _, row := range rows {
		lines = append(lines, b.side+row+b.side)
	}
	lines = append(lines, b.bottom)
	for i := range lines {
		lines[i] = style.Render(lines[i])
	}
	return lines
}

// tumbling is the face that a rolling die shows at a moment, and by how many columns it has
// jumped. It follows from the arguments alone.
func tumbling(user int64, now time.Time) (f face, jump int) {
	x := uint64(user)*0x9E3779B97F4A7C15 + uint64(now.UnixMilli()/fast.Milliseconds())*0xD1B54A32D192ED03
	x ^= x >> 29
	x *= 0xBF58476D1CE4E5B9
	x ^= x >> 32
	return face(x%6) + 1, int(x >> 8 % 3)
}

// digits are 3 columns by 5 rows each, for a clock that is read from across the room.
var digits = [10][5]string{
	{"█▀█", "█ █", "█ █", "█ █", "█▄█"},
	{" █ ", "▀█ ", " █ ", " █ ", "▄█▄"},
	{"▀▀█", "  █", "█▀▀", "█  ", "█▄▄"},
	{"▀▀█", "  █", " ▀█", "  █", "▄▄█"},
	{"█ █", "█ █", "▀▀█", "  █", "  █"},
	{"█▀▀", "█  ", "▀▀█", "  █", "▄▄█"},
	{"█▀▀", "█  ", "█▀█", "█ █", "█▄█"},
	{"▀▀█", "  █", "  █", "  █", "  █"},
	{"█▀█", "█ █", "█▀█", "█ █", "█▄█"},
	{"█▀█", "█ █", "▀▀█", "  █", "▄▄█"},
}

// bigNumber draws a number that is not negative in five lines.
func bigNumber(n int) []string {
	text := []byte{}
	for {
		text = append([]byte{byte(n % 10)}, text...)
		if n /= 10; n == 0 {
			break
		}
	}
	lines := make([]string, 5)
	for row := range lines {
		parts := make([]string, len(text))
		for i, digit := range text {
			parts[i] = digits[digit][row]
		}
		lines[row] = strings.Join(parts, " ")
	}
	return lines
}

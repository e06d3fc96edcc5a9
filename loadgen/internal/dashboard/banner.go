package dashboard

import (
	"strings"

	"croupier/loadgen/result"
)

// glyphs are letters of five by six dots, a row in a line.
var glyphs = map[rune][6]string{
	'P': {"####.", "#...#", "#...#", "####.", "#....", "#...."},
	'A': {".###.", "#...#", "#...#", "#####", "#...#", "#...#"},
	'S': {".####", "#....", ".###.", "....#", "....#", "####."},
	'F': {"#####", "#....", "####.", "#....", "#....", "#...."},
	'I': {"###", ".#.", ".#.", ".#.", ".#.", "###"},
	'L': {"#....", "#....", "#....", "#....", "#....", "#####"},
	'O': {".###.", "#...#", "#...#", "#...#", "#...#", ".###."},
	'N': {"#...#", "##..#", "#.#.#", "#..##", "#...#", "#...#"},
	'V': {"#...#", "#...#", "#...#", ".#.#.", ".#.#.", "..#.."},
	'D': {"####.", "#...#", "#...#", "#...#", "#...#", "####."},
	'.': {".", ".", ".", ".", "#", "#"},
}

const bannerRows = 3

// banner is a verdict in letters that are read from across the room.
func banner(v result.Verdict) []string {
	word := string(v)
	switch v {
	case result.Pass, result.Fail, result.Missed, result.Invalid:
	default:
		word = "..." // none yet
	}
	lines := make([]strings.Builder, bannerRows)
	for i, letter := range word {
		glyph := glyphs[letter]
		for row := range bannerRows {
			if i > 0 {
				lines[row].WriteByte(' ')
			}
			upper, lower := glyph[2*row], glyph[2*row+1]
			for x := range len(upper) {
				switch up, down := upper[x] == '#', lower[x] == '#'; {
				case up && down:
					lines[row].WriteRune('█')
				case up:
					lines[row].WriteRune('▀')
				case down:
					lines[row].WriteRune('▄')
				default:
					lines[row].WriteByte(' ')
				}
			}
		}
	}
	out := make([]string, bannerRows)
	for i := range lines {
		out[i] = lines[i].String()
	}
	return out
}

package scenario

import (
	"fmt"
	"strings"
)

// shown is what somebody wrote, for a message. What is long may be a key or a token that came here
// by mistake, and is not shown.
func shown(text string) string {
	if len(text) > 40 {
		return "what was given"
	}
	return fmt.Sprintf("%q", text)
}

// meant is a question for the known name that somebody may have meant.
func meant(name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}

func nearestOr(name string, known []string, other string) string {
	if near := Nearest(name, known); near != "" {
		return near
	}
	return other
}

// Nearest is the known name that a misspelled one stands for: one that begins so, or one that at
// most every third letter makes it. Empty: none is near.
func Nearest(name string, known []string) string {
	if len(name) > 40 {
		return ""
	}
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	best, least := "", (len(name)+1)/3+1
	for _, k := range known {
		if len(name) >= 2 && strings.HasPrefix(k, name) {
			return k
		}
		if d := edits(name, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// edits is how many letters of a were left out, put in, changed, or changed places with the next one, to
// make b of it.
func edits(a, b string) int {
	earlier, above := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above[j]+cost, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], earlier[j-1]+1)
			}
		}
		earlier, above = above, row
	}
	return above[len(b)]
}

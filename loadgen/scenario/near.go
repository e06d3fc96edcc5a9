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

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/internal/report/chart"
	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
)

// sign stands beside a verdict, for those who don't see its colour.
func sign(v result.Verdict) string {
	switch v {
	case result.Pass:
		return "✓"
	case result.Fail:
		return "✗"
	case result.Missed:
		return "▲"
	}
	return "?"
}

// means is the verdict in words.
func means(v result.Verdict) string {
	switch v {
	case result.Pass:
		return "no rule was broken, and no objective was missed"
	case result.Fail:
		return "the servers broke a rule, and there is proof"
	case result.Missed:
		return "no rule was broken, but an objective was missed"
	case result.Invalid:
		return "the run says nothing about the servers"
	}
	return "a verdict that this version does not know"
}

// printable makes a text that came from elsewhere safe for a terminal: what does not print is shown
// as its number, so that it can't move the cursor, hide what follows, or turn its direction.
func printable(s string) string {
	clean := true
	for _, r := range s {
		clean = clean && unicode.IsPrint(r) && r != unicode.ReplacementChar
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case !unicode.IsPrint(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// clip is a text of at most n characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// many is a number of things.
func many[N int | int64 | uint64](n N, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return words.Count(n) + " " + thing
}

// percent is a share to two digits.
func percent(share float64) string {
	if share*100 >= 9.95 {
		return fmt.Sprintf("%.0f%%", share*100)
	}
	return fmt.Sprintf("%.2g%%", share*100)
}

func span(seconds float64) string {
	return chart.Duration(time.Duration(seconds * float64(time.Second)))
}

// lasted is how long a run took, and of what, where somebody or something ended it early.
func lasted(run *result.Run) string {
	text := span(run.Seconds)
	if meant := run.Scenario.Length(); run.Seconds < (meant - time.Second).Seconds() {
		text += " of the " + chart.Duration(meant) + " that it was to take"
	}
	return text
}

// rule is one line of the table of rules.
type rule struct {
	Name, Meaning string
	oracle.Tally
}

// ruled are the rules in the order in which the oracle names them, and after them those that only
// a file of another version knows.
func ruled(tallies map[string]oracle.Tally) []rule {
	var all []rule
	known := make(map[string]bool)
	for _, r := range oracle.Rules() {
		known[r.String()] = true
		all = append(all, rule{r.String(), r.Meaning(), tallies[r.String()]})
	}
	var others []string
	for name := range tallies {
		if !known[name] {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	for _, name := range others {
		all = append(all, rule{name, "a rule that this version does not know", tallies[name]})
	}
	return all
}

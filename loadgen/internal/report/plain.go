package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/internal/report/chart"
	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
)

// narrowest is the least width of a report in columns: its tables need them.
const narrowest = 80

// A person is shown so many violations with proof, waves, notes, and kinds of troubles; a program gets all.
const (
	mostProofs   = 5
	mostWaves    = 8
	mostNotes    = 12
	mostTroubles = 10
)

// Text writes what a person reads at the end of a run: the verdict and its reasons first, the rest
// to understand them. Lines have at most width columns, or 80 if width is less. What came from
// servers can do nothing to the terminal.
func Text(w io.Writer, run *result.Run, width int) error {
	p := &paper{width: max(width, narrowest)}
	p.verdict(run)
	p.summary(run)
	p.objectives(run)
	p.phases(run)
	p.rules(run)
	p.waves(run)
	p.notes(run)
	p.health(run)
	p.violations(run)
	p.troubles(run)
	_, err := io.WriteString(w, p.String())
	return err
}

// paper is a text of lines of limited width.
type paper struct {
	strings.Builder
	width int
}

func (p *paper) line(format string, args ...any) {
	p.WriteString(strings.TrimRight(clip(fmt.Sprintf(format, args...), p.width), " ") + "\n")
}

// wrap writes a text behind a head; the lines that follow the first begin where the text does. A
// word that is too long for a line is cut into several.
func (p *paper) wrap(head, text string) {
	indent := utf8.RuneCountInString(head)
	line := []rune(head)
	begun, wrote := false, false // the line has a word; there was a line
	for _, word := range unbroken(printable(text)) {
		rest := []rune(word)
		for len(rest) > 0 {
			space := 0
			if begun {
				space = 1
			}
			if len(line)+space+len(rest) <= p.width {
				if begun {
					line = append(line, ' ')
				}
				line, rest, begun = append(line, rest...), nil, true
				break
			}
			if !begun {
				room := max(p.width-len(line), 1)
				line, rest = append(line, rest[:room]...), rest[room:]
			}
			p.line("%s", string(line))
			line, begun, wrote = []rune(strings.Repeat(" ", indent)), false, true
		}
	}
	if begun || !wrote {
		p.line("%s", string(line))
	}
}

// unbroken are the words of a text; a number and its unit are one.
func unbroken(text string) []string {
	var all []string
	for _, word := range strings.Fields(text) {
		if n := len(all); n > 0 && slices.Contains(units, strings.TrimRight(word, ",;:.)")) {
			if last := all[n-1][len(all[n-1])-1]; '0' <= last && last <= '9' {
				all[n-1] += " " + word
				continue
			}
		}
		all = append(all, word)
	}
	return all
}

var units = []string{"s", "ms", "µs", "min", "h", "B", "KiB", "MiB", "GiB"}

// fold writes a line that has columns of its own behind an indent. What does not fit goes on below
// what happened, behind the time and the witnesses, where there is room for it.
func (p *paper) fold(indent, text string) {
	rest := []rune(indent + printable(strings.TrimRight(text, " ")))
	below := len(indent) + 2
	if last := strings.LastIndex(string(rest), "  "); last > len(indent) {
		if column := utf8.RuneCountInString(string(rest)[:last]) + 2; column+narrow <= p.width {
			below = column
		}
	}
	for len(rest) > p.width {
		end := p.width
		for end > below+1 && rest[end] != ' ' {
			end--
		}
		if rest[end] != ' ' { // one long word
			end = p.width
		}
		p.line("%s", string(rest[:end]))
		rest = []rune(strings.Repeat(" ", below) + strings.TrimLeft(string(rest[end:]), " "))
	}
	p.line("%s", string(rest))
}

func (p *paper) verdict(run *result.Run) {
	p.line("%s", printable(string(run.Verdict)))
	for _, reason := range run.Reasons {
		p.wrap("  ", reason)
	}
}

func (p *paper) summary(run *result.Run) {
	s, c := run.Scenario, run.Counts
	p.line("")
	text := many(run.Came, "bot") + " came, " + words.Count(run.Seated) + " got to a table"
	if s.Game != "" {
		text += " of " + s.Game
	}
	text += fmt.Sprintf(", on %s, for %s", run.Target, lasted(run))
	if s.Name != "" {
		text += fmt.Sprintf(" (%s, seed %d)", s.Name, s.Seed)
	} else {
		text += fmt.Sprintf(" (seed %d)", s.Seed)
	}
	if run.Processes > 1 {
		text += ", from " + words.Count(run.Processes) + " processes"
	}
	p.wrap("", text)
	if v := versions(run.Phases); len(v) > 0 {
		p.wrap("servers:     ", strings.Join(v, ", "))
	}
	if b, ok := fullest(run.Series); ok {
		text := fmt.Sprintf("%s of %s seated at the best moment", words.Count(b.Seated), words.Count(b.Wanted))
		if b.Watching > 0 {
			text += ", " + words.Count(b.Watching) + " watching"
		}
		if away := mostAway(run.Series); away > 0 {
			text += "; up to " + words.Count(away) + " away at once"
		}
		p.wrap("population:  ", text)
	}
	p.wrap("rounds:      ", fmt.Sprintf("%s settled, %s rolls acknowledged, %s events", words.Count(c.Settlements), words.Count(c.Rolls), words.Count(c.Events)))
	p.wrap("connections: ", fmt.Sprintf("%s broken by bots, %s lost otherwise, %s returns to the table", words.Count(c.Broken), words.Count(c.Lost), words.Count(c.Returns)))
	if c.Reopened+c.Closed+c.Moved+c.Vanished > 0 {
		p.wrap("rooms:       ", fmt.Sprintf("%s reopened after everyone had left, %s closed by the servers, %s lost under their players; %s moved to another seat",
			words.Count(c.Reopened), words.Count(c.Closed), words.Count(c.Vanished), many(c.Moved, "player")))
	}
	if c.Migrated+c.LostRounds > 0 {
		p.wrap("moves:       ", fmt.Sprintf("%s of rooms to another server, %s of them after theirs had died; %s lost",
			words.Count(c.Migrated), words.Count(c.Recovered), many(c.LostRounds, "round")))
	}
}

// proofs says how to read the proof of a violation.
const proofs = "for each its proof, every fact once: when in the run, the bots that were told it, and #, the number of the event in its room; " +
	"an owner is one life of the room on a server. The last fact gave it away."

// narrow is the least width in which what happened can still be read.
const narrow = 24

// fullest is the population when most bots were seated; wanted are as many as ever were, for at the end
// of a run none are.
func fullest(series []result.Second) (best result.Population, ok bool) {
	wanted := 0
	for _, s := range series {
		wanted = max(wanted, s.Bots.Wanted)
		if s.Bots.Seated >= best.Seated {
			best, ok = s.Bots, true
		}
	}
	best.Wanted = wanted
	return best, ok
}

func mostAway(series []result.Second) int {
	most := 0
	for _, s := range series {
		most = max(most, s.Bots.Away)
	}
	return most
}

func (p *paper) objectives(run *result.Run) {
	if len(run.Objectives) == 0 {
		p.wrap("objectives:  ", "none were set: how fast the servers were counts for nothing in the verdict")
		return
	}
	p.line("")
	p.line("%-20s %9s %9s %12s", "objective", "limit", "measured", "count")
	for _, o := range run.Objectives {
		measured := chart.Duration(o.Measured)
		if o.Count == 0 {
			measured = "-"
		}
		p.line("%-20s %9s %9s %12s  %s", clip(printable(o.Name), 20), chart.Duration(o.Limit), measured, words.Count(o.Count), outcome(o))
	}
}

func outcome(o result.Outcome) string {
	switch {
	case o.Count == 0:
		return "? not tested"
	case o.Met:
		return "✓ met"
	}
	return "✗ missed"
}

func (p *paper) phases(run *result.Run) {
	all := rows(run.Phases)
	if len(all) == 0 {
		return
	}
	const format = "%-22s %11s %8s %8s %8s %8s %8s"
	p.line("")
	p.line(format, "phase", "count", "p50", "p90", "p99", "p99.9", "max")
	for _, r := range all {
		name := clip(printable(r.Phase), 22)
		if !r.Whole {
			name = "  " + clip(printable(r.Server), 20)
		}
		q := r.Quantiles
		if q.Count == 0 {
			p.line(format, name, "0", "-", "-", "-", "-", "-")
			continue
		}
		p.line(format, name, words.Count(q.Count), chart.Duration(q.P50), chart.Duration(q.P90), chart.Duration(q.P99), chart.Duration(q.P999), chart.Duration(q.Max))
	}
}

// roomy is the width from which on there is room for what each rule means; in less of it that is
// told of broken rules only.
const roomy = 110

func (p *paper) rules(run *result.Run) {
	all := ruled(run.Rules)
	if !slices.ContainsFunc(all, func(r rule) bool { return r.Tally != (oracle.Tally{}) }) {
		return
	}
	p.line("")
	p.line("  %-10s %13s %10s %10s", "rule", "checked", "violated", "unknown")
	for _, r := range all {
		head := fmt.Sprintf("%-10s %13s %10s %10s  ", clip(printable(r.Name), 10), words.Count(r.Checked), words.Count(r.Violated), words.Count(r.Unknown))
		switch {
		case r.Violated > 0:
			p.wrap("✗ "+head, r.Meaning)
		case p.width >= roomy:
			p.wrap("  "+head, r.Meaning)
		default:
			p.line("  %s", head)
		}
	}
	if slices.ContainsFunc(all, func(r rule) bool { return r.Unknown > 0 }) {
		p.wrap("  ", "unknown: no bot was there to see it, as around a lost connection or at the end of the run; no failure")
	}
}

func (p *paper) waves(run *result.Run) {
	if len(run.Waves) == 0 {
		return
	}
	p.line("")
	p.line("%-9s %-8s %9s %9s   %9s %9s %9s", "wave at", "whose", "lost", "back", "half in", "99% in", "all in")
	for _, w := range worstWaves(run.Waves, mostWaves) {
		p.line("%-9s %-8s %9s %9s   %9s %9s %9s", words.Moment(w.At), whose(w), words.Count(w.Lost), words.Count(w.Back), took(w.Half), took(w.Most), took(w.Whole))
	}
	if more := len(run.Waves) - mostWaves; more > 0 {
		p.line("... and %s: the result file has them", many(more, "smaller wave"))
	}
}

func (p *paper) notes(run *result.Run) {
	if len(run.Notes) == 0 {
		return
	}
	p.line("")
	p.line("what was done meanwhile:")
	if more := len(run.Notes) - mostNotes; more > 0 {
		p.line("             %s earlier: the result file has them", many(more, "note"))
	}
	for _, n := range run.Notes[max(0, len(run.Notes)-mostNotes):] {
		p.wrap(fmt.Sprintf("%11s  ", words.Moment(n.At.Seconds())), n.Text)
	}
}

func whose(w result.Wave) string {
	if w.Own {
		return "bots'"
	}
	return "servers'"
}

// took is a time that may not have come.
func took(d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	return chart.Duration(d)
}

func (p *paper) health(run *result.Run) {
	var all []string
	for _, v := range vitals(run) {
		text := v.Name + " " + v.Value
		if v.Over {
			text += " (✗ must be " + v.Limit + ")"
		}
		all = append(all, text)
	}
	p.line("")
	p.wrap("generator:   ", strings.Join(all, "; "))
}

func (p *paper) violations(run *result.Run) {
	if len(run.Violations) > 0 {
		p.line("")
		p.wrap("violations:  ", proofs)
	}
	for i, v := range run.Violations {
		p.line("")
		if i == mostProofs {
			p.line("... and %s with proof: the result file has them", many(len(run.Violations)-i, "violation"))
			return
		}
		p.wrap("✗ ", fmt.Sprintf("room %d broke %q: %s", v.Room, v.Rule, v.Text))
		for _, line := range v.Proof {
			p.fold("    ", line)
		}
	}
}

func (p *paper) troubles(run *result.Run) {
	if len(run.Troubles) == 0 {
		return
	}
	p.line("")
	p.line("troubles that the bots met:")
	for i, t := range run.Troubles {
		if i == mostTroubles {
			p.line("             ... and %s: the result file has them", many(len(run.Troubles)-i, "other kind"))
			return
		}
		p.wrap(fmt.Sprintf("%11s  ", words.Count(t.Count)), t.Text)
	}
}

package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"croupier/loadgen/internal/bot"
	"croupier/loadgen/internal/load"
	"croupier/loadgen/internal/oracle"
)

// JSON writes the document for programs.
func (d Document) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// maxShown is how many violations and troubles people are shown.
const maxShown = 10

// Text writes the document for people.
func (d Document) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", d.Verdict)
	for _, reason := range d.Reasons {
		b.WriteString(fold("  ", reason))
	}
	c := d.Counts
	b.WriteString("\n" + fold("", fmt.Sprintf("%s, %d of them seated, in %s of %s, on %s, for %.1f s (seed %d)",
		count(d.Bots, "bot"), d.Seated, count(d.Rooms, "room"), d.Game, d.Target, d.Seconds, d.Seed)))
	b.WriteString(fold("rounds: ", fmt.Sprintf("%d settled, %d of them seen from their start; %d rolls acknowledged",
		c.Settlements, d.Rules[oracle.Settlement.String()].Checked, c.Rolls)))
	returns := fmt.Sprintf("%d broken by bots, %d lost otherwise, %d returns to the table", c.Broken, c.Lost, c.Returns)
	if d.Absences.Count > 0 {
		returns += fmt.Sprintf(": half within %.3g s, 99%% within %.3g s, all within %.3g s", d.Absences.P50, d.Absences.P99, d.Absences.Max)
	}
	b.WriteString(fold("connections: ", returns))
	b.WriteString(fold("rooms: ", fmt.Sprintf("%d reopened after everyone had left, %d closed by the server, %d lost under their players",
		c.Reopened, c.Closed, c.Vanished)))
	fmt.Fprintf(&b, "\n%-10s %9s %8s %7s\n", "rule", "checked", "violated", "unknown")
	for _, rule := range oracle.Rules() {
		t := d.Rules[rule.String()]
		b.WriteString(fold(fmt.Sprintf("%-10s %9d %8d %7d  ", rule, t.Checked, t.Violated, t.Unknown), rule.Meaning()))
	}
	for i, v := range d.Violations {
		if i == maxShown {
			fmt.Fprintf(&b, "\n... and %d more with proof: see them with -o json\n", len(d.Violations)-i)
			break
		}
		fmt.Fprintf(&b, "\nroom %d broke %q: %s\n", v.Room, v.Rule, v.Text)
		for _, line := range v.Proof {
			fmt.Fprintf(&b, "    %s\n", line)
		}
	}
	if len(d.Troubles) > 0 {
		b.WriteString("\ntroubles the bots met:\n")
	}
	for i, t := range d.Troubles {
		if i == maxShown {
			fmt.Fprintf(&b, "    ... and %d other kinds: see them with -o json\n", len(d.Troubles)-i)
			break
		}
		b.WriteString(fold(fmt.Sprintf("%8d  ", t.Count), t.Text))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// Progress is one line about a run under way, of at most 80 columns unless its numbers are huge.
func Progress(s load.Moment) string {
	c := s.Findings.Counts
	where := fmt.Sprintf("seated %d", s.States[bot.Seated])
	for _, state := range []bot.State{bot.Connecting, bot.Watching, bot.Away, bot.Out} {
		if n := s.States[state]; n > 0 {
			where += fmt.Sprintf(" %s %d", state, n)
		}
	}
	return fmt.Sprintf("%3.0fs %s, settled %d, cut %d lost %d back %d, violated %d",
		s.At.Seconds(), where, c.Settlements, c.Broken, c.Lost, c.Returns, s.Findings.Violated())
}

// columns is how wide the report is.
const columns = 80

// fold writes a text behind a head, in lines of at most columns; the lines that follow the first
// begin where the text does.
func fold(head, text string) string {
	indent := strings.Repeat(" ", len(head))
	line, lines := head, ""
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case len(line)+1+len(word) > columns:
			lines += line + "\n"
			line = indent + word
		default:
			line += " " + word
		}
	}
	return lines + line + "\n"
}

// count is a number of things.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

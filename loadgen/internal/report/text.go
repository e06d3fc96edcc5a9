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
		fmt.Fprintf(&b, "  %s\n", reason)
	}
	c := d.Counts
	fmt.Fprintf(&b, "\n%d bots, %d of them seated, in %d rooms of %s, on %s, for %.1f s (seed %d)\n", d.Bots, d.Seated, d.Rooms, d.Game, d.Target, d.Seconds, d.Seed)
	fmt.Fprintf(&b, "rounds: %d settled, %d of them seen from their start; %d rolls acknowledged\n", c.Settlements, d.Rules[oracle.Settlement.String()].Checked, c.Rolls)
	fmt.Fprintf(&b, "connections: %d broken by bots, %d lost otherwise, %d returns to the table", c.Broken, c.Lost, c.Returns)
	if d.Absences.Count > 0 {
		fmt.Fprintf(&b, ": half within %.3g s, 99%% within %.3g s, all within %.3g s", d.Absences.P50, d.Absences.P99, d.Absences.Max)
	}
	fmt.Fprintf(&b, "\nrooms: %d reopened after everyone had left, %d closed by the server, %d lost under their players\n\n", c.Reopened, c.Closed, c.Vanished)
	fmt.Fprintf(&b, "%-12s %10s %10s %10s\n", "rule", "checked", "violated", "unknown")
	for _, rule := range oracle.Rules() {
		t := d.Rules[rule.String()]
		fmt.Fprintf(&b, "%-12s %10d %10d %10d   %s\n", rule, t.Checked, t.Violated, t.Unknown, rule.Meaning())
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
		fmt.Fprintf(&b, "%8d  %s\n", t.Count, t.Text)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// Progress is one line about a run under way.
func Progress(s load.Snapshot) string {
	c := s.Findings.Counts
	return fmt.Sprintf("%5.0fs  seated %d  watching %d  away %d  out %d  connecting %d | started %d  settled %d | broken %d  lost %d  back %d | violated %d",
		s.At.Seconds(), s.States[bot.Seated], s.States[bot.Watching], s.States[bot.Away], s.States[bot.Out], s.States[bot.Connecting],
		c.Rounds, c.Settlements, c.Broken, c.Lost, c.Returns, s.Findings.Violated())
}

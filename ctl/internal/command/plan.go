package command

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"croupier/ctl/internal/fleet"
	"croupier/ctl/internal/output"
)

// Plan is what a verb is about to do, for a person to agree to.
type Plan struct {
	Title string
	Steps []string
	Notes []string // what to know before saying yes
}

// Add appends a step.
func (p *Plan) Add(format string, args ...any) {
	p.Steps = append(p.Steps, fmt.Sprintf(format, args...))
}

// Note appends something to know.
func (p *Plan) Note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

func (p Plan) write(s Streams) {
	palette := output.NewPalette(s.Out, os.Getenv)
	fmt.Fprintln(s.Out, palette.Bold(p.Title))
	for i, step := range p.Steps {
		fmt.Fprintf(s.Out, "  %d. %s\n", i+1, step)
	}
	for _, note := range p.Notes {
		fmt.Fprintf(s.Out, "  %s %s\n", palette.Warn("note:"), note)
	}
}

// confirm prints the plan and asks, unless --yes answered already. It reports
// false, without an error, for a dry run, which ends after the plan.
func (ch Change) confirm(ctx context.Context, s Streams, p Plan) (bool, error) {
	p.write(s)
	if ch.DryRun {
		fmt.Fprintln(s.Out, "Dry run: nothing was changed.")
		return false, nil
	}
	if ch.Yes {
		return true, nil
	}
	if !output.IsTerminal(s.In) {
		return false, refused("nobody to ask: standard input is not a terminal; give --yes to go ahead or --dry-run to look")
	}
	fmt.Fprint(s.Err, "Go ahead? [y/N] ")
	answer, err := interruptible(ctx, func() (string, error) {
		line, _ := bufio.NewReader(s.In).ReadString('\n')
		return strings.ToLower(strings.TrimSpace(line)), nil
	})
	if err != nil {
		fmt.Fprintln(s.Err) // end the line of the question
	}
	if answer != "y" && answer != "yes" {
		return false, refused("not confirmed: nothing was changed")
	}
	return true, nil
}

// act has the API server check a write, confirms the plan, and writes. It
// reports false if nothing was written.
func (ch Change) act(ctx context.Context, f *fleet.Fleet, s Streams, w *fleet.Workload, plan Plan, write fleet.Write) (bool, error) {
	if err := f.Change(ctx, w, write, true); err != nil {
		return false, err
	}
	if ok, err := ch.confirm(ctx, s, plan); !ok {
		return false, err
	}
	if err := f.Change(ctx, w, write, false); err != nil {
		return false, err
	}
	return true, nil
}

// place names where a plan acts.
func place(f *fleet.Fleet) string { return fmt.Sprintf("namespace %s (%s)", f.Namespace, f.Server) }

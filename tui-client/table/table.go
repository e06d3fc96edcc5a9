// Package table opens a dice table for a person, or for a script: on a terminal as a screen, without
// one as plain lines. It is what the program tui-client runs, and what other programs of the house
// open a table with.
package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"golang.org/x/term"

	"croupier/servers/client"
	"croupier/tui-client/internal/lines"
	_ "croupier/tui-client/internal/quiet"
	"croupier/tui-client/internal/scene"
	"croupier/tui-client/internal/ui"
)

// Config says which table, and how to play at it.
type Config struct {
	Target client.Target
	User   int64 // who the target's token is for
	Place  client.Place

	Auto   bool          // play by itself
	For    time.Duration // end after so long; 0: when the player quits
	Rounds int           // end after so many settled rounds; 0: when the player quits

	// In, Out and Err are where to play. The zero value is the process's own. A screen is drawn
	// where In and Out are both terminals, and not dumb ones.
	In       io.Reader
	Out, Err io.Writer
}

var (
	// ErrNeverSat reports that the player never came to sit at the table.
	ErrNeverSat = errors.New("never got to the table")

	// ErrTimeUp reports that Config.For was over before Config.Rounds were played.
	ErrTimeUp = errors.New("the time was up before the rounds were played")
)

// endless says that the end of the commands is not the end of the game.
func (c Config) endless() bool { return c.Auto || c.For > 0 || c.Rounds > 0 }

// scriptAttempts is how many attempts in a row to connect may fail where commands come from a
// script, which nobody may be watching: they take about half a minute.
const scriptAttempts = 12

// closeWithin bounds the goodbye.
const closeWithin = 3 * time.Second

// Run plays until the player quits, the connection is closed for good, ctx ends, or what the
// config allows is over. It returns nil where the game ended as asked for.
func Run(ctx context.Context, c Config) error {
	if c.In == nil {
		c.In = os.Stdin
	}
	if c.Out == nil {
		c.Out = os.Stdout
	}
	if c.Err == nil {
		c.Err = os.Stderr
	}
	timed := ctx
	if c.For > 0 {
		var cancel context.CancelFunc
		timed, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	options := client.Options{
		KeepAlive: 5 * time.Second,
		Backoff:   client.Backoff{Cap: 5 * time.Second}, // a person is waiting
	}
	play := playLines
	switch {
	case isTerminal(c.In) && isTerminal(c.Out):
		if os.Getenv("TERM") != "dumb" { // one that cannot move its cursor
			play = playScreen
		}
	case !c.endless():
		options.MaxAttempts = scriptAttempts
	}
	player := client.Start(c.Target, options)
	seen, err := play(timed, c, player)

	goodbye, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	wasClosed := player.Err()
	err = errors.Join(err, player.Close(goodbye))
	switch {
	case err != nil:
		return err
	case wasClosed != nil:
		return &closedError{came: seen.Came, err: wasClosed}
	case c.Rounds > 0 && seen.Finished < c.Rounds && timed.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("%w: %d of %d", ErrTimeUp, seen.Finished, c.Rounds)
	case (c.Rounds > 0 || c.For > 0) && !seen.Came && ctx.Err() == nil:
		if seen.Trouble != nil {
			return &closedError{err: seen.Trouble}
		}
		return ErrNeverSat
	}
	return nil
}

// closedError is why a game ended that should not have.
type closedError struct {
	came bool // the player was at the table
	err  error
}

func (e *closedError) Error() string {
	if e.came {
		return "the table closed: " + scene.Explain(e.err)
	}
	return ErrNeverSat.Error() + ": " + scene.Explain(e.err)
}

func (e *closedError) Unwrap() error { return e.err }

// Is makes every game that never began one error.
func (e *closedError) Is(target error) bool { return target == ErrNeverSat && !e.came }

// playScreen plays on a terminal.
func playScreen(ctx context.Context, c Config, player *client.Client) (*scene.Scene, error) {
	model := ui.New(ui.Config{
		Player: player, Events: player.Events(), User: c.User, Place: c.Place,
		Target: c.Target.String(), Auto: c.Auto, Rounds: c.Rounds,
		Renderer: lipgloss.NewRenderer(c.Out), Now: time.Now(),
	})
	program := tea.NewProgram(model, tea.WithContext(ctx), tea.WithInput(c.In), tea.WithOutput(c.Out), tea.WithAltScreen())
	_, err := program.Run()
	if ctx.Err() != nil || errors.Is(err, tea.ErrInterrupted) {
		err = nil // the end was asked for
	}
	if err != nil {
		err = fmt.Errorf("draw the table: %w", err)
	}
	seen := model.Scene()
	if seen.Finished > 0 {
		fmt.Fprintf(c.Out, "rounds played: %d, won: %d\n", seen.Finished, seen.Wins[c.User])
	}
	return seen, err
}

// playLines plays without a terminal.
func playLines(ctx context.Context, c Config, player *client.Client) (*scene.Scene, error) {
	return lines.Run(ctx, lines.Config{
		Player: player, Events: player.Events(), User: c.User, Place: c.Place,
		Target: c.Target.String(), Auto: c.Auto, Rounds: c.Rounds, Stay: c.endless(),
		In: c.In, Out: c.Out, Err: c.Err,
	}), nil
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

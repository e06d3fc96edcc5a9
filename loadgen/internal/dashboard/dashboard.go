package dashboard

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

	_ "croupier/loadgen/internal/dashboard/quiet"

	"croupier/loadgen/internal/live"
)

var (
	// ErrBroken reports that the run is to be broken off: the person at the keyboard wants no
	// orderly end.
	ErrBroken = errors.New("broken off at the keyboard")

	// ErrStuck reports that the terminal took nothing any more when the dashboard was to end.
	ErrStuck = errors.New("the terminal takes nothing")
)

const (
	framesPerSecond = 20 // what a key is answered within; a picture that did not change costs nothing
	goodbye         = 2 * time.Second
)

// Run shows the run on the terminal out, and takes keys from in, until updates is closed, ctx ends,
// or the user breaks the run off, which is ErrBroken. It uses the terminal's other screen and leaves
// the one before as it was.
//
// Until it returns it takes every snapshot at once, however slow the terminal is.
func Run(ctx context.Context, in io.Reader, out io.Writer, control live.Control, updates <-chan live.Snapshot) error {
	_, err := run(ctx, in, out, control, updates)
	return err
}

// run is Run. Where the terminal is stuck, something still waits for it: gone says when it does not.
func run(ctx context.Context, in io.Reader, out io.Writer, control live.Control, updates <-chan live.Snapshot) (gone <-chan struct{}, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	latest := make(chan live.Snapshot, 1)
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		keepLatest(ctx, updates, latest)
	}()

	model := New(Config{Control: control, Renderer: lipgloss.NewRenderer(out), Now: time.Now()})
	model.listen = func() tea.Cmd { return func() tea.Msg { return next(ctx, latest) } }
	model.tick = func() tea.Cmd { return func() tea.Msg { return beat(ctx) } }
	restore := settings(in)
	program := tea.NewProgram(model, tea.WithInput(in), tea.WithOutput(out), tea.WithAltScreen(),
		tea.WithFPS(framesPerSecond), tea.WithoutSignalHandler())
	finished, over := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(over)
		last, err := program.Run()
		if m, ok := last.(Model); ok && m.broken {
			err = ErrBroken
		} else if err != nil {
			err = fmt.Errorf("draw the dashboard: %w", err)
		}
		finished <- err
	}()

	select {
	case err = <-finished:
	case <-pumped: // the end: the model hears of it too
		patience := time.NewTimer(goodbye)
		defer patience.Stop()
		select {
		case err = <-finished:
		case <-patience.C: // it writes to a terminal that does not read, and cannot be helped
			restore()
			err = ErrStuck
		}
	}
	cancel()
	<-pumped
	return over, err
}

// keepLatest hands snapshots on, and of those that nobody takes in time the last one.
func keepLatest(ctx context.Context, updates <-chan live.Snapshot, latest chan live.Snapshot) {
	defer close(latest)
	for {
		select {
		case <-ctx.Done():
			return
		case s, open := <-updates:
			if !open {
				return
			}
			select {
			case <-latest:
			default:
			}
			latest <- s
		}
	}
}

// next waits for a snapshot, or the end.
func next(ctx context.Context, latest <-chan live.Snapshot) tea.Msg {
	select {
	case s, open := <-latest:
		if open {
			return snapshotMsg{s, time.Now()}
		}
	case <-ctx.Done():
	}
	return overMsg{}
}

// beat is a second later, or nothing at the end.
func beat(ctx context.Context) tea.Msg {
	clock := time.NewTimer(time.Second)
	defer clock.Stop()
	select {
	case t := <-clock.C:
		return tickMsg(t)
	case <-ctx.Done():
		return nil
	}
}

// settings returns what makes a terminal's settings what they are now.
func settings(in io.Reader) (restore func()) {
	if file, ok := in.(*os.File); ok {
		if state, err := term.GetState(int(file.Fd())); err == nil {
			return func() { _ = term.Restore(int(file.Fd()), state) }
		}
	}
	return func() {}
}

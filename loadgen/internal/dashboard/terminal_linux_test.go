package dashboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/live/rehearsal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// terminal is a real one, with a user who types and reads.
type terminal struct {
	t           *testing.T
	master, tty *os.File
	drained     chan struct{} // the user has read all there is

	mu      sync.Mutex
	changed sync.Cond
	screen  bytes.Buffer
	over    bool
}

func openTerminal(t *testing.T, width, height int) *terminal {
	t.Helper()
	t.Setenv("TERM", "xterm-256color")
	t.Setenv("CI", "") // which means: no colours
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, master: master, tty: tty, drained: make(chan struct{})}
	term.changed.L = &term.mu
	term.resize(width, height)
	return term
}

// read lets the user look at the screen, until the terminal is closed.
func (s *terminal) read() {
	go func() {
		defer close(s.drained)
		part := make([]byte, 4096)
		for {
			n, err := s.master.Read(part)
			s.mu.Lock()
			s.screen.Write(part[:n])
			s.over = err != nil
			s.changed.Broadcast()
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
}

// close ends the terminal, and returns all that was written to it.
func (s *terminal) close() string {
	s.tty.Close()
	<-s.drained
	s.master.Close()
	return s.screen.String()
}

func (s *terminal) resize(width, height int) {
	s.t.Helper()
	if err := unix.IoctlSetWinsize(int(s.tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(width), Row: uint16(height)}); err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil { // as the kernel does where the terminal is the process's own
		s.t.Fatal(err)
	}
}

func (s *terminal) types(keys string) {
	s.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// shows waits until a text has been on the screen since the last call.
func (s *terminal) shows(text string) {
	s.t.Helper()
	watchdog := time.AfterFunc(30*time.Second, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.over = true
		s.changed.Broadcast()
	})
	defer watchdog.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !strings.Contains(s.screen.String(), text) {
		if s.over {
			s.t.Fatalf("the screen never showed %q, but %q", text, s.screen.String())
		}
		s.changed.Wait()
	}
}

// fill writes until the terminal takes no more.
func (s *terminal) fill() {
	s.t.Helper()
	fd := int(s.tty.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		s.t.Fatal(err)
	}
	for {
		if _, err := unix.Write(fd, bytes.Repeat([]byte{'.'}, 512)); errors.Is(err, unix.EAGAIN) {
			break
		} else if err != nil {
			s.t.Fatal(err)
		}
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		s.t.Fatal(err)
	}
}

// safely is orders that several goroutines may look at.
type safely struct {
	mu sync.Mutex
	orders
}

func (o *safely) Storm(share float64)  { o.mu.Lock(); defer o.mu.Unlock(); o.orders.Storm(share) }
func (o *safely) Scale(factor float64) { o.mu.Lock(); defer o.mu.Unlock(); o.orders.Scale(factor) }
func (o *safely) Stop()                { o.mu.Lock(); defer o.mu.Unlock(); o.orders.Stop() }

// start shows a run on the terminal.
func (s *terminal) start(ctx context.Context, control live.Control) (chan<- live.Snapshot, <-chan error) {
	updates, ended := make(chan live.Snapshot), make(chan error, 1)
	go func() { ended <- Run(ctx, s.tty, s.tty, control, updates) }()
	return updates, ended
}

func settingsOf(t *testing.T, tty *os.File) unix.Termios {
	t.Helper()
	now, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *now
}

// TestOnATerminal watches a run from its begin to its end, with a change of the size on the way.
func TestOnATerminal(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	term := openTerminal(t, 80, 24)
	before := settingsOf(t, term.tty)
	term.read()
	control := &safely{}
	updates, ended := term.start(t.Context(), control)
	updates <- rehearsal.Steady.At(30)
	term.shows("PASS so far")
	term.shows("0:30 of 10:00")
	term.resize(120, 40)
	term.shows("disconnect waves")
	term.types("s")
	term.shows("10% of the bots")
	term.types("+")
	term.shows("125% of the scenario's")
	term.types("q")
	term.shows("q again to break off")
	updates <- rehearsal.Steady.At(31)
	term.shows("0:31")
	close(updates)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if after := settingsOf(t, term.tty); after != before {
		t.Errorf("the terminal's settings were %+v and are %+v", before, after)
	}
	wrote := term.close()
	if want := "storm 0.1, scale 1.250, stop"; strings.Join(control.given, ", ") != want {
		t.Errorf("the run was told %v, want %s", control.given, want)
	}
	for _, sequence := range []string{"\x1b[?1049h", "\x1b[?25l", "\x1b[38;5;"} {
		if !strings.Contains(wrote, sequence) {
			t.Errorf("%q was not written", sequence)
		}
	}
	leaves := wrote[strings.LastIndex(wrote, "0:31"):]
	if !strings.Contains(leaves, "\x1b[?1049l") || !strings.Contains(leaves, "\x1b[?25h") {
		t.Errorf("the screen before does not come back: %q", leaves)
	}
}

func TestWithoutColours(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	term := openTerminal(t, 80, 24)
	term.read()
	updates, ended := term.start(t.Context(), &safely{})
	updates <- rehearsal.Broken.At(152)
	term.shows("FAIL so far")
	close(updates)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if wrote := term.close(); strings.Contains(wrote, "\x1b[38") || strings.Contains(wrote, "\x1b[1m") || strings.Contains(wrote, "\x1b[2J\x1b]0") {
		t.Errorf("colours were written, or what a server said: %q", wrote)
	}
}

func TestBreakingOff(t *testing.T) {
	term := openTerminal(t, 80, 24)
	term.read()
	updates, ended := term.start(t.Context(), &safely{})
	updates <- rehearsal.Steady.At(30)
	term.shows("PASS so far")
	term.types("\x03\x03")
	term.shows("Break off?")
	term.types("y")
	if err := <-ended; !errors.Is(err, ErrBroken) {
		t.Errorf("the end is %v", err)
	}
	term.close()
}

func TestTheEndOfTheContext(t *testing.T) {
	term := openTerminal(t, 80, 24)
	term.read()
	ctx, cancel := context.WithCancel(t.Context())
	updates, ended := term.start(ctx, &safely{})
	updates <- rehearsal.Steady.At(30)
	term.shows("PASS so far")
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the end is %v", err)
	}
	term.close()
}

// TestNobodyReads: a terminal that takes nothing holds up neither the run nor its end.
func TestNobodyReads(t *testing.T) {
	term := openTerminal(t, 200, 60)
	before := settingsOf(t, term.tty)
	term.fill()
	updates, ended := make(chan live.Snapshot), make(chan error, 1)
	var gone <-chan struct{}
	go func() {
		var err error
		gone, err = run(t.Context(), term.tty, term.tty, &safely{}, updates)
		ended <- err
	}()
	for i := range 100 {
		select {
		case updates <- rehearsal.Steady.At(i):
		case <-time.After(10 * time.Second):
			t.Fatal("the run waits for the terminal")
		}
	}
	close(updates)
	if err := <-ended; !errors.Is(err, ErrStuck) {
		t.Errorf("the end is %v", err)
	}
	if after := settingsOf(t, term.tty); after != before {
		t.Errorf("the terminal's settings were %+v and are %+v", before, after)
	}
	term.read() // the user comes back, and what was held up ends
	term.shows("\x1b[?1049l")
	<-gone
	term.close()
}

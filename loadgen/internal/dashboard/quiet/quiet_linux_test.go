package quiet_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	_ "github.com/charmbracelet/bubbletea" // which would ask
	"golang.org/x/sys/unix"

	_ "croupier/loadgen/internal/dashboard/quiet"
)

// child makes the test binary a program that only starts and ends.
const child = "QUIET_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		fmt.Println("done")
		return
	}
	os.Exit(m.Run())
}

// TestStartAsksNothing starts a program that links Bubble Tea on a terminal which answers nothing,
// and reads what it wrote.
func TestStartAsksNothing(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	if err := unix.IoctlSetPointerInt(int(terminal.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), child+"=1", "TERM=xterm-256color", "TERM_PROGRAM=", "TMUX=")
	program.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // or the terminal is not its own to ask
	program.Stdin, program.Stdout, program.Stderr = tty, tty, tty
	if err := program.Run(); err != nil {
		t.Fatal(err)
	}
	wrote := make([]byte, 4096)
	n, err := terminal.Read(wrote)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(wrote[:n]); !strings.Contains(got, "done") || strings.Contains(got, "\x1b") {
		t.Errorf("at its start the program wrote %q", got)
	}
}

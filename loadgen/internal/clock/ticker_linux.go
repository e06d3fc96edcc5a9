package clock

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ticker ticks once at the time it is set to. It is a timer of the kernel that the runtime's poller
// waits for as for a socket, and so to the microsecond.
type ticker struct {
	file *os.File
	fd   int
}

func newTicker() (ticker, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return ticker{}, fmt.Errorf("make a timer: %w", err)
	}
	return ticker{file: os.NewFile(uintptr(fd), "timer"), fd: fd}, nil
}

// set makes the ticker tick at a time, or now.
func (t ticker) set(at time.Time, now bool) {
	in := time.Nanosecond // 0 would be never
	if !now {
		in = max(in, time.Until(at))
	}
	unix.TimerfdSettime(t.fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(in))}, nil) //nolint:errcheck // it fails for no time that can be had
}

// wait waits for the next tick.
func (t ticker) wait() {
	var count [8]byte
	t.file.Read(count[:]) //nolint:errcheck // there is one to read, or the clock is closed
}

func (t ticker) close() { t.file.Close() }

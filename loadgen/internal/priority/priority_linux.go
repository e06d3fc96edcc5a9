package priority

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// raise asks for each thread: Linux keeps priorities for threads, against POSIX (setpriority(2), "C
// library/kernel differences").
func raise() {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	for _, thread := range threads {
		if id, err := strconv.Atoi(thread.Name()); err == nil {
			unix.Setpriority(unix.PRIO_PROCESS, id, nice) //nolint:errcheck // see Raise
		}
	}
}

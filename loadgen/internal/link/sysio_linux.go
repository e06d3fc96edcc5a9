package link

import (
	"syscall"
	"unsafe"
)

// rawIO says that sockets are read and written directly.
const rawIO = true

// readNow and writeNow are read(2) and write(2) on a socket that never blocks. They go past the
// scheduler's bookkeeping for system calls that may block, which costs as much as a short call.
func readNow(fd uintptr, b []byte) (int, error) { return now(syscall.SYS_READ, fd, b) }

func writeNow(fd uintptr, b []byte) (int, error) { return now(syscall.SYS_WRITE, fd, b) }

func now(call, fd uintptr, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

package measure

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"syscall"
	"time"
)

// processorTime is how many seconds of the processors this process had.
func processorTime() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// machineTime is for how long the machine's processors were busy, and were there, in ticks of its
// own. Zeros: it does not say.
func machineTime() (busy, all float64) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	return parseStat(b)
}

// parseStat reads the first line of /proc/stat. Time that another machine took from this one
// (steal) counts as busy: it is not there to be used. Guests' time is in the user's already.
func parseStat(b []byte) (busy, all float64) {
	line, _, _ := bytes.Cut(b, []byte{'\n'})
	fields := bytes.Fields(line)
	if len(fields) < 5 || string(fields[0]) != "cpu" {
		return 0, 0
	}
	for i, f := range fields[1:min(len(fields), 9)] {
		n, err := strconv.ParseFloat(string(f), 64)
		if err != nil {
			return 0, 0
		}
		all += n
		if i != 3 && i != 4 { // idle, and idle until a disk is done
			busy += n
		}
	}
	return busy, all
}

// residentMemory is how many bytes of this process are in memory.
func residentMemory() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return runtimeMemory()
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return runtimeMemory()
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 52)
	if err != nil {
		return runtimeMemory()
	}
	return pages * uint64(os.Getpagesize())
}

// portRange is how many ports an address has for connections to one other.
func portRange() int {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return Unknown
	}
	return parseRange(b)
}

func parseRange(b []byte) int {
	fields := bytes.Fields(b)
	if len(fields) != 2 {
		return Unknown
	}
	from, err1 := strconv.Atoi(string(fields[0]))
	to, err2 := strconv.Atoi(string(fields[1]))
	if err1 != nil || err2 != nil || from < 0 || to < from || to > math.MaxUint16 {
		return Unknown
	}
	return to - from + 1
}

// files counts the files that are open.
type files struct {
	limit   int
	open    int
	counted time.Time
}

// countAgain is how often open files are counted where that takes a look at each.
const countAgain = 10 * time.Second

// left is how many more files may be opened. Linux tells the number as the size of a directory
// since 6.2; before, the directory is read, and not each time.
func (f *files) left(now time.Time) int {
	if f.limit == 0 {
		f.limit = fileLimit()
	}
	if f.limit == Unknown {
		return Unknown
	}
	if info, err := os.Stat("/proc/self/fd"); err == nil && info.Size() > 0 {
		return max(f.limit-int(info.Size()), 0)
	}
	if now.Sub(f.counted) >= countAgain {
		f.counted = now
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			f.limit = Unknown
			return Unknown
		}
		f.open = len(entries)
	}
	return max(f.limit-f.open, 0)
}

// fileLimit is how many files this process may have open at once. Go raised it at the start as far
// as it may.
func fileLimit() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return Unknown
	}
	return int(min(l.Cur, math.MaxInt32))
}

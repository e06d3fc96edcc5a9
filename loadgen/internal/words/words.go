// Package words writes figures the way people read them, and makes what strangers said fit to be
// shown. Everything that shows a run or a result uses it. It is pure.
package words

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Count writes a number with its thousands apart: 1,234,567.
func Count[N int | int64 | uint64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits
}

// Short writes a number in at most five columns: 9,999, 12.3k, 4.5M.
func Short[N int | int64 | uint64](n N) string {
	f := float64(n)
	for _, unit := range [...]struct {
		of   float64
		sign string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}} {
		if f < unit.of {
			continue
		}
		if unit.sign == "k" {
			unit.of = 1e3
		}
		if f/unit.of < 99.95 {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", f/unit.of), ".0") + unit.sign
		}
		return fmt.Sprintf("%.0f%s", math.Floor(f/unit.of), unit.sign)
	}
	return Count(n)
}

// Rate writes how often something happens in a second.
func Rate(f float64) string {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return "–"
	case f == 0:
		return "0"
	case f < 9.95:
		return fmt.Sprintf("%.1f", f)
	}
	return Count(int64(math.Round(f)))
}

// Duration writes a time in at most seven columns: 850 µs, 1.2 ms, 47 ms, 1.25 s, 12.3 s, 4.5 min.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "–"
	case d == 0:
		return "0 ms"
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", max(1, d.Microseconds()))
	case d < 9950*time.Microsecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d < 999500*time.Microsecond:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	case d < 9995*time.Millisecond:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < 99950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 597*time.Second:
		return fmt.Sprintf("%.1f min", d.Minutes())
	case d < 600*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", min(d.Hours(), 999))
}

// Clock writes a moment of the run: 3:12, 1:03:12.
func Clock(d time.Duration) string {
	s := int64(max(0, d) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// Moment is Clock for a moment that is kept as seconds.
func Moment(seconds float64) string {
	return Clock(time.Duration(min(seconds, 1e9) * float64(time.Second)))
}

// Bytes writes an amount of memory: 14.2 KiB.
func Bytes(n uint64) string {
	f := float64(n)
	for _, unit := range [...]string{"B", "KiB", "MiB", "GiB"} {
		switch {
		case f < 99.95 && unit != "B":
			return fmt.Sprintf("%.1f %s", f, unit)
		case f < 1023.5:
			return fmt.Sprintf("%.0f %s", f, unit)
		}
		f /= 1024
	}
	return fmt.Sprintf("%.1f TiB", f)
}

// Percent writes a share without pretending that nearly all is all, or nearly nothing nothing.
func Percent(part, whole float64) string {
	switch share := part / whole; {
	case whole <= 0 || math.IsNaN(share):
		return "–"
	case share <= 0:
		return "0%"
	case share < 0.01:
		return "<1%"
	case share >= 1:
		return "100%"
	case share > 0.99:
		return "99%"
	default:
		return fmt.Sprintf("%.0f%%", share*100)
	}
}

// longest is how many characters of a stranger's text are worth a line.
const longest = 2000

// Clean makes a text that may hold what a server sent fit for one line of a terminal: no control
// characters, which could move the cursor or worse, and no end of it.
func Clean(text string) string {
	n := 0
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			r = ' '
		}
		if n++; n > longest || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return strings.TrimRight(text, " ")
}

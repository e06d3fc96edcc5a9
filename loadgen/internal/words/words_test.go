package words

import (
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestFigures(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Count(0), "0"}, {Count(999), "999"}, {Count(1000), "1,000"}, {Count(-1234567), "-1,234,567"}, {Count(-999), "-999"}, {Count(uint64(12_345_678)), "12,345,678"},
		{Short(0), "0"}, {Short(9_999), "9,999"}, {Short(10_000), "10k"}, {Short(12_345), "12.3k"}, {Short(99_999), "99k"},
		{Short(999_999), "999k"}, {Short(1_000_000), "1M"}, {Short(int64(4_560_000_000)), "4.6G"},
		{Rate(0), "0"}, {Rate(0.25), "0.2"}, {Rate(9.94), "9.9"}, {Rate(9.96), "10"}, {Rate(12_345.6), "12,346"},
		{Duration(-1), "–"}, {Duration(0), "0 ms"}, {Duration(time.Nanosecond), "1 µs"}, {Duration(999_900 * time.Nanosecond), "999 µs"},
		{Duration(1234 * time.Microsecond), "1.2 ms"}, {Duration(9960 * time.Microsecond), "10 ms"}, {Duration(999400 * time.Microsecond), "999 ms"},
		{Duration(1234 * time.Millisecond), "1.23 s"}, {Duration(12345 * time.Millisecond), "12.3 s"}, {Duration(150 * time.Second), "2.5 min"},
		{Duration(3 * time.Hour), "180 min"}, {Duration(12 * time.Hour), "12.0 h"},
		{Clock(0), "0:00"}, {Clock(-time.Second), "0:00"}, {Clock(192 * time.Second), "3:12"}, {Clock(3792 * time.Second), "1:03:12"}, {Moment(65.9), "1:05"},
		{Bytes(0), "0 B"}, {Bytes(1023), "1023 B"}, {Bytes(14_540), "14.2 KiB"}, {Bytes(150 << 20), "150 MiB"}, {Bytes(5 << 40), "5.0 TiB"},
		{Percent(0, 0), "–"}, {Percent(0, 5), "0%"}, {Percent(1, 1000), "<1%"}, {Percent(999, 1000), "99%"}, {Percent(5, 5), "100%"}, {Percent(1, 3), "33%"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// TestDurationsFit: whatever the time, its text has at most seven columns.
func TestDurationsFit(t *testing.T) {
	for d := time.Duration(1); d > 0 && d < 1<<60; d += d/7 + 1 {
		if text := Duration(d); len([]rune(text)) > 7 {
			t.Errorf("%v is written as %q", d, text)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                 "plain",
		"a\x1b[2Jb\r\n\tc \x00": "a[2Jb  \u0020c",
		"\u202eevil\u2066":      "evil",
		"bad \xff utf8":         "bad ? utf8",
		"  1.5 s  user":         "  1.5 s  user",
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q is cleaned to %q, want %q", in, got, want)
		}
	}
	if n := len([]rune(Clean(strings.Repeat("x", 1<<20)))); n != longest {
		t.Errorf("an endless text has %d characters left", n)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[2Jb\r\n\tc\u202e\xff")
	f.Fuzz(func(t *testing.T, text string) {
		got := Clean(text)
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) || Clean(got) != got {
			t.Errorf("%q is cleaned to %q", text, got)
		}
	})
}

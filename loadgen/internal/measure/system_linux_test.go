package measure

import "testing"

func TestParseStat(t *testing.T) {
	busy, all := parseStat([]byte("cpu  100 1 20 500 30 4 5 6 90 0\ncpu0 1 2 3 4\n"))
	if busy != 136 || all != 666 {
		t.Errorf("busy %v of %v", busy, all)
	}
	for _, bad := range []string{"", "cpu", "cpu a b c d e", "intr 1 2 3 4 5", "cpu 1 2 3\n"} {
		if busy, all := parseStat([]byte(bad)); busy != 0 || all != 0 {
			t.Errorf("%q is busy %v of %v", bad, busy, all)
		}
	}
}

func TestParseRange(t *testing.T) {
	for text, want := range map[string]int{"32768\t60999\n": 28232, "1 1": 1, "": Unknown, "5 4": Unknown, "1 99999": Unknown, "a b": Unknown} {
		if got := parseRange([]byte(text)); got != want {
			t.Errorf("%q has %d ports, want %d", text, got, want)
		}
	}
}

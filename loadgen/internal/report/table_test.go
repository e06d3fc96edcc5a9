package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strconv"
	"strings"
	"testing"

	"croupier/loadgen/result"
)

func TestCSV(t *testing.T) {
	run := sample(12, 7)
	var b bytes.Buffer
	if err := CSV(&b, run); err != nil {
		t.Fatal(err)
	}
	golden(t, "series.csv", b.Bytes())
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 1+len(run.Series) {
		t.Fatalf("%d lines of %d seconds", len(lines), len(run.Series))
	}
	at := make(map[string]int)
	for i, name := range lines[0] {
		if _, twice := at[name]; twice {
			t.Errorf("two columns are called %s", name)
		}
		at[name] = i
	}
	for i, s := range run.Series {
		line := lines[i+1]
		for name, want := range map[string]string{
			"at": strconv.Itoa(i + 1), "seated": strconv.Itoa(s.Bots.Seated), "lost": strconv.FormatUint(s.Lost, 10), "action_count": strconv.FormatUint(s.Times["action"].Count(), 10),
		} {
			if line[at[name]] != want {
				t.Errorf("second %d: %s is %s, want %s", i, name, line[at[name]], want)
			}
		}
	}
	if line := lines[len(lines)-1]; line[at["dial_count"]] == "0" && line[at["dial_p50_ms"]] != "" {
		t.Error("no time is a time of 0")
	}
}

func TestCSVOfNothing(t *testing.T) {
	var b bytes.Buffer
	if err := CSV(&b, &result.Run{}); err != nil || strings.Count(b.String(), "\n") != 1 {
		t.Errorf("%v: %q", err, b.String())
	}
}

// full takes a number of bytes and then no more.
type full int

func (f *full) Write(b []byte) (int, error) {
	if *f -= full(len(b)); *f < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(b), nil
}

func TestWhatCannotBeWrittenIsAnError(t *testing.T) {
	run := sample(60, 8)
	for name, write := range map[string]func(*full) error{
		"text": func(w *full) error { return Text(w, run, 80) },
		"html": func(w *full) error { return HTML(w, run) },
		"csv":  func(w *full) error { return CSV(w, run) },
	} {
		f := full(100)
		if err := write(&f); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestComplaintsAreCountedByWhatTheySay(t *testing.T) {
	log := `2026/11/23 07:29:37 INFO game server version=dev
2026/11/23 07:29:45 WARN the store does not answer since=3s err="a b=c"
2026/11/23 07:29:46 WARN the store does not answer since=4s
2026/11/23 07:29:47 ERROR a room was lost room=5
WARNING: DATA RACE
panic: no
`
	counts := make(map[string]int)
	fatal := complain(strings.NewReader(log), func(what string) { counts[what]++ })
	if want := map[string]int{"WARN the store does not answer": 2, "ERROR a room was lost": 1}; !reflect.DeepEqual(counts, want) {
		t.Errorf("counted %v, want %v", counts, want)
	}
	if want := []string{"WARNING: DATA RACE", "panic: no"}; !reflect.DeepEqual(fatal, want) {
		t.Errorf("fatal are %q, want %q", fatal, want)
	}
	var out bytes.Buffer
	printComplaints(&out, counts)
	if lines := strings.Split(out.String(), "\n"); len(lines) != 4 || !strings.Contains(lines[1], "2  WARN the store") {
		t.Errorf("printed\n%s", out.String())
	}
}

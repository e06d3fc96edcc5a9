package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestBadCommandLinesSayTheNextStep(t *testing.T) {
	for line, want := range map[string]string{
		"":                             "say what to do",
		"rain":                         `there is no mode "rain"`,
		"drains kills":                 "one mode",
		"--for 5s drains":              "too short",
		"--loss 2 network":             "--loss is from 0 to 0.5",
		"--store=false store":          "is about NATS",
		"--bots 0 drains":              "at least 1",
		"--unknown drains":             "not defined",
		"--games 200 --for 60s drains": "at most 100 game servers",
	} {
		var out, progress bytes.Buffer
		if code := command(t.Context(), strings.Fields(line), &out, &progress); code != 2 {
			t.Errorf("%q: exit code %d, want 2", line, code)
		}
		if !strings.Contains(progress.String(), want) || out.Len() > 0 {
			t.Errorf("%q says %q, want %q", line, progress.String(), want)
		}
	}
}

func TestHelp(t *testing.T) {
	var out, progress bytes.Buffer
	if code := command(t.Context(), []string{"--help"}, &out, &progress); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, m := range modes {
		if !strings.Contains(progress.String(), m.text) {
			t.Errorf("no word of %s in\n%s", m.name, progress.String())
		}
	}
}

package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"croupier/ctl/internal/output"
	"croupier/ctl/internal/snapshot"
)

// fakeGame is a version of the game server that makes of each snapshot what f says.
type fakeGame struct {
	name string
	f    func(snapshot.Line) snapshot.Line
	says string // its error, if it has one
}

func (b fakeGame) String() string { return b.name }

func (b fakeGame) replay(_ context.Context, input []byte) ([]byte, error) {
	lines, err := snapshot.Read(bytes.NewReader(input))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, l := range lines {
		if l = b.f(l); l.Game == "" {
			continue
		}
		if err := snapshot.Write(&out, []snapshot.Line{l}); err != nil {
			return nil, err
		}
	}
	if b.says != "" {
		err = errors.New(b.says)
	}
	return out.Bytes(), err
}

func theSame(l snapshot.Line) snapshot.Line { return l }

// forgetful drops the rolls of room 2, refuses room 3, and leaves the rest.
func forgetful(l snapshot.Line) snapshot.Line {
	switch l.Room {
	case 2:
		l.Snapshot = []byte(`{"id":2,"left_ns":5}`)
	case 3:
		l.Snapshot, l.Error = nil, "snapshot has version 1, this server reads 2"
	}
	return l
}

func savedRooms(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for room := range 3 {
		fmt.Fprintf(&text, `{"game":"dice","room":%d,"snapshot":"%s"}`+"\n", room+1, "eyJpZCI6MiwibGVmdF9ucyI6OSwicm9sbHMiOls1XX0=") // {"id":2,"left_ns":9,"rolls":[5]}
	}
	path := filepath.Join(t.TempDir(), "rooms.jsonl")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSnapshotCheck(t *testing.T) {
	from := savedRooms(t)
	var out bytes.Buffer
	for _, test := range []struct {
		name   string
		newer  fakeGame
		format output.Format
		code   int
	}{
		{"a version that is the same", fakeGame{"pod/dice-2", theSame, ""}, output.Plain, ExitOK},
		{"wide", fakeGame{"pod/dice-2", theSame, ""}, output.Wide, ExitOK},
		{"a forgetful version", fakeGame{"./game-v2", forgetful, "exit status 1"}, output.Plain, ExitPartly},
		{"for programs", fakeGame{"./game-v2", forgetful, "exit status 1"}, output.JSON, ExitPartly},
	} {
		var data, progress bytes.Buffer
		err := CheckSnapshots{Old: fakeGame{"pod/dice-0", theSame, ""}, New: test.newer, From: from, Format: test.format}.
			Run(t.Context(), Streams{Out: &data, Err: &progress})
		if ExitCode(err) != test.code {
			t.Errorf("%s: %v", test.name, err)
		}
		fmt.Fprintf(&out, "== %s\n%s", test.name, &data)
		if err != nil {
			fmt.Fprintf(&out, "croupier: %s\n", err)
		}
		out.WriteString("\n")
		if want := fmt.Sprintf("replaying 3 rooms on pod/dice-0\nreplaying 3 rooms on %s\n", test.newer); !strings.HasPrefix(progress.String(), want) {
			t.Errorf("%s: tells %q", test.name, &progress)
		}
	}
	golden(t, "check.txt", out.String())
}

// TestSnapshotCheckOfABrokenVersion: a version that cannot be tried is no
// version that refuses rooms.
func TestSnapshotCheckOfABrokenVersion(t *testing.T) {
	silent := fakeGame{"./game-v0", func(snapshot.Line) snapshot.Line { return snapshot.Line{} }, "exit status 2: unexpected argument \"snapshot\""}
	err := CheckSnapshots{Old: fakeGame{"pod/dice-0", theSame, ""}, New: silent, From: savedRooms(t)}.Run(t.Context(), Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	if ExitCode(err) != ExitFailed || !strings.Contains(err.Error(), "a version from before `snapshot replay` cannot be tried") {
		t.Errorf("%v", err)
	}
}

// TestSnapshotCheckOfNoProgram: what is not there is not taken for an old version.
func TestSnapshotCheckOfNoProgram(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "nosuch"), "nosuch-game"} {
		err := CheckSnapshots{Old: fakeGame{"pod/dice-0", theSame, ""}, New: localGame(name), From: savedRooms(t)}.Run(t.Context(), Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
		if ExitCode(err) != ExitFailed || !strings.Contains(err.Error(), "name a game server's program") || strings.Contains(err.Error(), "cannot be tried") {
			t.Errorf("%v", err)
		}
	}
}

// TestSnapshotCheckRunsPrograms: a program of this machine is run as a game is.
func TestSnapshotCheckRunsPrograms(t *testing.T) {
	from, dir := savedRooms(t), t.TempDir()
	program := filepath.Join(dir, "game")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n[ \"$*\" = 'snapshot replay' ] && exec cat\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	code, out, errs := line(t, "snapshot", "check", "--old", program, "--new", program, "--from", from)
	if code != ExitOK || !strings.HasPrefix(out, "3 rooms: 3 the same, 0 different, 0 refused") {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
	code, _, errs = line(t, "snapshot", "check", "--old", program, "--new", filepath.Join(dir, "none"), "--from", from)
	if code != ExitFailed || !strings.Contains(errs, "no such file") {
		t.Errorf("a program that is not there: code %d, %q", code, errs)
	}
}

func TestSnapshotSave(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/snapshots" {
			fmt.Fprintln(rw, `{"game":"dice","room":7,"snapshot":"eA=="}`)
			fmt.Fprintln(rw, `{"game":"dice","room":8,"error":"was busy"}`)
		}
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "rooms.jsonl")
	code, out, errs := line(t, "snapshot", "save", "--ops", server.URL, "--to", file)
	data, err := os.ReadFile(file)
	if code != ExitPartly || out != "" || err != nil || !strings.HasPrefix(string(data), `{"game":"dice","room":7,"snapshot":"eA=="}`+"\n") {
		t.Errorf("code %d, %q, %q, %q (%v)", code, out, errs, data, err)
	}
	want := "room 8 of dice was not saved: was busy\nsaved 1 room of 1 server to " + file + "\ncroupier: 1 room was not saved\n"
	if errs != want {
		t.Errorf("tells %q, want %q", errs, want)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file, which holds hidden dice, is open to %v (%v)", info.Mode(), err)
	}
	if code, out, _ := line(t, "snapshot", "save", "--ops", server.URL); code != ExitPartly || strings.Count(out, "\n") != 2 {
		t.Errorf("to standard output: code %d, %q", code, out)
	}
}

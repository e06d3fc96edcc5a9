package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"croupier/servers/internal/cmdline"
	"croupier/servers/internal/games"
	"croupier/servers/internal/games/dice"
)

// A room in mid-round, as a server stores it: 7 has rolled, 8 has not, 9 watches from the bench.
const (
	game  = `{"version":1,"round":3,"in_round":true,"left_ns":12000000000,"rolls":[{"user":7,"points":5}]}`
	core  = `{"version":1,"id":42,"seats":4,"bench":64,"seq":17,"players":[{"id":7,"seat":0,"online":true},{"id":8,"seat":2,"away_ns":4000000000},{"id":9,"seat":-1}],"game":"`
	other = `{"version":2,"id":43}`
)

func savedLine(t *testing.T, game string, room int64, snapshot string) string {
	t.Helper()
	data, err := json.Marshal(saved{Game: game, Room: room, Snapshot: []byte(snapshot)})
	if err != nil {
		t.Fatal(err)
	}
	return string(data) + "\n"
}

func TestReplay(t *testing.T) {
	whole := core + base64.StdEncoding.EncodeToString([]byte(game)) + `"}`
	in := savedLine(t, "dice", 42, whole) + "\n" +
		savedLine(t, "dice", 43, other) +
		savedLine(t, "poker", 44, whole) +
		savedLine(t, "dice", 45, whole) +
		`{"game":"dice","room":46,"error":"was busy"}` + "\n"
	var out, errs bytes.Buffer
	err := snapshot([]string{"replay"}, strings.NewReader(in), &out, &errs)
	if !errors.Is(err, errSomeRefused) || !strings.HasPrefix(err.Error(), "3 ") || cmdline.Status("game", err, io.Discard) != cmdline.StatusFailed {
		t.Errorf("ends with %v", err)
	}
	var got []saved
	for decoder := json.NewDecoder(&out); ; {
		var s saved
		if err := decoder.Decode(&s); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	if len(got) != 5 {
		t.Fatalf("%d lines: %+v", len(got), got)
	}
	// Nothing but the clock of who is away may differ, and that by a moment.
	cut := func(text string) string {
		before, after, _ := strings.Cut(text, `"away_ns":`)
		_, after, _ = strings.Cut(after, "}")
		return before + after
	}
	if again := string(got[0].Snapshot); got[0].Error != "" || cut(again) != cut(whole) {
		t.Errorf("%s came back as\n%s (%s)", whole, again, got[0].Error)
	}
	for i, says := range map[int]string{1: "snapshot has version 2, this server reads 1", 2: `unknown game "poker": this build has coin, dice`, 3: "the snapshot is of room 42", 4: "was busy"} {
		if len(got[i].Snapshot) > 0 || !strings.Contains(got[i].Error, says) {
			t.Errorf("line %d: %+v, want %q", i, got[i], says)
		}
	}
}

func TestReplayOfSomethingElse(t *testing.T) {
	for _, test := range []struct {
		args   []string
		in     string
		status int
		says   string
	}{
		{nil, "", cmdline.StatusUsage, "game snapshot replay"},
		{[]string{"rewind"}, "", cmdline.StatusUsage, "game snapshot replay"},
		{[]string{"replay", "file"}, "", cmdline.StatusUsage, `unexpected argument "file"`},
		{[]string{"replay"}, "", cmdline.StatusOK, ""},
		{[]string{"replay", "--help"}, "", cmdline.StatusOK, "Exit code 1: a room was refused"},
		{[]string{"replay"}, "rubbish", cmdline.StatusFailed, "line 1 is no saved room"},
		{[]string{"replay"}, strings.Repeat("x", maxSnapshotLine+1), cmdline.StatusFailed, "read saved rooms"},
	} {
		var out, errs bytes.Buffer
		err := snapshot(test.args, strings.NewReader(test.in), &out, &errs)
		if status := cmdline.Status("game", err, &errs); status != test.status || !strings.Contains(errs.String(), test.says) || out.Len() > 0 {
			t.Errorf("%q: status %d, %q, %q", test.args, status, &out, &errs)
		}
	}
}

// FuzzReplay: whatever is given as a snapshot is refused or restored, and what was restored once is
// restored again.
func FuzzReplay(f *testing.F) {
	known := games.Builtin(dice.Config{}, 0)
	f.Add("dice", []byte(core+base64.StdEncoding.EncodeToString([]byte(game))+`"}`))
	f.Add("coin", []byte(other))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		var head struct {
			ID int64 `json:"id"`
		}
		_ = json.Unmarshal(data, &head) // what is no JSON is refused below
		once, err := again(saved{Game: name, Room: head.ID, Snapshot: data}, known)
		if err != nil {
			return
		}
		if _, err := again(saved{Game: name, Room: head.ID, Snapshot: once}, known); err != nil {
			t.Fatalf("restored from %q, and not from what was made of it, %q: %v", data, once, err)
		}
	})
}

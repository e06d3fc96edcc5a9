package snapshot

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func text(format string, args ...any) []byte { return fmt.Appendf(nil, format, args...) }

// room is a snapshot as game servers make it: the core's state, with the game's
// in base64 inside.
func room(points, left int) []byte {
	game := base64.StdEncoding.EncodeToString(text(`{"round":3,"left_ns":%d,"rolls":[{"user":9007199254740993,"points":%d}]}`, left, points))
	return text(`{"version":1,"id":7,"seats":4,"players":[{"id":1,"seat":0}],"away_ms":%d,"game":"%s"}`, left, game)
}

func TestJudge(t *testing.T) {
	line := func(snapshot []byte) []Line { return []Line{{Game: "dice", Room: 7, Snapshot: snapshot}} }
	no := []Line{{Game: "dice", Room: 7, Error: "version 2 is not known"}}
	for _, test := range []struct {
		name                            string
		original, before, through, back []Line
		outcome                         Outcome
		says                            string
	}{
		{"the same", line(room(3, 9)), line(room(3, 9)), line(room(3, 9)), line(room(3, 9)), Same, ""},
		{"only clocks ran", line(room(3, 9)), line(room(3, 8)), line(room(3, 7)), line(room(3, 6)), Same, ""},
		{"what only the new version knows", line(room(3, 9)), line(room(3, 9)), line([]byte(`{"more":1}`)), line(room(3, 9)), Same, ""},
		{"a roll came back another", line(room(3, 9)), line(room(3, 9)), line(room(3, 9)), line(room(4, 9)), Differs, "game.rolls[0].points: 3 -> 4"},
		{"a field is gone", line([]byte(`{"a":1,"b":2}`)), line([]byte(`{"a":1,"b":2}`)), line([]byte(`{}`)), line([]byte(`{"a":1}`)), Differs, "b: 2 -> none"},
		{"a player is gone", line([]byte(`{"p":[1,2]}`)), line([]byte(`{"p":[1,2]}`)), line([]byte(`{}`)), line([]byte(`{"p":[1]}`)), Differs, "p: [1,2] -> [1]"},
		{"no JSON", line([]byte{1, 2}), line([]byte{1, 2}), line([]byte{1}), line([]byte{1, 3}), Differs, "2 bytes -> 2 bytes"},
		{"no JSON and the same", line([]byte{1, 2}), line([]byte{1, 2}), line([]byte{1}), line([]byte{1, 2}), Same, ""},
		{"refused by the new one", line(room(3, 9)), line(room(3, 9)), no, nil, Refused, "the new version refuses it: version 2"},
		{"no way back", line(room(3, 9)), line(room(3, 9)), line(room(3, 9)), no, Refused, "no way back: version 2"},
		{"refused by its own version", line(room(3, 9)), no, line(room(3, 9)), line(room(3, 9)), Refused, "refuses its own snapshot"},
		{"forgotten", line(room(3, 9)), line(room(3, 9)), nil, nil, Refused, "the new version refuses it: it says nothing"},
		{"not saved", no, nil, nil, nil, Refused, "it was not saved"},
	} {
		got := Judge(test.original, test.before, test.through, test.back)
		if len(got) != 1 {
			t.Fatalf("%s: %d results", test.name, len(got))
		}
		says := got[0].String()
		if got[0].Outcome != test.outcome || !strings.Contains(says, test.says) || (test.says == "") != (says == "") {
			t.Errorf("%s: %+v, want %s and %q", test.name, got[0], test.outcome, test.says)
		}
	}
}

// TestUsersAreNotRounded: 64-bit numbers differ where floats would not.
func TestUsersAreNotRounded(t *testing.T) {
	if got := differences([]byte(`{"user":9007199254740993}`), []byte(`{"user":9007199254740992}`)); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

func TestManyDifferencesAreCut(t *testing.T) {
	var before, after []string
	for i := range 30 {
		before, after = append(before, fmt.Sprintf(`"k%02d":1`, i)), append(after, fmt.Sprintf(`"k%02d":2`, i))
	}
	line := func(fields []string) []Line {
		return []Line{{Game: "dice", Room: 7, Snapshot: text("{%s}", strings.Join(fields, ","))}}
	}
	got := Judge(line(before), line(before), line(before), line(after))[0]
	if len(got.Fields) != mostFields || got.More != 22 || !strings.HasSuffix(got.String(), "k07: 1 -> 2; and 22 more") {
		t.Errorf("%d fields, %s", len(got.Fields), got)
	}
}

func TestReadAndWrite(t *testing.T) {
	lines := []Line{{Game: "coin", Room: 2, Snapshot: []byte("x")}, {Game: "dice", Room: 1, Error: "no"}}
	var b bytes.Buffer
	if err := Write(&b, lines); err != nil {
		t.Fatal(err)
	}
	got, err := Read(strings.NewReader("\n" + b.String() + "\n"))
	if err != nil || !reflect.DeepEqual(got, lines) {
		t.Errorf("%+v (%v)", got, err)
	}
	moved := `{"game":"dice","room":1,"snapshot":"eA=="}` + "\n" + `{"game":"coin","room":1,"snapshot":"eA=="}` + "\n" + `{"game":"dice","room":1,"snapshot":"eQ=="}`
	if got, err := Read(strings.NewReader(moved)); err != nil || len(got) != 2 || string(got[0].Snapshot) != "y" {
		t.Errorf("%+v (%v)", got, err)
	}
	for input, says := range map[string]string{
		"rubbish":                              "line 1 is no snapshot",
		`{"game":"dice","room":1}`:             "it needs game, room, and snapshot or error",
		`{"game":"dice","snapshot":"eA=="}`:    "it needs game",
		`{"room":1,"snapshot":"eA=="}`:         "it needs game",
		`{"game":"d","room":1,"snapshot":"%"}`: "line 1",
		"\n" + `{"game":"d","room":"one"}`:     "line 2",
		strings.Repeat("x", maxLine+1):         "longer than 4 MiB",
	} {
		if _, err := Read(strings.NewReader(input)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %v, want %q", input, err, says)
		}
	}
}

// FuzzRead: whatever a file holds, reading ends, and what was read can be
// written and read again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"game":"dice","room":1,"snapshot":"eA=="}`))
	f.Add([]byte(`{"game":"dice","room":1,"error":"no"}` + "\n\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := Write(&b, lines); err != nil {
			t.Fatal(err)
		}
		again, err := Read(&b)
		if err != nil || !reflect.DeepEqual(lines, again) {
			t.Fatalf("%+v became %+v (%v)", lines, again, err)
		}
	})
}

// FuzzDifferences: a snapshot never differs from itself, and comparing ends.
func FuzzDifferences(f *testing.F) {
	f.Add(room(3, 9), room(4, 8))
	f.Add([]byte(`{"a":"eyJiIjoxfQ=="}`), []byte(`{"a":"eyJiIjoyfQ=="}`))
	f.Add([]byte(`[1,{"a":null}]`), []byte("\x00"))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		if got := differences(before, before); len(got) > 0 {
			t.Fatalf("%q differs from itself: %q", before, got)
		}
		there, back := differences(before, after), differences(after, before)
		if (len(there) == 0) != (len(back) == 0) {
			t.Fatalf("%q and %q: one way %q, the other %q", before, after, there, back)
		}
	})
}

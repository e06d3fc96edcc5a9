package snapshot

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Outcome is what became of a room.
type Outcome string

// Outcomes.
const (
	Same    Outcome = "same"    // nothing was lost on the way
	Differs Outcome = "differs" // the room came back another one
	Refused Outcome = "refused" // a server would not restore it
)

// Result is the judgement on one room.
type Result struct {
	Game    string  `json:"game"`
	Room    int64   `json:"room"`
	Outcome Outcome `json:"outcome"`
	Why     string  `json:"why,omitempty"`    // who refused it, in whose words
	Fields  []Field `json:"fields,omitempty"` // what differs, the first few
	More    int     `json:"more,omitempty"`   // how many more do
}

// Field is one that differs. Values are shortened.
type Field struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// String tells why, in one line.
func (r Result) String() string {
	var parts []string
	if r.Why != "" {
		parts = append(parts, r.Why)
	}
	for _, f := range r.Fields {
		parts = append(parts, fmt.Sprintf("%s: %s -> %s", f.Path, f.Before, f.After))
	}
	if r.More > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", r.More))
	}
	return strings.Join(parts, "; ")
}

// Judge tells for each original what became of it: before is what the old
// version makes of the original, through what the new one makes of it, after
// what the old one makes of through. What Judge compares are before and after,
// so a field that only the new version knows does not count.
func Judge(originals, before, through, after []Line) []Result {
	b, t, a := index(before), index(through), index(after)
	results := make([]Result, 0, len(originals))
	for _, o := range originals {
		r := Result{Game: o.Game, Room: o.Room}
		switch {
		case o.Error != "":
			r.Outcome, r.Why = Refused, "it was not saved: "+o.Error
		case refused(b, o, "the old version refuses its own snapshot", &r),
			refused(t, o, "the new version refuses it", &r),
			refused(a, o, "the old version refuses what the new one made of it, so there is no way back", &r):
		default:
			r.Outcome, r.Fields = Same, differences(b[o.Key()].Snapshot, a[o.Key()].Snapshot)
			if len(r.Fields) > 0 {
				r.Outcome = Differs
			}
			if r.More = max(0, len(r.Fields)-mostFields); r.More > 0 {
				r.Fields = r.Fields[:mostFields]
			}
		}
		results = append(results, r)
	}
	slices.SortFunc(results, func(x, y Result) int {
		if x.Game != y.Game {
			return strings.Compare(x.Game, y.Game)
		}
		return int(min(max(x.Room-y.Room, -1), 1))
	})
	return results
}

func index(lines []Line) map[Key]Line {
	m := make(map[Key]Line, len(lines))
	for _, l := range lines {
		m[l.Key()] = l
	}
	return m
}

func refused(step map[Key]Line, o Line, who string, r *Result) bool {
	l, there := step[o.Key()]
	switch {
	case !there:
		r.Outcome, r.Why = Refused, who+": it says nothing of the room"
	case l.Error != "":
		r.Outcome, r.Why = Refused, who+": "+l.Error
	default:
		return false
	}
	return true
}

// mostFields bounds what is told of one room.
const mostFields = 8

// differences lists where two snapshots differ. What is JSON is compared field
// by field, also inside of a text that holds JSON in base64, as games' states
// do; clocks (see isClock) may run on. Anything else is compared byte by byte.
func differences(before, after []byte) []Field {
	var fields []Field
	compare("", parsed(before), parsed(after), &fields)
	return fields
}

// parsed is a JSON value, or the bytes themselves.
func parsed(data []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // users are 64 bits wide
	var v any
	if err := decoder.Decode(&v); err != nil || decoder.More() {
		return data
	}
	return v
}

// isClock tells whether a field holds a time or a stretch of time: its name
// says the unit.
func isClock(name string) bool {
	return strings.HasSuffix(name, "_ns") || strings.HasSuffix(name, "_us") || strings.HasSuffix(name, "_ms")
}

func compare(path string, before, after any, fields *[]Field) {
	switch b := before.(type) {
	case map[string]any:
		if a, ok := after.(map[string]any); ok {
			keys := maps.Clone(b)
			maps.Copy(keys, a)
			for _, key := range slices.Sorted(maps.Keys(keys)) {
				if isClock(key) {
					continue
				}
				compare(strings.TrimPrefix(path+"."+key, "."), b[key], a[key], fields)
			}
			return
		}
	case []any:
		if a, ok := after.([]any); ok && len(a) == len(b) {
			for i := range b {
				compare(fmt.Sprintf("%s[%d]", path, i), b[i], a[i], fields)
			}
			return
		}
	case string:
		if a, ok := after.(string); ok && a != b {
			inB, isB := inner(b)
			inA, isA := inner(a)
			if isB && isA {
				compare(path, inB, inA, fields)
				return
			}
		}
	}
	if !equal(before, after) {
		*fields = append(*fields, Field{path, brief(before), brief(after)})
	}
}

// inner is the JSON object in a text of base64.
func inner(text string) (any, bool) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, false
	}
	object, ok := parsed(data).(map[string]any)
	return object, ok
}

func equal(before, after any) bool {
	b, err := json.Marshal(before)
	a, err2 := json.Marshal(after)
	return err == nil && err2 == nil && bytes.Equal(a, b)
}

func brief(v any) string {
	if v == nil {
		return "none"
	}
	if data, raw := v.([]byte); raw {
		return fmt.Sprintf("%d bytes", len(data))
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	if r := []rune(string(data)); len(r) > 60 {
		return string(r[:60]) + "..."
	}
	return string(data)
}

package live

import (
	"slices"
	"testing"
	"time"

	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/result"
)

func TestVerdict(t *testing.T) {
	checked := map[string]oracle.Tally{"roll": {Checked: 7}}
	for name, c := range map[string]struct {
		run  *result.Run
		want result.Verdict
	}{
		"nothing":      {nil, NoVerdict},
		"not judged":   {&result.Run{}, NoVerdict},
		"first round":  {&result.Run{Verdict: result.Invalid, Rules: checked}, NoVerdict},
		"unusable":     {&result.Run{Verdict: result.Invalid, Unusable: "nobody answers"}, result.Invalid},
		"broken early": {&result.Run{Verdict: result.Fail}, result.Fail},
		"behind":       {&result.Run{Verdict: result.Invalid, Rules: checked, Counts: oracle.Counts{Settlements: 1}, Reasons: []string{"late"}}, result.Invalid},
		"they come": {&result.Run{Verdict: result.Invalid, Rules: checked, Counts: oracle.Counts{Settlements: 1}, Came: 100, Seated: 90,
			Reasons: []string{"10 of 100"}, Series: []result.Second{{Bots: result.Population{Connecting: 10}}}}, NoVerdict},
		"they come, and it is late": {&result.Run{Verdict: result.Invalid, Rules: checked, Counts: oracle.Counts{Settlements: 1}, Came: 100, Seated: 90,
			Reasons: []string{"10 of 100", "late"}, Series: []result.Second{{Bots: result.Population{Connecting: 10}}}}, result.Invalid},
		"they do not come": {&result.Run{Verdict: result.Invalid, Rules: checked, Counts: oracle.Counts{Settlements: 1}, Came: 100, Seated: 90,
			Reasons: []string{"10 of 100"}, Series: []result.Second{{}}}, result.Invalid},
		"pass": {&result.Run{Verdict: result.Pass, Rules: checked}, result.Pass},
	} {
		if got, _ := Verdict(Snapshot{Run: c.run}); got != c.want {
			t.Errorf("%s: the verdict is %q, want %q", name, got, c.want)
		}
	}
}

func TestFinder(t *testing.T) {
	a, b := result.Violation{Rule: "roll", Room: 1, Text: "a"}, result.Violation{Rule: "roll", Room: 2, Text: "a"}
	var f Finder
	for _, c := range []struct{ told, want []result.Violation }{
		{nil, nil}, {[]result.Violation{a}, []result.Violation{a}}, {[]result.Violation{b, a}, []result.Violation{b}}, {[]result.Violation{b, a}, nil},
	} {
		got := f.Fresh(Snapshot{Run: &result.Run{Violations: c.told}})
		if !slices.EqualFunc(got, c.want, func(x, y result.Violation) bool { return x.Room == y.Room }) {
			t.Errorf("of %v these are new: %v, want %v", c.told, got, c.want)
		}
	}
}

func TestNotes(t *testing.T) {
	at := func(seconds int, text string) result.Note {
		return result.Note{At: time.Duration(seconds) * time.Second, Text: text}
	}
	var n Notes
	for _, c := range []struct{ told, want []result.Note }{
		{nil, nil},
		{[]result.Note{at(0, "a")}, []result.Note{at(0, "a")}},
		{[]result.Note{at(0, "a"), at(5, "b"), at(5, "c")}, []result.Note{at(5, "b"), at(5, "c")}},
		{[]result.Note{at(5, "b"), at(5, "c"), at(5, "d")}, []result.Note{at(5, "d")}}, // the oldest is forgotten
		{[]result.Note{at(5, "b"), at(5, "c"), at(5, "d")}, nil},
		{[]result.Note{at(5, "c"), at(5, "d"), at(6, "e")}, []result.Note{at(6, "e")}},
	} {
		if got := n.Fresh(Snapshot{Notes: c.told}); !slices.Equal(got, c.want) {
			t.Errorf("of %v these are new: %v, want %v", c.told, got, c.want)
		}
	}
}

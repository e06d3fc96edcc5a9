package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/bot"
	"croupier/loadgen/internal/load"
	"croupier/loadgen/internal/oracle"
)

// good is a run with nothing to complain of.
func good() load.Result {
	return load.Result{
		Took: time.Minute, Came: 4, Seated: 4,
		Findings: oracle.Findings{
			Counts:  oracle.Counts{Settlements: 9},
			Tallies: map[oracle.Rule]oracle.Tally{oracle.Settlement: {Checked: 9}},
		},
	}
}

func TestProgressFits(t *testing.T) {
	s := load.Moment{At: 60 * time.Second}
	s.States[bot.Seated], s.States[bot.Away], s.States[bot.Out] = 380, 12, 8
	s.Findings.Counts = oracle.Counts{Settlements: 1234, Broken: 398, Lost: 3, Returns: 389}
	want := " 60s seated 380 away 12 out 8, settled 1234, cut 398 lost 3 back 389, violated 0"
	if got := Progress(s); got != want {
		t.Errorf("%q", got)
	} else if len(got) > columns {
		t.Errorf("%d columns", len(got))
	}
}

func TestFold(t *testing.T) {
	got := fold("rooms: ", strings.Repeat("word ", 20))
	want := "rooms: " + strings.Repeat("word ", 13) + "word\n" + "       " + strings.Repeat("word ", 5) + "word\n"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := fold("  ", ""); got != "  \n" {
		t.Errorf("nothing is %q", got)
	}
}

func TestJudge(t *testing.T) {
	violated := func(r *load.Result) {
		r.Findings.Tallies = map[oracle.Rule]oracle.Tally{oracle.Hidden: {Checked: 3, Violated: 2}}
		r.Findings.Violations = []oracle.Violation{{Rule: oracle.Hidden, Room: 3, Text: "seen", Proof: []oracle.Event{{Kind: oracle.Shaken, User: 9, Points: 5}}}}
	}
	one := good()
	one.Findings.Counts.Closed = 1
	if _, reasons := Judge(one); !strings.Contains(reasons[1], "closed 1 room under") {
		t.Error(reasons)
	}
	for name, c := range map[string]struct {
		change func(*load.Result)
		want   Verdict
		reason string
	}{
		"good":                 {func(*load.Result) {}, Pass, "9 checks"},
		"closed rooms":         {func(r *load.Result) { r.Findings.Counts.Closed = 3 }, Pass, "closed 3 rooms"},
		"a broken rule":        {violated, Fail, "hidden: broken 2 times"},
		"broken and unusable":  {func(r *load.Result) { violated(r); r.Unusable = "x"; r.Findings.Counts.Settlements = 0 }, Fail, "hidden"},
		"nothing checked":      {func(r *load.Result) { r.Findings.Counts.Settlements = 0 }, Invalid, "nothing was checked"},
		"bots without a table": {func(r *load.Result) { r.Seated = 3 }, Invalid, "1 of 4 bots never got"},
		"given up":             {func(r *load.Result) { r.Unusable = "nobody got a seat" }, Invalid, "nobody got a seat"},
		"slow bots":            {func(r *load.Result) { r.Slow = 2 }, Invalid, "fell behind"},
		"broken off":           {func(r *load.Result) { r.Abandoned = true }, Invalid, "broken off"},
	} {
		r := good()
		c.change(&r)
		verdict, reasons := Judge(r)
		if verdict != c.want || !strings.Contains(strings.Join(reasons, "\n"), c.reason) {
			t.Errorf("%s: %s because of %q", name, verdict, reasons)
		}
		document := Make(Run{Target: "gate ws://g", Load: load.Config{Bots: 4, Rooms: 1}}, r)
		var text, data bytes.Buffer
		if err := document.Text(&text); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(text.String(), string(c.want)+"\n") || !strings.Contains(text.String(), c.reason) {
			t.Errorf("%s reads\n%s", name, text.String())
		}
		if err := document.JSON(&data); err != nil {
			t.Fatal(err)
		}
		var back Document
		if err := json.Unmarshal(data.Bytes(), &back); err != nil || back.Verdict != c.want {
			t.Errorf("%s in JSON: %v\n%s", name, err, data.String())
		}
		if c.want == Fail && !strings.Contains(text.String(), "user 9 rolls 5") {
			t.Errorf("%s: no proof in\n%s", name, text.String())
		}
	}
}

package report

import (
	"bytes"
	"encoding/csv"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"croupier/loadgen/internal/report/chart"
	"croupier/loadgen/result"
)

// slower makes a run of servers that settle fewer rounds.
func slower(run *result.Run) *result.Run {
	for i := range run.Series {
		run.Series[i].Settlements = run.Series[i].Settlements * 4 / 5
	}
	return run
}

func someComparison() (result.Comparison, []*result.Run, []*result.Run) {
	base := []*result.Run{sample(120, 1), sample(120, 2)}
	next := []*result.Run{slower(sample(90, 3))}
	return result.Comparison{
		Verdict: result.Regressed, Reasons: []string{"rounds: 20% fewer, 17% to 23%"}, Tolerance: 0.1, Base: 2, Next: 1,
		Metrics: []result.Metric{
			{Name: "violations", Outcome: result.Same},
			{Name: "rounds", Unit: "1/s", Base: 200.5, Next: 161, Ratio: 0.8, Low: 0.77, High: 0.83, Outcome: result.Regressed},
			{Name: "action-p99", Unit: "s", Base: 0.00231, Next: 0.00236, Ratio: 1.02, Low: 0.93, High: 1.12, Outcome: result.Same},
			{Name: "reseat-p99", Unit: "s", Base: 10.2, Next: 4.1, Ratio: 0.402, Low: 0.31, High: 0.52, Outcome: result.Improved},
			{Name: "seat-p99", Unit: "s", Outcome: result.Unclear, Note: "the next runs have too few measurements to tell: play longer, or with more bots"},
			{Name: "lost", Unit: "1/bot/h", Base: 0, Next: 12.5, Ratio: 25, Low: 14, High: 41, Outcome: result.Regressed},
		},
	}, base, next
}

func TestCompareText(t *testing.T) {
	c, _, _ := someComparison()
	var b bytes.Buffer
	if err := CompareText(&b, c, 0); err != nil {
		t.Fatal(err)
	}
	golden(t, "compare.txt", b.Bytes())
	for _, line := range strings.Split(b.String(), "\n") {
		if n := utf8.RuneCountInString(line); n > narrowest {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func comparePage(t *testing.T, c result.Comparison, base, next []*result.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := CompareHTML(&b, c, base, next); err != nil {
		t.Fatal(err)
	}
	kept(t, b.Bytes())
	return b.String()
}

func TestCompareHTML(t *testing.T) {
	c, base, next := someComparison()
	page := comparePage(t, c, base, next)
	check(t, page)
	for _, want := range []string{"REGRESSED", "rounds: 20% fewer", "✗ regressed", "-23.0% … -17.0%", "base 2", "<desc"} {
		if !strings.Contains(page, strings.ReplaceAll(want, "+", "&#43;")) {
			t.Errorf("without %q", want)
		}
	}
}

func TestCompareHTMLOfNothing(t *testing.T) {
	check(t, comparePage(t, result.Comparison{Verdict: result.Unclear, Reasons: []string{"there is nothing to compare"}}, nil, []*result.Run{{}}))
}

func TestCompareHTMLOfLongRunsIsSmall(t *testing.T) {
	var base, next []*result.Run
	for i := range uint64(4) {
		base, next = append(base, sample(1000, i)), append(next, sample(700, 10+i))
	}
	c, _, _ := someComparison()
	check(t, comparePage(t, c, base, next))
}

func TestCompareStandsWhatServersSay(t *testing.T) {
	count := 0
	for _, text := range append([]string{"harmless"}, hostile...) {
		c := result.Comparison{Verdict: result.Change(text), Reasons: []string{text}, Metrics: []result.Metric{{Name: text, Unit: text, Note: text, Outcome: result.Change(text)}}}
		run := hostileRun(text)
		page := comparePage(t, c, []*result.Run{run}, []*result.Run{run})
		check(t, page)
		names, _ := tags(t, blocks.ReplaceAllString(scripts.ReplaceAllString(styles.ReplaceAllString(page, ""), ""), ""))
		if count == 0 {
			count = len(names)
		} else if len(names) != count {
			t.Errorf("%.40q: %d elements, and %d with a harmless text", text, len(names), count)
		}
		var b bytes.Buffer
		if err := CompareText(&b, c, 80); err != nil {
			t.Fatal(err)
		}
		for _, r := range b.String() {
			if r != '\n' && printable(string(r)) != string(r) {
				t.Errorf("%.40q: %q is in the text", text, r)
				break
			}
		}
		b.Reset()
		if err := CompareCSV(&b, c); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(lines) != 2 || strings.HasPrefix(lines[1][0], "=") {
			t.Errorf("%.40q: %v %.200q", text, err, lines)
		}
	}
}

func TestTogetherKeepsTheGreatest(t *testing.T) {
	long, short := newTrack(sample(2000, 1)), newTrack(sample(70, 1))
	sides := []seenSide{{track: long}, {track: short}}
	values := []chart.Values{make(chart.Values, len(long.slices)), make(chart.Values, len(short.slices))}
	for _, v := range values {
		for i := range v {
			v[i] = 1
		}
		v[len(v)/2] = 99
	}
	_, out := together(2000, sides, values)
	for k, v := range out {
		most, ended := 0.0, 0
		for _, x := range v {
			if math.IsNaN(x) {
				ended++
			} else {
				most = max(most, x)
			}
		}
		if most != 99 {
			t.Errorf("run %d: the greatest is %v", k, most)
		}
		if k == 0 && ended > 0 || k == 1 && ended < len(v)*9/10 {
			t.Errorf("run %d: %d of %d places have nothing", k, ended, len(v))
		}
	}
}

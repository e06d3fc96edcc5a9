package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

var keep = flag.String("keep", "", "write the pages into this directory, for a look at them")

func html(t *testing.T, run *result.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, run); err != nil {
		t.Fatal(err)
	}
	kept(t, b.Bytes())
	return b.String()
}

// kept writes a page where somebody wants to look at it.
func kept(t *testing.T, page []byte) {
	if *keep == "" {
		return
	}
	name := strings.ReplaceAll(t.Name(), "/", "_") + ".html"
	if err := os.WriteFile(filepath.Join(*keep, name), page, 0o644); err != nil {
		t.Fatal(err)
	}
}

// tags returns the names of all elements in the order of the page, and the text between them. It
// fails where elements are not closed as they were opened.
func tags(t *testing.T, page string) (names []string, attributes map[string][]string) {
	t.Helper()
	attributes = make(map[string][]string)
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return names, attributes
		}
		if err != nil {
			t.Fatalf("not well formed: %v", err)
		}
		if start, ok := token.(xml.StartElement); ok {
			names = append(names, start.Name.Local)
			for _, a := range start.Attr {
				attributes[a.Name.Local] = append(attributes[a.Name.Local], a.Value)
			}
		}
	}
}

var (
	scripts = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
	styles  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	blocks  = regexp.MustCompile(`(?s)<script type="application/json">(.*?)</script>`)
)

// check looks for what holds for every page.
func check(t *testing.T, page string) {
	t.Helper()
	if len(page) >= 1<<20 {
		t.Errorf("%d bytes", len(page))
	}
	code, style := scripts.FindAllStringSubmatch(page, -1), styles.FindAllStringSubmatch(page, -1)
	if len(code) != 1 || len(style) != 1 {
		t.Fatalf("%d scripts and %d styles", len(code), len(style))
	}
	for _, part := range []string{code[0][1], style[0][1]} {
		if want := strings.ReplaceAll(hash(part), "+", "&#43;"); !strings.Contains(page, want) {
			t.Errorf("the policy does not allow the page's own %.20q", part)
		}
	}
	for _, block := range blocks.FindAllStringSubmatch(page, -1) {
		var data seen
		if err := json.Unmarshal([]byte(strings.ReplaceAll(block[1], "null", "0")), &data); err != nil {
			t.Errorf("%v: %.200s", err, block[1])
		}
		for _, s := range data.Series {
			if len(s.Values) != len(data.Points.Places) {
				t.Errorf("%s has %d values at %d places", s.Name, len(s.Values), len(data.Points.Places))
			}
		}
	}
	if strings.Contains(page, "ZgotmplZ") {
		t.Error("the template refused a value")
	}
	_, attributes := tags(t, blocks.ReplaceAllString(scripts.ReplaceAllString(styles.ReplaceAllString(page, ""), ""), ""))
	for name, values := range attributes {
		switch {
		case name == "src" || name == "style" || strings.HasPrefix(name, "on"):
			t.Errorf("attribute %s: %q", name, values)
		case name == "href":
			for _, v := range values {
				if !strings.HasPrefix(v, "#") {
					t.Errorf("a link leads to %q", v)
				}
			}
		}
	}
	ids := make(map[string]bool)
	for _, id := range attributes["id"] {
		if ids[id] {
			t.Errorf("two elements have the id %q", id)
		}
		ids[id] = true
	}
	for _, list := range attributes["aria-labelledby"] {
		for _, id := range strings.Fields(list) {
			if !ids[id] {
				t.Errorf("nothing has the id %q", id)
			}
		}
	}
	for _, v := range append(attributes["y1"], append(attributes["x1"], attributes["d"]...)...) {
		if strings.Contains(v, "NaN") || strings.Contains(v, "Inf") {
			t.Errorf("a shape has %.80q", v)
		}
	}
}

func TestPage(t *testing.T) {
	for name, run := range map[string]*result.Run{
		"pass": sample(600, 1), "fail": broke(sample(120, 2)), "minute": sample(60, 3), "second": sample(1, 4),
		"nothing": {Verdict: result.Invalid, Reasons: []string{"nobody got to the gate"}},
	} {
		t.Run(name, func(t *testing.T) {
			page := html(t, run)
			check(t, page)
			for _, want := range append(run.Reasons, string(run.Verdict), sign(run.Verdict), means(run.Verdict), "<title>", `scope="col"`) {
				if !strings.Contains(page, strings.NewReplacer("'", "&#39;", "+", "&#43;").Replace(want)) {
					t.Errorf("without %q", want)
				}
			}
		})
	}
}

func TestPageOfALongRunIsSmallAndKeepsMaxima(t *testing.T) {
	run := sample(30_000, 5)
	run.Series[12_345].Times["action"].Record(59 * time.Minute)
	run.Series[23_456].Lost = 7_654_321
	long := strings.Repeat("long ", 1000)
	proof := strings.Split(strings.Repeat(strings.Repeat("long ", 200)+"\n", 200), "\n") // one for all: the test needs little memory
	for i := range 5000 {
		run.Waves = append(run.Waves, result.Wave{At: float64(i * 6), Lost: 100 + i})
		run.Troubles = append(run.Troubles, result.Trouble{Text: long, Count: 1})
		run.Reasons = append(run.Reasons, long)
		run.Violations = append(run.Violations, result.Violation{Rule: "seat", Text: long, Proof: proof})
	}
	page := html(t, run)
	check(t, page)
	for _, want := range []string{"the longest of all took 59m", "7.65M lost otherwise"} {
		if !strings.Contains(page, want) {
			t.Errorf("without %q", want)
		}
	}
	if n := len(cut(run.Series, mostPoints)); n > mostPoints || n < mostPoints/2 {
		t.Errorf("%d points", n)
	}
}

func TestTheRestOfASecondIsNoBurst(t *testing.T) {
	series := sample(20, 9).Series
	series = append(series, result.Second{At: 20.05, Sent: 900, CPU: 1.9, Times: map[string]*measure.Histogram{"action": series[19].Times["action"], "auth": series[19].Times["action"]}})
	before := series[19].Times["action"].Count()
	got := cut(series, mostPoints)
	last := got[len(got)-1]
	if len(got) != 20 || last.To != 20.05 || last.CPU != 1.9 || last.Times["action"].Count() != 2*before || last.Times["auth"].Count() != before {
		t.Errorf("%d slices, the last is %+v", len(got), last)
	}
	if want := float64(series[19].Sent+900) / 1.05; math.Abs(last.Rates[sent].Most-want) > 1 {
		t.Errorf("%v a second, want %v", last.Rates[sent].Most, want)
	}
	if series[19].Times["action"].Count() != before || len(series[19].Times) == len(last.Times) {
		t.Error("the result was changed")
	}
}

// hostile is what a server may say to hurt who reads about it.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</title><script>alert(1)</script>`,
	`</script><script>alert(1)</script>`, `<!--`, `-->`, `]]>`, `<svg onload=alert(1)>`, `javascript:alert(1)`, "{{.Run}}", `</style><b>`, `</pre><b>`,
	"\u2028\u2029", "\x1b]0;owned\x07\x1b[2J", "\u202etxt.exe", "\xff\xfe", strings.Repeat("W", 100_000), "a\nb\rc\x00", `\u003cscript\u003e`, "=cmd|'/c calc'!A1",
}

func hostileRun(text string) *result.Run {
	run := broke(sample(30, 6))
	run.Verdict, run.Version, run.Target, run.Unusable = result.Verdict(text), text, text, text
	run.Reasons = []string{text}
	run.Scenario.Name, run.Scenario.Game, run.Scenario.Reconnect = text, text, scenario.Model(text)
	run.Scenario.SLO = []scenario.Objective{{Phase: text, Percentile: 99, Limit: time.Second}, {Phase: "action", Percentile: 99, Limit: time.Second}}
	run.Objectives = []result.Outcome{{Name: text, Limit: time.Second, Measured: time.Second, Count: 1}}
	run.Rules[text] = oracle.Tally{Violated: 1}
	for i := range run.Phases {
		if i%2 == 0 {
			run.Phases[i].Phase = text
		}
		run.Phases[i].Server += text
	}
	for _, s := range run.Series {
		s.Times[text] = s.Times["action"]
	}
	run.Violations = []result.Violation{{Rule: text, Text: text, Proof: []string{text, text}}}
	run.Troubles = []result.Trouble{{Text: text, Count: 1}}
	run.Notes = []result.Note{{At: time.Second, Text: text}}
	return run
}

func TestPageEscapesWhatServersSay(t *testing.T) {
	plain, _ := tags(t, blocks.ReplaceAllString(scripts.ReplaceAllString(styles.ReplaceAllString(html(t, hostileRun("harmless")), ""), ""), ""))
	for i, text := range hostile {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			page := html(t, hostileRun(text))
			check(t, page)
			got, _ := tags(t, blocks.ReplaceAllString(scripts.ReplaceAllString(styles.ReplaceAllString(page, ""), ""), ""))
			if len(got) != len(plain) {
				t.Errorf("%.40q: %d elements, and %d with a harmless text", text, len(got), len(plain))
			}
			if strings.ContainsAny(page, "\x00\x1b\u202e\u2028") {
				t.Errorf("%.40q is in the page as it is", text)
			}
		})
	}
}

func TestTextStandsWhatServersSay(t *testing.T) {
	for _, said := range hostile {
		out := text(t, hostileRun(said), 80)
		for _, r := range out {
			if r != '\n' && printable(string(r)) != string(r) {
				t.Errorf("%.40q: %q is in the text", said, r)
				break
			}
		}
		for _, line := range strings.Split(out, "\n") {
			if n := len([]rune(line)); n > 80 {
				t.Errorf("%.40q: %d columns", said, n)
				break
			}
		}
	}
}

package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/report/chart"
	"croupier/loadgen/internal/words"
	"croupier/loadgen/result"
)

// A page has so many of each at most, so that it stays small whatever a result holds; and texts of
// so many characters.
const (
	pageProofs   = 20
	pageProof    = 40 // lines
	pageWaves    = 100
	pageTroubles = 50
	pageNotes    = 60
	pagePhases   = 100
	pageReasons  = 30
	pageText     = 200
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed chart.html
	chartHTML string
	//go:embed comparison.html
	comparisonHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

// pages are the templates. Every text in them is escaped for where it stands.
var pages = template.Must(template.New("report").Funcs(template.FuncMap{
	"show":    func(s string) string { return clip(printable(s), 120) },
	"long":    func(s string) string { return clip(printable(s), pageText) },
	"reasons": func(all []string) []string { return all[:min(len(all), pageReasons)] },
	"time":    chart.Duration,
	"moment":  words.Moment,
	"took":    took,
	"right":   chart.Percent,
	"down":    chart.Down,
	"sign":    sign,
	"verdict": func(v result.Verdict) string { return printable(clip(string(v), 20)) },
	"class":   verdictClass,
	"means":   means,
	"outcome": outcome,
	"phase":   phaseMeaning,
	"data":    dataOf,
	"many": func(n any) string {
		switch n := n.(type) {
		case int:
			return words.Count(n)
		case int64:
			return words.Count(n)
		case uint64:
			return words.Count(n)
		}
		return fmt.Sprint(n)
	},
	"policy":   policy,
	"style":    func() template.CSS { return template.CSS(pageCSS) },
	"script":   func() template.JS { return template.JS(pageJS) },
	"upper":    func(c result.Change) string { return strings.ToUpper(printable(clip(string(c), 20))) },
	"change":   changeClass,
	"changed":  changed,
	"ratio":    change,
	"interval": interval,
	"value":    value,
	"span":     span,
	"servers":  func(r *result.Run) string { return strings.Join(versions(r.Phases), ", ") },
	"began":    func(r *result.Run) string { return r.Began.UTC().Format("2006-01-02 15:04:05 UTC") },
	"side":     func(side string, r *result.Run) sided { return sided{side, r} },
}).Parse(chartHTML + pageHTML + comparisonHTML))

// policy lets the page run its own script and style, and load nothing from anywhere.
func policy() string {
	return fmt.Sprintf("default-src 'none'; script-src '%s'; style-src '%s'; base-uri 'none'; form-action 'none'", hash(pageJS), hash(pageCSS))
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// named is a value under a name.
type named struct{ Name, Value string }

// page is what the template of a run's page shows.
type page struct {
	Run            *result.Run
	Name           string
	Facts          []named
	Violations     []proven
	MoreViolations int
	Rules          []rule
	Population     chart.Chart
	Rates          []chart.Chart
	Waves          []result.Wave
	MoreWaves      int
	Notes          []named
	MoreNotes      int
	Phases         []row
	MorePhases     int
	Distribution   chart.Chart
	ByVersion      []chart.Chart
	Latencies      []chart.Chart
	Vitals         []vital
	CPU            chart.Chart
	Lag            *chart.Chart
	Troubles       []result.Trouble
	MoreTroubles   int
	YAML           string
}

// proven is a violation ready to be read.
type proven struct {
	Rule, Text string
	Room       int64
	Proof      []string
	Last       string
}

// HTML writes a page about the run that needs nothing else: no network, and no script to be read.
// It stays below a mebibyte for runs of any length. What came from servers is shown as text.
func HTML(w io.Writer, run *result.Run) error {
	p, err := newPage(run)
	if err != nil {
		return err
	}
	return pages.ExecuteTemplate(w, "page", p)
}

func newPage(run *result.Run) (page, error) {
	text, err := yaml.Marshal(run.Scenario)
	if err != nil {
		return page{}, fmt.Errorf("the scenario: %w", err)
	}
	t := newTrack(run)
	all := rows(run.Phases)
	p := page{
		Run: run, Name: nameOf(run), Facts: facts(run), Rules: ruled(run.Rules),
		Population: t.population(), Rates: t.happened(), CPU: t.cpu(),
		Phases: all[:min(len(all), pagePhases)], MorePhases: max(0, len(all)-pagePhases),
		Distribution: byPhase(all, run.Scenario.SLO), ByVersion: byVersion(all), Vitals: vitals(run),
		Waves: worstWaves(run.Waves, pageWaves), MoreWaves: max(0, len(run.Waves)-pageWaves),
		Troubles: run.Troubles[:min(len(run.Troubles), pageTroubles)], MoreTroubles: max(0, len(run.Troubles)-pageTroubles),
		MoreViolations: max(0, len(run.Violations)-pageProofs), YAML: lines(string(text)),
	}
	for _, v := range run.Violations[:min(len(run.Violations), pageProofs)] {
		p.Violations = append(p.Violations, prove(v))
	}
	p.MoreNotes = max(0, len(run.Notes)-pageNotes)
	for _, n := range run.Notes[p.MoreNotes:] {
		p.Notes = append(p.Notes, named{words.Moment(n.At.Seconds()), n.Text})
	}
	for _, name := range t.names() {
		c := t.latency(name)
		if name == measure.Lag.String() {
			c.Title = "Send lag"
			p.Lag = &c
			continue
		}
		if len(p.Latencies) < mostCurves {
			p.Latencies = append(p.Latencies, c)
		}
	}
	p.number()
	return p, nil
}

// number gives each chart its name on the page; what servers say is no part of it.
func (p *page) number() {
	n := 0
	next := func(c *chart.Chart) {
		n++
		c.ID = fmt.Sprintf("chart%d", n)
	}
	next(&p.Population)
	next(&p.Distribution)
	next(&p.CPU)
	if p.Lag != nil {
		next(p.Lag)
	}
	for _, list := range [][]chart.Chart{p.Rates, p.ByVersion, p.Latencies} {
		for i := range list {
			next(&list[i])
		}
	}
}

// verdictClass is the style of a verdict.
func verdictClass(v result.Verdict) string {
	switch v {
	case result.Pass, result.Fail, result.Missed:
		return string(v)
	}
	return string(result.Invalid)
}

// changeClass is the style of an outcome.
func changeClass(c result.Change) string {
	switch c {
	case result.Regressed, result.Improved, result.Same:
		return string(c)
	}
	return string(result.Unclear)
}

// prove takes the end of a proof, in lines of limited length.
func prove(v result.Violation) proven {
	p := proven{Rule: v.Rule, Text: v.Text, Room: v.Room}
	some := v.Proof[max(0, len(v.Proof)-pageProof):]
	for i, line := range some {
		line = clip(printable(line), pageText)
		if i == len(some)-1 {
			p.Last = line
			break
		}
		p.Proof = append(p.Proof, line)
	}
	return p
}

// lines makes a text of several lines printable, each for itself.
func lines(text string) string {
	var all []string
	for line := range strings.Lines(text) {
		all = append(all, clip(printable(strings.TrimSuffix(line, "\n")), pageText))
	}
	return strings.Join(all[:min(len(all), 200)], "\n")
}

func nameOf(run *result.Run) string {
	name := run.Scenario.Name
	if name == "" {
		name = "loadgen"
	}
	return name + " on " + run.Target
}

func facts(run *result.Run) []named {
	s, c := run.Scenario, run.Counts
	all := []named{
		{"began", run.Began.UTC().Format("2006-01-02 15:04:05 UTC")},
		{"took", lasted(run)},
		{"bots", fmt.Sprintf("%s came, %s got to a table", words.Count(run.Came), words.Count(run.Seated))},
		{"game", s.Game},
		{"seed", fmt.Sprint(s.Seed)},
		{"server versions", strings.Join(versions(run.Phases), ", ")},
		{"rounds settled", words.Count(c.Settlements)},
		{"rolls acknowledged", words.Count(c.Rolls)},
		{"events from rooms", words.Count(c.Events)},
		{"connections lost", fmt.Sprintf("%s broken by bots, %s otherwise", words.Count(c.Broken), words.Count(c.Lost))},
		{"returns to the table", words.Count(c.Returns)},
		{"rooms", fmt.Sprintf("%s closed by servers, %s vanished, %s reopened", words.Count(c.Closed), words.Count(c.Vanished), words.Count(c.Reopened))},
	}
	if c.Closed+c.Vanished+c.Reopened == 0 {
		all = all[:len(all)-1]
	}
	if c.Migrated+c.LostRounds > 0 {
		all = append(all, named{"rooms that changed their server", fmt.Sprintf("%s times, %s of them after it had died; %s lost",
			words.Count(c.Migrated), words.Count(c.Recovered), many(c.LostRounds, "round"))})
	}
	if run.Processes > 1 {
		all = append(all, named{"processes", words.Count(run.Processes)})
	}
	some := all[:0]
	for _, f := range all {
		if f.Value != "" {
			some = append(some, f)
		}
	}
	return some
}

// phaseMeaning is from when to when a phase's times are.
func phaseMeaning(name string) string {
	p, known := measure.ParsePhase(name)
	if !known {
		return ""
	}
	return map[measure.Phase]string{
		measure.Dial:     "the intended moment … the TCP connection",
		measure.Auth:     "the connection … the accepted token",
		measure.Seat:     "the request to sit down … the own seat",
		measure.Action:   "the intended roll … its acknowledgement",
		measure.Skew:     "a room’s first bot to hear of a settlement … its last",
		measure.Reseat:   "a lost connection … the own seat again",
		measure.Late:     "when a round should have been settled or started … when it was",
		measure.Move:     "the intended change of the seat … the new one",
		measure.Ping:     "the intended ping … the room’s answer",
		measure.Blackout: "a request under way while its room was handed to another server … its answer",
		measure.Recovery: "a request, or a connection, under way when its server died … the first answer of the next one",
		measure.Lag:      "the intended moment … the bytes were sent; the generator’s own",
	}[p]
}

// seen is what the script knows of a chart.
type seen struct {
	Unit   chart.Unit   `json:"unit"`
	Points chart.Points `json:"points"`
	Series []seenSeries `json:"series"`
}

type seenSeries struct {
	Name   string       `json:"name"`
	Values chart.Values `json:"values"`
}

func dataOf(c chart.Chart) seen {
	s := seen{Unit: c.Unit, Points: c.Points}
	for _, one := range c.Series {
		s.Series = append(s.Series, seenSeries{clip(printable(one.Name), 120), one.Values})
	}
	return s
}

// Package report turns a run into a verdict, and the verdict into something to read.
package report

import (
	"fmt"
	"time"

	"croupier/loadgen/internal/load"
	"croupier/loadgen/internal/oracle"
)

// Verdict is what a run says about the servers.
type Verdict string

const (
	Pass    Verdict = "PASS"    // every rule was checked as far as it could be, and none was broken
	Fail    Verdict = "FAIL"    // a rule was broken, and there is proof
	Invalid Verdict = "INVALID" // the run says nothing: the target could not be played on, or the bots fell behind
)

// Run is what was run.
type Run struct {
	Version string
	Target  string
	Load    load.Config
}

// Judge gives the verdict and its reasons. A broken rule outweighs everything: its proof stands
// whatever else went wrong.
func Judge(r load.Result) (Verdict, []string) {
	if n := r.Findings.Violated(); n > 0 {
		var reasons []string
		for _, rule := range oracle.Rules() {
			if t := r.Findings.Tallies[rule]; t.Violated > 0 {
				reasons = append(reasons, fmt.Sprintf("%s: broken %s (%s)", rule, count(int(t.Violated), "time"), rule.Meaning()))
			}
		}
		return Fail, reasons
	}
	var reasons []string
	switch {
	case r.Unusable != "":
		reasons = append(reasons, r.Unusable)
	case r.Seated < r.Came:
		reasons = append(reasons, fmt.Sprintf("%d of %d bots never got to a table", r.Came-r.Seated, r.Came))
	}
	if r.Findings.Counts.Settlements == 0 {
		reasons = append(reasons, "no settlement was seen, so nothing was checked: play longer than a round takes")
	}
	if r.Slow > 0 {
		reasons = append(reasons, fmt.Sprintf("the bots fell behind the servers %s: use fewer bots, or more machines", count(int(r.Slow), "time")))
	}
	if r.Abandoned {
		reasons = append(reasons, "the run was broken off")
	}
	if len(reasons) > 0 {
		return Invalid, reasons
	}
	reasons = append(reasons, fmt.Sprintf("%d checks, no rule was broken", r.Findings.Checked()))
	if n := r.Findings.Counts.Closed; n > 0 {
		reasons = append(reasons, fmt.Sprintf("but the servers closed %s under their players, after their rounds were settled; %d players came back to another seat", count(int(n), "room"), r.Findings.Counts.Moved))
	}
	return Pass, reasons
}

// Document is the report for programs. Durations are in seconds.
type Document struct {
	Verdict    Verdict                 `json:"verdict"`
	Reasons    []string                `json:"reasons"`
	Version    string                  `json:"version"` // of loadgen
	Target     string                  `json:"target"`
	Game       string                  `json:"game"`
	Bots       int                     `json:"bots"`
	Seated     int64                   `json:"seated"`
	Rooms      int                     `json:"rooms"`
	Seed       uint64                  `json:"seed"`
	Seconds    float64                 `json:"seconds"`
	LagSeconds float64                 `json:"generator_lag_seconds"` // the longest delay of a clock of loadgen's own
	Counts     oracle.Counts           `json:"counts"`
	Rules      map[string]oracle.Tally `json:"rules"`
	Absences   Absences                `json:"absences"`
	Violations []Violation             `json:"violations"`
	Troubles   []load.Trouble          `json:"troubles"`
}

// Absences is how long players were away from the table after a lost connection, in seconds.
type Absences struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

// Violation is a broken rule with the room's last events, as people read them.
type Violation struct {
	Rule  string   `json:"rule"`
	Room  int64    `json:"room"`
	Text  string   `json:"text"`
	Proof []string `json:"proof"`
}

// Make makes the document of a run.
func Make(run Run, r load.Result) Document {
	verdict, reasons := Judge(r)
	d := Document{
		Verdict: verdict, Reasons: reasons, Version: run.Version, Target: run.Target, Game: run.Load.Game,
		Bots: run.Load.Bots, Seated: r.Seated, Rooms: run.Load.Rooms, Seed: run.Load.Seed,
		Seconds: seconds(r.Took), LagSeconds: seconds(r.Lag), Counts: r.Findings.Counts,
		Rules: make(map[string]oracle.Tally), Violations: []Violation{}, Troubles: r.Troubles,
		Absences: Absences{
			Count: r.Findings.Absences.Count, P50: seconds(r.Findings.Absences.P50),
			P99: seconds(r.Findings.Absences.P99), Max: seconds(r.Findings.Absences.Max),
		},
	}
	for rule, t := range r.Findings.Tallies {
		d.Rules[rule.String()] = t
	}
	for _, v := range r.Findings.Violations {
		one := Violation{Rule: v.Rule.String(), Room: v.Room, Text: v.Text, Proof: v.Lines()}
		d.Violations = append(d.Violations, one)
	}
	return d
}

func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

package command

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"croupier/loadgen/internal/capacity"
	"croupier/loadgen/play"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

// Capacity is the verb `capacity`.
type Capacity struct {
	Search capacity.Config // without Play
	Target Target
	JSON   bool
	Quiet  bool
}

// notSearched are the fields that a search sets itself.
var notSearched = []string{"name", "bots", "rooms", "spectators", "for", "ramp", "stages", "rate", "stay"}

func capacityVerb(stages Stages, env Environment, enact Enact) *cli.Command {
	flags := append([]cli.Flag{
		&cli.StringFlag{Name: "find", Value: string(capacity.Bots), Usage: "search for `WHAT`: bots, rooms, or reconnects (a second)"},
		&cli.StringFlag{Name: "scenario", Aliases: []string{"s"}, Usage: "`NAME` or file of a scenario: how the bots play and what must hold"},
		&cli.IntFlag{Name: "start", Value: 100, Usage: "begin with `N`, and double it while the servers hold it"},
		&cli.IntFlag{Name: "most", Usage: "try no more than `N`", DefaultText: "what makes a million bots"},
		&cli.DurationFlag{Name: "trial", Value: 20 * time.Second, Usage: "`TIME` of each trial, once all bots have come"},
		&cli.StringFlag{Name: "resolution", Value: "5%", Usage: "end when the border is known within this `SHARE`"},
		&cli.IntFlag{Name: "votes", Value: 2, Usage: "at the border, `N` equal outcomes decide, as measurements disagree there"},
		&cli.IntFlag{Name: "trials", Value: 40, Usage: "at most `N` trials"},
		&cli.DurationFlag{Name: "within", Value: time.Hour, Usage: "begin no trial after this `TIME`"},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text", Usage: "`FORMAT` of stdout: text or json"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no line for each trial on stderr"},
	}, targetFlags()...)
	return &cli.Command{
		Name:      "capacity",
		Usage:     "find how much the servers hold within the objectives",
		UsageText: "loadgen capacity --find bots|rooms|reconnects [flags] [SCENARIO]",
		Flags:     append(flags, scenarioFlags(notSearched...)...),
		Description: `Plays one short trial after the other: twice as much while every rule and every objective is held,
then between what was held and what was not. What gave way first is told, and where that was the
generator the number is a lower bound: use more machines. Bots come at 400 a second. In a search for reconnects they
pause 125 ms before they come back, unless --reconnect says fixed or storm.

Without objectives: ` + objectives() + `.

The exit code is 0 if the servers' own border was found or they held all of --most, 3 if it is not
known, and 4 if they held nothing.

Examples:
  loadgen capacity --find bots
  loadgen capacity --find reconnects --start 500 --slo reseat-p99=2s
  loadgen capacity --find rooms --trial 1m --per-room 6 -o json`,
		BashComplete: completeScenarios,
		Action: func(c *cli.Context) error {
			v, err := readCapacity(c, env)
			if err != nil {
				return err
			}
			return v.Run(stages, streams(c), enact)
		},
	}
}

// objectives are those of each search that has none of its own.
func objectives() string {
	var texts []string
	for _, o := range capacity.Reconnects.Objectives() {
		texts = append(texts, o.String())
	}
	return strings.Join(texts, ", ")
}

func readCapacity(c *cli.Context, env Environment) (Capacity, error) {
	what := capacity.What(c.String("find"))
	known := ""
	for _, w := range capacity.Whats() {
		if w == what {
			known = string(w)
		}
	}
	if known == "" {
		return Capacity{}, usage("--find%s: choose among bots, rooms and reconnects", quoted(string(what)))
	}
	base, err := readScenario(c)
	if err != nil {
		return Capacity{}, err
	}
	resolution, err := readShare(c.String("resolution"))
	if err != nil || resolution < 0.001 || resolution > 1 {
		return Capacity{}, usage("--resolution%s: a share from 0.1%% to 100%%", quoted(c.String("resolution")))
	}
	most := what.Most(base)
	if c.IsSet("most") {
		if n := c.Int("most"); n < 1 || n > most {
			return Capacity{}, usage("--most %d: from 1 to %d %s", n, most, what)
		}
		most = c.Int("most")
	}
	start := c.Int("start")
	if !c.IsSet("start") {
		start = min(start, most)
	}
	switch {
	case start < 1 || start > most:
		return Capacity{}, usage("--start %d: from 1 to %d %s", start, most, what)
	case c.Int("votes") < 1 || c.Int("votes") > 10:
		return Capacity{}, usage("--votes %d: from 1 to 10", c.Int("votes"))
	case c.Int("trials") < 1 || c.Int("trials") > 1000:
		return Capacity{}, usage("--trials %d: from 1 to 1000", c.Int("trials"))
	case c.Duration("trial") < time.Second || c.Duration("trial") > 24*time.Hour:
		return Capacity{}, usage("--trial %v: from a second to a day; a round must fit in", c.Duration("trial"))
	case c.Duration("within") <= 0:
		return Capacity{}, usage("--within %v: longer than nothing", c.Duration("within"))
	case c.String("output") != "text" && c.String("output") != "json":
		return Capacity{}, usage("--output%s: choose between text and json", quoted(c.String("output")))
	}
	target, err := readTarget(c, env)
	if err != nil {
		return Capacity{}, err
	}
	if target.Pod > 0 {
		return Capacity{}, usage("capacity searches from one process, and this is pod %d of a Job: use a Job of one", target.Pod)
	}
	return Capacity{
		Search: capacity.Config{
			What: what, Base: base, Trial: c.Duration("trial"), Within: c.Duration("within"),
			Plan: capacity.Plan{
				Start: start, Most: most, Resolution: resolution,
				Votes: c.Int("votes"), Trials: c.Int("trials"),
			},
		},
		Target: target, JSON: c.String("output") == "json", Quiet: c.Bool("quiet"),
	}, nil
}

// readShare reads 5% or 0.05.
func readShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		share /= 100
	}
	return share, err
}

// Run searches and writes the answer.
func (v Capacity) Run(stages Stages, s Streams, enact Enact) error {
	v.Search.Base = seeded(v.Search.Base)
	v.Search.Play = func(trial scenario.Scenario, users, rooms int64) (*result.Run, error) {
		config, err := v.Target.config(trial)
		if err != nil {
			return nil, err
		}
		config.FirstUser += users
		config.FirstRoom += rooms
		config.View = play.ViewNone
		return enact(stages, config, s)
	}
	progress := s.Err
	if v.Quiet {
		progress = io.Discard
	}
	answer, err := capacity.Run(stages.Stop, v.Search, progress)
	if err != nil {
		return playError(err)
	}
	write := answer.Text
	if v.JSON {
		write = answer.JSON
	}
	if err := write(s.Out); err != nil {
		return invalid(err)
	}
	return said(answer.Exit())
}

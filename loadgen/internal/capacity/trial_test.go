package capacity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

// Whatever a search asks for can be played.
func TestEveryLoadIsAScenario(t *testing.T) {
	bases := map[string]scenario.Scenario{"default": scenario.Default()}
	for _, name := range scenario.Presets() {
		s, err := scenario.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		bases[name] = s
	}
	for name, base := range bases {
		for _, what := range Whats() {
			for load := 1; load <= what.Most(base); load = load*3 + 1 {
				s := what.scenario(base, load, 20*time.Second)
				if err := s.Check(); err != nil {
					t.Errorf("%s, %d %s: %v", name, load, what, err)
				}
				bots, rooms := s.Most(), s.RoomCount()
				if what == Bots && bots != load || what == Rooms && (rooms != load || bots != load*base.PerRoom) {
					t.Errorf("%s, %d %s: %d bots in %d rooms", name, load, what, bots, rooms)
				}
				// A bot is away for about an eighth of a second each time.
				if rate := float64(bots) / (60/s.Flap + 0.125); what == Reconnects && (rate < float64(load) || rate > 1.02*float64(load)+1) {
					t.Errorf("%s, %d %s: %.1f a second", name, load, what, rate)
				}
				if s.Length()-s.Ramp != 20*time.Second || len(s.SLO) == 0 {
					t.Errorf("%s, %d %s: %v after the ramp, %d objectives", name, load, what, s.Length()-s.Ramp, len(s.SLO))
				}
			}
			if s := what.scenario(base, what.Most(base), time.Minute); s.Check() != nil {
				t.Errorf("%s, most %s: %v", name, what, s.Check())
			}
		}
	}
}

func TestJudge(t *testing.T) {
	lag := measure.Quantiles{Count: 1000, P99: 20 * time.Millisecond}
	steady := func(returns uint64) []result.Second {
		var series []result.Second
		for i := range 30 {
			series = append(series, result.Second{At: float64(i + 1), Returns: returns})
		}
		return series
	}
	s := Reconnects.scenario(scenario.Default(), 100, 20*time.Second)
	for name, c := range map[string]struct {
		what What
		run  result.Run
		want Outcome
		why  string
	}{
		"pass":               {Bots, result.Run{Verdict: result.Pass}, Held, ""},
		"a rule":             {Bots, result.Run{Verdict: result.Fail, Reasons: []string{"seat: broken", "late"}}, Gave, "seat: broken"},
		"an objective":       {Bots, result.Run{Verdict: result.Missed, Reasons: []string{"action-p99 was 60ms"}}, Gave, "action-p99"},
		"the generator":      {Bots, result.Run{Verdict: result.Invalid, Reasons: []string{"the generator fell behind"}, Health: result.Health{Lag: lag}}, Spent, "fell behind"},
		"slow bots":          {Bots, result.Run{Verdict: result.Invalid, Reasons: []string{"3 of 9 bots never got to a table"}, Came: 9, Seated: 6, Health: result.Health{Slow: 3}}, Spent, "3 of 9"},
		"no ports":           {Bots, result.Run{Verdict: result.Invalid, Reasons: []string{"no ports"}, Came: 9, Health: result.Health{Seconds: 3, FilesLeft: 5}}, Spent, "no ports"},
		"closed doors":       {Bots, result.Run{Verdict: result.Invalid, Reasons: []string{"3 of 9 bots never got to a table"}, Came: 9, Seated: 6}, Gave, "3 of 9"},
		"nothing checked":    {Bots, result.Run{Verdict: result.Invalid, Reasons: []string{"no settlement was seen"}, Came: 9, Seated: 9}, Spent, "no settlement"},
		"no reason":          {Bots, result.Run{Verdict: result.Invalid, Came: 9, Seated: 9}, Spent, "no reason"},
		"reconnects":         {Reconnects, result.Run{Verdict: result.Pass, Scenario: s, Series: steady(97)}, Held, ""},
		"too few reconnects": {Reconnects, result.Run{Verdict: result.Pass, Scenario: s, Series: steady(60)}, Spent, "only 60 of 100"},
	} {
		got := c.what.judge(&c.run, 100)
		if got.Outcome != c.want || !strings.Contains(got.Why, c.why) || (got.Why == "") != (c.want == Held) {
			t.Errorf("%s: %+v, want %v, %q", name, got, c.want, c.why)
		}
	}
}

// config is a search among servers that hold up to a border.
func config(border int, beyond func() (*result.Run, error)) Config {
	return Config{
		What: Bots, Base: scenario.Default(), Trial: 20 * time.Second,
		Plan: Plan{Start: 100, Most: 100_000, Resolution: 0.05, Votes: 2, Trials: 40},
		Play: func(s scenario.Scenario, _, _ int64) (*result.Run, error) {
			if s.Bots > border {
				return beyond()
			}
			return &result.Run{Verdict: result.Pass, Came: 1, Seated: 1, Scenario: s}, nil
		},
	}
}

func TestAnswers(t *testing.T) {
	missed := func() (*result.Run, error) {
		return &result.Run{Verdict: result.Missed, Reasons: []string{"action-p99 was 60ms"}, Came: 1, Seated: 1}, nil
	}
	spent := func() (*result.Run, error) {
		return &result.Run{Verdict: result.Invalid, Reasons: []string{"the generator fell behind"}, Came: 1, Seated: 1}, nil
	}
	refused := func() (*result.Run, error) { return nil, errors.New("connection refused") }
	few := func(c Config, n int) Config { c.Plan.Trials = n; return c }
	low := func(c Config, n int) Config { c.Plan.Most = n; return c }
	for name, c := range map[string]struct {
		config Config
		exit   int
		says   []string
	}{
		"servers":        {config(1000, missed), 0, []string{"9", " bots\n", "action-p99 was 60ms", "trials; objectives: seat-p99=500ms, action-p99=50ms"}},
		"the generator":  {config(1000, spent), 3, []string{"at least ", "the generator fell behind", "use more machines"}},
		"servers vanish": {config(1000, refused), 0, []string{"connection refused"}},
		"all is held":    {low(config(1<<20, missed), 5000), 0, []string{"at least 5000 bots", "raise --most"}},
		"no time":        {few(config(1000, missed), 5), 3, []string{"at least 800 bots", "more --trials"}},
		"nothing":        {config(0, missed), 4, []string{"0 bots: not even 1"}},
		"nobody knows":   {config(0, spent), 3, []string{"unknown: the generator gave way first, at 1 bots already"}},
	} {
		var progress, text, document bytes.Buffer
		answer, err := Run(t.Context(), c.config, &progress)
		if err != nil || answer.Exit() != c.exit {
			t.Errorf("%s: %+v, exit code %d, %v", name, answer, answer.Exit(), err)
			continue
		}
		if err := answer.Text(&text); err != nil {
			t.Error(err)
		}
		for _, want := range c.says {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%s: says %q, want %q", name, &text, want)
			}
		}
		if n := strings.Count(progress.String(), "\n"); n != 2*len(answer.Trials)+1 { // a head, and two for each
			t.Errorf("%s: %d lines for %d trials", name, n, len(answer.Trials))
		}
		if err := answer.JSON(&document); err != nil || !json.Valid(document.Bytes()) {
			t.Errorf("%s: %s, %v", name, &document, err)
		}
	}
}

// Servers that nobody can play on have no capacity to be found.
func TestNobodyThere(t *testing.T) {
	for name, play := range map[string]func() (*result.Run, error){
		"refused": func() (*result.Run, error) { return nil, errors.New("connection refused") },
		"silent": func() (*result.Run, error) {
			return &result.Run{Verdict: result.Invalid, Unusable: "silent", Reasons: []string{"silent"}, Came: 9}, nil
		},
	} {
		c := config(0, play)
		if answer, err := Run(t.Context(), c, new(bytes.Buffer)); err == nil {
			t.Errorf("%s: %+v", name, answer)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	c := config(1000, nil)
	play, n := c.Play, 0
	c.Play = func(s scenario.Scenario, users, rooms int64) (*result.Run, error) {
		if n++; n == 3 {
			interrupt()
		}
		return play(s, users, rooms)
	}
	answer, err := Run(ctx, c, new(bytes.Buffer))
	if err != nil || answer.Held != 200 || answer.Narrow || len(answer.Trials) != 2 || answer.Exit() != 3 {
		t.Errorf("%+v, %v", answer, err)
	}
	var text bytes.Buffer
	if err := answer.Text(&text); err != nil || !strings.Contains(text.String(), "interrupted") {
		t.Errorf("%v, it says %q", err, &text)
	}
	if answer, err := Run(ctx, c, new(bytes.Buffer)); err == nil {
		t.Errorf("%+v without a trial", answer)
	}
}

package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/play"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
	"croupier/servers/token"
)

func TestMain(m *testing.M) {
	// A connection's worker waits two seconds for more to do, and then ends by itself.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("croupier/loadgen/internal/link.(*pool).run"))
}

// house stands for the servers and the play on them.
type house struct {
	played []play.Config
	run    func(play.Config) (*result.Run, error)
}

func (h *house) enact(_ Stages, c play.Config, _ Streams) (*result.Run, error) {
	h.played = append(h.played, c)
	if h.run != nil {
		return h.run(c)
	}
	return good(c), nil
}

// good is a run with nothing to complain of.
func good(c play.Config) *result.Run {
	r := &result.Run{
		Format: result.Format, Version: "test", Target: "nowhere", Began: time.Unix(1e9, 0).UTC(), Seconds: 60, Processes: 1,
		Shares: []result.Share{{
			FirstUser: c.FirstUser, Users: int64(c.Scenario.Most()),
			FirstRoom: c.FirstRoom, Rooms: int64(c.Scenario.RoomCount()),
		}},
		Scenario: c.Scenario, Came: 40, Seated: 40,
		Counts: oracle.Counts{Settlements: 9},
		Rules:  map[string]oracle.Tally{"settlement": {Checked: 9}},
	}
	for _, phase := range []string{"seat", "action", "skew"} {
		times := measure.NewHistogram()
		times.Record(3 * time.Millisecond)
		r.Phases = append(r.Phases, result.Phase{Phase: phase, Summary: times.Quantiles(), Times: times})
	}
	r.Judge()
	return r
}

var key = token.NewKey()

// line runs one command line, with JWT_KEY set unless env says otherwise.
func line(t *testing.T, h *house, env map[string]string, args ...string) (code int, out, errs string) {
	t.Helper()
	if env == nil {
		env = map[string]string{"JWT_KEY": key}
	}
	var stdout, stderr bytes.Buffer
	code = run(Stages{Stop: t.Context(), Kill: t.Context()}, append([]string{"loadgen"}, args...),
		func(name string) string { return env[name] },
		Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr}, h.enact)
	return code, stdout.String(), stderr.String()
}

func TestBadCommandLines(t *testing.T) {
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	kept := file("kept.json", `{"format":"croupier-loadgen/1","verdict":"PASS"}`)
	bad := file("bad.yaml", "bots: 4\nthnk: 3s\n")
	huge := file("huge.yaml", "#"+strings.Repeat("x", scenario.MaxSize))
	noKey := map[string]string{}
	for name, c := range map[string]struct {
		env  map[string]string
		args string
		want string
	}{
		"no place":            {nil, "run --gate=", "say where to play"},
		"two places":          {nil, "run --gate ws://g:1 --direct g:1", "say where to play"},
		"no key":              {noKey, "run --gate ws://g:1", "set JWT_KEY"},
		"no flag":             {noKey, "run", "set JWT_KEY"},
		"a bad key":           {map[string]string{"JWT_KEY": "!hunter2!"}, "run --gate ws://g:1", "JWT_KEY: key 1 is not standard base64"},
		"a strange gate":      {nil, "run --gate ftp://g", "looks like ws://host:60006"},
		"one of two gates":    {nil, "run --gate g:1,ftp://g", `--gate "ftp://g"`},
		"one of two servers":  {nil, "run --direct g:1,g", `--direct "g"`},
		"a strange port":      {nil, "run --gate g:100000", "looks like ws://host:60006"},
		"a strange server":    {nil, "run --direct g", "looks like host:60001"},
		"no host":             {nil, "run --direct :60001", "looks like host:60001"},
		"another game":        {nil, "run --game coin", "dice only"},
		"no bots":             {nil, "run --bots 0", "--bots 0: from 1 to a million"},
		"no room":             {nil, "run --per-room 0", "--per-room 0: at least 1"},
		"rooms twice":         {nil, "run --per-room 4 --rooms 3", "--rooms and --per-room exclude each other"},
		"empty rooms":         {nil, "run --bots 4 --rooms 5", "--rooms 5: some would stay empty"},
		"a long ramp":         {nil, "run --for 5s --ramp 6s", "leaves no time"},
		"negative breaks":     {nil, "run --flap=-1", "--flap -1"},
		"impatience":          {nil, "run --patience 5s", "twice the backoff"},
		"a chance above 1":    {nil, "run --leave 2", "--leave 2"},
		"a share in percent":  {nil, "run --storm-share 30%", "write 0.3"},
		"no unit":             {nil, "run --for 30", `--for "30" has no unit: write 30s`},
		"an unreadable for":   {nil, "run --for soon", "soon"},
		"an unknown phase":    {nil, "run --slo acton-p99=5ms", "did you mean action?"},
		"a bad objective":     {nil, "run --slo action-p99", "write it like action-p99=50ms"},
		"two objectives":      {nil, "run --slo action-p99=5ms,actionp99=6ms", "names no percentile"},
		"a strange format":    {nil, "run -o xml", "choose among text, json and csv"},
		"a secret argument":   {nil, "run hunter2hunter2hunter2hunter2hunter2hunter2", "no scenario is called"},
		"a gate as argument":  {nil, "run ws://g:1", "the gate's address goes behind --gate"},
		"a flag behind":       {nil, "run storm --bots 4", "write `loadgen run --bots 4 storm`"},
		"flags around":        {nil, "run -q --flap 6 storm --bots=4 --lines", "write `loadgen run --quiet --flap 6 --bots=4 --lines storm`"},
		"a key behind":        {nil, "run storm --key hunter2", "write `loadgen run --key ... storm`"},
		"a key before":        {nil, "run --key hunter2 storm --bots 3", "write `loadgen run --key ... --bots 3 storm`"},
		"a misspelled preset": {nil, "run strom", "did you mean storm?"},
		"another preset":      {nil, "run weather", "choose among smoke, steady"},
		"two scenarios":       {nil, "run storm flap", "takes one scenario, not 2"},
		"a scenario twice":    {nil, "run --scenario storm flap", "takes one scenario"},
		"no file":             {nil, "run " + folder + "/none.yaml", "there is no scenario file"},
		"a folder":            {nil, "run " + folder + "/", "read the scenario"},
		"a bad file":          {nil, "run " + bad, "bad.yaml:2: unknown field \"thnk\"; did you mean think?"},
		"a huge file":         {nil, "run " + huge, "larger than 64 KiB"},
		"an unknown flag":     {nil, "run --gats g:1", "unknown flag --gats; did you mean --gate?"},
		"an unknown verb":     {nil, "runn", "unknown command \"runn\"; did you mean `loadgen run`?"},
		"another verb":        {nil, "frobnicate", "unknown command \"frobnicate\" (see `loadgen --help`)"},
		"a strange pod":       {map[string]string{"JWT_KEY": key, "JOB_COMPLETION_INDEX": "x"}, "run", "JOB_COMPLETION_INDEX"},
		"two views":           {nil, "run --quiet --lines", "exclude each other"},
		"no folder to save":   {nil, "run --save " + folder + "/none/x.json", "make it first"},
		"a folder to save":    {nil, "run --save " + folder, "is a folder"},
		"one file twice":      {nil, "run --save x --html x", "the same file"},
		"no user 0":           {nil, "run --first-user 0", "count from 1"},

		"no result":       {nil, "report", "report which result?"},
		"two results":     {nil, "report a b", "loadgen merge"},
		"report as xml":   {nil, "report -o xml a", "choose among text"},
		"compare nothing": {nil, "compare", "write `loadgen compare BASE NEW`"},
		"compare one":     {nil, "compare a", "write `loadgen compare BASE NEW`"},
		"compare three":   {nil, "compare a b c", "name each of them with --base"},
		"base alone":      {nil, "compare --base a", "with which results?"},
		"a tolerance":     {nil, "compare --tolerance much a b", "a share such as 10%"},
		"merge nothing":   {nil, "merge", "merge which results?"},
		"no such thing":   {nil, "capacity --find seats", "choose among bots, rooms and reconnects"},
		"no start":        {nil, "capacity --start 0", "--start 0: from 1"},
		"start past end":  {nil, "capacity --start 10 --most 5", "--start 10: from 1 to 5 bots"},
		"too many rooms":  {nil, "capacity --find rooms --most 1000000", "from 1 to 250000 rooms"},
		"no resolution":   {nil, "capacity --resolution 0%", "from 0.1% to 100%"},
		"no votes":        {nil, "capacity --votes 0", "--votes 0"},
		"no trials":       {nil, "capacity --trials 0", "--trials 0"},
		"a short trial":   {nil, "capacity --trial 1ms", "a round must fit in"},
		"no time":         {nil, "capacity --within 0s", "longer than nothing"},
		"capacity csv":    {nil, "capacity -o csv", "between text and json"},
		"bots twice":      {nil, "capacity --bots 3", "--bots is what a search sets itself"},
		"a pod searches":  {map[string]string{"JWT_KEY": key, "JOB_COMPLETION_INDEX": "1"}, "capacity", "one process"},

		"no scenario":     {nil, "scenario show", "show which scenario?"},
		"unknown to show": {nil, "scenario show strom", "did you mean storm?"},
		"unknown below":   {nil, "scenario chek", "did you mean `loadgen scenario check`?"},
		"list something":  {nil, "scenario list x", "takes no argument"},
		"check nothing":   {nil, "scenario check", "name a .yaml file"},
		"check a bad one": {nil, "scenario check " + bad, "bad.yaml:2"},
		"a result":        {nil, "run " + kept, "is a result and no scenario"},
		"no shell":        {nil, "completion", "bash, zsh or fish"},
		"another shell":   {nil, "completion tcsh", "not \"tcsh\""},
		"version of what": {nil, "version x", "takes no argument"},
	} {
		h := &house{}
		code, out, errs := line(t, h, c.env, strings.Fields(c.args)...)
		if code != result.ExitUsage || !strings.Contains(errs, c.want) || out != "" || len(h.played) > 0 {
			t.Errorf("%s: exit code %d, %q on stderr, %q on stdout, want %q; %d plays", name, code, errs, out, c.want, len(h.played))
		}
		if strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: not one line: %q", name, errs)
		}
		if strings.Contains(out+errs, "hunter2") || strings.Contains(out+errs, key) {
			t.Errorf("%s: shows the key: %s%s", name, out, errs)
		}
	}
}

// Every field of a scenario is a flag of run.
func TestEveryFieldIsAFlag(t *testing.T) {
	app := newApp(Stages{}, os.Getenv, Streams{}, nil)
	names := flagNames(app.Command("run").Flags)
	for _, f := range scenario.Fields() {
		if !slices.Contains(names, f.Name) {
			t.Errorf("no flag --%s", f.Name)
		}
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			t.Errorf("--%s is there twice", name)
		}
		seen[name] = true
	}
}

func TestVerbsExplainThemselves(t *testing.T) {
	var check func(commands []*cli.Command, path ...string)
	check = func(commands []*cli.Command, path ...string) {
		for _, cmd := range commands {
			path := append(slices.Clone(path), cmd.Name)
			code, out, errs := line(t, &house{}, nil, append(slices.Clone(path), "--help")...)
			if code != result.ExitPass || strings.Count(out, "--help, -h") != 1 || errs != "" {
				t.Errorf("%v: exit code %d, %q, %q", path, code, out, errs)
			}
			if cmd.Usage == "" || !strings.Contains(cmd.Description, "xample") && len(cmd.Subcommands) == 0 {
				t.Errorf("%v has no usage line or no example", path)
			}
			check(cmd.Subcommands, path...)
		}
	}
	check(newApp(Stages{}, os.Getenv, Streams{}, nil).Commands)
	if _, out, _ := line(t, &house{}, nil); !strings.Contains(out, "Exit codes: 0 PASS") {
		t.Errorf("loadgen alone prints %q", out)
	}
	if _, out, _ := line(t, &house{}, nil, "help", "scenario", "show"); !strings.Contains(out, "loadgen scenario show --effective") {
		t.Errorf("help prints %q", out)
	}
}

func TestRunPlaysWhatWasSaid(t *testing.T) {
	folder := t.TempDir()
	mine := filepath.Join(folder, "mine.yaml")
	if err := os.WriteFile(mine, []byte("bots: 9\nthink: 3s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  map[string]string
		args string
		want func(play.Config) bool
	}{
		"nothing":      {nil, "", func(c play.Config) bool { return c.Scenario.Bots == 40 && c.Gate == defaultGate && c.Direct == "" }},
		"a seed":       {nil, "", func(c play.Config) bool { return c.Scenario.Seed != 0 }},
		"the seed":     {nil, "--seed 7", func(c play.Config) bool { return c.Scenario.Seed == 7 }},
		"lines":        {nil, "", func(c play.Config) bool { return c.View == play.ViewLines }},
		"quiet":        {nil, "-q", func(c play.Config) bool { return c.View == play.ViewNone }},
		"json":         {nil, "--json-lines", func(c play.Config) bool { return c.View == play.ViewJSON }},
		"no dashboard": {nil, "--no-dashboard", func(c play.Config) bool { return c.View == play.ViewLines }},
		"metrics":      {nil, "--metrics 9464", func(c play.Config) bool { return c.Metrics == "9464" }},
		"a gate":       {nil, "--gate g:1", func(c play.Config) bool { return c.Gate == "ws://g:1" && c.Token != nil }},
		"gates":        {nil, "--gate g:1,wss://h:2", func(c play.Config) bool { return c.Gate == "ws://g:1,wss://h:2" }},
		"a server":     {map[string]string{}, "--direct g:1", func(c play.Config) bool { return c.Direct == "g:1" && c.Gate == "" && c.Token == nil }},
		"a preset":     {nil, "storm", func(c play.Config) bool { return c.Scenario.Name == "storm" && c.Scenario.Bots == 1000 }},
		"by flag":      {nil, "--scenario storm", func(c play.Config) bool { return c.Scenario.Name == "storm" }},
		"flags over it": {nil, "--bots 7 --slo action-p99=10ms storm", func(c play.Config) bool {
			return c.Scenario.Bots == 7 && c.Scenario.SLO[0].Limit == 10*time.Millisecond
		}},
		"a file":          {nil, mine, func(c play.Config) bool { return c.Scenario.Bots == 9 && c.Scenario.Name == "mine" }},
		"flags over file": {nil, "-b 8 " + mine, func(c play.Config) bool { return c.Scenario.Bots == 8 && c.Scenario.Think == 3*time.Second }},
		"a pod": {map[string]string{"JWT_KEY": key, "JOB_COMPLETION_INDEX": "2"}, "--bots 10 --rooms 3 --first-user 1 --first-room 1", func(c play.Config) bool {
			return c.FirstUser == 21 && c.FirstRoom == 7
		}},
	} {
		h := &house{}
		code, out, errs := line(t, h, c.env, append([]string{"run"}, strings.Fields(c.args)...)...)
		if code != result.ExitPass || len(h.played) != 1 || !c.want(h.played[0]) || !strings.Contains(out, "PASS") {
			t.Errorf("%s: exit code %d, %q on stderr, %q on stdout, played %+v", name, code, errs, out, h.played)
			continue
		}
		if token := h.played[0].Token; token != nil {
			if signed, err := token(3); err != nil || strings.Count(signed, ".") != 2 {
				t.Errorf("%s: a token %q, %v", name, signed, err)
			}
		}
	}
}

func TestVerdictsAreExitCodes(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*result.Run)
		err    error
		want   int
		says   string
	}{
		"pass":      {func(*result.Run) {}, nil, result.ExitPass, "PASS"},
		"fail":      {func(r *result.Run) { r.Rules["hidden"] = oracle.Tally{Checked: 1, Violated: 1} }, nil, result.ExitFail, "FAIL"},
		"invalid":   {func(r *result.Run) { r.Unusable = "nobody is there" }, nil, result.ExitInvalid, "INVALID"},
		"slo":       {func(*result.Run) {}, nil, result.ExitMissed, "SLO"},
		"no target": {nil, errors.New("connection refused"), result.ExitInvalid, "loadgen: connection refused"},
	} {
		h := &house{run: func(p play.Config) (*result.Run, error) {
			if c.err != nil {
				return nil, c.err
			}
			r := good(p)
			c.change(r)
			r.Judge()
			return r, nil
		}}
		args := []string{"run"}
		if name == "slo" {
			args = append(args, "--slo", "action-p99=1ms")
		}
		code, out, errs := line(t, h, nil, args...)
		if code != c.want || !strings.Contains(out+errs, c.says) || (c.err == nil) != (errs == "") {
			t.Errorf("%s: exit code %d, %q on stderr, %q on stdout", name, code, errs, out)
		}
	}
}

// A second interrupt or not: what play returns is saved and shown.
func TestResultsAreSavedShownAndMerged(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	for i, pod := range []string{"0", "1"} {
		env := map[string]string{"JWT_KEY": key, "JOB_COMPLETION_INDEX": pod}
		code, _, errs := line(t, &house{}, env, "run", "-o", "json", "--save", at(pod+".json"), "--html", at(pod+".html"), "smoke")
		if code != result.ExitPass {
			t.Fatalf("pod %d: exit code %d, %s", i, code, errs)
		}
	}
	if page, err := os.ReadFile(at("0.html")); err != nil || !bytes.Contains(page, []byte("</html>")) {
		t.Errorf("a page of %d bytes, %v", len(page), err)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"text", []string{"report", at("0.json")}, result.ExitPass, "PASS"},
		{"json", []string{"report", "-o", "json", at("0.json")}, result.ExitPass, `"verdict":"PASS"`},
		{"csv", []string{"report", "-o", "csv", at("0.json")}, result.ExitPass, ","},
		{"page", []string{"report", "--html", at("again.html"), at("0.json")}, result.ExitPass, "PASS"},
		{"merge", []string{"merge", "--save", at("all.json"), at("0.json"), at("1.json")}, result.ExitPass, "PASS"},
		{"merged", []string{"report", "-o", "json", at("all.json")}, result.ExitPass, `"processes":2`},
		{"one twice", []string{"merge", at("0.json"), at("0.json")}, result.ExitInvalid, "do not merge"},
		{"no file", []string{"report", at("none.json")}, result.ExitInvalid, "there is no such file"},
		{"no result", []string{"report", at("0.html")}, result.ExitInvalid, "0.html"},
		{"the verdict", []string{"report", "--exit-code", at("0.json")}, result.ExitPass, "PASS"},
		{"compare json", []string{"compare", "-o", "json", at("0.json"), at("1.json")}, result.ExitInvalid, `"verdict":"unclear"`},
		{"compare text", []string{"compare", "--base", at("0.json"), at("1.json"), at("0.json")}, result.ExitInvalid, "nclear"},
		{"compare csv", []string{"compare", "-o", "csv", at("0.json"), at("1.json")}, result.ExitInvalid, ","},
		{"nothing there", []string{"merge", at("0.json"), at("none.json")}, result.ExitInvalid, "none.json"},
		{"a flag behind it", []string{"merge", at("0.json"), "--save", "x"}, result.ExitUsage, "loadgen merge --save x"},
	} {
		code, out, errs := line(t, &house{}, nil, c.args...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%s: exit code %d, %q on stderr, %.300q on stdout", c.name, code, errs, out)
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 6 {
		t.Errorf("%d files are left, %v: %v", len(files), err, files)
	}
}

func TestCapacityFindsTheBorder(t *testing.T) {
	const border = 3333
	users := map[int64]bool{}
	h := &house{run: func(c play.Config) (*result.Run, error) {
		if users[c.FirstUser] {
			t.Errorf("two trials begin with user %d", c.FirstUser)
		}
		users[c.FirstUser] = true
		r := good(c)
		if c.Scenario.Most() > border {
			r.Rules["settlement"] = oracle.Tally{Checked: 9, Violated: 1}
		}
		r.Judge()
		return r, nil
	}}
	code, out, errs := line(t, h, nil, "capacity", "--trial", "2s")
	if code != result.ExitPass || !strings.Contains(out, "settlement: broken 1 time") || strings.Count(errs, "\n") != 2*len(h.played)+1 {
		t.Errorf("exit code %d, %s%s", code, errs, out)
	}
	var held int
	if _, err := fmt.Sscan(out, &held); err != nil || held > border || held < border*95/100-1 {
		t.Errorf("%d bots, %v", held, err)
	}
	h.run = func(c play.Config) (*result.Run, error) { return nil, errors.New("connection refused") }
	if code, out, errs := line(t, h, nil, "capacity"); code != result.ExitInvalid || out != "" || !strings.Contains(errs, "connection refused") {
		t.Errorf("nobody there: exit code %d, %q, %q", code, out, errs)
	}
}

func TestScenariosAreShown(t *testing.T) {
	for name, c := range map[string]struct {
		args string
		want string
	}{
		"list":      {"scenario list", "\nsoak    Eight hours"},
		"a preset":  {"scenario show storm", "# Every half minute all bots"},
		"effective": {"scenario show --effective storm", "patience: 30s # how long"},
		"with flag": {"scenario show --bots 17 storm", "bots: 17 # how many"},
		"defaults":  {"scenario show --effective", "bots: 40 # how many"},
		"check":     {"scenario check storm", "storm: up to 1000 bots in 250 rooms for 3m0s"},
		"version":   {"version", "results " + result.Format},
	} {
		if code, out, errs := line(t, &house{}, nil, strings.Fields(c.args)...); code != result.ExitPass || !strings.Contains(out, c.want) || errs != "" {
			t.Errorf("%s: exit code %d, %q, %q", name, code, out, errs)
		}
	}
}

// What show prints is a scenario again.
func TestShownScenariosCanBePlayed(t *testing.T) {
	mine := filepath.Join(t.TempDir(), "mine.yaml")
	for _, name := range scenario.Presets() {
		for _, args := range [][]string{{"scenario", "show", name}, {"scenario", "show", "--effective", name}} {
			_, out, _ := line(t, &house{}, nil, args...)
			if err := os.WriteFile(mine, []byte(out), 0o600); err != nil {
				t.Fatal(err)
			}
			h := &house{}
			if code, _, errs := line(t, h, nil, "run", mine); code != result.ExitPass {
				t.Errorf("%v: %s", args, errs)
				continue
			}
			want, err := scenario.Preset(name)
			if diff := h.played[0].Scenario.Differences(want); err != nil || len(diff) > 0 {
				t.Errorf("%v differ in %v, %v", args, diff, err)
			}
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, script, errs := line(t, &house{}, nil, "completion", shell)
		if code != result.ExitPass || !strings.Contains(script, "loadgen") {
			t.Errorf("%s: exit code %d, %q %q", shell, code, script, errs)
		}
	}
	// The library looks at os.Args to see what is being completed.
	defer func(args []string) { os.Args = args }(os.Args)
	os.Args = []string{"loadgen", "--generate-bash-completion"}
	if _, words, _ := line(t, &house{}, nil, "--generate-bash-completion"); !strings.Contains(words, "capacity") {
		t.Errorf("completes nothing to %q", words)
	}
	os.Args = []string{"loadgen", "run", "--generate-bash-completion"}
	if _, words, _ := line(t, &house{}, nil, "run", "--generate-bash-completion"); !strings.Contains(words, "storm") {
		t.Errorf("completes run to %q", words)
	}
}

// The end of everything ends a search too.
func TestCapacityInterrupted(t *testing.T) {
	stop, interrupt := context.WithCancel(t.Context())
	h := &house{run: func(c play.Config) (*result.Run, error) { interrupt(); return good(c), nil }}
	var stdout, stderr bytes.Buffer
	code := run(Stages{Stop: stop, Kill: t.Context()}, []string{"loadgen", "capacity"},
		func(name string) string { return map[string]string{"JWT_KEY": key}[name] },
		Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr}, h.enact)
	if code != result.ExitInvalid || stdout.Len() > 0 || !strings.Contains(stderr.String(), "interrupted") || len(h.played) > 1 {
		t.Errorf("exit code %d after %d trials: %s%s", code, len(h.played), &stdout, &stderr)
	}
}

// A file that can't be written takes nothing from those who read stdout.
func TestReportOutlivesItsFiles(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	run := good(play.Config{Scenario: scenario.Default()})
	run.Judge()
	var out bytes.Buffer
	err := Show{Format: "text", Save: filepath.Join(none, "x.json"), HTML: filepath.Join(none, "x.html")}.run(&out, run)
	if err == nil || !strings.Contains(err.Error(), "keep the result") || !strings.Contains(err.Error(), "write the page") || !strings.Contains(out.String(), "PASS") {
		t.Errorf("%v, on stdout %q", err, &out)
	}
}

// All files are checked, whatever is wrong with one.
func TestAllScenariosAreChecked(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("bots: -3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := line(t, &house{}, nil, "scenario", "check", bad, "storm")
	if code != result.ExitUsage || !strings.HasPrefix(out, "storm: ") || !strings.Contains(errs, "bad.yaml:1: bots -3") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}

// A search that may try less than it begins with by itself begins with that.
func TestCapacityBeginsWithinItsBounds(t *testing.T) {
	h := &house{}
	if code, out, errs := line(t, h, nil, "capacity", "--most", "5", "--trial", "2s"); code != result.ExitPass || len(h.played) == 0 || h.played[0].Scenario.Bots != 5 {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}

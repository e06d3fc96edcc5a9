package scenario

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"go.yaml.in/yaml/v3"
)

// Every field of the type has a row in the table, and every row is a field.
func TestTableIsComplete(t *testing.T) {
	typ := reflect.TypeFor[Scenario]()
	var tags []string
	for i := range typ.NumField() {
		tags = append(tags, typ.Field(i).Tag.Get("yaml"))
	}
	if !slices.Equal(tags, fieldNames()) {
		t.Errorf("the fields are %v, the table has %v", tags, fieldNames())
	}
	for i, f := range fields {
		var s Scenario
		if got, want := reflect.ValueOf(f.in(&s)).Pointer(), reflect.ValueOf(&s).Elem().Field(i).Addr().Pointer(); got != want {
			t.Errorf("%s is the pointer of another field", f.Name)
		}
		if f.Usage == "" || f.Unit == "" || f.Group == "" {
			t.Errorf("%s explains nothing", f.Name)
		}
	}
}

func TestPresets(t *testing.T) {
	files, err := os.ReadDir("presets")
	if err != nil || len(files) != len(Presets()) {
		t.Errorf("%d files for %v, %v", len(files), Presets(), err)
	}
	for _, name := range Presets() {
		s, err := Preset(name)
		if err != nil {
			t.Error(err)
		}
		if s.Name != name || len(s.SLO) == 0 || len(PresetSummary(name)) < 20 || strings.HasPrefix(PresetSummary(name), "#") {
			t.Errorf("%s: %+v, %q", name, s, PresetSummary(name))
		}
		if s.Length() < 20*time.Second {
			t.Errorf("%s: too short for a round", name)
		}
	}
}

// What is written in either format is read back as the same scenario.
func TestRoundTrips(t *testing.T) {
	full, err := Parse("x", []byte(`
name: "odd: #name"
bots: 7
per-room: 3
spectators: 1
for: 1h30m
ramp: 1500ms
think: 1.5ms
leave: 0.125
hop: 0.5
flap: 0.1
storm-every: 10m
storm-share: 0.3
reconnect: fixed
slo: {action-p99.9: 50ms, reseat-max: 1m, action-p50: 1ms}
seed: 18446744073709551615
sources: 3`))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Scenario{"full": full, "default": Default(), "zero": {}}
	for _, name := range Presets() {
		if all[name], err = Preset(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range all {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got := Default()
		if err := json.Unmarshal(data, &got); err != nil || len(got.Differences(want)) > 0 || got.Seed != want.Seed {
			t.Errorf("%s: %s: %v: read %+v, want %+v", name, data, err, got, want)
		}
		data, err = yaml.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got = Scenario{}
		if err := yaml.Unmarshal(data, &got); err != nil || len(got.Differences(want)) > 0 || got.Seed != want.Seed {
			t.Errorf("%s: %s: %v: read %+v, want %+v", name, data, err, got, want)
		}
		if name == "zero" {
			continue
		}
		if got, err = Parse(name, data); err != nil || len(got.Differences(want)) > 0 {
			t.Errorf("%s: %s: %v: parsed %+v, want %+v", name, data, err, got, want)
		}
	}
	var later Scenario
	if err := json.Unmarshal([]byte(`{"bots": 3, "weather": {"rain": true}}`), &later); err != nil || later.Bots != 3 {
		t.Errorf("a field of a later version: %v, %+v", err, later)
	}
}

func TestBadFiles(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"nothing":             {"", "f.yaml is empty"},
		"a comment":           {"# bots: 3\n", "f.yaml is empty"},
		"too much":            {"#" + strings.Repeat("x", MaxSize), "larger than 64 KiB"},
		"no yaml":             {"bots: [3\n", "f.yaml is no YAML: line 1"},
		"a long unknown word": {"*" + strings.Repeat("q", 900), "f.yaml is no YAML: what is wrong is too long"},
		"a list":              {"- bots: 3\n", "f.yaml:1: a scenario has fields"},
		"a word":              {"storm", "a scenario has fields"},
		"two documents":       {"bots: 3\n---\nbots: 4\n", "one scenario a file"},
		"an unknown field":    {"bots: 3\nthnk: 3s\n", "f.yaml:2: unknown field \"thnk\"; did you mean think?"},
		"letters swapped":     {"bost: 3\n", "did you mean bots?"},
		"underscores":         {"per_room: 3\n", "did you mean per-room?"},
		"a far field":         {"colour: red\n", "unknown field \"colour\""},
		"a field twice":       {"bots: 3\nfor: 10s\nbots: 4\n", "f.yaml:3: bots is there twice, in line 1 too"},
		"no unit":             {"for: 30\n", `f.yaml:1: for: "30" has no unit: write 30s`},
		"a space":             {"think: 500 ms\n", `"500 ms" is not a time: write 500ms`},
		"days":                {"for: 2d\n", "write 48h"},
		"minutes":             {"for: 5min\n", "write 5m"},
		"no time":             {"for: soon\n", "write it like 500ms"},
		"a percentage":        {"storm-share: 30%\n", "write 0.3"},
		"thousands":           {"bots: 10k\n", "write 10000"},
		"a negative seed":     {"seed: -1\n", "must not be negative"},
		"half a bot":          {"bots: 1.5\n", "not a whole number"},
		"not a number":        {"leave: .nan\n", "not a number"},
		"too many digits":     {"bots: 99999999999999999999\n", "too large"},
		"no value":            {"bots:\n", "has no value"},
		"a list for a number": {"bots: [1, 2]\n", "give one value"},
		"an alias":            {"bots: &n 3\nrooms: *n\n", "is an alias"},
		"no bots":             {"for: 10s\nbots: 0\n", "f.yaml:2: bots 0: from 1 to a million"},
		"many bots":           {"bots: 1000001\n", "from 1 to a million"},
		"rooms twice":         {"rooms: 3\nper-room: 4\n", "exclude each other"},
		"empty rooms":         {"bots: 3\nrooms: 4\n", "some would stay empty"},
		"no seat":             {"per-room: 0\n", "per-room 0: at least 1"},
		"a long ramp":         {"for: 5s\nramp: 6s\n", "f.yaml:2: ramp 6s: leaves no time to play of the 5s"},
		"rate and ramp":       {"rate: 3\nstay: 3s\nramp: 1s\n", "need no ramp"},
		"no stay":             {"rate: 3\n", "rate 3: say how long a bot stays"},
		"stay alone":          {"stay: 3s\n", "give rate too"},
		"too low a bound":     {"rate: 10\nstay: 1m\nbots: 100\n", "make 600 bots at once"},
		"endless":             {"for: 1000h\n", "from 0 to 720h"},
		"before":              {"think: -1s\n", "from 0 to"},
		"a chance":            {"leave: 2\n", "leave 2: a chance goes from 0 to 1"},
		"a share":             {"storm-share: -0.1\n", "a share goes from 0 to 1"},
		"flap":                {"flap: 6001\n", "flap 6001: 0, or from 0.0001 to 6000"},
		"hardly a flap":       {"flap: 1e-300\n", "from 0.0001"},
		"hardly a rate":       {"rate: 1e-300\nstay: 1s\n", "from 0.001"},
		"game":                {"game: coin\n", "the bots know dice only"},
		"hop alone":           {"bots: 4\nhop: 0.5\n", "no other to go to"},
		"hop without leaving": {"leave: 0\nhop: 0.5\n", "raise leave"},
		"model":               {"reconnect: jiter\n", "did you mean jitter?"},
		"frantic":             {"backoff: 1ms\n", "at least 10ms"},
		"dense storms":        {"storm-every: 10ms\n", "at least a second"},
		"a harmless storm":    {"storm-every: 10s\nstorm-share: 0\n", "hits nobody"},
		"a storm after":       {"storm-every: 1m\nfor: 1m\n", "no storm comes in the 1m of the run"},
		"impatience":          {"patience: 5s\n", "at least twice the backoff of 5s"},
		"no patience":         {"patience: 1ms\nreconnect: none\n", "at least a second"},
		"never late":          {"late: 1ms\n", "at least 10ms"},
		"sources":             {"sources: 5000\n", "up to 1000 addresses"},
		"spectators":          {"spectators: -1\n", "must not be negative"},
		"many spectators":     {"bots: 1000000\nspectators: 10\n", "at most a million"},
		"spectators by rate":  {"rate: 5\nstay: 10s\nspectators: 1\n", "go with a fixed number"},
		"a name":              {"name: \"a\\nb\"\n", "in one line"},
		"stages and bots":     {"bots: 3\nstages: [{for: 1s, bots: 2}]\n", "f.yaml:1: bots 3: stages say how many"},
		"stages and for":      {"for: 3s\nstages: [{for: 1s, bots: 2}]\n", "stages say how long"},
		"stages and ramp":     {"ramp: 3s\nstages: [{for: 1s, bots: 2}]\n", "leave out ramp"},
		"stages and rate":     {"rate: 3\nstages: [{for: 1s, bots: 2}]\n", "leave out one of the two"},
		"a stage of nobody":   {"stages: [{for: 1s, bots: 0}]\n", "no stage has a bot"},
		"a stage of no time":  {"stages: [{for: 0s, bots: 1}]\n", "takes any time"},
		"half a stage":        {"stages:\n- for: 1s\n", "line 2: a stage says for how long and how many"},
		"a stage with more":   {"stages:\n- {for: 1s, bots: 1, rooms: 3}\n", `line 2: "rooms": is unknown`},
		"a stage without":     {"stages:\n- 3\n", "line 2 is no stage"},
		"stages as text":      {"stages: 1m\n", "30s:100,2m:400"},
		"a phase":             {"slo:\n  acton-p99: 5ms\n", `line 2: "acton" is no phase; did you mean action?`},
		"no percentile":       {"slo: {action: 5ms}\n", "names no percentile: write it like action-p99 or action-max"},
		"another percentile":  {"slo: {action-p95: 5ms}\n", "choose among p50, p90, p99, p99.9, max"},
		"no limit":            {"slo: {action-p99: fast}\n", "is not a time"},
		"an unmeetable limit": {"slo: {action-p99: 0s}\n", "from a microsecond"},
		"an objective twice":  {"slo:\n  action-p99: 5ms\n  action-p99: 6ms\n", "line 3: action-p99 is there twice"},
		"a list of slo":       {"slo: [action-p99]\n", "give one value"},
	} {
		_, err := Parse("f.yaml", []byte(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
			t.Errorf("%s: no clear line: %q", name, err)
		}
	}
}

func TestFlagsStandOverFiles(t *testing.T) {
	for name, c := range map[string]struct {
		file  string
		flags []string
		want  func(Scenario) bool
		err   string
	}{
		"nothing":             {"", nil, func(s Scenario) bool { return reflect.DeepEqual(s, Default()) }, ""},
		"ramp follows bots":   {"bots: 400", []string{"bots=2000"}, func(s Scenario) bool { return s.Ramp == 10*time.Second && s.RoomCount() == 500 }, ""},
		"but not past half":   {"", []string{"bots=2000", "for=4s"}, func(s Scenario) bool { return s.Ramp == 2*time.Second }, ""},
		"a file's ramp stays": {"ramp: 3s", []string{"bots=2000"}, func(s Scenario) bool { return s.Ramp == 3*time.Second }, ""},
		"rooms, then seats":   {"rooms: 3", []string{"per-room=2"}, func(s Scenario) bool { return s.RoomCount() == 20 }, ""},
		"seats, then rooms":   {"per-room: 2", []string{"rooms=3"}, func(s Scenario) bool { return s.RoomCount() == 3 }, ""},
		"both rooms":          {"", []string{"rooms=3", "per-room=2"}, nil, "--rooms and --per-room exclude"},
		"stages over bots":    {"bots: 3\nfor: 10s\nramp: 1s", []string{"stages=1s:5,2s:9"}, func(s Scenario) bool { return s.Most() == 9 && s.Length() == 3*time.Second }, ""},
		"bots over stages":    {"stages: [{for: 1s, bots: 2}]", []string{"bots=3"}, nil, "--bots 3: stages say how many"},
		"no more stages":      {"stages: [{for: 1s, bots: 2}]", []string{"bots=3", "stages="}, func(s Scenario) bool { return s.Most() == 3 }, ""},
		"rate over bots":      {"bots: 400\nramp: 3s", []string{"rate=50", "stay=30s"}, func(s Scenario) bool { return s.Bots == 3000 && s.Ramp == 0 }, ""},
		"rate and its bound":  {"", []string{"rate=50", "stay=30s", "bots=1600"}, func(s Scenario) bool { return s.Bots == 1600 }, ""},
		"an objective more":   {"slo: {action-p99: 5ms, seat-p50: 1ms}", []string{"slo=action-p99<7ms", "slo=reseat-max=1s"}, func(s Scenario) bool { return format(&s.SLO) == "action-p99=7ms,seat-p50=1ms,reseat-max=1s" }, ""},
		"no objective":        {"slo: {action-p99: 5ms}", []string{"slo=none"}, func(s Scenario) bool { return len(s.SLO) == 0 }, ""},
		"a wrong flag":        {"", []string{"bots=0"}, nil, "--bots 0: from 1 to a million"},
		"a wrong text":        {"", []string{"think=3"}, nil, `--think "3" has no unit`},
		"a wrong objective":   {"", []string{"slo=action-p99"}, nil, "write it like action-p99=50ms"},
	} {
		d := NewDraft()
		var err error
		if c.file != "" {
			err = d.File("f.yaml", []byte(c.file))
		}
		for _, flag := range c.flags {
			name, text, _ := strings.Cut(flag, "=")
			if err == nil {
				err = d.Flag(name, text)
			}
		}
		var s Scenario
		if err == nil {
			s, err = d.Scenario()
		}
		switch {
		case c.err == "" && (err != nil || !c.want(s)):
			t.Errorf("%s: %+v, %v", name, s, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
	}
}

// Every field is read from the text that it is shown as.
func TestTextsAreRead(t *testing.T) {
	s, err := Preset("soak")
	if err != nil {
		t.Fatal(err)
	}
	var got Scenario
	for _, f := range fields {
		if err := set(f.in(&got), f.Text(s)); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if !reflect.DeepEqual(got, s) {
		t.Errorf("%+v, want %+v", got, s)
	}
	same := func(d time.Duration) bool {
		read, err := parseDuration(formatDuration(d))
		return err == nil && read == d
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range Presets() {
		data, err := PresetFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, seed := range []string{"", "bots: 3\n---\n", "slo: {action-p99: 5ms}", "stages: 1s:3,4s:5", "a: &a [*a]", "rate: 1e300\nstay: 1h", "{for: 1h, bots: 0x10}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("f", data)
		if err != nil {
			if text := err.Error(); text == "" || len(text) > 500 {
				t.Errorf("an error of %d bytes: %q", len(text), text)
			}
			return
		}
		if s.Most() < 1 || s.Most() > MostBots || s.RoomCount() < 1 || s.Length() < 0 {
			t.Errorf("%+v is played by %d in %d rooms for %v", s, s.Most(), s.RoomCount(), s.Length())
		}
		text, err := yaml.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse("f", text); err != nil || len(again.Differences(s)) > 0 {
			t.Errorf("%s\nis read as %+v, %v", text, again, err)
		}
	})
}

func TestObjectivesAsText(t *testing.T) {
	for text, want := range map[string]string{
		"action-p99=50ms": "action-p99=50ms", "reseat-max < 60s": "reseat-max=1m", "seat-p99.9:2ms": "seat-p99.9=2ms",
	} {
		var o Objective
		if err := o.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got, err := o.MarshalText(); string(got) != want || err != nil {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	o := Objective{Phase: "seat"}
	if err := o.UnmarshalText([]byte("seat-p98=2ms")); err == nil || o.Phase != "seat" || o.Limit != 0 {
		t.Errorf("%v, %v", o, err)
	}
}

// What comes of a file of results, whoever wrote it, is an error or a scenario that is written as it
// was read.
func FuzzJSON(f *testing.F) {
	for _, name := range Presets() {
		s, err := Preset(name)
		if err != nil {
			f.Fatal(err)
		}
		data, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"slo": {"action-p99": "5ms", "action-p99": "6ms"}, "stages": null, "for": null, "bots": 1e9}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s, again Scenario
		if json.Unmarshal(data, &s) != nil {
			return
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(s, again) {
			t.Errorf("%s is read as %+v, and was %+v: %v", text, again, s, err)
		}
	})
}

package result

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/scenario"
)

var update = flag.Bool("update", false, "write the golden files")

// full is a run in which every field has something.
func full() *Run {
	r := good()
	r.Scenario = scenario.Scenario{Name: "smoke", Game: "dice", Bots: 100, PerRoom: 4, For: time.Minute, Seed: 42,
		SLO: []scenario.Objective{{Phase: "action", Percentile: 99, Limit: 50 * time.Millisecond}}}
	r.Violations = []Violation{{Rule: "seat", Room: 7, Text: "bot 3 came back to another seat", Proof: []string{"1.2 s  bot 3  sat down"}}}
	second := measure.NewHistogram()
	second.Record(time.Millisecond)
	r.Series = []Second{{
		At: 1, Bots: Population{Wanted: 100, Connecting: 1, Seated: 90, Watching: 2, Away: 3, Out: 4},
		Sent: 1, Events: 2, Settlements: 3, Rolls: 4, Connects: 5, Broken: 6, Lost: 7, Returns: 8, Troubles: 9, Checked: 10, Violated: 11, Unknown: 12,
		Times: map[string]*measure.Histogram{"action": second.Coarse()}, CPU: 0.5,
	}}
	r.Waves = []Wave{{At: 1, Lost: 50, Own: true, Back: 50, Half: time.Second, Most: 2 * time.Second, Whole: 3 * time.Second}}
	r.Notes = []Note{{At: time.Second, Text: "a storm"}}
	r.Troubles = []Trouble{{Text: "connection refused", Count: 3}}
	r.Judge()
	return r
}

// The format is published: what was written must stay readable.
func TestFormat(t *testing.T) {
	var b bytes.Buffer
	if err := full().Write(&b); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "run.json")
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	// What zlib makes of the buckets may differ from one Go to the next.
	packed := regexp.MustCompile(`"HISTFA[^"]*"`)
	plain := func(b []byte) string { return string(packed.ReplaceAll(b, []byte(`"..."`))) }
	if plain(b.Bytes()) != plain(want) {
		t.Errorf("the format changed (-update writes it anew):\n%s\nwant\n%s", b.Bytes(), want)
	}
	read, err := Read(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := read.Write(&again); err != nil || !bytes.Equal(again.Bytes(), b.Bytes()) {
		t.Errorf("read and written, it is another: %v\n%s", err, again.Bytes())
	}
	if read.Judge(); read.Verdict != Fail || read.Exit() != 1 {
		t.Errorf("read and judged, it is %s: %q", read.Verdict, read.Reasons)
	}
}

// A small result of each kind of nonsense, and what is said about it.
func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "no result that loadgen wrote",
		"hello":                           "no result that loadgen wrote",
		"[1,2]":                           "no result that loadgen wrote",
		"{}":                              "no result that loadgen wrote: give the file that loadgen run --save wrote",
		`{"format":"k6/1"}`:               "no result that loadgen wrote",
		`{"format":"croupier-loadgen/2"}`: `it has the format "croupier-loadgen/2", and this loadgen knows "croupier-loadgen/1": use the loadgen that wrote it`,
		`{"format":"croupier-loadgen/1"}`: "verdict",
		`{"format":"croupier-loadgen/1","verdict":"FINE"}`:                                                         "verdict",
		`{"format":"croupier-loadgen/1","verdict":"PASS","seconds":-1}`:                                            "seconds",
		`{"format":"croupier-loadgen/1","verdict":"PASS","seated":1}`:                                              "of 0 bots 1 had a place",
		`{"format":"croupier-loadgen/1","verdict":"PASS","series":[{"at":1e300}]}`:                                 "second at 1e+300",
		`{"format":"croupier-loadgen/1","verdict":"PASS","waves":[{"lost":-1}]}`:                                   "wave",
		`{"format":"croupier-loadgen/1","verdict":"PASS","shares":[{"first_user":9223372036854775807,"users":1}]}`: "users from",
		`{"format":"croupier-loadgen/1","verdict":"PASS","phases":[{"phase":"action","times":"HISTFA=="}]}`:        "histogram",
		`{"format":"croupier-loadgen/1","verdict":"PASS","phases":[{"phase":"action","times":{}}]}`:                "read a result",
		`{"format":"croupier-loadgen/1","verdict":"PASS","scenario":{"slo":{"rubbish-p99":"1s"}}}`:                 "rubbish",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// endless is a file that never ends.
type endless struct{ read int64 }

func (e *endless) Read(b []byte) (int, error) {
	clear(b)
	e.read += int64(len(b))
	return len(b), nil
}

func TestReadIsBounded(t *testing.T) {
	old := limit
	limit = 1 << 20
	defer func() { limit = old }()
	e := new(endless)
	if _, err := Read(e); err == nil || !strings.Contains(err.Error(), "longer than 1 MiB") {
		t.Errorf("an endless file: %v", err)
	}
	if e.read > 4<<20 {
		t.Errorf("%d bytes of it were read", e.read)
	}
}

// What is no regular file is written into, and a link stays one.
func TestToFileReplacesFilesOnly(t *testing.T) {
	dir := t.TempDir()
	kept, link := filepath.Join(dir, "kept.json"), filepath.Join(dir, "link.json")
	if err := errors.Join(os.WriteFile(kept, nil, 0o600), os.Symlink(kept, link)); err != nil {
		t.Fatal(err)
	}
	hello := func(w io.Writer) error { _, err := io.WriteString(w, "hello"); return err }
	if err := ToFile(link, hello); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(link)
	if text, _ := os.ReadFile(kept); err != nil || info.Mode().IsRegular() || string(text) != "hello" {
		t.Errorf("behind the link %v is %q, %v", info.Mode(), text, err)
	}
	device := filepath.Join(dir, "null")
	if err := os.Symlink(os.DevNull, device); err != nil {
		t.Fatal(err)
	}
	if err := ToFile(device, hello); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(device); err != nil || info.Mode().IsRegular() {
		t.Errorf("the device became %v, %v", info.Mode(), err)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "run.json")
	for range 2 { // over an old one too
		if err := full().WriteFile(path); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Read(f); err != nil {
		t.Error(err)
	}
	if info, err := f.Stat(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%v are left", left)
	}
	if err := full().WriteFile(filepath.Join(dir, "none", "run.json")); err == nil {
		t.Error("written where no folder is")
	}
	if err := full().WriteFile(dir); err == nil {
		t.Error("written over a folder")
	}
	if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) != 1 {
		t.Errorf("%v are left beside the folder", left)
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := full().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"format":"croupier-loadgen/1","verdict":"PASS","shares":[{"users":1}],"series":[{"at":1},{"at":1,"times":{"x":null}}],"phases":[{"phase":"x","times":null}]}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := Read(bytes.NewReader(file))
		if err != nil {
			return
		}
		if err := r.Write(io.Discard); err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		r.Judge()
		if r.Verdict == Pass && (r.Checks().Checked == 0 || r.Counts.Settlements == 0) {
			t.Fatal("it passed with nothing checked")
		}
		if _, err := Merge(r); err == nil {
			if _, err := Merge(r, r); err == nil && len(r.Shares) > 0 && r.Shares[0].Users > 0 {
				t.Fatal("merged with itself")
			}
		}
		Compare([]*Run{r}, []*Run{r}, 0.1)
	})
}

// A soak of eight hours is held and written in bounded space.
func TestLongRunIsSmall(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	run := full()
	run.Series = nil
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	h := measure.NewHistogram()
	const seconds = 3000 // a tenth of it
	for i := range seconds {
		second := Second{At: float64(i + 1), Times: map[string]*measure.Histogram{}}
		for _, phase := range []string{"action", "lag", "skew", "late"} {
			h.Reset()
			for range 300 {
				h.Record(time.Duration(float64(time.Millisecond) * shapes()[r.IntN(1<<14)]))
			}
			second.Times[phase] = h.Coarse()
		}
		run.Series = append(run.Series, second)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	size := (after.HeapAlloc - before.HeapAlloc) / seconds
	var b bytes.Buffer
	if err := run.Write(&b); err != nil {
		t.Fatal(err)
	}
	t.Logf("a second takes %d bytes of memory and %d of the file", size, b.Len()/seconds)
	if size > 3000 || b.Len()/seconds > 3500 {
		t.Errorf("a second takes %d bytes of memory and %d of the file", size, b.Len()/seconds)
	}
}

package command

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"croupier/loadgen/result"
)

// Two game servers are replaced under twenty bots, and one is killed: rooms move, and nothing is lost.
func TestDemo(t *testing.T) {
	page, kept := filepath.Join(t.TempDir(), "demo.html"), filepath.Join(t.TempDir(), "demo.json")
	code, out, progress := line(t, "demo", "--bots", "20", "--for", "8s", "--games", "2", "--round", "200ms", "--idle", "100ms",
		"--grace", "1s", "--seed", "1", "-o", "json", "--html", page, "--save", kept)
	run, err := result.Read(strings.NewReader(out))
	if err != nil {
		t.Fatalf("exit code %d, %v\n%s", code, err, progress)
	}
	if !fair(run.Verdict, run.Reasons) || code != run.Exit() || run.Came != 20 || run.Seated != 20 || run.Counts.Settlements == 0 {
		t.Errorf("exit code %d, verdict %s %q: %d bots came, %d sat, %d settlements", code, run.Verdict, run.Reasons, run.Came, run.Seated, run.Counts.Settlements)
	}
	versions := make(map[string]uint64)
	for _, p := range run.Phases {
		if p.Phase == "action" {
			versions[p.Server] += p.Summary.Count
		}
	}
	if versions["v1"] == 0 || versions["v2"] == 0 || versions[""] != 0 {
		t.Errorf("rolls by version of the server: %v, want some on v1, some on v2 and none elsewhere", versions)
	}
	var notes []string
	for _, n := range run.Notes {
		text, _, _ := strings.Cut(n.Text, " after ")
		notes = append(notes, text)
	}
	if want := []string{
		"restarting game server 1 of 2 (v1 -> v2)", "game server 1 of 2 is back",
		"restarting game server 2 of 2 (v1 -> v2)", "game server 2 of 2 is back",
		"killing game server 2 of 2 (kill -9)", "game server 2 of 2 is back",
	}; !slices.Equal(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
	if run.Counts.Closed != 0 {
		t.Errorf("%d rooms were closed, and none moved: %q", run.Counts.Closed, run.Reasons)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != out {
		t.Errorf("the kept result is not what was printed: %v", err)
	}
	if text, err := os.ReadFile(page); err != nil || !bytes.Contains(text, []byte("</html>")) {
		t.Errorf("no page: %v", err)
	}
	if strings.Count(progress, "\n") < 4 {
		t.Errorf("no progress on stderr: %q", progress)
	}
}

// fair says whether a verdict is PASS, or only says that the machine had too much else to do: the bots
// or the rounds were late. That must not fail a test.
func fair(v result.Verdict, reasons []string) bool {
	return v == result.Pass || v != result.Missed && len(reasons) > 0 && !slices.ContainsFunc(reasons, func(reason string) bool {
		return !strings.HasPrefix(reason, "the generator fell behind") && !strings.HasPrefix(reason, "clock: ")
	})
}

// The first interrupt ends the demo with a verdict on what was played so far.
func TestDemoInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out bytes.Buffer
	progress := &notice{want: "\n", times: 4, seen: make(chan struct{})} // some seconds have passed
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, []string{"croupier", "demo", "--bots", "8", "--for", "1h", "--round", "100ms", "--idle", "50ms", "-o", "json"},
			Streams{In: strings.NewReader(""), Out: &out, Err: progress})
	}()
	select {
	case <-progress.seen:
	case code := <-ended:
		t.Fatalf("ended at once with code %d: %s", code, progress.text.String())
	}
	interrupt()
	code := <-ended
	run, err := result.Read(&out)
	if err != nil || !fair(run.Verdict, run.Reasons) || code != run.Exit() || run.Counts.Settlements == 0 || run.Abandoned {
		t.Errorf("%v: exit code %d, verdict %s %q", err, code, run.Verdict, run.Reasons)
	}
}

func TestDemoRefusesWhatCannotBePlayed(t *testing.T) {
	good := RunDemo{Bots: 200, For: time.Minute, Games: 3, Gates: 2, Kill: true, Round: 5 * time.Second, Idle: time.Second, Grace: 3 * time.Second, Away: time.Second, Restart: true}
	if err := good.check(1024); err != nil {
		t.Errorf("what the flags say by themselves: %v", err)
	}
	for name, c := range map[string]struct {
		change func(*RunDemo)
		says   string
	}{
		"no bots":        {func(o *RunDemo) { o.Bots = 0 }, "must be positive"},
		"no gates":       {func(o *RunDemo) { o.Gates = 0 }, "--gates 0: from 1 to 50"},
		"no servers":     {func(o *RunDemo) { o.Games = 0 }, "--games 0: from 1 to 50"},
		"too many files": {func(o *RunDemo) { o.Bots = 257 }, "or use --bots 256 at most"},
		"too short":      {func(o *RunDemo) { o.For = 11 * time.Second }, "use --for 12s at least"},
		"no turn":        {func(o *RunDemo) { o.Grace = 20 * time.Second }, "use --for 1m45s at least"},
		"too rare":       {func(o *RunDemo) { o.Every = time.Minute }, "nothing would be restarted"},
		"no folder":      {func(o *RunDemo) { o.HTML = "/nowhere/at/all.html" }, "there is no folder /nowhere/at"},
	} {
		o := good
		c.change(&o)
		if err := o.check(1024); ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestTurns(t *testing.T) {
	o := RunDemo{For: time.Minute, Games: 3, Grace: 3 * time.Second, Away: time.Second, Restart: true}
	moments := func() (at []time.Duration) {
		for _, turn := range o.turns() {
			at = append(at, turn.at)
		}
		return at
	}
	if got, want := moments(), []time.Duration{15 * time.Second, 30 * time.Second, 45 * time.Second}; !slices.Equal(got, want) {
		t.Errorf("each server has its turn at %v, want %v", got, want)
	}
	o.Every = 14 * time.Second
	if got := moments(); len(got) != 4 || got[3] != 56*time.Second {
		t.Errorf("every 14 s: %v", got)
	}
	o.Grace = 4 * time.Second // the last one would not be back
	if got := moments(); len(got) != 3 {
		t.Errorf("every 14 s with a longer grace time: %v", got)
	}
	o.Every, o.Kill, o.Seed = 0, true, 1
	got := o.turns()
	if len(got) != 4 || !got[3].kill || got[3].at != 48*time.Second || got[3].from != "v2" || got[3].to != "v2" || got[2].kill {
		t.Errorf("with one that is killed: %+v", got)
	}
	o.Restart = false
	if got := o.turns(); len(got) != 1 || !got[0].kill || got[0].at != 30*time.Second || got[0].to != "v1" {
		t.Errorf("with nothing but one that is killed: %+v", got)
	}
}

// Only a signal that comes after the end of the first stage ends the second one.
func TestSecondSignal(t *testing.T) {
	mine := make(chan os.Signal, 8) // signals do not end the test
	signal.Notify(mine, syscall.SIGTERM)
	defer signal.Stop(mine)
	send := func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-mine
	}
	stop, first := context.WithCancel(t.Context())
	kill, end := secondSignal(stop)
	defer end()
	send()
	first()
	if kill.Err() != nil {
		t.Error("the first stage broke it off")
	}
	for kill.Err() == nil { // until it listens
		send()
	}
}

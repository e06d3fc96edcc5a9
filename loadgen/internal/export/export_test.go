package export

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// snapshot is of a run under way.
func snapshot() live.Snapshot {
	times := measure.NewHistogram()
	for i := range 1000 {
		times.Record(time.Duration(i+1) * time.Millisecond)
	}
	run := &result.Run{
		Verdict: result.Fail, Version: "v0.9.0", Target: "gate ws://127.0.0.1:60006", Scenario: scenario.Default(),
		Came: 40, Seated: 39, Counts: oracle.Counts{Events: 900, Settlements: 12, Rolls: 44, Broken: 5, Lost: 2, Returns: 6, Closed: 1},
		Rules: map[string]oracle.Tally{"hidden": {Checked: 100, Violated: 1, Unknown: 3}},
		Phases: []result.Phase{
			{Phase: "action", Server: "v1", Summary: times.Quantiles(), Times: times},
			{Phase: "action", Server: "v2", Times: measure.NewHistogram()},
			{Phase: "dial", Times: nil},
		},
		Objectives: []result.Outcome{{Name: "action-p99", Limit: 50 * time.Millisecond, Measured: 990 * time.Millisecond, Count: 1000}},
		Series:     []result.Second{{At: 1, Sent: 30, Connects: 40, CPU: 0.2}, {At: 2, Sent: 31, Connects: 2, Troubles: 4, CPU: 0.25, Bots: result.Population{Wanted: 40, Seated: 36, Away: 3, Out: 1}}},
		Waves:      []result.Wave{{At: 1, Lost: 4, Own: true}},
		Health:     result.Health{Seconds: 2, Lag: times.Quantiles(), CPU: 0.22, Machine: 0.5, GC: 0.02, Memory: 64 << 20, PortsLeft: measure.Unknown, FilesLeft: 1000},
	}
	return live.Snapshot{At: 2 * time.Second, Run: run, Left: 58 * time.Second, Stage: "hold"}
}

func TestMetrics(t *testing.T) {
	e := New()
	if n, err := testutil.GatherAndCount(e.registry); err != nil || n != 0 {
		t.Errorf("%d metrics before the first snapshot, %v", n, err)
	}
	e.Show(snapshot())
	problems, err := testutil.GatherAndLint(e.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	want := `
# HELP croupier_loadgen_bots Bots by state.
# TYPE croupier_loadgen_bots gauge
croupier_loadgen_bots{state="away"} 3
croupier_loadgen_bots{state="connecting"} 0
croupier_loadgen_bots{state="out"} 1
croupier_loadgen_bots{state="seated"} 36
croupier_loadgen_bots{state="watching"} 0
# HELP croupier_loadgen_requests_total Requests that bots sent.
# TYPE croupier_loadgen_requests_total counter
croupier_loadgen_requests_total 61
# HELP croupier_loadgen_rule_violated_total Checks that found a rule broken.
# TYPE croupier_loadgen_rule_violated_total counter
croupier_loadgen_rule_violated_total{rule="hidden"} 1
# HELP croupier_loadgen_verdict 1 for the verdict that the run would have if it ended now, 0 for the others.
# TYPE croupier_loadgen_verdict gauge
croupier_loadgen_verdict{verdict="FAIL"} 1
croupier_loadgen_verdict{verdict="INVALID"} 0
croupier_loadgen_verdict{verdict="PASS"} 0
croupier_loadgen_verdict{verdict="SLO"} 0
`
	err = testutil.GatherAndCompare(e.registry, strings.NewReader(want),
		"croupier_loadgen_bots", "croupier_loadgen_requests_total", "croupier_loadgen_rule_violated_total", "croupier_loadgen_verdict")
	if err != nil {
		t.Error(err)
	}
	if n := testutil.CollectAndCount(collector{e}, "croupier_loadgen_ports_left"); n != 0 {
		t.Error("ports that nobody knows of are counted")
	}
}

func TestHistogramsAgreeWithTheTimes(t *testing.T) {
	e := New()
	e.Show(snapshot())
	families, err := e.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "croupier_loadgen_phase_duration_seconds" {
			continue
		}
		for _, m := range f.GetMetric() {
			h := m.GetHistogram()
			if h.GetSampleCount() == 0 {
				continue
			}
			if h.GetSampleCount() != 1000 || h.GetSampleSum() < 495 || h.GetSampleSum() > 506 {
				t.Errorf("%d times of %v s together", h.GetSampleCount(), h.GetSampleSum())
			}
			var before uint64
			for _, b := range h.GetBucket() {
				n := b.GetCumulativeCount()
				want := min(1000, b.GetUpperBound()*1000)
				if n < before || float64(n) < want-1 || float64(n) > want+2 {
					t.Errorf("%d times within %v s", n, b.GetUpperBound())
				}
				before = n
			}
			return
		}
	}
	t.Error("no histogram")
}

func TestWhatServersSayIsNoMoreThanALabel(t *testing.T) {
	s := snapshot()
	for _, said := range []string{"\xff\xfe", "a\nb", `"} 1`, strings.Repeat("x", 500) + "1", strings.Repeat("x", 500) + "2", "", "{{.}}"} {
		s.Run.Phases = append(s.Run.Phases, result.Phase{Phase: "seat", Server: said, Times: s.Run.Phases[0].Times})
	}
	for i := range 2 * mostPhases {
		s.Run.Phases = append(s.Run.Phases, result.Phase{Phase: "seat", Server: strings.Repeat("v", i%mostLabel) + string(rune('a'+i/mostLabel)), Times: s.Run.Phases[0].Times})
	}
	e := New()
	e.Show(s)
	if n, err := testutil.GatherAndCount(e.registry, "croupier_loadgen_phase_duration_seconds"); err != nil || n != mostPhases {
		t.Errorf("%d series, %v", n, err)
	}
}

// serve answers at an address of this machine until the test ends.
func serve(t *testing.T, e *Exporter) string {
	t.Helper()
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			c.Close()
			t.Error("somebody still answers")
		}
	})
	return "http://" + l.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestServe(t *testing.T) {
	e := New()
	url := serve(t, e)
	if code, _ := get(t, url+"/metrics"); code != http.StatusOK {
		t.Errorf("status %d before the first snapshot", code)
	}
	e.Show(snapshot())
	if code, body := get(t, url+"/metrics"); code != http.StatusOK || !strings.Contains(body, `croupier_loadgen_phase_duration_seconds_count{phase="action",server_version="v1"} 1000`) {
		t.Errorf("status %d\n%s", code, body)
	}
	if code, body := get(t, url+"/"); code != http.StatusOK || !strings.Contains(body, "/metrics") {
		t.Errorf("status %d: %s", code, body)
	}
	if code, _ := get(t, url+"/other"); code != http.StatusNotFound {
		t.Errorf("status %d", code)
	}
}

func TestListen(t *testing.T) {
	l, err := Listen("0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
		t.Errorf("a port alone is reached at %v", ip)
	}
	all, err := Listen(":0")
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	if ip := all.Addr().(*net.TCPAddr).IP; !ip.IsUnspecified() {
		t.Errorf(":0 is reached at %v", ip)
	}
	for address, want := range map[string]string{"": "must be a port", "here": "must be a port", "99999": "must be a port", l.Addr().String(): "choose another"} {
		if l, err := Listen(address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", address, err)
			if err == nil {
				l.Close()
			}
		}
	}
}

func TestAListenerThatFailsIsAnError(t *testing.T) {
	l, err := Listen("0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := New().Serve(t.Context(), l); err == nil {
		t.Error("no error")
	}
}

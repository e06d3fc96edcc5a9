package ops

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// A goroutine that outlives every test is a leak.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve serves an ops port until the returned function is called, which returns Serve's error.
func serve(t *testing.T, c Config) (url string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, c) }()
	return "http://" + l.Addr().String(), func() error {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		return <-served
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestPages(t *testing.T) {
	var ready error
	url, stop := serve(t, Config{
		Ready:   func() error { return ready },
		Metrics: NewMetrics("v9"),
		Version: "v9",
		Routes: map[string]http.Handler{
			"GET /good": JSON(func(*http.Request) (any, error) { return map[string]int{"answer": 42}, nil }),
			"GET /bad":  JSON(func(*http.Request) (any, error) { return nil, errors.New("out of cards") }),
		},
	})
	page := func(path string, status int, says string) {
		t.Helper()
		if got, body := get(t, url+path); got != status || !strings.Contains(body, says) {
			t.Errorf("%s: %d %q, want %d and words about %q", path, got, body, status, says)
		}
	}
	page("/", 200, "GET /bad\nGET /good\nGET /healthz\n")
	page("/healthz", 200, "ok")
	page("/readyz", 200, "ok")
	page("/version", 200, `{"version":"v9"}`)
	page("/metrics", 200, `croupier_build_info{version="v9"} 1`)
	page("/metrics", 200, "process_cpu_seconds_total")
	page("/good", 200, `{"answer":42}`)
	page("/bad", 500, "out of cards")
	page("/debug/pprof/", 404, "")
	page("/else", 404, "")
	ready = errors.New("draining")
	page("/readyz", 503, "draining")
	page("/healthz", 200, "ok")
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestProfilesOnlyWhereAsked(t *testing.T) {
	url, stop := serve(t, Config{Metrics: NewMetrics("v9"), Profile: true})
	if status, _ := get(t, url+"/debug/pprof/"); status != 200 {
		t.Errorf("%d", status)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A request that does not end holds up the end for two seconds and no longer.
func TestEndDoesNotWaitForEver(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	url, stop := serve(t, Config{Metrics: NewMetrics("v9"), Routes: map[string]http.Handler{
		"GET /slow": http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(begun)
			<-r.Context().Done()
			close(ended)
		}),
	}})
	go func() {
		if r, err := http.Get(url + "/slow"); err == nil {
			r.Body.Close()
		}
	}()
	<-begun
	start := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	<-ended
}

func TestPortThatFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := Serve(t.Context(), l, Config{Metrics: NewMetrics("v9")}); err == nil || !strings.Contains(err.Error(), "ops port") {
		t.Errorf("Serve on a closed listener: %v", err)
	}
}

// Package export lets Prometheus watch a run while it goes on. The run never waits for who asks: an
// answer is of the last snapshot shown.
package export

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"croupier/loadgen/internal/live"
)

// Exporter has the last snapshot of a run as metrics. It keeps nothing else: who asks more seldom
// than once a second misses nothing that counts up.
type Exporter struct {
	last     atomic.Pointer[live.Snapshot] // nil: none yet
	registry *prometheus.Registry
}

// New returns an exporter that has nothing to tell yet.
func New() *Exporter {
	e := &Exporter{registry: prometheus.NewRegistry()}
	e.registry.MustRegister(collector{e})
	return e
}

// Show takes a snapshot. It may be called from any goroutine and never waits.
func (e *Exporter) Show(s live.Snapshot) { e.last.Store(&s) }

// Listen opens the address at which Prometheus may ask. A port alone is one of this machine, which
// nobody else reaches; ":9464" is one of all its addresses.
func Listen(address string) (net.Listener, error) {
	if port, err := strconv.ParseUint(address, 10, 16); err == nil {
		address = net.JoinHostPort("127.0.0.1", strconv.FormatUint(port, 10))
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("listen for Prometheus at %.100q: it must be a port, or HOST:PORT, such as 9464 or :9464", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for Prometheus: %w: choose another address", err)
	}
	return l, nil
}

const (
	atOnce   = 4                // requests that are answered at the same time; others are told to come back
	patience = 10 * time.Second // with one that asks, or reads, slowly
	farewell = 2 * time.Second  // for requests under way when the run ends
)

// Serve answers on l until ctx ends, then gives requests under way a moment. It closes l.
func (e *Exporter) Serve(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(e.registry, promhttp.HandlerOpts{MaxRequestsInFlight: atOnce, Timeout: patience}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "A run of Croupier's loadgen. Its metrics are at /metrics")
	})
	server := &http.Server{
		Handler: mux, ReadTimeout: patience, WriteTimeout: 2 * patience, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("answer Prometheus: %w", err)
	case <-ctx.Done():
	}
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := server.Shutdown(wait); err != nil {
		server.Close() //nolint:errcheck // whoever is left reads too slowly
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answer Prometheus: %w", err)
	}
	return nil
}

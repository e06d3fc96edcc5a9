package gate

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"croupier/servers/internal/ops"
	"croupier/servers/wire"
)

type metrics struct {
	registry *prometheus.Registry
	opened   prometheus.Counter
	refused  *prometheus.CounterVec
	ended    *prometheus.CounterVec
	received prometheus.Counter
	sent     prometheus.Counter
	batches  prometheus.Counter
	slow     prometheus.Counter
}

func newMetrics(g *Gate) *metrics {
	m := &metrics{
		registry: ops.NewMetrics(g.config.Version),
		opened:   prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_gate_sessions_opened_total", Help: "Players let in since the start."}),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "croupier_gate_refused_total", Help: "Players refused before or at the upgrade, by answer."}, []string{"answer"}),
		ended:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "croupier_gate_closed_total", Help: "Sessions closed by the gate, by close code."}, []string{"code"}),
		received: prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_gate_messages_received_total", Help: "Messages from players."}),
		sent:     prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_gate_messages_sent_total", Help: "Messages from rooms to players."}),
		batches:  prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_gate_batches_received_total", Help: "Batches of messages from game servers: messages sent by these is how well trunks batch."}),
		slow:     prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_gate_too_slow_total", Help: "Times a player's backlog was full."}),
	}
	m.registry.MustRegister(m.opened, m.refused, m.ended, m.received, m.sent, m.batches, m.slow,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "croupier_gate_sessions", Help: "Players connected now."}, func() float64 { return float64(g.table.len()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "croupier_gate_trunks", Help: "Trunks to game servers."}, func() float64 { return float64(g.trunks()) }),
	)
	return m
}

func (m *metrics) closed(code wire.CloseCode) {
	m.ended.WithLabelValues(strconv.Itoa(int(code))).Inc()
}

func (g *Gate) trunks() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.upstreams)
}

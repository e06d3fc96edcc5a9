package gate

import (
	"strconv"
	"time"

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
	moves    *prometheus.CounterVec
	failed   prometheus.Counter
	again    prometheus.Counter
	fenced   prometheus.Counter
	moving   prometheus.Histogram
	blackout prometheus.Histogram
	pushed   prometheus.Counter
	unpushed *prometheus.CounterVec
}

// moveBuckets are seconds: from a move that nobody notices to one that fails.
var moveBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

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
		moves:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "croupier_gate_moves_total", Help: "Times a player's way to a room broke and was led on, by why: the room moved, its server was lost, or an older owner was fenced off."}, []string{"why"}),
		failed:   prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_gate_moves_failed_total", Help: "Players who were told to come again since their room could not be reached."}),
		again:    prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_gate_requests_again_total", Help: "Requests asked again of a room's new owner."}),
		fenced:   prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_gate_fenced_frames_total", Help: "Frames of a room's older owner that were not delivered."}),
		moving:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "croupier_gate_move_seconds", Help: "Time from the break of a player's way to a room until the room was heard again.", Buckets: moveBuckets}),
		blackout: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "croupier_gate_blackout_seconds", Help: "Time that a player's input waited in a move; moves in which none waited are not counted.", Buckets: moveBuckets}),
		pushed:   prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_gate_pushes_delivered_total", Help: "Pushed messages queued for a player."}),
		unpushed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "croupier_gate_pushes_dropped_total", Help: "Pushed messages dropped, by why: the player reads too slowly, or the message is malformed."}, []string{"why"}),
	}
	m.registry.MustRegister(m.opened, m.refused, m.ended, m.received, m.sent, m.batches, m.slow,
		m.moves, m.failed, m.again, m.fenced, m.moving, m.blackout, m.pushed, m.unpushed,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "croupier_gate_sessions", Help: "Players connected now."}, func() float64 { return float64(g.table.len()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "croupier_gate_trunks", Help: "Trunks to game servers."}, func() float64 { return float64(g.trunks()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "croupier_gate_pushes_overflowed_total", Help: "Messages from NATS dropped since this gate delivered too slowly."}, g.overflowed),
	)
	return m
}

func (m *metrics) closed(code wire.CloseCode) {
	m.ended.WithLabelValues(strconv.Itoa(int(code))).Inc()
}

// arrived counts a passage that is complete.
func (m *metrics) arrived(p *passage, again int) {
	if p.why == "" {
		return
	}
	m.moving.Observe(time.Since(p.began).Seconds())
	m.again.Add(float64(again))
	waits := p.waits
	if len(p.back.messages) > 0 || again > 0 {
		waits = p.began
	}
	if !waits.IsZero() {
		m.blackout.Observe(time.Since(waits).Seconds())
	}
}

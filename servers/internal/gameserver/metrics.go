package gameserver

import (
	"github.com/prometheus/client_golang/prometheus"

	"croupier/servers/internal/ops"
)

type metrics struct {
	registry *prometheus.Registry
	players  prometheus.Gauge
	trunks   prometheus.Gauge
	opened   prometheus.Counter
	frames   prometheus.Counter
	batches  prometheus.Counter

	given     prometheus.Counter
	taken     prometheus.Counter
	refused   prometheus.Counter
	recovered prometheus.Counter
	lost      prometheus.Counter

	saving prometheus.Gauge
	saves  prometheus.Histogram
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: ops.NewMetrics(s.config.Version),
		players:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "croupier_game_sessions", Help: "Players connected to this server, in a room or about to enter one."}),
		trunks:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "croupier_game_trunks", Help: "Trunks of gates."}),
		opened:   prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_game_rooms_opened_total", Help: "Rooms opened since the start."}),
		frames:   prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_game_frames_received_total", Help: "Messages received from players and gates."}),
		batches:  prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_game_batches_received_total", Help: "Batches of messages received from gates: messages by these is how well trunks batch."}),

		given:     prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_game_rooms_given_total", Help: "Rooms that have moved from this server to another one."}),
		taken:     prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_game_rooms_taken_total", Help: "Rooms that have moved to this server."}),
		refused:   prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_game_rooms_refused_total", Help: "Offers of a room to another server that it did not take, or did not answer."}),
		recovered: prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_game_rooms_recovered_total", Help: "Rooms that were taken over from a dead server."}),
		lost:      prometheus.NewCounter(prometheus.CounterOpts{Name: "croupier_game_rooms_lost_total", Help: "Rooms that ended here and were not given: another server took them, or the directory has no entry of them any more."}),

		saving: prometheus.NewGauge(prometheus.GaugeOpts{Name: "croupier_game_rooms_saving", Help: "Rooms that are being saved. While the directory is away: the rooms that stand still until it is back."}),
		saves: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "croupier_game_save_seconds", Help: "How long a save took: what a room says after a change waits for it.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}),
	}
	m.registry.MustRegister(m.saving, m.saves, m.players, m.trunks, m.opened, m.frames, m.batches, m.given, m.taken, m.refused, m.recovered, m.lost,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "croupier_game_rooms", Help: "Rooms open now."}, func() float64 { return float64(s.count()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "croupier_game_cordoned", Help: "1 where the server takes no new rooms."}, func() float64 {
			if s.Cordoned() {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "croupier_game_directory_away", Help: "1 where the directory of rooms does not answer, or has no space left: rooms stand still."}, func() float64 {
			if s.ready() != nil || s.dir.Healthy() != nil {
				return 1
			}
			return 0
		}),
	)
	return m
}

func (s *Server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rooms)
}

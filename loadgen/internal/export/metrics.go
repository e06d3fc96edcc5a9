package export

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/result"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("croupier_loadgen_"+name, help, labels, nil)
}

var (
	runInfo   = desc("run_info", "Always 1; the labels say what is run.", "scenario", "game", "target", "version")
	elapsed   = desc("elapsed_seconds", "Time since the run began.")
	remaining = desc("remaining_seconds", "Time until the scenario ends; absent where it has no end.")
	verdict   = desc("verdict", "1 for the verdict that the run would have if it ended now, 0 for the others.", "verdict")

	bots      = desc("bots", "Bots by state.", "state")
	wanted    = desc("bots_wanted", "Bots that the scenario wants at this moment.")
	botsCame  = desc("bots_came_total", "Bots that started.")
	botsGotIn = desc("bots_seated_total", "Bots that had a place at a table at some time.")

	requests    = desc("requests_total", "Requests that bots sent.")
	events      = desc("events_total", "Events that rooms told bots.")
	rolls       = desc("rolls_total", "Rolls acknowledged to bots.")
	settlements = desc("settlements_total", "Settlements that bots saw.")
	connects    = desc("connects_total", "Connections that bots made.")
	lost        = desc("connections_lost_total", "Connections that broke, by who broke them: the bot by itself, or another.", "by")
	returns     = desc("returns_total", "Returns to the table after a lost connection.")
	rooms       = desc("rooms_ended_total", "Rooms that ended, by how: reopened after everyone had left, closed by the server in an orderly way, or vanished under their players.", "how")
	moves       = desc("room_moves_total", "Times that a room changed its server under its players, by how: handed over, or taken over from one that had died.", "how")
	lostRounds  = desc("rounds_lost_total", "Rounds that started under their players and were never settled.")
	waves       = desc("waves_total", "Times in which many bots lost their connections at once, by who did it: the scenario, or another.", "by")
	troubles    = desc("troubles_total", "Things that went wrong.")

	checked  = desc("rule_checked_total", "Checks of a rule that the servers must keep.", "rule")
	violated = desc("rule_violated_total", "Checks that found a rule broken.", "rule")
	unknown  = desc("rule_unknown_total", "Checks that could not be made, as nobody was there to see.", "rule")

	phases   = desc("phase_duration_seconds", "Time that a phase took from when it was intended, by phase and version of the server.", "phase", "server_version")
	met      = desc("objective_met", "Whether an objective is met so far.", "objective")
	limit    = desc("objective_limit_seconds", "Limit of an objective.", "objective")
	measured = desc("objective_measured_seconds", "What an objective bounds, so far; absent before the first measurement.", "objective")

	lag     = desc("send_lag_seconds", "How late the generator sends, at a quantile, over the whole run.", "q")
	cpu     = desc("cpu_cores", "Processor time that the generator used in the last second, in cores.")
	machine = desc("machine_busy_ratio", "Mean share of the machine's processors that is busy with anything.")
	gc      = desc("gc_ratio", "Share of the generator's processor time that goes to garbage collection.")
	memory  = desc("memory_max_bytes", "Most memory of the generator that was resident.")
	ports   = desc("ports_left", "Fewest ports that were left to connect from; absent where it is not known.")
	files   = desc("files_left", "Fewest files that could still be opened; absent where it is not known.")
	slow    = desc("fell_behind_total", "Times that the generator could not take what it was told.")
)

// bounds of the buckets of phases, in seconds.
var bounds = []float64{
	0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
}

const (
	mostPhases = 200 // series of phases and versions, those with most times first
	mostLabel  = 80  // characters of a label that comes from elsewhere
)

// collector makes metrics of the last snapshot whenever somebody asks.
type collector struct{ *Exporter }

// Describe tells nothing beforehand: which rules, phases and versions there are is seen in the run.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect is called by the registry.
func (c collector) Collect(into chan<- prometheus.Metric) {
	s := c.last.Load()
	if s == nil || s.Run == nil {
		return
	}
	b := book{into}
	b.course(*s)
	b.population(s.Run)
	b.rules(s.Run)
	b.times(s.Run)
	b.health(s.Run)
}

// book writes metrics.
type book struct{ into chan<- prometheus.Metric }

func (b book) gauge(d *prometheus.Desc, v float64, labels ...string) {
	b.into <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, safe(labels)...)
}

func (b book) counter(d *prometheus.Desc, v uint64, labels ...string) {
	b.into <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), safe(labels)...)
}

// safe makes labels that every Prometheus takes.
func safe(labels []string) []string {
	for i, l := range labels {
		l = strings.ToValidUTF8(l, "\uFFFD")
		if r := []rune(l); len(r) > mostLabel {
			l = string(r[:mostLabel-1]) + "…"
		}
		labels[i] = l
	}
	return labels
}

func (b book) course(s live.Snapshot) {
	run := s.Run
	b.gauge(runInfo, 1, run.Scenario.Name, run.Scenario.Game, run.Target, run.Version)
	b.gauge(elapsed, s.At.Seconds())
	if s.Left >= 0 {
		b.gauge(remaining, s.Left.Seconds())
	}
	for _, v := range []result.Verdict{result.Pass, result.Fail, result.Missed, result.Invalid} {
		b.gauge(verdict, truth(run.Verdict == v), string(v))
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (b book) population(run *result.Run) {
	var sum result.Second
	for _, s := range run.Series {
		sum.Sent, sum.Connects, sum.Troubles = sum.Sent+s.Sent, sum.Connects+s.Connects, sum.Troubles+s.Troubles
		sum.Bots = s.Bots
	}
	p, c := sum.Bots, run.Counts
	b.gauge(bots, float64(p.Connecting), "connecting")
	b.gauge(bots, float64(p.Seated), "seated")
	b.gauge(bots, float64(p.Watching), "watching")
	b.gauge(bots, float64(p.Away), "away")
	b.gauge(bots, float64(p.Out), "out")
	b.gauge(wanted, float64(p.Wanted))
	b.counter(botsCame, uint64(max(0, run.Came)))
	b.counter(botsGotIn, uint64(max(0, run.Seated)))
	b.counter(requests, sum.Sent)
	b.counter(events, c.Events)
	b.counter(rolls, c.Rolls)
	b.counter(settlements, c.Settlements)
	b.counter(connects, sum.Connects)
	b.counter(lost, c.Broken, "bot")
	b.counter(lost, c.Lost, "other")
	b.counter(returns, c.Returns)
	b.counter(rooms, c.Reopened, "reopened")
	b.counter(rooms, c.Closed, "closed")
	b.counter(rooms, c.Vanished, "vanished")
	b.counter(moves, c.Migrated-min(c.Recovered, c.Migrated), "handed over")
	b.counter(moves, c.Recovered, "taken over")
	b.counter(lostRounds, c.LostRounds)
	b.counter(troubles, sum.Troubles)
	var own, others uint64
	for _, w := range run.Waves {
		if w.Own {
			own++
		} else {
			others++
		}
	}
	b.counter(waves, own, "scenario")
	b.counter(waves, others, "other")
}

func (b book) rules(run *result.Run) {
	for name, t := range run.Rules {
		b.counter(checked, t.Checked, name)
		b.counter(violated, t.Violated, name)
		b.counter(unknown, t.Unknown, name)
	}
	for _, o := range run.Objectives {
		b.gauge(met, truth(o.Met), o.Name)
		b.gauge(limit, o.Limit.Seconds(), o.Name)
		if o.Count > 0 {
			b.gauge(measured, o.Measured.Seconds(), o.Name)
		}
	}
}

// times writes the phases' histograms. Two that have the same labels, after these were cut to length,
// become one.
func (b book) times(run *result.Run) {
	type key struct{ phase, server string }
	sums := make(map[key]*measure.Histogram)
	var order []key
	for _, p := range run.Phases {
		labels := safe([]string{p.Phase, p.Server})
		k := key{labels[0], labels[1]}
		if sums[k] == nil {
			sums[k] = p.Times
			order = append(order, k)
			continue
		}
		both := sums[k].Clone()
		if both.Merge(p.Times) == nil {
			sums[k] = both
		}
	}
	slices.SortStableFunc(order, func(x, y key) int { return cmp.Compare(sums[y].Count(), sums[x].Count()) })
	for _, k := range order[:min(len(order), mostPhases)] {
		h := sums[k]
		buckets := make(map[float64]uint64, len(bounds))
		for _, bound := range bounds {
			buckets[bound] = h.Count() - h.CountAbove(time.Duration(bound*float64(time.Second)))
		}
		sum := h.Mean().Seconds() * float64(h.Count())
		b.into <- prometheus.MustNewConstHistogram(phases, h.Count(), sum, buckets, k.phase, k.server)
	}
}

func (b book) health(run *result.Run) {
	h := run.Health
	if h.Lag.Count > 0 {
		b.gauge(lag, h.Lag.P50.Seconds(), "0.5")
		b.gauge(lag, h.Lag.P99.Seconds(), "0.99")
		b.gauge(lag, h.Lag.Max.Seconds(), "1")
	}
	if n := len(run.Series); n > 0 {
		b.gauge(cpu, run.Series[n-1].CPU)
	}
	b.counter(slow, h.Slow)
	if h.Seconds <= 0 {
		return // nobody looked
	}
	b.gauge(machine, h.Machine)
	b.gauge(gc, h.GC)
	b.gauge(memory, float64(h.Memory))
	if h.PortsLeft != measure.Unknown {
		b.gauge(ports, float64(h.PortsLeft))
	}
	if h.FilesLeft != measure.Unknown {
		b.gauge(files, float64(h.FilesLeft))
	}
}

package play

import (
	"context"
	"errors"
	"net"

	"golang.org/x/sync/errgroup"

	"croupier/loadgen/internal/dashboard"
	"croupier/loadgen/internal/export"
	"croupier/loadgen/internal/lines"
	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/load"
	"croupier/loadgen/result"
)

// show runs the swarm, and whatever shows it beside it. A viewer that fails does not end the run: its
// error is returned with the result. metrics is where Prometheus asks; nil: nowhere.
func (c *Config) show(stages Stages, swarm *load.Swarm, metrics net.Listener, s Streams) (*result.Run, error) {
	kill, breakOff := context.WithCancel(stages.Kill)
	defer breakOff()
	var feeds []chan live.Snapshot
	var viewers errgroup.Group
	view := func(viewer func(updates <-chan live.Snapshot) error) {
		updates := make(chan live.Snapshot, 1)
		feeds = append(feeds, updates)
		viewers.Go(func() error { return viewer(updates) })
	}
	switch c.View {
	case ViewDashboard:
		view(func(updates <-chan live.Snapshot) error {
			err := dashboard.Run(kill, s.In, s.Out, swarm, updates)
			if errors.Is(err, dashboard.ErrBroken) {
				breakOff()
				return nil
			}
			return err
		})
	case ViewLines, ViewJSON:
		format := lines.ForPeople
		if c.View == ViewJSON {
			format = lines.ForPrograms
		}
		view(func(updates <-chan live.Snapshot) error {
			return lines.Show(context.Background(), s.Err, format, updates)
		})
	}
	if metrics != nil {
		exporter := export.New()
		shown, hide := context.WithCancel(context.Background())
		defer hide()
		viewers.Go(func() error { return exporter.Serve(shown, metrics) })
		view(func(updates <-chan live.Snapshot) error {
			defer hide()
			for now := range updates {
				exporter.Show(now)
			}
			return nil
		})
	}
	run := swarm.Run(kill, stages.Stop, func(now live.Snapshot) {
		for _, updates := range feeds {
			latest(updates, now)
		}
	})
	for _, updates := range feeds {
		close(updates)
	}
	return run, viewers.Wait()
}

// latest hands a snapshot to a viewer without waiting: one that has not taken the last one gets this
// one in its place.
func latest(updates chan live.Snapshot, now live.Snapshot) {
	select {
	case updates <- now:
		return
	default:
	}
	select {
	case <-updates:
	default:
	}
	select {
	case updates <- now:
	default:
	}
}

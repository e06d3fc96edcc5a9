package play

import (
	"context"
	"fmt"
	"sync"

	"croupier/loadgen/internal/load"
	"croupier/loadgen/result"
)

// show runs the swarm and whatever shows it.
func (c *Config) show(stages Stages, swarm *load.Swarm, s Streams) (*result.Run, error) {
	kill, breakOff := context.WithCancel(stages.Kill)
	defer breakOff()
	var viewers sync.WaitGroup
	var feeds []chan load.Snapshot
	var failed error
	feed := func() chan load.Snapshot {
		updates := make(chan load.Snapshot, 1)
		feeds = append(feeds, updates)
		return updates
	}
	if c.View == ViewLines || c.View == ViewJSON {
		updates := feed()
		viewers.Go(func() {
			for snapshot := range updates {
				fmt.Fprintf(s.Err, "%v %v\n", snapshot.At, snapshot.Run.Verdict)
			}
		})
	}
	run := swarm.Run(kill, stages.Stop, func(now load.Snapshot) {
		for _, updates := range feeds {
			latest(updates, now)
		}
	})
	for _, updates := range feeds {
		close(updates)
	}
	viewers.Wait()
	return run, failed
}

// latest hands a snapshot to a viewer without waiting: one that has not taken the last one gets this
// one in its place.
func latest(updates chan load.Snapshot, now load.Snapshot) {
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

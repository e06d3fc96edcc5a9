package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"croupier/servers/client"
	"croupier/servers/token"
)

const (
	probeEvery = 25 * time.Millisecond // how often a probe asks, whatever became of what it asked before
	probeMost  = 6                     // requests without an answer, at most; no gate has to hold more for it
	probeFirst = 1                     // user and room of the first probe, far from those of loadgen
)

// probe is a player who asks a room of its own how it is, all the time. How long an answer takes is
// how long a player's input waits.
type probe struct {
	client *client.Client
	slots  chan struct{}

	mu      sync.Mutex
	answers []answer
}

// answer is a request and what became of it.
type answer struct {
	asked time.Time
	took  time.Duration
	err   error
}

// startProbes seats probes, which ask until ctx ends. The function that it returns waits for that.
func (h *house) startProbes(ctx context.Context, n int) ([]*probe, func(), error) {
	keys, err := token.ParseKeys(h.key)
	if err != nil {
		return nil, nil, err
	}
	var all []*probe
	var group sync.WaitGroup
	wait := func() {
		group.Wait()
		for _, p := range all {
			p.client.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it has no end but the good one
		}
	}
	for i := range n {
		number := int64(probeFirst + i)
		pass := func(context.Context) (string, error) { return keys.Sign(number, time.Hour) }
		gate := "ws://" + h.hosts[gateName(i%h.Gates)].at(gatePort)
		c, err := client.Dial(ctx, client.Gate(gate, pass), client.Options{
			Handler: func(client.Event) {},
			NetDial: func(ctx context.Context, network, address string) (net.Conn, error) {
				return h.hosts["loadgen"].dial(ctx, network, address)
			},
		})
		if err != nil {
			return nil, wait, err
		}
		p := &probe{client: c, slots: make(chan struct{}, probeMost)}
		all = append(all, p)
		if _, err := c.Sit(ctx, client.Place{Game: "dice", Room: number, Seat: -1}); err != nil {
			return nil, wait, fmt.Errorf("seat probe %d: %w", number, err)
		}
		group.Go(func() { p.ask(ctx) })
	}
	return all, wait, nil
}

// ask asks until ctx ends.
func (p *probe) ask(ctx context.Context) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	var group sync.WaitGroup
	defer group.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		select {
		case p.slots <- struct{}{}:
		default:
			continue // those that wait tell enough
		}
		group.Go(func() {
			one := answer{asked: time.Now()}
			_, one.err = p.client.Print(ctx)
			one.took = time.Since(one.asked)
			<-p.slots
			p.mu.Lock()
			defer p.mu.Unlock()
			p.answers = append(p.answers, one)
		})
	}
}

// blackout is the longest that an answer took to a request made in a span of time, and how many
// requests failed.
func (p *probe) blackout(from, to time.Time) (longest time.Duration, failed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.answers {
		if a.asked.Before(from) || a.asked.After(to) {
			continue
		}
		if a.err != nil {
			failed++
		}
		longest = max(longest, a.took)
	}
	return longest, failed
}

// blackouts are those of all probes, in order of length.
func blackouts(all []*probe, from, to time.Time) (longest []time.Duration, failed int) {
	for _, p := range all {
		one, n := p.blackout(from, to)
		longest = append(longest, one)
		failed += n
	}
	slices.Sort(longest)
	return longest, failed
}

// percentile is a value of a sorted list that percent of 100 do not exceed.
func percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}

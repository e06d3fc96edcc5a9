package client

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// pulse watches one link: it probes when nothing came for a while, and breaks the link when that
// brings nothing either. It costs a timer, and a goroutine only when that fires.
type pulse struct {
	client *Client
	link   link
	every  time.Duration

	mu      sync.Mutex
	timer   *time.Timer
	cancel  context.CancelFunc // of the probe under way
	stopped bool
	running sync.WaitGroup
}

func startPulse(c *Client, l link) *pulse {
	p := &pulse{client: c, link: l, every: c.options.KeepAlive}
	if p.every > 0 {
		p.mu.Lock()
		p.timer = time.AfterFunc(p.every, p.beat)
		p.mu.Unlock()
	}
	return p
}

func (p *pulse) beat() {
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		return
	}
	p.running.Add(1)
	defer p.running.Done()
	ctx, cancel := context.WithTimeout(context.Background(), p.every)
	defer cancel()
	p.cancel = cancel
	p.mu.Unlock()

	if !p.client.heard.Swap(false) {
		err := p.link.probe(ctx)
		if err != nil && !p.client.heard.Load() {
			p.client.abort(p.link, fmt.Errorf("%w: nothing came for %v", ErrSilent, 2*p.every))
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.timer.Reset(p.every)
	}
}

// stop ends the watch and waits for a probe under way.
func (p *pulse) stop() {
	p.mu.Lock()
	p.stopped = true
	if p.timer != nil {
		p.timer.Stop()
	}
	if p.cancel != nil {
		p.cancel()
	}
	p.mu.Unlock()
	p.running.Wait()
}

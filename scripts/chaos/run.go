package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"croupier/loadgen/result"
)

// Load is what loadgen is to do.
type Load struct {
	Bots, Rooms int
	For         time.Duration
	Late        time.Duration // how late a round may be settled or start
	Extra       []string      // more flags of loadgen
}

// ramp is the time over which the bots come.
func (l Load) ramp() time.Duration {
	return max(2*time.Second, time.Duration(l.Bots)*time.Second/200).Round(time.Second)
}

// deed is a step that was done.
type deed struct {
	Step
	Began, Ended time.Duration // of the load
	Exit         time.Duration // of a drain: from the signal to the end of the process
}

// outcome is what a run brought.
type outcome struct {
	load    *result.Run // nil: loadgen told nothing
	deeds   []deed
	faults  []error
	cpu     map[string]time.Duration // of each process, in length
	length  time.Duration            // when all bots played: after the ramp, before the last rounds end
	network string                   // what became of the packets; empty: all on loopback
	warned  map[string]int           // in the servers' logs
}

// run plays a plan against a house while bots play there.
func run(ctx context.Context, h *house, load Load, tracks [][]Step, seed uint64) (outcome, error) {
	for _, name := range h.names() {
		if err := h.start(ctx, name); err != nil {
			return outcome{}, err
		}
	}
	h.journal.begin()
	bots, err := h.bots(load, seed)
	if err != nil {
		return outcome{}, err
	}
	defer bots.kill()
	h.journal.say("load: %d bots in %d rooms for %s; logs are in %s", load.Bots, load.Rooms, load.For, h.dir)

	playing, stop := context.WithCancel(ctx)
	defer stop()
	var o outcome
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, track := range tracks {
		group.Go(func() {
			for _, step := range track {
				if !h.wait(playing, step.At) {
					return
				}
				d := h.do(ctx, step)
				mu.Lock()
				o.deeds = append(o.deeds, d)
				mu.Unlock()
			}
		})
	}
	spent := func() map[string]time.Duration {
		cpu := h.spent()
		cpu["loadgen"] = bots.cpu()
		return cpu
	}
	group.Go(func() {
		from := load.ramp() + time.Second
		if !h.wait(playing, from) {
			return
		}
		before := spent()
		if h.wait(playing, load.For-time.Second) {
			o.cpu, o.length = spent(), load.For-time.Second-from
			for name := range o.cpu {
				o.cpu[name] -= before[name]
			}
		}
	})
	err = bots.ends(ctx, load.For+90*time.Second)
	stop()
	group.Wait()
	if err != nil {
		return outcome{}, err
	}
	if o.load, err = readResult(filepath.Join(h.dir, "result.json")); err != nil {
		return outcome{}, fmt.Errorf("loadgen ended with %s and left no result: %w; its last words:\n%s", bots.command.ProcessState, err, bots.lastWords())
	}
	h.journal.say("loadgen says %s: %s", o.load.Verdict, strings.Join(o.load.Reasons, "; "))
	if h.Store {
		h.swept(ctx)
	}
	h.leave(ctx)
	if h.relay != nil {
		o.network = h.relay.String()
	}
	warned, fatal := complaints(h.dir)
	for _, line := range fatal {
		h.fault(errors.New(line))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	o.faults, o.warned = h.faults, warned
	return o, nil
}

// bots starts loadgen.
func (h *house) bots(load Load, seed uint64) (*process, error) {
	var gates []string
	for i := range h.Gates {
		gates = append(gates, "ws://"+h.hosts[gateName(i)].at(gatePort))
	}
	args := []string{"run", "--quiet", "--gate", strings.Join(gates, ","), "--save", filepath.Join(h.dir, "result.json"),
		"--bots", fmt.Sprint(load.Bots), "--rooms", fmt.Sprint(load.Rooms), "--for", load.For.String(),
		"--ramp", load.ramp().String(), "--seed", fmt.Sprint(seed), "--late", load.Late.String()}
	p, err := launch(h.hosts["loadgen"], filepath.Join(h.dir, "loadgen.log"), []string{"JWT_KEY=" + h.key}, filepath.Join(h.dir, "loadgen"), append(args, load.Extra...)...)
	if err == nil {
		p.expect() // its exit code is the verdict
	}
	return p, err
}

// wait waits for a time of the load; false: the load has ended.
func (h *house) wait(ctx context.Context, at time.Duration) bool {
	timer := time.NewTimer(max(at-h.journal.since(), 0))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// exitLimit is how long a drain may take: the rounds' ends, the moves, and the gates' spread.
const exitLimit = 60 * time.Second

// do does one step, and leaves the servers running whatever happens in it. What must not happen
// becomes a fault.
func (h *house) do(ctx context.Context, s Step) deed {
	d := deed{Step: s, Began: h.journal.since()}
	h.journal.say("%s", s)
	if err := h.act(ctx, &d); err != nil && ctx.Err() == nil {
		h.fault(fmt.Errorf("%s: %w", s, err))
	}
	d.Ended = h.journal.since()
	return d
}

func (h *house) act(ctx context.Context, d *deed) error {
	if d.Act == Cut {
		a, b := h.hosts[d.Target].address, h.hosts[d.Peer].address
		h.relay.sever(a, b, true)
		h.wait(ctx, d.Began+d.Hold)
		h.relay.sever(a, b, false)
		h.journal.say("%s and %s are joined again", d.Target, d.Peer)
		return nil
	}
	p := h.now(d.Target)
	if !p.running() { // a fault that was noted when it ended
		return h.start(ctx, d.Target)
	}
	switch d.Act {
	case Drain:
		err := p.signal(syscall.SIGTERM)
		if err == nil {
			err = p.ends(ctx, exitLimit)
		}
		d.Exit = h.journal.since() - d.Began
		if err != nil {
			p.kill()
			h.fault(fmt.Errorf("%s: %w", d.Step, err))
		}
		h.journal.say("%s has ended, %s after the signal", d.Target, d.Exit.Round(time.Millisecond))
	case DrainAndKill:
		if err := p.signal(syscall.SIGTERM); err != nil {
			return err
		}
		h.wait(ctx, d.Began+d.Lead)
		p.kill()
		h.wait(ctx, d.Began+d.Lead+d.Hold)
	case Kill:
		p.kill()
		h.wait(ctx, d.Began+d.Hold)
	case Pause:
		if err := p.signal(syscall.SIGSTOP); err != nil {
			return err
		}
		h.wait(ctx, d.Began+d.Hold)
		if err := p.signal(syscall.SIGCONT); err != nil {
			return err
		}
		h.journal.say("%s goes on", d.Target)
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := h.start(ctx, d.Target)
	if err == nil {
		h.journal.say("%s is back", d.Target)
	}
	return err
}

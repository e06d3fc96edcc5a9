package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// join hears of the others, and makes itself known.
func (d *Directory) join(ctx context.Context, key string) error {
	unwatch, err := d.store.watch(servers, d.heard)
	if err != nil {
		return err
	}
	d.unwatch = unwatch
	for tries := 0; ; tries++ {
		if err = d.announce(ctx, key); err == nil || !errors.Is(err, ErrAway) {
			return err
		}
		if pause := d.pause(ctx, 0, tries+1); pause != nil {
			return errors.Join(err, pause)
		}
	}
}

func (d *Directory) announce(ctx context.Context, key string) error {
	// The first renewal only draws a revision, which tells who came after whom. The second one says it.
	for d.joined == 0 {
		value, err := d.renewal()
		if err != nil {
			return err
		}
		revision, err := d.write(ctx, servers, key, value, whatever)
		if err != nil {
			return err
		}
		born, err := d.store.born(ctx, servers)
		if err != nil {
			return err
		}
		d.mu.Lock()
		d.joined = born + revision
		d.mu.Unlock()
	}
	_, err := d.store.scan(ctx, servers, func(it item) { d.heard(it.key, it.value) })
	if err != nil {
		return err
	}
	value, err := d.renewal()
	if err != nil {
		return err
	}
	if _, err = d.write(ctx, servers, key, value, whatever); err != nil {
		return err
	}
	d.acked(nil)
	// And it has come back, so that who had this address before is known to be dead.
	select {
	case <-d.sighted:
		return nil
	case <-time.After(Lapse):
		return fmt.Errorf("%w: what is written to it does not come back", ErrAway)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrAway, ctx.Err())
	}
}

// renewal writes the next lease.
func (d *Directory) renewal() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.beat++
	d.changed = false
	return encodeLease(lease{Beat: d.beat, Joined: d.joined, Server: d.self})
}

func (d *Directory) acked(err error) {
	if err == nil {
		d.mu.Lock()
		d.view.ack(time.Now())
		d.sight()
		d.mu.Unlock()
	}
}

// sight notes that the view is good for the first time. d.mu is held.
func (d *Directory) sight() {
	if !d.view.since.IsZero() && d.view.own.Joined != 0 {
		d.once.Do(func() { close(d.sighted) })
	}
}

// run renews the lease and watches those of the others.
func (d *Directory) run(key string) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	sent := time.Now()
	for {
		woken := false
		select {
		case <-d.stop:
			return
		case <-tick.C:
		case <-d.wake:
			woken = true
		}
		now := time.Now()
		d.mu.Lock()
		changed, silent := d.changed, now.Sub(d.view.acked)
		var died []Server
		if !woken {
			died = d.view.tick(now)
		}
		d.mu.Unlock()
		d.report(died, "its lease lapsed")
		if silent > blind && d.pending.Load() > 0 {
			d.note(fmt.Errorf("%w: a renewal is not acknowledged", ErrAway)) // a time-out would say so later
		}
		if now.Sub(sent) >= Renewal || changed && now.Sub(sent) >= 50*time.Millisecond {
			sent = now
			d.renew(key)
		}
	}
}

// renew sends a renewal. At most four wait for an answer; while the store is away more would only queue up behind them.
func (d *Directory) renew(key string) {
	if d.pending.Load() >= 4 {
		return
	}
	value, err := d.renewal()
	if err != nil {
		d.log.Error("the lease cannot be renewed", "err", err)
		return
	}
	d.pending.Add(1)
	d.put(servers, key, value, whatever, func(_ uint64, err error) {
		d.pending.Add(-1)
		d.acked(err)
		if err != nil && !errors.Is(err, ErrAway) {
			d.log.Error("the lease was not renewed", "err", err)
		}
	})
}

// heard takes what was written to the bucket of servers.
func (d *Directory) heard(key string, value []byte) {
	if d.severed.Load() {
		return
	}
	if value == nil {
		if id, ok := untoken(key); ok && id != d.id {
			d.mu.Lock()
			left := d.view.gone(time.Now(), id)
			d.mu.Unlock()
			d.report(left, "it left")
		}
		return
	}
	l, err := parseLease(value)
	if err == nil && token(l.Server.ID) != key {
		err = fmt.Errorf("the lease at %q is of %q", key, l.Server.ID)
	}
	if err != nil {
		d.log.Warn("a server's lease cannot be read", "err", err)
		return
	}
	d.mu.Lock()
	died := d.view.beat(time.Now(), l)
	d.sight()
	d.mu.Unlock()
	d.report(died, "another one has its address")
}

// report tells of servers that are gone. The channel holds 64; what does not fit is left to Orphans.
func (d *Directory) report(gone []Server, why string) {
	for _, s := range gone {
		d.log.Info("a game server is gone; the others take over what rooms it left", "server", s.ID, "address", s.Address, "rooms", s.Rooms, "why", why)
		select {
		case d.lapsed <- s:
		default:
		}
	}
}

// Lapsed yields each server whose lease lapsed or was given up. It holds 64; a lapse that does not fit is found by Orphans.
func (d *Directory) Lapsed() <-chan Server { return d.lapsed }

// Update changes what this server tells of itself. It is announced at once, though at most every 50 ms; a change
// within that time goes out with the next tick of 100 ms.
func (d *Directory) Update(change func(*Server)) {
	d.mu.Lock()
	next := cloneServer(d.self)
	change(&next)
	next.ID, next.Address, next.Version = d.id, d.address, d.version
	d.self, d.changed = next, true
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Servers lists the live servers, this one among them, sorted by ID. The caller must not change what it gets.
func (d *Directory) Servers() []Server {
	d.mu.Lock()
	list := append(d.view.live(), d.self)
	d.mu.Unlock()
	slices.SortFunc(list, func(a, b Server) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// Settled says whether this observer has heard of every server that lives: not so in its first two seconds, and in the two
// after an outage of its own.
func (d *Directory) Settled() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.view.settled(time.Now())
}

// Alive says whether the server's lease is good, as far as this observer can tell. Until it is Settled it takes a server that
// it never heard of for alive.
func (d *Directory) Alive(serverID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.view.alive(time.Now(), serverID)
}

// Dead tells the directory that a server is dead: its address refuses connections. A later renewal revives it.
func (d *Directory) Dead(serverID string) {
	d.mu.Lock()
	died := d.view.kill(serverID)
	d.mu.Unlock()
	d.report(died, "its address refuses")
}

func cloneServer(s Server) Server {
	s.Games = slices.Clone(s.Games)
	s.Vacant = maps.Clone(s.Vacant)
	for game, list := range s.Vacant {
		s.Vacant[game] = slices.Clone(list)
	}
	return s
}

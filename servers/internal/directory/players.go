package directory

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A sit is a claim that this server wrote: the revision is what lets Rise remove it without reading, and only it.
type sit struct {
	room     int64
	revision uint64
}

// A rise is a claim that is being given up.
type rise struct {
	room   int64
	expect uint64 // 0: not known, read first
	tries  int
	done   chan struct{}
}

// How many claims are remembered, and how many may be on their way out. Beyond the first any one is forgotten (its Rise then
// reads first), beyond the second a Rise is dropped: the claim stays, and is corrected by the next Sit, which
// finds that the room does not have the user.
const (
	maxSits   = 1 << 16
	maxRising = 1 << 16
)

const seatFormat = 1

func encodeSeat(room int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{seatFormat}, uint64(room))
}

func parseSeat(key string, v []byte) (int64, error) {
	if len(v) > 0 && v[0] > seatFormat {
		return 0, fmt.Errorf("the seat at %s has format %d, and this program reads up to %d: %w", key, v[0], seatFormat, ErrNewer)
	}
	if len(v) != 9 || v[0] != seatFormat {
		return 0, fmt.Errorf("the seat at %s has %d bytes: %w", key, len(v), errMangled)
	}
	return int64(binary.BigEndian.Uint64(v[1:])), nil
}

// Sit claims the user for a room, before the room lets them in. held == room: done. held != room: the user is in that
// room, and nothing was written; with instead != 0 a claim on that room is replaced. It tries again until ctx ends.
// After an error the claim may or may not have been written.
func (d *Directory) Sit(ctx context.Context, game string, user, room, instead int64) (held int64, err error) {
	name, err := gameKey(game, user)
	if err != nil {
		return 0, err
	}
	held, err = d.sit(ctx, name, room, instead)
	if err != nil {
		return 0, fmt.Errorf("seat user %d in room %d of %q: %w", user, room, game, err)
	}
	return held, nil
}

func (d *Directory) sit(ctx context.Context, name string, room, instead int64) (int64, error) {
	if err := d.riseFirst(ctx, name); err != nil {
		return 0, err
	}
	value := encodeSeat(room)
	var expect uint64
	unsure := false // whether an earlier try was carried out
	for tries := 0; ; tries++ {
		revision, err := d.write(ctx, players, name, value, expect)
		switch {
		case err == nil:
			d.keepSit(name, sit{room, revision})
			return room, nil
		case errors.Is(err, errMismatch):
			it, err := d.read(ctx, players, name)
			if err != nil {
				return 0, err
			}
			if it.value != nil {
				held, err := parseSeat(name, it.value)
				switch {
				case errors.Is(err, errMangled): // it names no room, so it is nobody's claim
					d.log.Error("a player's claim on a room cannot be read: it is written anew", "key", name, "err", err)
				case err != nil:
					return 0, err
				case held == room && unsure:
					d.keepSit(name, sit{room, it.revision})
					return room, nil
				case held != room && (instead == 0 || held != instead):
					return held, nil
				}
				// The same claim is written anew, so that a removal of the old one that is still on its way fails.
			}
			expect = it.revision
		case errors.Is(err, ErrAway):
			unsure = true
		default:
			return 0, err
		}
		if err := d.pause(ctx, 0, tries); err != nil {
			return 0, err
		}
	}
}

func (d *Directory) keepSit(name string, s sit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.sits) >= maxSits {
		for other := range d.sits {
			delete(d.sits, other)
			break
		}
	}
	d.sits[name] = s
}

// Forget drops what is remembered of claims that this server wrote: another one has owned the users' room since, and may have
// written them anew. Their Rise reads first then.
func (d *Directory) Forget(game string, users ...int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, user := range users {
		if name, err := gameKey(game, user); err == nil {
			delete(d.sits, name)
		}
	}
}

// Seat says which room of the game the user is in: 0 is none.
func (d *Directory) Seat(ctx context.Context, game string, user int64) (room int64, err error) {
	name, err := gameKey(game, user)
	if err != nil {
		return 0, err
	}
	it, err := d.read(ctx, players, name)
	if err != nil {
		return 0, fmt.Errorf("ask where user %d of %q sits: %w", user, game, err)
	}
	if it.value == nil {
		return 0, nil
	}
	room, err = parseSeat(name, it.value)
	if errors.Is(err, errMangled) {
		return 0, nil // the next Sit writes it anew
	}
	return room, err
}

// Rise gives up the claim of a user on a room, where it is still that claim. It never blocks; it is retried until it is
// done. 65,536 may be under way; beyond that they are dropped, and the next Sit corrects them.
func (d *Directory) Rise(game string, user, room int64) {
	name, err := gameKey(game, user)
	if err != nil {
		return
	}
	d.mu.Lock()
	if d.ended || d.rising[name] != nil {
		d.mu.Unlock()
		return
	}
	if len(d.rising) >= maxRising {
		d.mu.Unlock()
		d.log.Warn("too many players leave at a time; the directory still has one in a room that they left", "game", game, "user", user, "room", room)
		return
	}
	r := &rise{room: room, done: make(chan struct{})}
	if s := d.sits[name]; s.room == room {
		r.expect = s.revision
	}
	delete(d.sits, name)
	d.rising[name] = r
	d.mu.Unlock()
	d.rise(name, r)
}

func (d *Directory) rise(name string, r *rise) {
	if r.expect != 0 {
		d.remove(players, name, r.expect, func(err error) {
			// Another revision: it was removed by an earlier try, or it is another claim by now.
			if errors.Is(err, ErrAway) {
				d.riseAgain(name, r)
				return
			}
			d.riseDone(name, r, err)
		})
		return
	}
	d.get(players, name, func(it item, err error) {
		if errors.Is(err, ErrAway) {
			d.riseAgain(name, r)
			return
		}
		held := int64(0)
		if err == nil && it.value != nil {
			held, err = parseSeat(name, it.value)
		}
		if err != nil || it.value == nil || held != r.room {
			d.riseDone(name, r, err)
			return
		}
		r.expect = it.revision
		d.rise(name, r)
	})
}

func (d *Directory) riseAgain(name string, r *rise) {
	r.tries++
	d.timers.after(delay(r.room, r.tries), func() { d.rise(name, r) })
}

func (d *Directory) riseDone(name string, r *rise, err error) {
	if err != nil && !errors.Is(err, errMismatch) {
		d.log.Warn("a player's claim on a room was not given up", "key", name, "err", err)
	}
	d.mu.Lock()
	delete(d.rising, name)
	d.mu.Unlock()
	close(r.done)
}

// riseFirst waits for a Rise of the same user that is under way.
func (d *Directory) riseFirst(ctx context.Context, name string) error {
	d.mu.Lock()
	r := d.rising[name]
	d.mu.Unlock()
	if r == nil {
		return nil
	}
	select {
	case <-r.done:
		return nil
	case <-d.stop:
		return fmt.Errorf("%w: %w", ErrAway, errClosed)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrAway, ctx.Err())
	}
}

// risen waits until no Rise is under way.
func (d *Directory) risen(ctx context.Context) error {
	for {
		d.mu.Lock()
		var r *rise
		for _, r = range d.rising {
			break
		}
		left := len(d.rising)
		d.mu.Unlock()
		if r == nil {
			return nil
		}
		select {
		case <-r.done:
		case <-time.After(time.Until(deadlineOf(ctx))):
			return fmt.Errorf("%d players' claims were not given up in time: %w", left, ErrAway)
		case <-ctx.Done():
			return fmt.Errorf("%d players' claims were not given up in time: %w", left, ErrAway)
		}
	}
}

// deadlineOf is the context's deadline, or five seconds from now.
func deadlineOf(ctx context.Context) time.Time {
	if at, ok := ctx.Deadline(); ok {
		return at
	}
	return time.Now().Add(5 * time.Second)
}

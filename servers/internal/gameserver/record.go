package gameserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"croupier/servers/internal/directory"
	"croupier/servers/internal/room"
)

// record keeps a room in the directory.
type record struct {
	server *Server
	berth  *berth
}

// record returns where a room is kept. A directory that ends with this process keeps nothing.
func (s *Server) record(b *berth) room.Record {
	if s.config.Store == nil {
		return nil
	}
	return record{server: s, berth: b}
}

// Save stores a snapshot.
func (r record) Save(snapshot []byte, done func(error)) {
	if r.server.killed.Load() {
		r.server.saved(r.berth, directory.ErrLost, done)
		return
	}
	m, began := r.server.metrics, time.Now()
	m.saving.Inc()
	r.berth.tenure.Save(snapshot, func(err error) {
		m.saving.Dec()
		m.saves.Observe(time.Since(began).Seconds())
		r.server.saved(r.berth, err, done)
	})
}

// Close deletes the entry of a room that is over.
func (r record) Close(done func(error)) {
	r.berth.tenure.Close(func(err error) { r.server.saved(r.berth, err, done) })
}

// saved hands the outcome of a write on. A room that was lost learns first where it has gone, if
// that can be learned quickly.
func (s *Server) saved(b *berth, err error, done func(error)) {
	if !errors.Is(err, directory.ErrLost) {
		done(err)
		return
	}
	s.loseRoom(err)
	s.spawn(func() {
		ctx, cancel := context.WithTimeout(s.ctx, lookPatience)
		defer cancel()
		to := &redirect{lost: true}
		if entry, err := s.dir.Look(ctx, b.at.key()); err == nil && entry.Server != s.id {
			to.address = entry.Address
		}
		b.next.Store(to)
		done(fmt.Errorf("%w: %w", room.ErrLost, err))
	})
}

// loseRoom counts a room that ends here because it is not this server's any more.
func (s *Server) loseRoom(why error) {
	s.metrics.lost.Inc()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost++
	s.whyLost = why
}

// tellLost logs how many rooms were lost since the last call, with one reason: thousands go at once.
func (s *Server) tellLost() {
	s.mu.Lock()
	n, why := s.lost, s.whyLost
	s.lost, s.whyLost = 0, nil
	s.mu.Unlock()
	if n > 0 && !s.killed.Load() {
		s.config.Log.Warn("rooms ended here: other servers have taken them, or their entries are gone", "rooms", n, "err", why)
	}
}

// lookPatience is how long the players of a lost room wait to be told where it is. Without an
// answer their gate finds it.
const lookPatience = 500 * time.Millisecond

// release gives up the entry of a room that has ended. Where the room is kept in the directory it
// has done so by itself, before its players heard of it.
func (s *Server) release(b *berth) {
	if s.config.Store == nil {
		b.tenure.Close(func(error) {})
	}
}

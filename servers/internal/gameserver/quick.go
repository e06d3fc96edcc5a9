package gameserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"croupier/servers/internal/room"
)

// Rooms that are opened for somebody who names none get a number in this range: easy to read out,
// and far from those that people choose.
const firstDrawn, lastDrawn = 100_000, 999_999

const (
	mostVacant = 64 // rooms with a free seat that are remembered, per game
	mostTold   = 8  // of these, how many other servers are told of
	mostTries  = 6  // rooms that may close while a player is on the way in
)

// bringAnywhere brings a member into the room that they are in; else into one with a free seat,
// here or at another server; else into a new one.
func (s *Server) bringAnywhere(ctx context.Context, m member, w wish) error {
	held, err := s.dir.Seat(ctx, w.at.game, m.User())
	if err != nil {
		return fmt.Errorf("look for the player's room: %w", err)
	}
	if held != 0 {
		return s.bringBack(ctx, m, w, held)
	}
	return s.bringSomewhere(ctx, m, w)
}

// bringBack brings a member into the room that they are in, if it is there still.
func (s *Server) bringBack(ctx context.Context, m member, w wish, held int64) error {
	back := w
	back.at.id = held
	b, err := s.find(ctx, back.at, true, w.dead)
	var to *redirect
	switch {
	case errors.Is(err, errGone):
		s.dir.Rise(w.at.game, m.User(), held)
		return s.bringSomewhere(ctx, m, w)
	case errors.As(err, &to):
		return &redirect{address: to.address, room: held}
	case err != nil:
		return err
	}
	if err := s.admit(m, b, back); !errors.Is(err, room.ErrClosed) {
		return err
	}
	return s.bringSomewhere(ctx, m, w)
}

// bringSomewhere brings a member into a room with a free seat: one of this server, else of another
// one, else a new one.
func (s *Server) bringSomewhere(ctx context.Context, m member, w wish) error {
	for range mostTries {
		b, err := s.roomWithSeat(ctx, w.at.game)
		if err != nil {
			return err
		}
		if err := s.sitIn(ctx, m, b, w); !errors.Is(err, room.ErrClosed) {
			return err
		}
	}
	return errors.New("no room with a free seat was found")
}

// roomWithSeat returns a room of this server that has a free seat, perhaps a new one, with joining
// counted up; or the *redirect to a server that has one.
func (s *Server) roomWithSeat(ctx context.Context, game string) (*berth, error) {
	if b := s.pickVacant(game); b != nil {
		return b, nil
	}
	// One at a time: of a crowd, the first opens a room, and the next find it.
	select {
	case s.drawing <- struct{}{}:
		defer func() { <-s.drawing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b := s.pickVacant(game); b != nil {
		return b, nil
	}
	if to := s.vacantElsewhere(game); to != nil {
		return nil, to
	}
	for {
		b, err := s.find(ctx, place{game, firstDrawn + rand.Int64N(lastDrawn-firstDrawn+1)}, false, nil)
		var taken *redirect
		if errors.As(err, &taken) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.filling[game] = b
		b.joining++
		return b, nil
	}
}

// pickVacant returns a room of this server with a free seat, or nil. joining is counted up.
func (s *Server) pickVacant(game string) *berth {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cordoned {
		return nil
	}
	free := func(b *berth) bool { return b != nil && b.room != nil && b.claims != nil && b.room.Free() > b.joining }
	if b := s.filling[game]; free(b) {
		b.joining++
		return b
	}
	for i, id := range s.vacant[game] {
		if b := s.rooms[place{game, id}]; free(b) {
			b.joining++
			s.vacant[game] = s.vacant[game][i:]
			return b
		}
	}
	s.vacant[game] = nil
	return nil
}

// sitIn brings a member into a room that roomWithSeat returned, if there is still a seat.
func (s *Server) sitIn(ctx context.Context, m member, b *berth, w wish) error {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		b.joining--
	}()
	if err := s.claim(ctx, b, m.User()); err != nil {
		s.closeEmpty(b)
		return err
	}
	l := m.link()
	l.unplaced.Store(true) // the gate holds back what the member says until there is a seat
	l.full = func() {      // on the room's goroutine: the last seat is taken
		s.rise(b, m.User())
		l.speaks.Store(nil) // who sends the member elsewhere does not wait for this room's end
		l.wait()
		s.usher(m, w)
	}
	if err := s.enter(m, b, func() error { return b.room.Enter(m, room.SeatOnly, w.request) }); err != nil {
		return err
	}
	s.keepClaim(b, m.User())
	return nil
}

// vacantElsewhere returns the way to a server that announces a room with a free seat, or nil.
func (s *Server) vacantElsewhere(game string) *redirect {
	var addresses []string
	for _, other := range s.dir.Servers() {
		if other.ID != s.id && !other.Cordoned && len(other.Vacant[game]) > 0 {
			addresses = append(addresses, other.Address)
		}
	}
	if len(addresses) == 0 {
		return nil
	}
	return &redirect{address: addresses[rand.IntN(len(addresses))]}
}

// lookForSeats notes which rooms have a free seat, and returns what others are told of it.
func (s *Server) lookForSeats() (told map[string][]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.vacant)
	if s.cordoned {
		return nil
	}
	told = make(map[string][]int64)
	for at, b := range s.rooms {
		if b.room == nil || len(s.vacant[at.game]) >= mostVacant || b.room.Free() <= b.joining {
			continue
		}
		s.vacant[at.game] = append(s.vacant[at.game], at.id)
		if len(told[at.game]) < mostTold {
			told[at.game] = append(told[at.game], at.id)
		}
	}
	return told
}

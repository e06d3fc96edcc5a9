package gameserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"croupier/servers/internal/directory"
	"croupier/servers/internal/room"
)

// mostAsking is how many players may ask the directory at a time. The others wait for their turn.
const mostAsking = 256

// usherPatience is how long a player who wants in waits for the directory and for other servers.
const usherPatience = 5 * time.Second

// wish is where somebody wants to go.
type wish struct {
	at      place // id 0: any room with a free seat
	seat    int
	request uint64
	resume  bool     // they are there already, and have lost their way
	missed  bool     // and may not have heard all that the room has said
	dead    []string // servers that their gate has found dead
}

// usher brings a member into a room, or tells them where to go or why not. It returns at once: who
// is known to belong in a room of this server is in it then, and for others the directory is asked.
func (s *Server) usher(m member, w wish) {
	if w.seat < room.AnySeat {
		s.turnAway(m, room.Refuse(room.CodeFail, "seat must be a whole number from 0, or -1 for any"), w.request)
		return
	}
	if s.dir.Healthy() != nil && s.known(m.User(), w) == nil {
		m.elsewhere(errAway)
		return
	}
	if b := s.known(m.User(), w); b != nil && !errors.Is(s.admit(m, b, w), room.ErrClosed) {
		return
	}
	s.spawn(func() {
		ctx, cancel := context.WithTimeout(s.ctx, usherPatience)
		defer cancel()
		select {
		case s.asking <- struct{}{}:
			defer func() { <-s.asking }()
		case <-ctx.Done():
			s.turnAway(m, ctx.Err(), w.request)
			return
		}
		if err := s.bring(ctx, m, w); err != nil {
			s.turnAway(m, err, w.request)
		}
	})
}

// known returns the room that somebody wants to be in, where it runs here and their claim is known.
func (s *Server) known(user int64, w wish) *berth {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.rooms[w.at]; b != nil && b.room != nil && (w.resume || b.claims[user]) {
		return b
	}
	return nil
}

// admit lets a member into a room. The errors are those of enter.
func (s *Server) admit(m member, b *berth, w wish) error {
	if w.resume {
		return s.enter(m, b, func() error { return b.room.Resume(m, w.missed) })
	}
	if err := s.enter(m, b, func() error { return b.room.Enter(m, w.seat, w.request) }); err != nil {
		return err
	}
	s.keepClaim(b, m.User())
	return nil
}

// keepClaim claims a room anew for a user who is on the way in, where the claim was given up just
// before, with the user's last leaving. From here on the room does not give it up before they have
// left again.
func (s *Server) keepClaim(b *berth, user int64) {
	s.mu.Lock()
	kept := b.claims == nil || b.claims[user]
	s.mu.Unlock()
	if kept {
		return
	}
	s.spawn(func() {
		ctx, cancel := context.WithTimeout(s.ctx, usherPatience)
		defer cancel()
		s.claim(ctx, b, user) //nolint:errcheck // who is elsewhere by now is let out of here from there
	})
}

// bring is usher for those of whom nothing is known. After an error the member was told nothing.
func (s *Server) bring(ctx context.Context, m member, w wish) error {
	if w.at.id == 0 {
		return s.bringAnywhere(ctx, m, w)
	}
	for {
		if loss(m.link().loss.Load()) != present {
			return errLeft
		}
		b, err := s.find(ctx, w.at, w.resume, w.dead)
		if err != nil {
			return err
		}
		if !w.resume {
			if err := s.claim(ctx, b, m.User()); err != nil {
				s.closeEmpty(b)
				return err
			}
		}
		if err := s.admit(m, b, w); !errors.Is(err, room.ErrClosed) {
			return err
		}
		select {
		case <-b.room.Done(): // it is forgotten; then there is a new one
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// closeEmpty ends a room that was opened for somebody who does not come.
func (s *Server) closeEmpty(b *berth) {
	s.spawn(func() {
		b.room.Do(s.ctx, func(t *room.Table) { //nolint:errcheck // a closed room is closed
			if t.Empty() {
				t.Close()
			}
		})
	})
}

// claim writes down that a user is in a room of this server, before the room lets them in. Where
// they are in another room of the game, that room lets them go; where its game binds them to a
// seat, the error is a *redirect to it.
func (s *Server) claim(ctx context.Context, b *berth, user int64) error {
	s.mu.Lock()
	ours := b.claims[user]
	s.mu.Unlock()
	if ours {
		return nil
	}
	instead := int64(0)
	for range mostConflicts {
		held, err := s.dir.Sit(ctx, b.at.game, user, b.at.id, instead)
		switch {
		case errors.Is(err, directory.ErrConflict):
			continue
		case err != nil:
			return fmt.Errorf("claim a seat in room %s %d: %w", b.at.game, b.at.id, err)
		case held == b.at.id || held == 0:
			s.mu.Lock()
			defer s.mu.Unlock()
			if b.claims != nil {
				b.claims[user] = true
			}
			return nil
		}
		bound, err := s.letGo(ctx, place{b.at.game, held}, user)
		if err != nil {
			return fmt.Errorf("leave room %s %d: %w", b.at.game, held, err)
		}
		if bound {
			return &redirect{room: held}
		}
		instead = held
	}
	return fmt.Errorf("claim a seat in room %s %d: the player is claimed elsewhere at the same time: try again", b.at.game, b.at.id)
}

// letGo asks for a user to be let out of a room, wherever the room is. True: they have to go back
// there.
func (s *Server) letGo(ctx context.Context, at place, user int64) (bound bool, err error) {
	s.mu.Lock()
	b := s.rooms[at]
	s.mu.Unlock()
	if b != nil {
		select {
		case <-b.ready:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if b.err == nil {
			return s.letGoHere(ctx, b, user)
		}
	}
	for range mostConflicts {
		entry, err := s.dir.Look(ctx, at.key())
		switch {
		case errors.Is(err, directory.ErrNone):
			return false, nil // the claim of a room that is over
		case err != nil:
			return false, err
		case entry.Server == s.id || !s.dir.Alive(entry.Server):
			return true, nil // its owner has died: they may have a seat in it
		}
		bound, err = s.peers.letGo(ctx, entry.Address, at, user)
		if status.Code(err) != codes.NotFound {
			return bound, err
		}
		if !pause(ctx, movePause) { // it is on its way
			return false, ctx.Err()
		}
	}
	return true, nil // an entry whose owner does not have the room: as of one that has died
}

// movePause is how long after a room was not found where its entry says the entry is read again.
const movePause = 20 * time.Millisecond

// letGoHere does so where the room is here. What is known of the user's claim is void: whoever asks
// is about to replace it, also where the user is not in the room.
func (s *Server) letGoHere(ctx context.Context, b *berth, user int64) (bound bool, err error) {
	s.mu.Lock()
	delete(b.claims, user)
	s.mu.Unlock()
	answer := make(chan bool, 1)
	b.room.LetGo(user, func(bound bool) { answer <- bound })
	select {
	case bound := <-answer:
		s.mu.Lock()
		defer s.mu.Unlock()
		if bound && b.claims != nil {
			b.claims[user] = true
		}
		return bound, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// owned says whether a room has an owner, other than this server, who is alive. The address of one
// that the asker has found dead is tried.
func (s *Server) owned(ctx context.Context, e directory.Entry, dead []string) bool {
	if e.Server == s.id || e.Address == s.config.Address || !s.dir.Alive(e.Server) {
		return false
	}
	for _, address := range dead {
		if address == e.Address && s.peers.refused(ctx, address) {
			s.config.Log.Info("game server found dead: its port is closed", "server", e.Server, "address", address)
			s.dir.Dead(e.Server)
			return false
		}
	}
	return true
}

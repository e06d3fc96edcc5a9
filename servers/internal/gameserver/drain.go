package gameserver

import (
	"context"
	"fmt"
	"slices"
	"time"

	"croupier/servers/internal/directory"
	"croupier/servers/internal/room"
)

const (
	movesNotice  = "the server is being replaced: this table moves to another one in a moment, and the round goes on there"
	closesNotice = "the server is being replaced: this room will be closed by the system"
)

// Cordon makes the server take no new rooms. Those it has are given to other servers, where there
// are any; else they stay until their players leave. Everyone in them is told, now and again. The
// channel is closed when no room is left.
func (s *Server) Cordon() <-chan struct{} {
	s.mu.Lock()
	if s.cordoned {
		s.mu.Unlock()
		return s.drained
	}
	s.cordoned = true
	s.checkDrained()
	s.mu.Unlock()
	rooms := s.open()
	s.config.Log.Info("draining: no new rooms", "rooms", len(rooms))
	s.dir.Update(func(self *directory.Server) { self.Cordoned, self.Vacant = true, nil })
	s.spawn(func() {
		s.warn(s.ctx, rooms)
		if s.config.Store != nil {
			s.keepWarning(s.ctx)
		}
	})
	if s.config.Store != nil {
		s.spawn(func() { s.moveRooms(s.ctx) })
	}
	return s.drained
}

// A thousand rooms that all wake at one moment to tell their players something kept everybody else
// waiting for 80 ms: so they are woken one after the other, wakePause apart.
const wakePause = 250 * time.Microsecond

// warn tells everyone in the rooms what will become of them.
func (s *Server) warn(ctx context.Context, rooms []*berth) {
	for _, b := range rooms {
		if !pause(ctx, wakePause) {
			return
		}
		if s.others(b.at.game) {
			b.room.Foretell(movesNotice, s.config.NoticeEvery)
		} else {
			b.room.Warn(closesNotice, s.config.NoticeEvery)
		}
	}
}

// keepWarning corrects what rooms were told where the last other server has gone, or the first one
// has come.
func (s *Server) keepWarning(ctx context.Context) {
	told := s.othersByGame()
	for pause(ctx, time.Second) {
		now := s.othersByGame()
		rooms := slices.DeleteFunc(s.open(), func(b *berth) bool { return now[b.at.game] == told[b.at.game] })
		s.warn(ctx, rooms)
		told = now
	}
}

func (s *Server) othersByGame() map[string]bool {
	games := make(map[string]bool)
	for game := range s.config.Games {
		games[game] = s.others(game)
	}
	return games
}

// checkDrained needs s.mu.
func (s *Server) checkDrained() {
	if s.cordoned && len(s.rooms) == 0 {
		select {
		case <-s.drained:
		default:
			close(s.drained)
		}
	}
}

// Cordoned says whether the server takes no new rooms.
func (s *Server) Cordoned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cordoned
}

// Players of rooms that are settled come again at once. So that they do not all come in the same
// moment, rooms are settled one after the other, settlePause apart, but all within settleSpread.
const (
	settlePause  = 2 * time.Millisecond
	settleSpread = 2 * time.Second
)

// Settle cordons, brings every round to its end, closes all rooms and waits until they are gone
// or ctx ends. Players are told to come again.
func (s *Server) Settle(ctx context.Context) error {
	drained := s.Cordon()
	rooms := s.open()
	pause := time.NewTicker(max(min(settlePause, settleSpread/time.Duration(len(rooms)+1)), time.Microsecond))
	defer pause.Stop()
	for _, b := range rooms {
		b.room.Settle(room.Retry)
		select {
		case <-pause.C:
		case <-drained:
		case <-ctx.Done():
		}
	}
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("settle: %d rooms did not close: %w", len(s.open()), ctx.Err())
	}
}

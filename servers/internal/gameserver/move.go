package gameserver

import (
	"context"
	"errors"
	"slices"
	"time"

	"croupier/servers/internal/directory"
	"croupier/servers/internal/room"
	"croupier/servers/internal/trunk"
)

// Step is a step of a room's move from one server to another, in the order in which they are taken.
type Step string

const (
	StepFreeze  Step = "freeze"  // source: the room stands still, its snapshot is made
	StepOffer   Step = "offer"   // source: the other server is asked
	StepRestore Step = "restore" // target: the room is built
	StepClaim   Step = "claim"   // target: the entry is taken
	StepRun     Step = "run"     // target: the room runs
	StepRelease Step = "release" // source: its players are sent after it
)

func (s *Server) trace(step Step, at place) {
	if s.config.Trace != nil {
		s.config.Trace(step, at.game, at.id)
	}
}

const (
	// moveSpacing is the least time from one room's deadline to the next: a server moves no more than so
	// many rooms a second in the middle of their rounds, so that none waits long for its turn.
	moveSpacing = 3 * time.Millisecond
	// mostMoving is how many rooms stand still for their move at a time.
	mostMoving = 16
	// moveAgain is the pause before a room that was not taken is offered again, twice as long each
	// time, up to moveLast.
	moveAgain = 500 * time.Millisecond
	moveLast  = 4 * time.Second
	// moveBusy is the same where too many rooms move at the time.
	moveBusy = 20 * time.Millisecond
)

// moveRooms gives every room to another server, until none is left or ctx ends: each between two
// rounds, or in the middle of one where that takes too long. The deadlines are spread over
// Config.MoveAfter, or as far apart as moveSpacing says.
func (s *Server) moveRooms(ctx context.Context) {
	slots := make(chan struct{}, mostMoving)
	offered := make(map[*berth]bool)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		open := s.open() // a room may still come that was being opened
		spacing := max(s.config.MoveAfter/time.Duration(len(open)+1), moveSpacing)
		patience := time.Duration(0)
		for _, b := range open {
			if !offered[b] && pause(ctx, wakePause) {
				offered[b] = true
				patience += spacing - wakePause
				s.offer(ctx, b, patience, slots)
			}
		}
		for b := range offered {
			if b.room == nil || ended(b.room) {
				delete(offered, b)
			}
		}
		select {
		case <-tick.C:
		case <-s.drained:
			return
		case <-ctx.Done():
			return
		}
	}
}

func ended(r *room.Room) bool {
	select {
	case <-r.Done():
		return true
	default:
		return false
	}
}

// offer has a room stand still at the best moment within patience, and then asks another server to
// take it; where that fails the room goes on here, and is offered again.
func (s *Server) offer(ctx context.Context, b *berth, patience time.Duration, slots chan struct{}) {
	b.room.Handover(patience, func(snapshot []byte, answer func(room.Outcome)) {
		retry := func(after time.Duration) {
			answer(room.Kept)
			s.spawn(func() {
				for pause(ctx, after) && !ended(b.room) {
					if s.others(b.at.game) && s.dir.Healthy() == nil {
						s.offer(ctx, b, 0, slots)
						return
					}
					after = moveAgain // nobody could take it: it plays on
				}
			})
		}
		select {
		case slots <- struct{}{}:
		default:
			retry(moveBusy)
			return
		}
		s.trace(StepFreeze, b.at)
		s.spawn(func() {
			defer func() { <-slots }()
			if outcome := s.give(b, snapshot); outcome != room.Kept {
				answer(outcome)
				return
			}
			b.refusals++
			retry(min(moveAgain<<min(b.refusals-1, 8), moveLast))
		})
	})
}

// pause waits. False: ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// give asks another server to take a room that stands still.
func (s *Server) give(b *berth, snapshot []byte) room.Outcome {
	to, found := s.target(b.at.game)
	if !found {
		return room.Kept
	}
	s.trace(StepOffer, b.at)
	refused, err := s.peers.take(s.ctx, to.Address, &trunk.Handover{
		Game: b.at.game, Room: b.at.id, Revision: b.tenure.Offer(), Snapshot: snapshot,
	})
	if err != nil {
		s.metrics.refused.Inc()
		s.config.Log.Log(s.ctx, s.firstTime("not taken by "+to.ID), "room was not taken: it is offered again", "game", b.at.game, "room", b.at.id, "by", to.ID, "err", err)
		if refused {
			return room.Kept
		}
		return s.settleDoubt(b, snapshot)
	}
	return s.given(b, to.Address)
}

func (s *Server) given(b *berth, address string) room.Outcome {
	b.tenure.Abandon()
	b.next.Store(&redirect{address: address})
	s.metrics.given.Inc()
	s.trace(StepRelease, b.at)
	return room.Given
}

// settleDoubt finds out who owns a room after a server was asked to take it and no answer came. A
// write of the entry says so: where it succeeds, the other server can't take the room any more. The
// room stands still meanwhile, so no other save is under way. Where it fails, what the room has still
// to say may be said only if its new owner knows of it.
func (s *Server) settleDoubt(b *berth, snapshot []byte) room.Outcome {
	outcome := make(chan error, 1)
	b.tenure.Save(snapshot, func(err error) { outcome <- err })
	var err error
	select {
	case err = <-outcome:
	case <-s.ctx.Done():
		return room.Taken
	}
	if !errors.Is(err, directory.ErrLost) {
		return room.Kept
	}
	ctx, cancel := context.WithTimeout(s.ctx, lookPatience)
	defer cancel()
	entry, unseen := s.dir.Look(ctx, b.at.key())
	if unseen == nil && entry.BeganWith(snapshot) { // what was offered was taken, with all that waits to be said here
		return s.given(b, entry.Address)
	}
	next := &redirect{lost: true}
	if unseen == nil {
		next.address = entry.Address
	}
	b.next.Store(next)
	s.loseRoom(err)
	return room.Taken
}

// target is the server that has the fewest rooms of those that may take one of a game.
func (s *Server) target(game string) (to directory.Server, found bool) {
	servers := s.dir.Servers()
	s.mu.Lock()
	defer s.mu.Unlock()
	least := 0
	for _, server := range servers {
		if rooms := server.Rooms + s.assigned[server.ID]; s.mayTake(server, game) && (!found || rooms < least) {
			to, found, least = server, true, rooms
		}
	}
	if found {
		s.assigned[to.ID]++
	}
	return to, found
}

// others says whether there is a server that may take a room of a game.
func (s *Server) others(game string) bool {
	return slices.ContainsFunc(s.dir.Servers(), func(server directory.Server) bool { return s.mayTake(server, game) })
}

// mayTake says whether a server may be given a room of a game.
func (s *Server) mayTake(server directory.Server, game string) bool {
	if server.ID == s.id || server.Cordoned {
		return false
	}
	return slices.Contains(server.Games, game)
}

package gameserver

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"croupier/servers/internal/directory"
	"croupier/servers/internal/fence"
	"croupier/servers/internal/room"
	"croupier/servers/wire"
)

// errUnreadable is a room whose snapshot this build can't read: it is left to a server that can.
var errUnreadable = errors.New("this server can't read the room's snapshot")

// redirect says where a player's way goes on.
type redirect struct {
	address string // HOST:PORT; empty: any other server
	room    int64  // 0: the same
	lost    bool   // requests without an answer may not have been handled
}

func (r *redirect) Error() string {
	if r.room != 0 {
		return fmt.Sprintf("you hold a seat in room %d until its round ends", r.room)
	}
	return "the room is on another server: " + r.address
}

// berth is a room of this server, from before it is open until it has ended.
type berth struct {
	at    place
	ready chan struct{} // closed when room or err is set
	err   error         // why there is no room; fixed once ready is closed

	room   *room.Room // guarded by Server.mu until ready is closed, then fixed
	epoch  uint64     // of this server's ownership
	tenure *directory.Tenure
	next   atomic.Pointer[redirect] // where the room has gone

	refusals int // how often nobody took it; for whoever offers it

	// Guarded by Server.mu.
	claims  map[int64]bool // users whose claim leads here
	joining int            // of those who get any free seat, how many are on their way in
}

// gone says where a room has gone that ends its sessions because it runs elsewhere, or may.
func (b *berth) gone() redirect {
	b.next.CompareAndSwap(nil, &redirect{lost: true})
	return *b.next.Load()
}

// find returns a room of this server that runs. Where the directory knows the room, and its owner
// is alive, the error is a *redirect; where its owner has died, the room is taken over. Where
// nobody has the room it is opened, unless it must exist. dead are addresses that the asker has
// found dead.
func (s *Server) find(ctx context.Context, at place, exists bool, dead []string) (*berth, error) {
	for {
		b, mine, err := s.berthAt(at)
		if err != nil {
			return nil, err
		}
		if mine {
			if err := s.filled(b, s.fill(ctx, b, exists, dead)); err != nil {
				return nil, err
			}
			return b, nil
		}
		select {
		case <-b.ready:
			if b.err == nil {
				return b, nil
			}
			if to := new(redirect); errors.As(b.err, &to) && len(dead) == 0 {
				return nil, b.err // of a crowd, the first asks the directory
			}
			// Whoever opened it failed, perhaps for reasons of their own.
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// berthAt returns the berth of a room; mine says that it is new, and for the caller to fill.
func (s *Server) berthAt(at place) (b *berth, mine bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, known := s.rooms[at]; known {
		return b, false, nil
	}
	switch _, known := s.config.Games[at.game]; {
	case !known:
		return nil, false, room.Refuse(room.CodeFail, fmt.Sprintf("unknown game %q: this server plays %s", clip(at.game, 32), s.config.Games))
	case at.id <= 0:
		return nil, false, room.Refuse(room.CodeFail, "room_id is a whole number from 1")
	}
	b = &berth{at: at, ready: make(chan struct{}), claims: make(map[int64]bool)}
	if !s.cordoned { // else nothing becomes of it, and the drain is not to wait for those who ask
		s.rooms[at] = b
	}
	return b, true, nil
}

// filled says what has come of a new berth: a room, or the error, which it returns.
func (s *Server) filled(b *berth, err error) error {
	if err != nil {
		s.mu.Lock()
		delete(s.rooms, b.at)
		s.checkDrained()
		s.mu.Unlock()
	}
	b.err = err
	close(b.ready)
	return err
}

// mostConflicts is how often in a row another server may be faster.
const mostConflicts = 10

// fill opens a room in its berth, or takes it over.
func (s *Server) fill(ctx context.Context, b *berth, exists bool, dead []string) error {
	for range mostConflicts {
		entry, err := s.dir.Look(ctx, b.at.key())
		switch {
		case errors.Is(err, directory.ErrNone) && exists:
			return errGone
		case errors.Is(err, directory.ErrNone):
			err = s.openNew(ctx, b, 0)
		case err != nil:
			return fmt.Errorf("look for room %s %d: %w", b.at.game, b.at.id, err)
		case s.owned(ctx, entry, dead):
			return &redirect{address: entry.Address}
		default:
			err = s.inherit(ctx, b, entry)
		}
		if !errors.Is(err, directory.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("room %s %d: other servers were faster, %d times: try again", b.at.game, b.at.id, mostConflicts)
}

// mayHold says whether the server may take one more room.
func (s *Server) mayHold() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.cordoned:
		return errCordoned
	case len(s.rooms) > s.config.MaxRooms: // the berth of the room is counted
		return errFull
	}
	return nil
}

// openNew claims a room that nobody has, and starts its game.
func (s *Server) openNew(ctx context.Context, b *berth, revision uint64) error {
	if err := s.mayHold(); err != nil {
		return err
	}
	tenure, err := s.dir.Claim(ctx, b.at.key(), revision, nil)
	if err != nil {
		return fmt.Errorf("claim room %s %d: %w", b.at.game, b.at.id, err)
	}
	b.tenure, b.epoch = tenure, tenure.Epoch()
	kind := s.config.Games[b.at.game]
	c := s.roomConfig(b)
	c.Epoch, c.Record = b.epoch, s.record(b)
	opened, err := room.Open(c, kind.New())
	if err != nil {
		tenure.Close(func(error) {})
		s.config.Log.Error("room not opened", "game", b.at.game, "room", b.at.id, "err", err)
		return room.Refuse(room.CodeFail, "the game could not be started")
	}
	s.install(b, opened)
	s.metrics.opened.Inc()
	if revision != 0 { // another server was about to open it
		s.tell(b)
	}
	s.config.Log.Debug("room opened", "game", b.at.game, "room", b.at.id)
	return nil
}

// inherit takes a room whose owner has died, or opens it anew where nobody had heard of it yet.
func (s *Server) inherit(ctx context.Context, b *berth, entry directory.Entry) error {
	if err := s.mayHold(); err != nil {
		return err // and leave its owner's journal alone
	}
	entry, err := s.dir.Inherit(ctx, entry)
	switch {
	case err != nil:
		return fmt.Errorf("take room %s %d over: %w", b.at.game, b.at.id, err)
	case len(entry.Snapshot) == 0:
		return s.openNew(ctx, b, entry.Revision)
	default:
		return s.takeOver(ctx, b, entry)
	}
}

// takeOver takes a room as its dead owner left it.
func (s *Server) takeOver(ctx context.Context, b *berth, entry directory.Entry) error {
	prepared, err := s.prepare(b, s.roomConfig(b), entry.Snapshot)
	if err != nil {
		s.config.Log.Log(ctx, s.firstTime("unreadable "+b.at.game+" of version "+entry.Version), "room left to another server: its snapshot can't be read here", "game", b.at.game, "room", b.at.id, "written by", entry.Version, "err", err)
		return fmt.Errorf("%w: it was written by version %s: %w", errUnreadable, entry.Version, err)
	}
	tenure, err := s.dir.Claim(ctx, b.at.key(), entry.Revision, entry.Snapshot)
	if err != nil {
		prepared.Drop()
		return fmt.Errorf("take room %s %d over: %w", b.at.game, b.at.id, err)
	}
	b.tenure, b.epoch = tenure, tenure.Epoch()
	s.start(b, prepared)
	s.metrics.recovered.Inc()
	s.tell(b)
	s.config.Log.Debug("room taken over", "game", b.at.game, "room", b.at.id, "from", entry.Server)
	return nil
}

// tell tells gates of a room that was taken from a server that has died, or seems to have.
func (s *Server) tell(b *berth) {
	if s.config.Tell == nil {
		return
	}
	owner := fence.Owner{Game: b.at.game, Room: b.at.id, Epoch: b.epoch, Address: s.config.Address}
	if err := s.config.Tell(owner); err != nil {
		s.config.Log.Warn("gates were not told of a room that was taken over", "err", err)
	}
}

// prepare builds a room from a snapshot, without running it.
func (s *Server) prepare(b *berth, c room.Config, snapshot []byte) (*room.Prepared, error) {
	prepared, err := room.Prepare(c, s.config.Games[b.at.game].New(), snapshot)
	if err == nil && prepared.ID() != b.at.id {
		err = fmt.Errorf("it is a snapshot of room %d", prepared.ID())
		prepared.Drop()
	}
	return prepared, err
}

// start runs a room that was prepared from a snapshot.
func (s *Server) start(b *berth, prepared *room.Prepared) {
	players := prepared.Players()
	s.dir.Forget(b.at.game, players...)
	s.mu.Lock()
	for _, user := range players { // before any of them can leave
		b.claims[user] = true
	}
	s.mu.Unlock()
	s.install(b, prepared.Run(b.epoch, s.record(b)))
}

func (s *Server) install(b *berth, r *room.Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.room = r
}

func (s *Server) roomConfig(b *berth) room.Config {
	return room.Config{
		ID:      b.at.id,
		Seats:   s.config.Games[b.at.game].Seats,
		Mailbox: mailbox,
		Encoder: s.encode,
		Log:     s.config.Log.With("game", b.at.game),
		Gone:    func(user int64) { s.rise(b, user) },
		Ended:   func(late []room.Entry, unread []room.Unread) { s.ended(b, late, unread) },
	}
}

// rise gives up the claim of a user who has left the room. Both under the lock: who finds the claim
// gone makes a new one, and that has to come after.
func (s *Server) rise(b *berth, user int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(b.claims, user)
	s.dir.Rise(b.at.game, user, b.at.id)
}

// ended forgets a room. Who came too late to enter it, and what it has not handled, goes on where
// the room has gone, or in the next room.
func (s *Server) ended(b *berth, late []room.Entry, unread []room.Unread) {
	next := b.next.Load()
	s.mu.Lock()
	delete(s.rooms, b.at)
	if s.filling[b.at.game] == b {
		delete(s.filling, b.at.game)
	}
	if next == nil {
		for user := range b.claims { // as in rise: the next room of this number claims after it
			s.dir.Rise(b.at.game, user, b.at.id)
		}
	}
	b.claims = nil
	s.checkDrained()
	s.mu.Unlock()
	if next != nil {
		for _, e := range late {
			e.Session.(member).send(*next)
		}
		for _, u := range unread {
			u.Session.(member).back(u.Raw, u.Again)
		}
		return
	}
	s.release(b)
	s.config.Log.Debug("room closed", "game", b.at.game, "room", b.at.id)
	s.again(b, late, unread)
}

// again lets those into the next room who came too late for this one, with what they said meanwhile.
func (s *Server) again(b *berth, late []room.Entry, unread []room.Unread) {
	for _, e := range late {
		m := e.Session.(member)
		l := m.link()
		l.wait()
		for _, u := range unread {
			if u.Session == e.Session {
				s.redispatch(m, u)
			}
		}
		s.usher(m, wish{at: b.at, seat: e.Seat, request: e.Request, resume: e.Resume, missed: e.Missed})
	}
}

// redispatch hands on what a closing room has not handled. Of a direct player that is nothing.
func (s *Server) redispatch(m member, u room.Unread) {
	if op, body, err := wire.Split(u.Raw); err == nil {
		s.dispatch(m, inbound{op: op, body: body, raw: u.Raw, again: u.Again})
	}
}

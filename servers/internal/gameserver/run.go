package gameserver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"croupier/servers/internal/directory"
	"croupier/servers/internal/lifecycle"
	"croupier/servers/internal/ops"
	"croupier/servers/internal/room"
	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// settleTime is how long rooms get to close and players to hear of it after the second signal.
const settleTime = 5 * time.Second

// Run serves players on game and operators on admin through both stages. It returns when no room
// is left after a drain, or when everything was settled; both listeners are closed then.
func (s *Server) Run(stages lifecycle.Stages, game, admin net.Listener) error {
	serving, stopServing := context.WithCancel(context.WithoutCancel(stages.Stop))
	group, failed := errgroup.WithContext(serving)
	group.Go(func() error { return ops.Serve(serving, admin, s.ops()) })
	group.Go(func() error {
		defer stopServing()
		defer game.Close()
		switch err := s.join(stages.Drain); {
		case err != nil && stages.Drain.Err() != nil:
			return nil // told to go before it was there
		case err != nil:
			return err
		}
		return s.serve(stages, failed, game)
	})
	err := group.Wait()
	s.streams.Wait()
	s.leave()
	return err
}

// join makes the server known to the others.
func (s *Server) join(ctx context.Context) error {
	var store directory.Store = directory.NewMemory()
	if s.config.Store != nil {
		var err error
		if store, err = s.config.Store(ctx); err != nil {
			return err
		}
	}
	self := directory.Server{ID: s.id, Address: s.config.Address, Version: s.config.Version, Games: slices.Sorted(maps.Keys(s.config.Games))}
	dir, err := directory.Join(ctx, store, self, s.config.Log)
	if err != nil {
		return fmt.Errorf("join the directory: %w", err)
	}
	s.dir = dir
	close(s.joined)
	return nil
}

// leave ends what is done for players and rooms, and gives up the lease.
func (s *Server) leave() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
	s.peers.close()
	if s.dir == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leavePatience)
	defer cancel()
	if err := s.dir.Close(ctx); err != nil && !s.killed.Load() {
		s.config.Log.Warn("the lease was not given up: it lapses", "err", err)
	}
}

// leavePatience is how long a server that goes waits for the directory.
const leavePatience = 2 * time.Second

// serve serves the game port.
func (s *Server) serve(stages lifecycle.Stages, failed context.Context, game net.Listener) error {
	g := grpc.NewServer(
		grpc.MaxRecvMsgSize(trunk.Backlog+64<<10),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	)
	trunk.RegisterTrunkServer(g, trunkService{server: s})
	trunk.RegisterPeerServer(g, peerService{server: s})
	wire.RegisterNetworkServer(g, directService{server: s})
	s.spawn(func() { s.announce(s.ctx) })
	if s.config.Store != nil {
		s.spawn(func() { s.recoverRooms(s.ctx) })
	}
	var group errgroup.Group
	ended := make(chan struct{})
	group.Go(func() error {
		defer close(ended)
		if err := g.Serve(game); err != nil && !errors.Is(err, grpc.ErrServerStopped) { // stopped before it served
			return fmt.Errorf("game port: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		err := s.wait(stages, failed, ended)
		close(s.finished)
		impatient := time.AfterFunc(settleTime, g.Stop)
		defer impatient.Stop()
		g.GracefulStop() // players get their last messages
		return err
	})
	return group.Wait()
}

// announce keeps the lease up to date, until ctx ends. After a time in which the lease may have
// lapsed, because this process stood still or the directory was away, it looks which rooms are
// still its own.
func (s *Server) announce(ctx context.Context) {
	defer s.tellLost()
	away, complained := false, false
	for last := time.Now(); pause(ctx, directory.Renewal); last = time.Now() {
		rooms, told := s.count(), s.lookForSeats()
		s.dir.Update(func(self *directory.Server) { self.Rooms, self.Vacant = rooms, told })
		s.peers.keep(s.dir.Servers())
		s.mu.Lock()
		clear(s.assigned)
		s.mu.Unlock()
		s.tellLost()
		err := s.dir.Healthy()
		if err == nil && (away || time.Since(last) > directory.Lapse) && s.config.Store != nil {
			err = s.dropStale(ctx)
		}
		if away = err != nil; !away {
			complained = false
		} else if !complained && !errors.Is(err, directory.ErrAway) && ctx.Err() == nil { // the directory itself says that it is away
			complained = true
			s.config.Log.Warn("rooms that others may have taken meanwhile are not found: it is tried again", "err", err)
		}
	}
}

// Kill ends the server, as far as others can tell, as the death of its process would: nothing is
// settled, stored or given up any more. It is for tests and demonstrations, which also cut its
// connections.
func (s *Server) Kill() {
	s.killed.Store(true)
	select {
	case <-s.joined:
		s.dir.Sever()
	default:
	}
}

// wait returns when the server has nothing left to do.
func (s *Server) wait(stages lifecycle.Stages, failed context.Context, ended <-chan struct{}) error {
	select {
	case <-stages.Drain.Done():
	case <-failed.Done(): // the group knows the error
		return s.settleNow()
	case <-ended:
		return s.settleNow()
	}
	drained := s.Cordon()
	var deadline <-chan time.Time
	if s.config.DrainTimeout > 0 {
		timer := time.NewTimer(s.config.DrainTimeout)
		defer timer.Stop()
		deadline = timer.C
	}
	select {
	case <-drained:
		s.waitForFollowers(stages.Stop)
		s.config.Log.Info("drained")
		return nil
	case <-failed.Done():
	case <-ended:
	case <-deadline:
	case <-stages.Stop.Done():
	}
	return s.settleNow()
}

// waitForFollowers gives gates the time to get back what the rooms that moved have not handled.
func (s *Server) waitForFollowers(stop context.Context) {
	ctx, cancel := context.WithTimeout(stop, trunk.BackPatience)
	defer cancel()
	for s.following.Load() > 0 && pause(ctx, 5*time.Millisecond) {
	}
}

func (s *Server) settleNow() error {
	s.config.Log.Info("settling and closing what is left", "rooms", s.count())
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	return s.Settle(ctx)
}

// Listing is what /rooms shows.
type Listing struct {
	Server   string `json:"server"` // ID of this process in the directory
	Cordoned bool   `json:"cordoned"`
	Rooms    []Room `json:"rooms"`
}

// Room is a room in a Listing.
type Room struct {
	Game string `json:"game"`
	room.Summary
}

// List describes all rooms, sorted by game and number.
func (s *Server) List(ctx context.Context) Listing {
	listing := Listing{Server: s.id, Cordoned: s.Cordoned(), Rooms: []Room{}}
	for _, b := range s.open() {
		if summary, err := b.room.Summarize(ctx); err == nil { // else it has ended meanwhile
			listing.Rooms = append(listing.Rooms, Room{Game: b.at.game, Summary: summary})
		}
	}
	slices.SortFunc(listing.Rooms, func(a, b Room) int {
		return cmp.Or(cmp.Compare(a.Game, b.Game), cmp.Compare(a.ID, b.ID))
	})
	return listing
}

// Snapshot is a line of what /snapshots shows.
type Snapshot struct {
	Game     string `json:"game"`
	Room     int64  `json:"room"`
	Snapshot []byte `json:"snapshot"`
}

func (s *Server) writeSnapshots(ctx context.Context, lines *json.Encoder) {
	for _, b := range s.open() {
		line := Snapshot{Game: b.at.game, Room: b.at.id}
		var made error
		err := b.room.Do(ctx, func(t *room.Table) { line.Snapshot, made = t.Snapshot() })
		if errors.Is(err, room.ErrClosed) {
			continue
		}
		if err := cmp.Or(err, made); err != nil {
			s.config.Log.Warn("no snapshot", "game", b.at.game, "room", b.at.id, "err", err)
			continue
		}
		if lines.Encode(line) != nil {
			return // nobody reads any more
		}
	}
}

// ready says whether players may come. A cordoned server stays ready: its rooms must stay
// reachable.
func (s *Server) ready() error {
	select {
	case <-s.joined:
		return nil
	default:
		return errors.New("the directory of rooms does not answer yet: see --nats")
	}
}

func (s *Server) ops() ops.Config {
	return ops.Config{
		Ready:   s.ready,
		Metrics: s.metrics.registry,
		Profile: s.config.Dev,
		Version: s.config.Version,
		Routes: map[string]http.Handler{
			"GET /rooms": ops.JSON(func(r *http.Request) (any, error) {
				ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
				defer cancel()
				return s.List(ctx), nil
			}),
			// A line of JSON for each room.
			"GET /snapshots": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithTimeout(r.Context(), 30*time.Second)
				defer cancel()
				w.Header().Set("Content-Type", "application/jsonl")
				s.writeSnapshots(ctx, json.NewEncoder(w))
			}),
			// Says at once how many rooms there are, and once more when the last one is gone.
			"POST /drain": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := s.ready(); err != nil {
					http.Error(w, err.Error(), http.StatusServiceUnavailable)
					return
				}
				drained := s.Cordon()
				fmt.Fprintf(w, "draining: no new rooms, %d open\n", s.count())
				http.NewResponseController(w).Flush() //nolint:errcheck // the client is gone
				select {
				case <-drained:
					fmt.Fprintln(w, "drained")
				case <-r.Context().Done():
				}
			}),
		},
	}
}

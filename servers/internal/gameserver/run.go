package gameserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

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
	g := grpc.NewServer(
		grpc.MaxRecvMsgSize(trunk.Backlog+64<<10),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	)
	trunk.RegisterTrunkServer(g, trunkService{server: s})
	wire.RegisterNetworkServer(g, directService{server: s})

	serving, stopServing := context.WithCancel(context.WithoutCancel(stages.Stop))
	group, failed := errgroup.WithContext(serving)
	group.Go(func() error { return ops.Serve(serving, admin, s.ops()) })
	group.Go(func() error {
		if err := g.Serve(game); err != nil && !errors.Is(err, grpc.ErrServerStopped) { // stopped before it served
			return fmt.Errorf("game port: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		defer stopServing()
		err := s.wait(stages, failed)
		close(s.finished)
		impatient := time.AfterFunc(settleTime, g.Stop)
		defer impatient.Stop()
		g.GracefulStop() // players get their last messages
		return err
	})
	err := group.Wait()
	s.streams.Wait()
	return err
}

// wait returns when the server has nothing left to do.
func (s *Server) wait(stages lifecycle.Stages, failed context.Context) error {
	select {
	case <-stages.Drain.Done():
	case <-failed.Done(): // the group knows the error
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
		s.config.Log.Info("drained")
		return nil
	case <-failed.Done():
	case <-deadline:
	case <-stages.Stop.Done():
	}
	return s.settleNow()
}

func (s *Server) settleNow() error {
	s.config.Log.Info("settling and closing what is left", "rooms", s.count())
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	return s.Settle(ctx)
}

// Listing is what /rooms shows.
type Listing struct {
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
	listing := Listing{Cordoned: s.Cordoned(), Rooms: []Room{}}
	for at, r := range s.open() {
		if summary, err := r.Summarize(ctx); err == nil { // else it has ended meanwhile
			listing.Rooms = append(listing.Rooms, Room{Game: at.game, Summary: summary})
		}
	}
	slices.SortFunc(listing.Rooms, func(a, b Room) int {
		return cmp.Or(cmp.Compare(a.Game, b.Game), cmp.Compare(a.ID, b.ID))
	})
	return listing
}

func (s *Server) ops() ops.Config {
	return ops.Config{
		Ready:   func() error { return nil }, // a cordoned server stays ready: its rooms must stay reachable
		Metrics: s.metrics.registry,
		Profile: s.config.Dev,
		Version: s.config.Version,
		Routes: map[string]http.Handler{
			"GET /rooms": ops.JSON(func(r *http.Request) (any, error) {
				ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
				defer cancel()
				return s.List(ctx), nil
			}),
			// Says at once how many rooms there are, and once more when the last one is gone.
			"POST /drain": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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

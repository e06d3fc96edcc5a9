package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"croupier/servers"
	"croupier/servers/internal/fence"
	"croupier/servers/internal/lifecycle"
	"croupier/servers/internal/ops"
	"croupier/servers/internal/push"
	"croupier/servers/internal/trunk"
	"croupier/servers/token"
	"croupier/servers/wire"
)

// Config is what a gate is made of. Zero values have the defaults named.
type Config struct {
	Keys             *token.Keys       // verifies players, and proves the gate to game servers; needed
	Services         map[string]string // HOST:PORT of the Service, or several separated by commas, by name of game; needed
	Origins          []string          // origins of web pages that may connect, besides the gate's own; "*": all
	Rate             float64           // messages a second that one player may send on average; default 100
	Burst            float64           // messages that one player may send at once; default 200
	MaxSessions      int               // default 100,000
	MaxPerUser       int               // sessions of one user; default 16
	HandshakeTimeout time.Duration     // for the request and for the answer to it; default 5 s
	PingEvery        time.Duration     // silence after which a player is pinged; default 20 s
	IdleTimeout      time.Duration     // silence after which a player is gone; default 60 s
	Spread           time.Duration     // over which a draining gate sends its players away; default 10 s
	Dev              bool              // serve profiles on the ops port
	Version          string            // that players are told of; default servers.Version
	// Bus brings what is pushed to players, from anywhere in the cluster, and the news of rooms that were taken from a server
	// that is cut off; nil: only this gate's own ops port pushes, to the players of this gate. Whoever made the connection
	// closes it after Run.
	Bus *nats.Conn
	// Resolve looks up the host of a Service; default: as the system does.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	Log     *slog.Logger

	dialPatience time.Duration // default: the constant; tests have more, where no server is dead
	backPatience time.Duration // default trunk.BackPatience; the same
}

func (c *Config) setDefaults() error {
	if c.Keys == nil {
		return fmt.Errorf("gate: %w: set JWT_KEY; `croupier token key` makes one", token.ErrNoKey)
	}
	c.Rate = orDefault(c.Rate, 100)
	c.Burst = orDefault(c.Burst, 200)
	c.MaxSessions = orDefault(c.MaxSessions, 100_000)
	c.MaxPerUser = orDefault(c.MaxPerUser, 16)
	c.HandshakeTimeout = orDefault(c.HandshakeTimeout, 5*time.Second)
	c.PingEvery = orDefault(c.PingEvery, 20*time.Second)
	c.IdleTimeout = orDefault(c.IdleTimeout, 60*time.Second)
	c.Spread = orDefault(c.Spread, 10*time.Second)
	c.Version = orDefault(c.Version, servers.Version)
	c.dialPatience = orDefault(c.dialPatience, dialPatience)
	c.backPatience = orDefault(c.backPatience, trunk.BackPatience)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.IdleTimeout <= c.PingEvery {
		return fmt.Errorf("gate: idle timeout %v must be longer than the time between pings, %v", c.IdleTimeout, c.PingEvery)
	}
	return nil
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// Gate holds players' connections.
type Gate struct {
	config    Config
	name      string      // tells this gate from the others
	games     string      // for people
	greeting  http.Header // of the answer that lets a player in
	log       *slog.Logger
	metrics   *metrics
	table     *table
	placement *placement
	movers    *movers
	fences    *fences
	clock     atomic.Int64  // seconds since the start, told by the sweeper
	draining  atomic.Bool   // set under mu
	sessions  atomic.Uint64 // that have begun

	ctx    context.Context // ends trunks
	cancel context.CancelFunc
	work   sync.WaitGroup // handshakes, sessions, trunks, movers, the sweeper, and what they start

	mu        sync.Mutex
	upstreams map[netip.AddrPort]*dial
	bus       *nats.Conn          // nil: none yet
	ear       *push.Subscription  // on the bus
	owners    *fence.Subscription // the same
	deaf      bool                // Run has ended
	// complained says when a server that takes no players was last logged.
	complained map[netip.AddrPort]time.Time
}

// New returns a gate without players.
func New(c Config) (*Gate, error) {
	if err := c.setDefaults(); err != nil {
		return nil, err
	}
	p, err := newPlacement(c.Services)
	if err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	if c.Resolve != nil {
		p.resolve = c.Resolve
	}
	g := &Gate{
		config:     c,
		name:       newName(),
		games:      strings.Join(slices.Sorted(maps.Keys(c.Services)), ", "),
		log:        c.Log,
		greeting:   http.Header{"Croupier-Gate": {c.Version}},
		table:      newTable(),
		placement:  p,
		upstreams:  make(map[netip.AddrPort]*dial),
		fences:     newFences(),
		complained: make(map[netip.AddrPort]time.Time),
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.metrics = newMetrics(g)
	g.movers = newMovers(g.step, g.work.Go)
	return g, nil
}

// Run serves players on l and operators on admin through both stages. It returns when every
// player was sent away, spread over Config.Spread, or at once after the second stage. Both
// listeners are closed then.
func (g *Gate) Run(stages lifecycle.Stages, l, admin net.Listener) error {
	server := &http.Server{
		Handler:        g,
		ReadTimeout:    g.config.HandshakeTimeout,
		WriteTimeout:   g.config.HandshakeTimeout,
		MaxHeaderBytes: 8 << 10,
		ErrorLog:       slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	server.SetKeepAlivesEnabled(false) // who was refused does not stay
	defer g.leaveBus()
	if g.config.Bus != nil {
		if err := g.Join(g.config.Bus); err != nil {
			l.Close()
			admin.Close()
			return err
		}
	}
	serving, stopServing := context.WithCancel(context.WithoutCancel(stages.Stop))
	defer stopServing()
	g.work.Go(func() { g.sweep(g.ctx) })
	g.work.Go(func() { g.leadOn(g.ctx) })
	group, failed := errgroup.WithContext(serving)
	group.Go(func() error { return ops.Serve(serving, admin, g.ops()) })
	group.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("gate port: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		defer stopServing()
		select {
		case <-stages.Drain.Done():
		case <-failed.Done():
		}
		g.drain()
		server.Close()
		g.sendAway(stages.Stop)
		g.cancel()
		g.work.Wait()
		return nil
	})
	return group.Wait()
}

// admit lets a handshake begin, which then counts as work of the gate, unless the gate drains.
func (g *Gate) admit() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining.Load() {
		return false
	}
	g.work.Add(1)
	return true
}

func (g *Gate) drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.draining.Store(true)
}

// sendAway asks all sessions to come back elsewhere, spread over time so that no storm of
// reconnects follows; at once when now ends.
func (g *Gate) sendAway(now context.Context) {
	total := g.table.len()
	if total == 0 {
		return
	}
	g.log.Info("draining: sending players away", "sessions", total, "over", g.config.Spread)
	pause := time.NewTicker(max(g.config.Spread/time.Duration(total), time.Microsecond))
	defer pause.Stop()
	g.table.each(func(s *session) {
		select {
		case <-pause.C:
		case <-now.Done():
		}
		s.close(wire.CloseGoingAway, goesAway)
	})
}

const goesAway = "this gate goes away: come again"

// sweep pings the silent and closes the dead. One walk a second over all sessions replaces a
// timer for each of them.
func (g *Gate) sweep(ctx context.Context) {
	started := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		g.clock.Store(int64(time.Since(started) / time.Second))
		g.table.each(func(s *session) {
			s.check()
			if b := s.at.Load(); b != nil && turn%10 == 0 {
				if r := b.room.Load(); r != nil {
					r.touch()
				}
			}
		})
		if turn%10 == 0 {
			g.placement.expire()
			g.forgetDials()
		}
	}
}

func (g *Gate) ops() ops.Config {
	return ops.Config{
		Metrics: g.metrics.registry,
		Profile: g.config.Dev,
		Version: g.config.Version,
		Ready: func() error {
			if g.draining.Load() {
				return errors.New("draining")
			}
			return nil
		},
		Routes: map[string]http.Handler{
			"POST /push": http.HandlerFunc(g.servePush),
			"GET /sessions": ops.JSON(func(*http.Request) (any, error) {
				return map[string]any{"sessions": g.table.len(), "draining": g.draining.Load()}, nil
			}),
		},
	}
}

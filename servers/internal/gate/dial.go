package gate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"croupier/servers/internal/trunk"
	"croupier/servers/token"
)

const (
	// dialPatience is how long players wait for a game server that is being dialled before another
	// one is asked, counted from the begin of the dial: many wait together, not one after the other.
	// The dial goes on, for those who come later. A server on the same network answers in a few
	// milliseconds; one whose machine is gone never does.
	dialPatience = 500 * time.Millisecond
	// dialTimeout is how long a dial goes on.
	dialTimeout = 5 * time.Second
	// redialAfter is how long a failed dial stands for all who ask: a server that is gone is
	// dialled some times a second, not once for each of its thousands of players.
	redialAfter = 200 * time.Millisecond
	// trunkTokenLife covers the clocks of two machines that do not quite agree.
	trunkTokenLife = 5 * time.Minute
)

// dial is a trunk, or one that is being opened, or has failed to open.
type dial struct {
	began time.Time
	done  chan struct{} // closed when what follows is set
	up    *upstream
	err   error
	ended time.Time
}

// failed says whether the dial is over and has led to nothing.
func (d *dial) failed() bool {
	select {
	case <-d.done:
		return d.err != nil
	default:
		return false
	}
}

var errNoAnswerYet = errors.New("no answer yet")

// upstream returns the trunk to a game server, opening it if need be. Many may ask at once; one
// dial serves them all, for as long as they have patience with it.
func (g *Gate) upstream(addr netip.AddrPort, patience time.Duration) (*upstream, error) {
	g.mu.Lock()
	d := g.upstreams[addr]
	if d == nil || d.failed() && time.Since(d.ended) > redialAfter {
		d = &dial{began: time.Now(), done: make(chan struct{})}
		g.upstreams[addr] = d
		g.work.Go(func() {
			d.up, d.err = g.attach(g.ctx, addr, d)
			d.ended = time.Now()
			close(d.done)
		})
	}
	g.mu.Unlock()
	select {
	case <-d.done: // whatever the patience
		return d.up, d.err
	default:
	}
	patient := time.NewTimer(patience - time.Since(d.began))
	defer patient.Stop()
	select {
	case <-d.done:
		return d.up, d.err
	case <-patient.C:
		return nil, errNoAnswerYet
	case <-g.ctx.Done():
		return nil, g.ctx.Err()
	}
}

// forgetUpstream makes the next player dial anew.
func (g *Gate) forgetUpstream(up *upstream) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.upstreams[up.addr] == up.dial {
		delete(g.upstreams, up.addr)
	}
}

// forgetDials drops dials that failed long ago: servers come and go, with new addresses.
func (g *Gate) forgetDials() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for addr, d := range g.upstreams {
		if d.failed() && time.Since(d.ended) > redialAfter {
			delete(g.upstreams, addr)
		}
	}
}

// trunks counts those that stand.
func (g *Gate) trunks() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, d := range g.upstreams {
		select {
		case <-d.done:
			if d.err == nil {
				n++
			}
		default:
		}
	}
	return n
}

// attach dials a game server and opens the trunk. The upstream lives until the server ends the
// stream, falls silent, the connection is lost, or ctx ends.
func (g *Gate) attach(ctx context.Context, addr netip.AddrPort, d *dial) (*upstream, error) {
	conn, err := grpc.NewClient("passthrough:///"+addr.String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(trunk.Backlog+64<<10)),
	)
	if err != nil {
		return nil, fmt.Errorf("dial game server %v: %w", addr, err)
	}
	if err := connect(ctx, conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("dial game server %v: %w", addr, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stream, err := openTrunk(ctx, func() { cancel(nil) }, conn, g.config.Keys, g.name)
	if err != nil {
		cancel(nil)
		conn.Close()
		return nil, fmt.Errorf("open trunk to game server %v: %w", addr, err)
	}
	up := &upstream{gate: g, addr: addr, dial: d, out: trunk.NewOutbox(), lanes: make(map[uint64]*binding)}
	g.work.Go(func() {
		err := up.out.Live(ctx, func(batch []byte) error { return stream.Send(&trunk.Batch{Frames: batch}) })
		if err != nil && ctx.Err() == nil {
			g.log.Warn("trunk given up", "server", addr, "err", err)
		}
		cancel(err)
	})
	g.work.Go(func() {
		if err := up.pulse.Watch(ctx); errors.Is(err, trunk.ErrSilent) {
			cancel(err)
		}
	})
	g.work.Go(func() {
		err := up.receive(stream)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		cancel(err)
		conn.Close()
		up.lose(err)
	})
	return up, nil
}

// connect waits until a connection stands, or fails once.
func connect(ctx context.Context, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn.Connect()
	for {
		state := conn.GetState()
		switch state {
		case connectivity.Ready:
			return nil
		case connectivity.TransientFailure, connectivity.Shutdown:
			return errors.New("connection refused or lost")
		}
		if !conn.WaitForStateChange(ctx, state) {
			return fmt.Errorf("no answer: %w", ctx.Err())
		}
	}
}

// openTrunk opens the stream and waits until the server has let this gate in. name tells it from others.
func openTrunk(ctx context.Context, cancel context.CancelFunc, conn *grpc.ClientConn, keys *token.Keys, name string) (trunk.Trunk_AttachClient, error) {
	proof, err := keys.SignTrunk(trunkTokenLife)
	if err != nil {
		return nil, err
	}
	impatient := time.AfterFunc(dialTimeout, cancel)
	defer impatient.Stop()
	stream, err := trunk.NewTrunkClient(conn).Attach(metadata.AppendToOutgoingContext(ctx, "token", proof, "gate", name))
	if err != nil {
		return nil, err
	}
	header, err := stream.Header()
	if err == nil && header == nil { // the server has ended the stream; receiving says why
		_, err = stream.Recv()
	}
	if status.Code(err) == codes.Unauthenticated {
		return nil, fmt.Errorf("it does not know this gate's key: give both the same JWT_KEY: %s", status.Convert(err).Message())
	}
	return stream, err
}

package gate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/trunk"
	"croupier/servers/token"
	"croupier/servers/wire"
)

const (
	// dialTimeout is how long a player who sits down waits for a game server to answer.
	dialTimeout = 5 * time.Second
	// trunkTokenLife covers the clocks of two machines that do not quite agree.
	trunkTokenLife = 5 * time.Minute
)

// errUpstreamLost reports that the trunk to a game server is gone.
var errUpstreamLost = errors.New("the trunk to the game server is lost")

// upstream is the trunk to one game server, and the lanes on it.
type upstream struct {
	gate *Gate
	addr netip.AddrPort
	dial *dial // that led to it
	out  *trunk.Outbox

	mu    sync.Mutex
	lanes map[uint64]*session // nil: lost
	last  uint64              // number of the newest lane
}

// attach dials a game server and opens the trunk. The upstream lives until the server ends the
// stream, the connection is lost, or ctx ends.
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
	ctx, cancel := context.WithCancel(ctx)
	stream, err := openTrunk(ctx, cancel, conn, g.config.Keys)
	if err != nil {
		cancel()
		conn.Close()
		return nil, fmt.Errorf("open trunk to game server %v: %w", addr, err)
	}
	up := &upstream{gate: g, addr: addr, dial: d, out: trunk.NewOutbox(), lanes: make(map[uint64]*session)}
	g.work.Go(func() {
		err := up.out.Run(ctx, func(batch []byte) error { return stream.Send(&trunk.Batch{Frames: batch}) })
		if err != nil && ctx.Err() == nil {
			g.log.Warn("trunk given up", "server", addr, "err", err)
		}
		cancel()
	})
	g.work.Go(func() {
		err := up.receive(stream)
		cancel()
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

// openTrunk opens the stream and waits until the server has let this gate in.
func openTrunk(ctx context.Context, cancel context.CancelFunc, conn *grpc.ClientConn, keys *token.Keys) (trunk.Trunk_AttachClient, error) {
	proof, err := keys.SignTrunk(trunkTokenLife)
	if err != nil {
		return nil, err
	}
	impatient := time.AfterFunc(dialTimeout, cancel)
	defer impatient.Stop()
	stream, err := trunk.NewTrunkClient(conn).Attach(metadata.AppendToOutgoingContext(ctx, "token", proof))
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

// receive hands what the server sends to the sessions it is for. What one batch brings for one
// player leaves in one write.
func (up *upstream) receive(stream trunk.Trunk_AttachClient) error {
	var touched []*session
	for {
		batch, err := stream.Recv()
		if err != nil {
			return err
		}
		n := 0
		for frame, err := range trunk.Frames(batch.GetFrames()) {
			if err != nil {
				return err
			}
			n++
			up.mu.Lock()
			s := up.lanes[frame.Lane]
			up.mu.Unlock()
			if s == nil {
				continue // shut by this side; the server did not know yet
			}
			switch frame.Kind {
			case trunk.KindData:
				if s.unanswered.Load() == frame.Lane {
					s.unanswered.Store(0)
				}
				op, body, _ := wire.Split(frame.Payload)
				switch op {
				case wire.Command_ERROR:
					s.complainOf(body)
				case wire.Command_DISCONNECT:
					if !s.at.Load().is(up, frame.Lane) {
						continue // the session itself has taken the place of this lane
					}
				}
				s.deliver(frame.Payload)
				if len(touched) == 0 || touched[len(touched)-1] != s {
					touched = append(touched, s)
				}
			case trunk.KindShut:
				// Before the flush: a player who is told "no" may ask again at once, and must not be
				// taken to sit where this lane led.
				up.ended(s, frame)
				s.out.flush()
			}
		}
		for _, s := range touched {
			s.out.flush()
		}
		clear(touched)
		touched = touched[:0]
		up.gate.metrics.sent.Add(float64(n))
		up.gate.metrics.batches.Inc()
	}
}

// ended handles a lane that the server has shut.
func (up *upstream) ended(s *session, f trunk.Frame) {
	up.shut(f.Lane)
	b := s.at.Load()
	if !b.is(up, f.Lane) || !s.unbind(b) {
		return // the player has moved on already
	}
	var reason trunk.Reason
	if len(f.Payload) > 0 {
		reason = trunk.Reason(f.Payload[0])
	}
	if reason == trunk.ReasonRetry && s.unheard(b) {
		reason = trunk.ReasonCordoned
	}
	switch reason {
	case trunk.ReasonReplaced:
		s.close(wire.CloseReplaced, "a newer connection of the same user sits in the room")
	case trunk.ReasonRetry:
		up.gate.placement.forget(key(b.place), up.addr)
		s.close(wire.CloseServerGone, "the room's server goes away: come again")
	case trunk.ReasonCordoned:
		up.gate.placement.forget(key(b.place), up.addr)
		up.gate.work.Go(func() { up.gate.place(s, b.place, b.wish, append(b.tried, up.addr)) })
	case trunk.ReasonDisbanded:
		up.gate.placement.forget(key(b.place), up.addr)
	}
}

// open opens a lane for a session, which is bound to it. Where the wish for it was called off, no
// lane is left, and that is no error.
func (up *upstream) open(s *session, b *binding) error {
	open, err := proto.Marshal(&trunk.Open{
		User: s.user, Game: b.place.Game, Room: b.place.Room, Seat: int32(b.place.Seat), Request: b.wish.request,
	})
	if err != nil {
		return err
	}
	before, err := up.bind(s, b, open)
	switch {
	case before == nil:
	case before.up == up:
		// The server shuts it, now that it has seen the new one. Until then what it says there counts.
		up.out.Put(before.lane, trunk.KindShut, []byte{byte(trunk.ReasonLost)}) //nolint:errcheck // a lost trunk has no lanes
	default:
		before.up.shut(before.lane)
	}
	return err
}

// bind numbers a lane and sends its Open. It returns the session's lane in the same room before.
func (up *upstream) bind(s *session, b *binding, open []byte) (before *binding, err error) {
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.lanes == nil {
		return nil, errUpstreamLost
	}
	s.placing.Lock()
	defer s.placing.Unlock()
	if s.sits != b.wish.number {
		return nil, nil
	}
	if s.gone() {
		// Its client may have come back on another connection, and sit already: an Open that comes late
		// would take that for the older one, and replace it. A client closes before it comes back, and
		// up.mu keeps the order of what is seen here.
		return nil, nil
	}
	up.last++
	b.up, b.lane = up, up.last
	s.unanswered.Store(b.lane)
	if err := up.out.Put(b.lane, trunk.KindOpen, open); err != nil {
		return nil, err
	}
	up.lanes[b.lane] = s
	return s.at.Swap(b), nil
}

// shut ends a lane from this side, or answers the server's shut.
func (up *upstream) shut(lane uint64) {
	up.mu.Lock()
	delete(up.lanes, lane)
	up.mu.Unlock()
	up.out.Put(lane, trunk.KindShut, []byte{byte(trunk.ReasonLost)}) //nolint:errcheck // a lost trunk has no lanes
}

// lose ends every session whose room was behind this trunk: they come again. Who was only about to
// sit down is placed anew.
func (up *upstream) lose(why error) {
	up.gate.forgetUpstream(up)
	up.mu.Lock()
	lanes := up.lanes
	up.lanes = nil
	up.mu.Unlock()
	up.out.Fail(errUpstreamLost)
	if len(lanes) > 0 {
		up.gate.log.Warn("game server lost", "server", up.addr, "sessions", len(lanes), "err", why)
	}
	for lane, s := range lanes {
		b := s.at.Load()
		if !b.is(up, lane) || !s.unbind(b) {
			continue
		}
		up.gate.placement.forget(key(b.place), up.addr)
		if w := b.wish; w.lost < mostLost && s.unheard(b) {
			w.lost++
			up.gate.work.Go(func() { up.gate.place(s, b.place, w, b.tried) })
			continue
		}
		s.tell(wire.Command_DISCONNECT, &wire.Int32{Value: int32(wire.DisconnectReason_RETRY)}, 0)
		s.close(wire.CloseServerGone, "the room's server is gone: come again")
	}
}

func key(p wire.Place) roomKey { return roomKey{game: p.Game, id: p.Room} }

package gameserver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/room"
	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// trunkService serves gates.
type trunkService struct {
	trunk.UnimplementedTrunkServer
	server *Server
}

// Attach carries the lanes of one trunk until the gate ends it or its connection is lost; then
// every player on it counts as offline.
func (ts trunkService) Attach(stream trunk.Trunk_AttachServer) error {
	s := ts.server
	if err := s.admitGate(stream.Context()); err != nil {
		gate := from(stream.Context())
		why := status.Convert(err).Message()
		host, _, _ := net.SplitHostPort(gate) // its port is another one with every try
		s.config.Log.Log(stream.Context(), s.firstTime("trunk refused "+host+why), "trunk refused: give the gate the same JWT_KEY as the game server", "from", gate, "why", why)
		return err
	}
	if err := stream.SendHeader(nil); err != nil { // tells the gate that it is in
		return err
	}
	s.metrics.trunks.Inc()
	defer s.metrics.trunks.Dec()

	// Sender and receiver end when this function has returned, at the latest: nothing else wakes a
	// sender whose gate does not read, or a receiver whose gate does not write.
	t := &gateTrunk{gate: metadataOf(stream.Context(), "gate"), out: trunk.NewOutbox()}
	sent, received, silent := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	s.streams.Go(func() {
		sent <- t.out.Live(stream.Context(), func(batch []byte) error { return stream.Send(&trunk.Batch{Frames: batch}) })
	})
	s.streams.Go(func() { received <- s.receive(stream, t) })
	s.streams.Go(func() { silent <- t.pulse.Watch(stream.Context()) })

	select {
	case err := <-received:
		t.out.Fail(context.Canceled)
		return err
	case err := <-silent:
		if stream.Context().Err() != nil {
			return nil
		}
		s.config.Log.Warn("trunk given up", "from", from(stream.Context()), "err", err)
		t.out.Fail(err)
		return status.Error(codes.Unavailable, err.Error())
	case <-s.finished:
		t.out.Finish()
		<-sent
		return nil
	case err := <-sent:
		if stream.Context().Err() != nil {
			return nil // its connection is lost; that is no fault
		}
		s.config.Log.Warn("trunk given up", "from", from(stream.Context()), "err", err)
		return status.Error(codes.ResourceExhausted, err.Error())
	}
}

// gateTrunk is the trunk of one gate.
type gateTrunk struct {
	gate  string // that process's name; empty: of a build that does not tell
	out   *trunk.Outbox
	pulse trunk.Pulse
}

// gone says whether a stream ended because its other side ended it or was lost. Else it sent what
// is no message.
func gone(err error) bool {
	code := status.Code(err)
	return errors.Is(err, io.EOF) || code == codes.Canceled || code == codes.DeadlineExceeded || code == codes.Unavailable
}

// from is the address of a stream's other side.
func from(ctx context.Context) string {
	if p, known := peer.FromContext(ctx); known {
		return p.Addr.String()
	}
	return "unknown"
}

// metadataOf is a stream's metadata under a name, if there is one.
func metadataOf(ctx context.Context, name string) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if values := md.Get(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// admitGate verifies that a trunk comes from a gate that holds the same key.
func (s *Server) admitGate(ctx context.Context) error {
	if s.config.Keys == nil {
		return nil
	}
	proof := metadataOf(ctx, "token")
	if proof == "" {
		return status.Error(codes.Unauthenticated, "a trunk needs a token")
	}
	if err := s.config.Keys.VerifyTrunk(proof); err != nil {
		return status.Error(codes.Unauthenticated, err.Error())
	}
	return nil
}

// receive reads a trunk. Its goroutine alone owns the map of lanes.
func (s *Server) receive(stream trunk.Trunk_AttachServer, t *gateTrunk) error {
	lanes := make(map[uint64]*lane)
	defer func() {
		for _, l := range lanes {
			if l.sent.Load() {
				s.following.Add(-1)
			}
			s.lose(l, severed)
		}
		s.metrics.players.Sub(float64(len(lanes)))
	}()
	for {
		batch, err := stream.Recv()
		if err != nil {
			if gone(err) {
				return nil
			}
			s.config.Log.Warn("trunk given up", "from", from(stream.Context()), "err", err)
			return err
		}
		t.pulse.Heard(batch.GetFrames())
		n := 0
		for frame, err := range trunk.Frames(batch.GetFrames()) {
			if err == nil {
				err = s.receiveFrame(lanes, t, frame)
			}
			if err != nil {
				s.config.Log.Warn("trunk given up", "from", from(stream.Context()), "err", err)
				return status.Error(codes.InvalidArgument, err.Error())
			}
			n++
		}
		s.metrics.frames.Add(float64(n))
		s.metrics.batches.Inc()
	}
}

// receiveFrame handles one frame of a gate. An error means that the trunk can't be trusted any more.
func (s *Server) receiveFrame(lanes map[uint64]*lane, t *gateTrunk, f trunk.Frame) error {
	l := lanes[f.Lane]
	switch f.Kind {
	case trunk.KindOpen:
		if l != nil {
			return fmt.Errorf("%w: lane %d is open already", trunk.ErrMalformed, f.Lane)
		}
		var open trunk.Open
		if err := proto.Unmarshal(f.Payload, &open); err != nil {
			return fmt.Errorf("%w: open: %w", trunk.ErrMalformed, err)
		}
		if open.GetUser() <= 0 {
			return fmt.Errorf("%w: open for user %d", trunk.ErrMalformed, open.GetUser())
		}
		l = &lane{id: f.Lane, user: open.GetUser(), trunk: t, session: open.GetSession(), following: &s.following}
		l.to.version.Store(&s.config.Version)
		lanes[f.Lane] = l
		s.metrics.players.Inc()
		s.usher(l, wish{
			at:      place{game: open.GetGame(), id: open.GetRoom()},
			seat:    int(open.GetSeat()),
			request: open.GetRequest(),
			resume:  open.GetResume(),
			missed:  open.GetMissed(),
			dead:    open.GetDead(),
		})
	case trunk.KindData, trunk.KindAgain:
		if l == nil {
			return nil // it crossed a Shut: the player spoke while the lane ended
		}
		op, body, err := wire.Split(f.Payload)
		if err != nil {
			return fmt.Errorf("%w: lane %d: %w", trunk.ErrMalformed, f.Lane, err)
		}
		s.dispatch(l, inbound{op: op, body: body, raw: f.Payload, again: f.Kind == trunk.KindAgain})
	case trunk.KindShut:
		if l != nil {
			delete(lanes, f.Lane)
			s.metrics.players.Dec()
			how := left
			if len(f.Payload) > 0 && trunk.Reason(f.Payload[0]) == trunk.ReasonAway {
				how = severed
			}
			s.shut(l, how)
		}
	}
	return nil
}

// shut ends a lane at the gate's word. Who was sent elsewhere has all back by then that was not
// handled, and the gate is told so.
func (s *Server) shut(l *lane, how loss) {
	if !l.sent.Load() {
		s.lose(l, how)
		return
	}
	defer s.following.Add(-1)
	if b := l.to.speaks.Load(); b != nil {
		<-b.room.Done() // it is giving back what it has not handled
	}
	l.shut(trunk.ReasonMoved)
}

// lane is a session that came over a trunk.
type lane struct {
	id        uint64
	user      int64
	trunk     *gateTrunk
	session   uint64 // the gate's number for the player's connection; 0: of a build that does not tell
	to        link
	sent      atomic.Bool   // elsewhere
	following *atomic.Int64 // Server.following
}

func (l *lane) link() *link { return &l.to }

func (l *lane) User() int64 { return l.user }

// Succeeds says whether the lane leads on from the same connection as an older one, whose trunk is
// lost though this server was not told yet.
func (l *lane) Succeeds(older room.Session) bool {
	o, ok := older.(*lane)
	return ok && l.session != 0 && l.session == o.session && l.trunk.gate != "" && l.trunk.gate == o.trunk.gate
}

// Send queues a message. A trunk that fails is noticed by its own goroutines, which then lose
// every lane.
func (l *lane) Send(op uint32, body []byte, meta room.Meta) {
	var head [binary.MaxVarintLen64 + wire.OpcodeSize]byte
	var tail [64]byte
	kind, front := trunk.KindData, head[:0]
	if meta.Request != 0 && l.trunk.pulse.Beats() {
		kind, front = trunk.KindReply, binary.AppendUvarint(front, meta.Request)
	}
	version, number := l.to.hello()
	if version != "" && l.to.unplaced.Swap(false) {
		l.placed(l.to.speaks.Load())
	}
	l.put(kind, wire.AppendOpcode(front, wire.Command(op)), body,
		wire.AppendMetaOf(tail[:0], version, number, meta.Epoch, meta.Seq, meta.Request))
}

func (l *lane) put(kind trunk.Kind, parts ...[]byte) {
	l.trunk.out.Put(l.id, kind, parts...) //nolint:errcheck // see Send
}

// End shuts the lane, or sends the player after the room.
func (l *lane) End(reason room.Reason) {
	switch reason {
	case room.Moved, room.Lost:
		l.tell(l.to.speaks.Load().gone())
	case room.Full:
		l.to.full()
	default:
		l.shut(reasons[reason])
	}
}

// reasons are why a lane is shut where a room ends the session.
var reasons = map[room.Reason]trunk.Reason{
	room.Stood:     trunk.ReasonStood,
	room.Disbanded: trunk.ReasonDisbanded,
	room.Replaced:  trunk.ReasonReplaced,
	room.Retry:     trunk.ReasonRetry,
	room.Refused:   trunk.ReasonRefused,
	room.Absent:    trunk.ReasonAbsent,
}

func (l *lane) shut(reason trunk.Reason) { l.put(trunk.KindShut, []byte{byte(reason)}) }

// placed says where the lane leads.
func (l *lane) placed(b *berth) {
	if !l.trunk.pulse.Beats() {
		return // a gate of a build that does not know the frame
	}
	l.put(trunk.KindPlaced, wire.MustMarshal(&trunk.Placed{Room: b.at.id, Epoch: b.epoch}))
}

// tell says where the way goes on. A gate of a build that does not know of moves has its player
// come again.
func (l *lane) tell(to redirect) {
	if !l.trunk.pulse.Beats() {
		l.shut(trunk.ReasonRetry)
		return
	}
	l.following.Add(1)
	l.sent.Store(true)
	l.put(trunk.KindMoved, wire.MustMarshal(&trunk.Moved{Address: to.address, Room: to.room, Lost: to.lost}))
}

// send ends the way from here.
func (l *lane) send(to redirect) {
	for _, in := range l.to.leave(func() { l.tell(to) }) {
		l.back(in.raw, in.again)
	}
}

// elsewhere has the gate ask another server.
func (l *lane) elsewhere(error) { l.shut(trunk.ReasonCordoned) }

// back returns a message.
func (l *lane) back(raw []byte, _ bool) { l.put(trunk.KindBack, raw) }

package gameserver

import (
	"context"
	"errors"
	"fmt"
	"io"

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
		s.config.Log.Warn("trunk refused", "from", from(stream.Context()), "why", status.Convert(err).Message())
		return err
	}
	if err := stream.SendHeader(nil); err != nil { // tells the gate that it is in
		return err
	}
	s.metrics.trunks.Inc()
	defer s.metrics.trunks.Dec()

	// Sender and receiver end when this function has returned, at the latest: nothing else wakes a
	// sender whose gate does not read, or a receiver whose gate does not write.
	out := trunk.NewOutbox()
	sent, received := make(chan error, 1), make(chan error, 1)
	s.streams.Go(func() {
		sent <- out.Run(stream.Context(), func(batch []byte) error { return stream.Send(&trunk.Batch{Frames: batch}) })
	})
	s.streams.Go(func() { received <- s.receive(stream, out) })

	select {
	case err := <-received:
		out.Fail(context.Canceled)
		return err
	case <-s.finished:
		out.Finish()
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

// admitGate verifies that a trunk comes from a gate that holds the same key.
func (s *Server) admitGate(ctx context.Context) error {
	if s.config.Keys == nil {
		return nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	values := md.Get("token")
	if len(values) != 1 {
		return status.Error(codes.Unauthenticated, "a trunk needs a token: give the gate the same JWT_KEY as the game server")
	}
	if err := s.config.Keys.VerifyTrunk(values[0]); err != nil {
		return status.Error(codes.Unauthenticated, err.Error())
	}
	return nil
}

// receive reads a trunk. Its goroutine alone owns the map of lanes.
func (s *Server) receive(stream trunk.Trunk_AttachServer, out *trunk.Outbox) error {
	lanes := make(map[uint64]*lane)
	defer func() {
		for _, l := range lanes {
			l.to.lose(l)
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
		n := 0
		for frame, err := range trunk.Frames(batch.GetFrames()) {
			if err == nil {
				err = s.take(lanes, out, frame)
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

// take handles one frame of a gate. An error means that the trunk can't be trusted any more.
func (s *Server) take(lanes map[uint64]*lane, out *trunk.Outbox, f trunk.Frame) error {
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
		at := place{game: open.GetGame(), id: open.GetRoom()}
		l = &lane{id: f.Lane, user: open.GetUser(), out: out, to: link{at: at}}
		l.to.version.Store(&s.config.Version)
		lanes[f.Lane] = l
		s.metrics.players.Inc()
		if err := s.enter(l, int(open.GetSeat()), open.GetRequest()); err != nil {
			if errors.Is(err, errCordoned) {
				l.shut(trunk.ReasonCordoned)
			} else {
				s.turnAway(l, err, open.GetRequest())
			}
		}
	case trunk.KindData:
		if l == nil {
			return nil // it crossed a Shut: the player spoke while the lane ended
		}
		op, body, err := wire.Split(f.Payload)
		if err != nil {
			return fmt.Errorf("%w: lane %d: %w", trunk.ErrMalformed, f.Lane, err)
		}
		s.dispatch(l, op, body)
	case trunk.KindShut:
		if l != nil {
			delete(lanes, f.Lane)
			s.metrics.players.Dec()
			l.to.lose(l)
		}
	}
	return nil
}

// lane is a session that came over a trunk.
type lane struct {
	id   uint64
	user int64
	out  *trunk.Outbox
	to   link
}

func (l *lane) link() *link { return &l.to }

func (l *lane) User() int64 { return l.user }

// Send queues a message. A trunk that fails is noticed by its own goroutines, which then lose
// every lane.
func (l *lane) Send(op uint32, body []byte, meta room.Meta) {
	var head [wire.OpcodeSize]byte
	var tail [48]byte
	l.out.Put(l.id, trunk.KindData, //nolint:errcheck // see above
		wire.AppendOpcode(head[:0], wire.Command(op)), body,
		wire.AppendMetaOf(tail[:0], l.to.hello(), 0, meta.Epoch, meta.Seq, meta.Request))
}

// End shuts the lane.
func (l *lane) End(reason room.Reason) {
	l.shut([...]trunk.Reason{
		room.Stood:     trunk.ReasonStood,
		room.Disbanded: trunk.ReasonDisbanded,
		room.Replaced:  trunk.ReasonReplaced,
		room.Retry:     trunk.ReasonRetry,
		room.Refused:   trunk.ReasonRefused,
	}[reason])
}

func (l *lane) shut(reason trunk.Reason) {
	l.out.Put(l.id, trunk.KindShut, []byte{byte(reason)}) //nolint:errcheck // as in Send
}

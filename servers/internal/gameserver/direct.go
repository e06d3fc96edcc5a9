package gameserver

import (
	"context"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"croupier/servers/internal/room"
	"croupier/servers/wire"
)

const (
	// directQueue is how many messages wait for a direct player at most. Beyond it the player is
	// disconnected and may come again.
	directQueue = 256
	// lastWords is how long a player whose stream ends gets to read what is queued.
	lastWords = time.Second
)

// directService serves players without a gate, a stream each, as the published format has it.
type directService struct {
	wire.UnimplementedNetworkServer
	server *Server
}

// Connect sits a player down as the stream's metadata says, and carries the player's messages.
func (ds directService) Connect(stream wire.Network_ConnectServer) error {
	s := ds.server
	user, at, seat, err := s.admitPlayer(stream.Context())
	if err != nil {
		s.config.Log.Info("direct player refused", "from", from(stream.Context()), "why", status.Convert(err).Message())
		return err
	}
	d := &direct{user: user, queue: make(chan *wire.Msg, directQueue), over: make(chan struct{})}
	d.to.version.Store(&s.config.Version)
	s.metrics.players.Inc()
	defer s.metrics.players.Dec()
	defer s.lose(d, left)
	// Sender and receiver end when this function has returned, at the latest: nothing else wakes a
	// sender whose player does not read, or a receiver whose player does not write.
	sent, received := make(chan error, 1), make(chan error, 1)
	s.streams.Go(func() { sent <- d.write(stream) })
	if err := stream.Context().Err(); err != nil {
		return status.FromContextError(err).Err() // gone already: it must not replace the newer stream of a player who came back
	}
	s.usher(d, wish{at: at, seat: seat})
	s.streams.Go(func() { received <- s.read(stream, d) })
	select {
	case err := <-sent:
		if err == nil {
			return d.last(stream) // it was faster than this goroutine
		}
		return err
	case err := <-received:
		return err
	case <-d.over:
	}
	if status.Code(d.end) == codes.ResourceExhausted {
		s.config.Log.Info("direct player closed", "user", d.user, "why", status.Convert(d.end).Message())
	}
	last := time.NewTimer(lastWords)
	defer last.Stop()
	select {
	case <-sent: // the player has all that was queued
	case <-last.C:
	}
	return d.last(stream)
}

// read hands the player's messages to the room, as many a second as allowed: players of a room
// share its mailbox, and one who floods it would silence the others. It returns nil when the player has ended the stream.
func (s *Server) read(stream wire.Network_ConnectServer, d *direct) error {
	allowed := rate.NewLimiter(rate.Limit(s.config.Rate), int(2*s.config.Rate))
	for {
		m, err := stream.Recv()
		switch {
		case err != nil && gone(err):
			return nil
		case err != nil:
			return s.close(d, status.Code(err), "%s", status.Convert(err).Message())
		case !allowed.Allow():
			return s.close(d, codes.ResourceExhausted, "more than %g messages a second: connect again, and speak slower", s.config.Rate)
		case len(m.GetData()) > wire.MaxRequest:
			return s.close(d, codes.InvalidArgument, "message of %d bytes: at most %d are taken", len(m.GetData()), wire.MaxRequest)
		}
		s.metrics.frames.Inc()
		s.dispatch(d, inbound{op: m.GetCmd(), body: m.GetData()})
	}
}

// close logs what a direct player did wrong, and returns it as the stream's end.
func (s *Server) close(d *direct, code codes.Code, format string, a ...any) error {
	err := status.Errorf(code, format, a...)
	s.config.Log.Info("direct player closed", "user", d.user, "why", status.Convert(err).Message())
	return err
}

// admitPlayer reads who comes and where to from a stream's metadata.
func (s *Server) admitPlayer(ctx context.Context) (user int64, at place, seat int, err error) {
	md, _ := metadata.FromIncomingContext(ctx)
	value := func(key string) string {
		if values := md.Get(key); len(values) > 0 {
			return values[0]
		}
		return ""
	}
	fail := func(code codes.Code, format string, a ...any) (int64, place, int, error) {
		return 0, place{}, 0, status.Errorf(code, format, a...)
	}
	if s.config.Direct == DirectOff {
		return fail(codes.PermissionDenied, "direct players are not welcome here: come through the gate")
	}
	user, err = strconv.ParseInt(value("user_id"), 10, 64)
	if err != nil || user <= 0 {
		return fail(codes.InvalidArgument, "metadata user_id must be a whole number from 1")
	}
	if s.config.Direct == DirectToken {
		claims, err := s.config.Keys.Verify(value("token"))
		if err != nil {
			return fail(codes.Unauthenticated, "metadata token: %v", err)
		}
		if claims.User != user {
			return fail(codes.PermissionDenied, "the token is not for user %d", user)
		}
	}
	where, err := wire.ParsePlace(map[string]string{
		"room_id": value("room_id"), "seat": value("seat"), "game_name": value("game_name"),
	})
	if err != nil {
		return fail(codes.InvalidArgument, "metadata: %v", err)
	}
	return user, place{game: where.Game, id: where.Room}, where.Seat, nil
}

// direct is a session that came by the direct service.
type direct struct {
	user  int64
	queue chan *wire.Msg
	to    link

	once  sync.Once
	over  chan struct{} // closed when the stream is to end
	end   error         // how, once over is closed
	owner string        // HOST:PORT of the server that the player's room is on, once over is closed; empty: not known
}

// ownerTrailer names the server that a player's room is on, in the trailer of a stream that ends
// because it is not here. A client goes there only if it knows the address from elsewhere.
const ownerTrailer = "croupier-owner"

// last is how the stream ends, once over is closed.
func (d *direct) last(stream wire.Network_ConnectServer) error {
	if d.owner != "" {
		stream.SetTrailer(metadata.Pairs(ownerTrailer, d.owner))
	}
	return d.end
}

// write writes what is queued until the stream ends; after over, until the queue is empty.
func (d *direct) write(stream wire.Network_ConnectServer) error {
	for {
		select {
		case m := <-d.queue:
			if err := stream.Send(m); err != nil {
				return err
			}
			continue
		default:
		}
		select {
		case m := <-d.queue:
			if err := stream.Send(m); err != nil {
				return err
			}
		case <-d.over:
			return nil
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

func (d *direct) link() *link { return &d.to }

func (d *direct) User() int64 { return d.user }

func (d *direct) Send(op uint32, body []byte, meta room.Meta) {
	version, number := d.to.hello()
	data := wire.AppendMetaOf(append(make([]byte, 0, len(body)+32), body...), version, number, meta.Epoch, meta.Seq, meta.Request)
	select {
	case d.queue <- &wire.Msg{Cmd: wire.Command(op), Data: data}:
	default:
		d.finish(status.Error(codes.ResourceExhausted, "too slow: messages wait unread; connect again"))
	}
}

func (d *direct) End(reason room.Reason) {
	switch reason {
	case room.Retry:
		d.finish(status.Error(codes.Unavailable, "the room goes away from this server: connect again"))
	case room.Moved, room.Lost:
		d.send(d.to.speaks.Load().gone())
	case room.Full:
		d.to.full()
	case room.Replaced:
		d.finish(status.Error(codes.Aborted, "replaced by a newer connection"))
	default:
		d.finish(nil)
	}
}

// placed has nothing to tell: the first message does.
func (d *direct) placed(*berth) {}

// send ends the stream; the player comes again, to the room's server.
func (d *direct) send(to redirect) {
	if to.room != 0 {
		d.finish(status.Error(codes.FailedPrecondition, to.Error()))
		return
	}
	d.once.Do(func() {
		d.end, d.owner = status.Error(codes.Unavailable, "the room is on another server: connect there"), to.address
		close(d.over)
	})
}

// elsewhere ends the stream: another server may take the player.
func (d *direct) elsewhere(why error) {
	d.finish(status.Errorf(codes.Unavailable, "%v: connect to another server", why))
}

// back drops the message: who comes again asks again.
func (d *direct) back([]byte, bool) {}

// finish asks the stream's goroutine to end it; the first call counts.
func (d *direct) finish(err error) {
	d.once.Do(func() {
		d.end = err
		close(d.over)
	})
}

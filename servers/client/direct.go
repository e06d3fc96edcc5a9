package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"croupier/servers/wire"
)

// directLink is a gRPC connection to a game server. On it a stream is a stay at one table: its
// metadata says where, opening it sits down, and its end is the end of the stay. The link turns
// SIT_DOWN into a new stream, so that for the rest of the client it looks like a gate.
type directLink struct {
	client *Client
	user   int64
	token  string

	ctx    context.Context // of every stream
	cancel context.CancelFunc
	opened chan struct{} // capacity 1: there is a new stay

	sending sync.Mutex // one send at a time, as gRPC asks

	mu   sync.Mutex
	conn *grpc.ClientConn
	at   int   // which of the target's addresses conn leads to
	stay *stay // nil: at no table
	over bool  // the link was closed
}

// stay is one stream.
type stay struct {
	stream  grpc.BidiStreamingClient[wire.Msg, wire.Msg]
	cancel  context.CancelFunc
	request uint64 // of the SIT_DOWN that opened it
	sit     []byte // that SIT_DOWN
	hops    int    // servers that sent it on so far
	heard   bool   // something came: the server has let us in, or said why not
	over    bool   // the player stood up or the room closed: an end of the stream is no loss
}

func dialDirect(ctx context.Context, c *Client, token string) (link, error) {
	conn, err := dialGame(ctx, c, c.target.at(c.turn).address())
	if err != nil {
		return nil, err
	}
	l := &directLink{client: c, conn: conn, at: c.turn, user: c.target.user, token: token, opened: make(chan struct{}, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

// dialGame connects to one game server.
func dialGame(ctx context.Context, c *Client, address string) (*grpc.ClientConn, error) {
	if err := checkGame(address); err != nil {
		return nil, err
	}
	dial := c.options.NetDial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	var why lastError
	secure := insecure.NewCredentials()
	if c.options.TLS != nil {
		secure = credentials.NewTLS(c.options.TLS)
	}
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(secure),
		grpc.WithIdleTimeout(0),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage)),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			conn, err := dial(ctx, "tcp", address)
			why.set(err)
			return conn, err
		}))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadTarget, err)
	}
	if err := awaitReady(ctx, conn, &why); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// awaitReady waits until the connection is made or the first attempt has failed.
func awaitReady(ctx context.Context, conn *grpc.ClientConn, why *lastError) error {
	conn.Connect()
	for {
		state := conn.GetState()
		switch state {
		case connectivity.Ready:
			return nil
		case connectivity.TransientFailure, connectivity.Shutdown:
			if err := why.get(); err != nil {
				return RootCause(err)
			}
			return ErrNotGame
		}
		if !conn.WaitForStateChange(ctx, state) {
			return ctx.Err()
		}
	}
}

// lastError is what the network dialer said last; gRPC itself would not tell before a call.
type lastError struct {
	mu  sync.Mutex
	err error
}

func (e *lastError) set(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

func (e *lastError) get() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

func (l *directLink) send(frame []byte) error {
	op, payload, err := wire.Split(frame)
	if err != nil {
		return err
	}
	if op == wire.Command_SIT_DOWN {
		return l.open(payload, 0)
	}
	l.mu.Lock()
	s := l.stay
	l.mu.Unlock()
	if s == nil {
		return errNoTable
	}
	l.sending.Lock()
	defer l.sending.Unlock()
	guard := time.AfterFunc(l.client.options.writeTimeout, s.cancel)
	defer guard.Stop()
	return s.stream.Send(&wire.Msg{Cmd: op, Data: payload})
}

// errNoTable reports a request that needs a stream while there is none.
var errNoTable = fmt.Errorf("%w to a room: sit down first", ErrNotConnected)

// open begins a stay and ends the one before it. hops is how many servers have sent it on.
func (l *directLink) open(payload []byte, hops int) error {
	var sit wire.SitDown
	if err := proto.Unmarshal(payload, &sit); err != nil {
		return fmt.Errorf("sit down: %w", err)
	}
	pairs := []string{"user_id", strconv.FormatInt(l.user, 10)}
	for _, key := range []string{"room_id", "seat", "game_name"} {
		pairs = append(pairs, key, sit.GetPlace()[key])
	}
	if l.token != "" {
		pairs = append(pairs, "token", l.token)
	}
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(l.ctx, pairs...))
	guard := time.AfterFunc(l.client.options.writeTimeout, cancel)
	l.mu.Lock()
	conn := l.conn
	l.mu.Unlock()
	stream, err := wire.NewNetworkClient(conn).Connect(ctx)
	guard.Stop()
	if err != nil {
		cancel()
		return fmt.Errorf("open the stream: %w", err)
	}
	l.mu.Lock()
	old := l.stay
	l.stay = &stay{stream: stream, cancel: cancel, request: sit.GetMeta().GetRequest(), sit: bytes.Clone(payload), hops: hops}
	l.mu.Unlock()
	if old != nil {
		old.cancel()
	}
	select {
	case l.opened <- struct{}{}:
	default:
	}
	return nil
}

func (l *directLink) receive() (wire.Command, []byte, error) {
	for {
		l.mu.Lock()
		s := l.stay
		l.mu.Unlock()
		if s == nil {
			select {
			case <-l.opened:
				continue
			case <-l.ctx.Done():
				return 0, nil, net.ErrClosed
			}
		}
		msg, err := s.stream.Recv()
		if err == nil {
			l.note(s, msg)
			return msg.GetCmd(), msg.GetData(), nil
		}
		s.cancel()
		l.mu.Lock()
		current := l.stay == s
		if current {
			l.stay = nil
		}
		l.mu.Unlock()
		switch {
		case !current || s.over:
		case !s.heard && l.redirected(s, err):
			if err := l.hop(s); err != nil {
				return 0, nil, err
			}
		case !s.heard && refusal(err):
			frame, err := refusedFrame(s.request, err)
			return wire.Command_ERROR, frame, err
		default:
			return 0, nil, l.goOn(s, err)
		}
	}
}

// note remembers what an end of the stream will mean.
func (l *directLink) note(s *stay, msg *wire.Msg) {
	s.heard = true
	switch msg.GetCmd() {
	case wire.Command_ERROR:
		// A refused stay ends, without a word or with a status that repeats the error.
		s.over = s.over || !s.seated(l.client)
	case wire.Command_STAND_UP:
		var user wire.Int64
		s.over = proto.Unmarshal(msg.GetData(), &user) == nil && user.GetValue() == l.user || s.over
	case wire.Command_DISCONNECT:
		var reason wire.Int32
		s.over = proto.Unmarshal(msg.GetData(), &reason) == nil &&
			reason.GetValue() == int32(wire.DisconnectReason_DISBANDED) || s.over
	}
}

// seated says whether the stay's SIT_DOWN has been granted.
func (s *stay) seated(c *Client) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		if call.id == s.request {
			return false
		}
	}
	return true
}

// refusal says whether a stream ended because the server would not have the player, rather than
// because the connection broke.
func refusal(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied,
		codes.FailedPrecondition, codes.Aborted, codes.OutOfRange, codes.Unimplemented:
		return true
	}
	return false
}

// refusedFrame says with an ERROR message what the server said with a status.
func refusedFrame(request uint64, err error) ([]byte, error) {
	return proto.Marshal(&wire.Error{
		Code: wire.Code_FAIL,
		Desc: Printable(strings.ToValidUTF8(status.Convert(err).Message(), "?")),
		Meta: &wire.Meta{Request: request},
	})
}

// streamError types what gRPC reports.
func streamError(err error) error {
	text := Printable(status.Convert(err).Message())
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the server ended the stream")
	case status.Code(err) == codes.Unauthenticated:
		return fmt.Errorf("%w: %s", ErrUnauthorized, text)
	case status.Code(err) == codes.ResourceExhausted && strings.Contains(text, "larger than max"):
		return fmt.Errorf("%w: over %d bytes", ErrTooBig, MaxMessage)
	case status.Code(err) == codes.Internal && strings.Contains(text, "unmarshal"):
		return fmt.Errorf("%w: %s", ErrMalformed, text)
	}
	return &StreamError{Code: status.Code(err), Text: text}
}

func (l *directLink) probe(ctx context.Context) error {
	l.mu.Lock()
	idle := l.stay == nil
	l.mu.Unlock()
	if idle {
		return nil // gRPC looks after a connection without streams
	}
	return l.client.probe(ctx)
}

func (l *directLink) close(context.Context) {
	l.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	l.conn.Close()
}

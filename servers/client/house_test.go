package client

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"croupier/servers/wire"
)

// house is a server of one table, written from the published format, on which tests play and
// which they break.
type house struct {
	echo bool // answers carry the request's number

	// refuse, where set, decides over every SIT_DOWN.
	refuse func(place map[string]string) *wire.Error

	// owner, where set, is the game server that has the room in place of this one.
	owner string

	mu     sync.Mutex
	seats  map[int64]int32 // by user
	online map[int64]*guest
	asked  map[wire.Command]int
	pings  atomic.Int32 // of WebSocket
	sits   []map[string]string
}

type guest struct {
	user int64
	send func(wire.Command, proto.Message) error
	cut  func() // ends the connection without a word
}

func newHouse(echo bool) *house {
	return &house{echo: echo, seats: map[int64]int32{}, online: map[int64]*guest{}, asked: map[wire.Command]int{}}
}

func (h *house) count(op wire.Command) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked[op]
}

func (h *house) guest(user int64) *guest {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.online[user]
}

// leave is the end of a connection: the seat stays.
func (h *house) leave(g *guest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.online[g.user] == g {
		delete(h.online, g.user)
	}
}

// handle answers one request.
func (h *house) handle(g *guest, op wire.Command, payload []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked[op]++
	var meta *wire.Meta
	if h.echo {
		meta = &wire.Meta{Epoch: 1, Seq: 1, Request: wire.RequestID(payload)}
	}
	switch op {
	case wire.Command_SIT_DOWN:
		var sit wire.SitDown
		proto.Unmarshal(payload, &sit)
		h.sits = append(h.sits, sit.GetPlace())
		h.sit(g, sit.GetPlace(), meta)
	case wire.Command_STAND_UP:
		delete(h.seats, g.user)
		h.tell(g, op, meta, func(m *wire.Meta) proto.Message { return &wire.Int64{Value: g.user, Meta: m} })
	case wire.Command_PRINT:
		g.send(op, &wire.String{Value: fmt.Sprint(len(h.seats), " seated"), Meta: meta})
	case wire.Command_PING:
		if !h.echo { // the published server knows no PING
			g.send(wire.Command_ERROR, &wire.Error{Code: wire.Code_UNKNOWN_COMMAND, Desc: "unknown command"})
			return
		}
		var n wire.Int64
		proto.Unmarshal(payload, &n)
		g.send(op, &wire.Int64{Value: n.GetValue(), Meta: meta})
	case wire.Command_DICE_SHAKE:
		h.tell(g, op, meta, func(m *wire.Meta) proto.Message {
			if m.GetRequest() != 0 || !h.echo {
				return &wire.DiceShake{User: g.user, Points: 5, Meta: m}
			}
			return &wire.DiceShake{User: g.user, Meta: m}
		})
	case wire.Command_MOVE:
		var seat wire.Int32
		proto.Unmarshal(payload, &seat)
		if !h.echo {
			g.send(wire.Command_ERROR, &wire.Error{Code: wire.Code_UNKNOWN_COMMAND, Desc: "unknown command"})
			return
		}
		h.seats[g.user] = seat.GetValue()
		h.tell(g, wire.Command_SIT_DOWN, meta, func(m *wire.Meta) proto.Message {
			return &wire.User{Id: g.user, Seat: seat.GetValue(), Online: true, Meta: m}
		})
	default:
		g.send(wire.Command_ERROR, &wire.Error{Code: wire.Code_UNKNOWN_COMMAND, Desc: "unknown command", Meta: meta})
	}
}

// tell says something to everybody; only the one who asked gets the request's number.
func (h *house) tell(g *guest, op wire.Command, meta *wire.Meta, body func(*wire.Meta) proto.Message) {
	for _, other := range h.online {
		m := meta
		if other != g && meta != nil {
			m = &wire.Meta{Epoch: meta.Epoch, Seq: meta.Seq}
		}
		other.send(op, body(m))
	}
}

// takenCode is what a server says where a seat is taken; an old one has no code of its own for it.
func (h *house) takenCode() wire.Code {
	if h.echo {
		return wire.Code_STATUS_MISMATCH
	}
	return wire.Code_FAIL
}

func (h *house) sit(g *guest, place map[string]string, meta *wire.Meta) {
	if h.refuse != nil {
		if refused := h.refuse(place); refused != nil {
			refused.Meta = meta
			g.send(wire.Command_ERROR, refused)
			return
		}
	}
	seat64, err := strconv.ParseInt(place["seat"], 10, 32)
	seat, taken := int32(seat64), slices.Collect(maps.Values(h.seats))
	if old, back := h.seats[g.user]; back {
		seat, err = old, nil
	} else if seat >= 0 && slices.Contains(taken, seat) {
		err = fmt.Errorf("seat %d is taken", seat)
	} else if seat < 0 {
		for seat = 0; slices.Contains(taken, seat); seat++ {
		}
	}
	if err != nil {
		g.send(wire.Command_ERROR, &wire.Error{Code: h.takenCode(), Desc: err.Error(), Meta: meta})
		return
	}
	if room, _ := strconv.ParseInt(place["room_id"], 10, 64); room == 0 && meta != nil {
		meta.Server, meta.Room = "v1", 123456 // any room
	}
	for user, seat := range h.seats {
		if user != g.user {
			g.send(wire.Command_SIT_DOWN, &wire.User{Id: user, Seat: seat, Online: h.online[user] != nil})
		}
	}
	h.seats[g.user], h.online[g.user] = seat, g
	h.tell(g, wire.Command_SIT_DOWN, meta, func(m *wire.Meta) proto.Message {
		return &wire.User{Id: g.user, Seat: seat, Online: true, Meta: m}
	})
}

// gate serves the house over WebSocket and returns its address.
func (h *house) gate(t *testing.T) string {
	options := &websocket.AcceptOptions{OnPingReceived: func(context.Context, []byte) bool {
		h.pings.Add(1)
		return true
	}}
	return gateWith(t, options, func(ctx context.Context, conn *websocket.Conn, r *http.Request) {
		var sending sync.Mutex
		g := &guest{
			user: UserOf(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")),
			send: func(op wire.Command, m proto.Message) error {
				sending.Lock()
				defer sending.Unlock()
				return say(ctx, conn, op, m)
			},
			cut: func() { conn.CloseNow() },
		}
		defer h.leave(g)
		for {
			_, b, err := conn.Read(ctx)
			if err != nil {
				return
			}
			op, payload, err := wire.Split(b)
			if err != nil {
				return
			}
			h.handle(g, op, payload)
		}
	})
}

// say writes one message.
func say(ctx context.Context, conn *websocket.Conn, op wire.Command, m proto.Message) error {
	frame, err := wire.Append(nil, op, m)
	if err != nil {
		return err
	}
	return conn.Write(ctx, websocket.MessageBinary, frame)
}

// gateFunc serves WebSockets by a function and returns the address.
func gateFunc(t testing.TB, serve func(context.Context, *websocket.Conn, *http.Request)) string {
	t.Helper()
	return gateWith(t, nil, serve)
}

func gateWith(t testing.TB, options *websocket.AcceptOptions, serve func(context.Context, *websocket.Conn, *http.Request)) string {
	t.Helper()
	return gateHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, options)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		serve(r.Context(), conn, r)
	})
}

// rawConn is the key of the TCP connection in a request's context.
type rawConn struct{}

func gateHTTP(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	server := httptest.NewUnstartedServer(handler)
	server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	server.Config.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, rawConn{}, conn)
	}
	server.Start()
	t.Cleanup(func() {
		cancel()
		server.CloseClientConnections()
		server.Close()
	})
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

// direct serves the house over gRPC and returns its address.
func (h *house) direct(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	wire.RegisterNetworkServer(server, &network{house: h})
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return listener.Addr().String()
}

type network struct {
	wire.UnimplementedNetworkServer
	house *house
}

func (n *network) Connect(stream grpc.BidiStreamingServer[wire.Msg, wire.Msg]) error {
	md, _ := metadata.FromIncomingContext(stream.Context())
	get := func(key string) string { return strings.Join(md.Get(key), "") }
	user, err := strconv.ParseInt(get("user_id"), 10, 64)
	if err != nil {
		return status.Error(codes.InvalidArgument, "user_id is no number")
	}
	if get("token") == "bad" {
		return status.Error(codes.Unauthenticated, "token is bad")
	}
	n.house.mu.Lock()
	owner := n.house.owner
	n.house.mu.Unlock()
	if owner != "" {
		stream.SetTrailer(metadata.Pairs(ownerTrailer, owner))
		return status.Error(codes.Unavailable, "the room is on another server")
	}
	if get("room_id") == "13" {
		return status.Error(codes.FailedPrecondition, "no room 13 in this house")
	}
	var sending sync.Mutex
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	g := &guest{
		user: user,
		send: func(op wire.Command, m proto.Message) error {
			sending.Lock()
			defer sending.Unlock()
			b, err := proto.Marshal(m)
			if err != nil {
				return err
			}
			return stream.Send(&wire.Msg{Cmd: op, Data: b})
		},
		cut: cancel,
	}
	defer n.house.leave(g)
	place := map[string]string{"game_name": get("game_name"), "room_id": get("room_id"), "seat": get("seat")}
	n.house.mu.Lock()
	n.house.sits = append(n.house.sits, place)
	n.house.sit(g, place, nil)
	n.house.mu.Unlock()
	in := make(chan *wire.Msg)
	go func() {
		defer close(in)
		for {
			m, err := stream.Recv()
			if err != nil {
				return
			}
			select {
			case in <- m:
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case m, ok := <-in:
			if !ok {
				return nil
			}
			n.house.handle(g, m.GetCmd(), m.GetData())
			if m.GetCmd() == wire.Command_STAND_UP {
				return nil
			}
		case <-ctx.Done():
			return status.Error(codes.Unavailable, "cut")
		}
	}
}

// tokenFor is a token in form only: the house looks at nothing but its id.
func tokenFor(user int64) string {
	body := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"id":%d}`, user))
	return "e30." + body + ".c2ln"
}

// quick are options that do not let a test wait.
func quick() Options {
	return Options{
		Backoff:        Backoff{Base: time.Millisecond, Cap: 5 * time.Millisecond},
		RequestTimeout: 5 * time.Second,
	}
}

// open dials and closes with the test.
func open(t *testing.T, target Target, options Options) *Client {
	t.Helper()
	c, err := Dial(t.Context(), target, options)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, c)
	return c
}

func closeAfter(t *testing.T, c *Client) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
	})
}

// await reads events until one of the wanted kind comes.
func await[E Event](t *testing.T, c *Client) E {
	t.Helper()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	var seen []string
	for {
		select {
		case e, ok := <-c.Events():
			if !ok {
				t.Fatalf("the client closed (%v); before: %v", c.Err(), seen)
			}
			if wanted, ok := e.(E); ok {
				return wanted
			}
			seen = append(seen, fmt.Sprintf("%T%+v", e, e))
		case <-timeout.C:
			var wanted E
			t.Fatalf("no %T came; before: %v", wanted, seen)
		}
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

package gate

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/lifecycle"
	"croupier/servers/internal/trunk"
	"croupier/servers/token"
	"croupier/servers/wire"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// fake is a game server that does what a test says.
type fake struct {
	trunk.UnimplementedTrunkServer
	t      *testing.T
	addr   netip.AddrPort
	server *grpc.Server
	ended  chan error
	opened chan *fakeLane

	mu     sync.Mutex
	silent bool // it beats no more, and hears nothing
	old    bool // it is of a build that never beat
	trunks int  // so far
}

// fakeLane is a lane at a fake, seen from there.
type fakeLane struct {
	fake   *fake
	id     uint64
	open   *trunk.Open
	frames chan trunk.Frame // from the gate, after the Open
	send   func([]byte) error
}

func newFake(t *testing.T) *fake { return newFakeAt(t, "127.0.0.1:0") }

func newFakeAt(t *testing.T, address string) *fake {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{
		t: t, addr: netip.MustParseAddrPort(l.Addr().String()), server: grpc.NewServer(grpc.WaitForHandlers(true)),
		ended: make(chan error, 1), opened: make(chan *fakeLane, 10_000),
	}
	trunk.RegisterTrunkServer(f.server, f)
	go func() { f.ended <- f.server.Serve(l) }()
	t.Cleanup(f.kill)
	return f
}

// kill ends the server as far as others can tell: connections are reset, the port is dead.
func (f *fake) kill() {
	f.server.Stop()
	select {
	case <-f.ended:
		f.ended <- nil
	case <-time.After(patience):
		f.t.Error("a fake does not end")
	}
}

// hush stops the server as SIGSTOP does: its sockets stand, and nothing comes.
func (f *fake) hush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silent = true
}

func (f *fake) hushed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.silent
}

func (f *fake) Attach(stream trunk.Trunk_AttachServer) error {
	for f.hushed() {
		select {
		case <-stream.Context().Done():
			return nil
		case <-time.After(time.Millisecond):
		}
	}
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	f.mu.Lock()
	f.trunks++
	f.mu.Unlock()
	out := trunk.NewOutbox()
	send := func(frames []byte) error {
		if f.hushed() {
			return nil
		}
		return stream.Send(&trunk.Batch{Frames: frames})
	}
	sent := make(chan error, 1)
	go func() {
		if f.old {
			sent <- out.Run(stream.Context(), send)
			return
		}
		sent <- out.Live(stream.Context(), send)
	}()
	defer func() {
		out.Fail(io.EOF)
		<-sent
	}()
	lanes := make(map[uint64]*fakeLane)
	for {
		batch, err := stream.Recv()
		if err != nil {
			return err
		}
		if f.hushed() {
			continue
		}
		for frame, err := range trunk.Frames(bytes.Clone(batch.GetFrames())) {
			if err != nil {
				return err
			}
			if frame.Kind != trunk.KindOpen {
				if l := lanes[frame.Lane]; l != nil {
					l.frames <- frame
				}
				continue
			}
			open := new(trunk.Open)
			if err := proto.Unmarshal(frame.Payload, open); err != nil {
				return err
			}
			l := &fakeLane{fake: f, id: frame.Lane, open: open, frames: make(chan trunk.Frame, 1000)}
			l.send = func(b []byte) error {
				for g := range trunk.Frames(b) {
					if err := out.Put(g.Lane, g.Kind, g.Payload); err != nil {
						return err
					}
				}
				return nil
			}
			lanes[frame.Lane] = l
			f.opened <- l
		}
	}
}

// next waits for a lane that is opened.
func (f *fake) next() *fakeLane {
	f.t.Helper()
	select {
	case l := <-f.opened:
		return l
	case <-time.After(patience):
		f.t.Fatalf("no lane is opened at %v", f.addr)
		return nil
	}
}

func (l *fakeLane) put(kind trunk.Kind, parts ...[]byte) {
	l.send(trunk.AppendFrame(nil, l.id, kind, parts...))
}

func (l *fakeLane) placed(room int64, epoch uint64) {
	l.put(trunk.KindPlaced, wire.MustMarshal(&trunk.Placed{Room: room, Epoch: epoch}))
}

func (l *fakeLane) data(op wire.Command, m proto.Message) { l.put(trunk.KindData, message(op, m, 0)) }

func (l *fakeLane) reply(request uint64, op wire.Command, m proto.Message) {
	l.put(trunk.KindReply, binary.AppendUvarint(nil, request), message(op, m, request))
}

// seat says what a room says to a newcomer.
func (l *fakeLane) seat(room int64, epoch uint64) *fakeLane {
	l.placed(room, epoch)
	l.data(wire.Command_SIT_DOWN, &wire.User{Id: l.open.GetUser(), Online: true})
	return l
}

func (l *fakeLane) moved(m *trunk.Moved) { l.put(trunk.KindMoved, wire.MustMarshal(m)) }

func (l *fakeLane) shut(reason trunk.Reason) { l.put(trunk.KindShut, []byte{byte(reason)}) }

// frame waits for the next frame of the gate.
func (l *fakeLane) frame() trunk.Frame {
	l.fake.t.Helper()
	select {
	case f := <-l.frames:
		return f
	case <-time.After(patience):
		l.fake.t.Fatalf("no frame comes on lane %d", l.id)
		return trunk.Frame{}
	}
}

// hears waits for a message of that kind and text.
func (l *fakeLane) hears(kind trunk.Kind, text string) {
	l.fake.t.Helper()
	if f := l.frame(); f.Kind != kind || said(f.Payload) != text {
		l.fake.t.Fatalf("lane %d of %v brings kind %d %q, want kind %d %q", l.id, l.fake.addr, f.Kind, said(f.Payload), kind, text)
	}
}

func (l *fakeLane) hearsShut() {
	l.fake.t.Helper()
	if f := l.frame(); f.Kind != trunk.KindShut {
		l.fake.t.Fatalf("lane %d brings kind %d %q, want a Shut", l.id, f.Kind, said(f.Payload))
	}
}

// message encodes one; m may be nil.
func message(op wire.Command, m proto.Message, request uint64) []byte {
	if m == nil {
		m = &wire.Empty{}
	}
	b, err := wire.Append(nil, op, m)
	if err != nil {
		panic(err)
	}
	return wire.AppendMeta(b, 0, 0, request)
}

// said is a message as a test compares it: opcode, number of the request, and an Int32's value.
func said(b []byte) string {
	op, body, err := wire.Split(b)
	if err != nil {
		return fmt.Sprintf("%x", b)
	}
	text := strings.ToLower(op.String())
	var m wire.Int32
	if proto.Unmarshal(body, &m) == nil && m.GetValue() != 0 {
		text += fmt.Sprintf(" %d", m.GetValue())
	}
	if request := wire.RequestID(body); request != 0 {
		text += fmt.Sprintf(" #%d", request)
	}
	return text
}

// court is a gate before fakes, with players.
type court struct {
	t     *testing.T
	gate  *Gate
	url   string
	ops   string
	keys  *token.Keys
	drain func()
	ended chan error
}

func newCourt(t *testing.T, change func(*Config), fakes ...*fake) *court {
	t.Helper()
	keys, err := token.ParseKeys(token.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for _, f := range fakes {
		addresses = append(addresses, f.addr.String())
	}
	config := Config{
		Keys: keys, Services: map[string]string{"dice": strings.Join(addresses, ",")},
		Rate: 1e6, Burst: 1e6, Log: slog.New(slog.DiscardHandler), Spread: time.Millisecond,
		dialPatience: patience, backPatience: patience,
	}
	if change != nil {
		change(&config)
	}
	g, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	players, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stages, next, release := lifecycle.Manual(context.Background())
	c := &court{t: t, gate: g, url: "ws://" + players.Addr().String(), ops: "http://" + admin.Addr().String(), keys: keys, drain: next, ended: make(chan error, 1)}
	go func() { c.ended <- g.Run(stages, players, admin) }()
	t.Cleanup(func() {
		release()
		select {
		case err := <-c.ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("the gate does not end")
		}
		c.empty()
	})
	return c
}

// empty checks that nothing of anybody is left.
func (c *court) empty() {
	c.t.Helper()
	if n := c.gate.table.len(); n != 0 {
		c.t.Errorf("%d sessions are left", n)
	}
	if n := c.lanes(); n != 0 {
		c.t.Errorf("%d lanes are left", n)
	}
	c.gate.movers.mu.Lock()
	defer c.gate.movers.mu.Unlock()
	if c.gate.movers.running != 0 {
		c.t.Errorf("%d movers are left", c.gate.movers.running)
	}
}

// lanes counts those on all trunks.
func (c *court) lanes() int {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	n := 0
	for _, d := range c.gate.upstreams {
		select {
		case <-d.done:
		default:
			continue
		}
		if d.up != nil {
			d.up.mu.Lock()
			n += len(d.up.lanes)
			d.up.mu.Unlock()
		}
	}
	return n
}

// eventually asks until the answer is yes.
func (c *court) eventually(what string, yes func() bool) {
	c.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !yes(); <-tick.C {
		if time.Now().After(end) {
			c.t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// room returns the number of a room that the gate looks for at f first.
func (c *court) room(f *fake, fakes ...*fake) int64 {
	var all []netip.AddrPort
	for _, other := range append(fakes, f) {
		all = append(all, other.addr)
	}
	for room := int64(1); ; room++ {
		if rank(all, roomKey{"dice", room})[0] == f.addr {
			return room
		}
	}
}

// player is a client of the gate.
type player struct {
	t    *testing.T
	user int64
	conn net.Conn
}

func (c *court) player(user int64) *player {
	c.t.Helper()
	proof, err := c.keys.Sign(user, time.Hour)
	if err != nil {
		c.t.Fatal(err)
	}
	conn, _, _, err := ws.Dial(c.t.Context(), c.url+"/?token="+proof)
	if err != nil {
		c.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(2 * patience))
	c.t.Cleanup(func() { conn.Close() })
	return &player{t: c.t, user: user, conn: conn}
}

// says sends a message; value is that of an Int32.
func (p *player) says(op wire.Command, value int32, request uint64) {
	p.t.Helper()
	if err := wsutil.WriteClientBinary(p.conn, message(op, &wire.Int32{Value: value}, request)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *player) sits(room int64, request uint64) {
	p.t.Helper()
	sit := &wire.SitDown{Place: wire.Place{Game: "dice", Room: room, Seat: -1}.Map()}
	if err := wsutil.WriteClientBinary(p.conn, message(wire.Command_SIT_DOWN, sit, request)); err != nil {
		p.t.Fatal(err)
	}
}

// next reads a message.
func (p *player) next() []byte {
	p.t.Helper()
	f, err := ws.ReadFrame(p.conn)
	if err != nil {
		p.t.Fatalf("user %d: %v", p.user, err)
	}
	if f.Header.OpCode != ws.OpBinary {
		p.t.Fatalf("user %d hears a frame of kind %v: %q", p.user, f.Header.OpCode, f.Payload)
	}
	return f.Payload
}

// hears waits for the next message, which is said to have that text.
func (p *player) hears(text string) {
	p.t.Helper()
	if got := said(p.next()); got != text {
		p.t.Fatalf("user %d hears %q, want %q", p.user, got, text)
	}
}

// closed reads the close frame.
func (p *player) closed(code wire.CloseCode) {
	p.t.Helper()
	f, err := ws.ReadFrame(p.conn)
	if err != nil || f.Header.OpCode != ws.OpClose {
		p.t.Fatalf("user %d: %v %v %q, want a close", p.user, err, f.Header.OpCode, f.Payload)
	}
	if got, why := ws.ParseCloseFrameData(f.Payload); wire.CloseCode(got) != code {
		p.t.Fatalf("user %d is closed with %d %q, want %d", p.user, got, why, code)
	}
}

// seated returns a player who sits in a room, and the lane there.
func (c *court) seated(user, room int64, epoch uint64, at *fake) (*player, *fakeLane) {
	c.t.Helper()
	p := c.player(user)
	p.sits(room, 0)
	l := at.next().seat(room, epoch)
	p.hears("sit_down " + fmt.Sprint(user))
	return p, l
}

func writeBinary(t *testing.T, conn net.Conn, b []byte) {
	t.Helper()
	if err := wsutil.WriteClientBinary(conn, b); err != nil {
		t.Fatal(err)
	}
}

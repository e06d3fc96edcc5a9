package gameserver

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/directory"
	"croupier/servers/internal/games"
	"croupier/servers/internal/games/dice"
	"croupier/servers/internal/lifecycle"
	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// kill ends the server as the death of its process would.
func (r *running) kill() {
	r.Kill()
	r.end()
	r.ended <- <-r.ended
}

// running is a game server on loopback.
type running struct {
	*Server
	t       *testing.T
	address string
	signal  func()
	end     func()
	ended   chan error
}

// run starts a game server that shares a store with others.
func run(t *testing.T, store directory.Store, change ...func(*Config)) *running {
	t.Helper()
	game, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		Games: games.Builtin(dice.Config{Round: time.Minute, Idle: time.Minute, Preset: true}, 4), Direct: DirectOpen, Dev: true,
		Store: func(context.Context) (directory.Store, error) { return store, nil }, Address: game.Addr().String(), MoveAfter: time.Millisecond, Version: "v1",
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, f := range change {
		f(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	stages, next, release := lifecycle.Manual(context.Background())
	r := &running{Server: s, t: t, address: c.Address, signal: next, end: release, ended: make(chan error, 1)}
	go func() { r.ended <- s.Run(stages, game, admin) }()
	t.Cleanup(func() {
		release()
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-s.joined:
	case <-time.After(patience):
		t.Fatal("the server does not join")
	}
	return r
}

// gateway is a gate of one trunk.
type gateway struct {
	t      *testing.T
	out    *trunk.Outbox
	conn   *grpc.ClientConn
	cancel context.CancelFunc
	frames chan trunk.Frame
	last   uint64
}

// attach opens a trunk to a server, with metadata.
func attach(t *testing.T, to *running, pairs ...string) *gateway {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+to.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := trunk.NewTrunkClient(conn).Attach(metadata.AppendToOutgoingContext(ctx, pairs...), grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, out: trunk.NewOutbox(), conn: conn, cancel: cancel, frames: make(chan trunk.Frame, 4096)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(g.frames)
		for {
			batch, err := stream.Recv()
			if err != nil {
				return
			}
			for frame := range trunk.Frames(batch.GetFrames()) {
				g.frames <- frame
			}
		}
	}()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		g.out.Live(ctx, func(batch []byte) error { return stream.Send(&trunk.Batch{Frames: batch}) }) //nolint:errcheck // the reader notices
	}()
	t.Cleanup(func() {
		g.hangUp()
		<-read
		<-sent
	})
	return g
}

// hangUp breaks the trunk off.
func (g *gateway) hangUp() {
	g.cancel()
	g.conn.Close()
}

func (g *gateway) put(lane uint64, kind trunk.Kind, parts ...[]byte) {
	g.t.Helper()
	if err := g.out.Put(lane, kind, parts...); err != nil {
		g.t.Fatal(err)
	}
}

// open opens a lane.
func (g *gateway) open(o *trunk.Open) (lane uint64) {
	g.t.Helper()
	g.last++
	payload, err := proto.Marshal(o)
	if err != nil {
		g.t.Fatal(err)
	}
	g.put(g.last, trunk.KindOpen, payload)
	return g.last
}

// say sends a message of the player on a lane.
func (g *gateway) say(lane uint64, op wire.Command, m proto.Message, request uint64) {
	g.t.Helper()
	g.put(lane, trunk.KindData, wire.AppendMeta(wire.AppendOpcode(nil, op), 0, 0, 0), body(g.t, m, request))
}

func body(t *testing.T, m proto.Message, request uint64) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return wire.AppendMeta(b, 0, 0, request)
}

// heard is a frame of the server, read.
type heard struct {
	trunk.Frame
	op     wire.Command
	meta   *wire.Meta
	said   wire.WithMeta
	placed *trunk.Placed
	moved  *trunk.Moved
	reason trunk.Reason
}

// next is the next frame.
func (g *gateway) next() heard {
	g.t.Helper()
	select {
	case f, open := <-g.frames:
		if !open {
			g.t.Fatal("the trunk has ended")
		}
		return read(g.t, f)
	case <-time.After(patience):
		g.t.Fatal("nothing comes")
	}
	return heard{}
}

func read(t *testing.T, f trunk.Frame) heard {
	t.Helper()
	h := heard{Frame: f, placed: new(trunk.Placed), moved: new(trunk.Moved)}
	var err error
	payload := f.Payload
	switch f.Kind {
	case trunk.KindReply:
		for len(payload) > 0 && payload[0]&0x80 != 0 {
			payload = payload[1:]
		}
		payload = payload[1:]
		fallthrough
	case trunk.KindData, trunk.KindBack:
		var b []byte
		if h.op, b, err = wire.Split(payload); err == nil && f.Kind != trunk.KindBack {
			h.said, err = wire.Decode(h.op, b)
		}
		if h.said != nil {
			h.meta = h.said.GetMeta()
		}
	case trunk.KindPlaced:
		err = proto.Unmarshal(payload, h.placed)
	case trunk.KindMoved:
		err = proto.Unmarshal(payload, h.moved)
	case trunk.KindShut:
		h.reason = trunk.Reason(payload[0])
	}
	if err != nil {
		t.Fatalf("frame %+v: %v", f, err)
	}
	return h
}

// until skips frames to the first of a kind; of messages, to the first with that opcode.
func (g *gateway) until(kind trunk.Kind, op wire.Command) heard {
	g.t.Helper()
	for {
		h := g.next()
		if h.Kind == kind && h.op == op {
			return h
		}
		g.t.Logf("passed over: kind %d op %v reason %d moved %v", h.Kind, h.op, h.reason, h.moved.String())
	}
}

// sit sits a user down, and returns the lane once the scene is there.
func (g *gateway) sit(user, room int64) (lane uint64, epoch uint64) {
	g.t.Helper()
	lane = g.open(&trunk.Open{User: user, Game: "dice", Room: room, Seat: -1, Request: 1})
	epoch = g.until(trunk.KindPlaced, 0).placed.GetEpoch()
	g.until(trunk.KindData, wire.Command_DICE_SCENE)
	return lane, epoch
}

package gameserver

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/games"
	"croupier/servers/internal/games/dice"
	"croupier/servers/internal/room"
	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// A goroutine that outlives every test is a leak.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newServer(t testing.TB) *Server {
	t.Helper()
	s, err := New(Config{
		Games: games.Builtin(dice.Config{Round: 5 * time.Millisecond, Idle: time.Millisecond}, 4),
		Log:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.join(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer s.leave()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Settle(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// gate is a trunk whose gate sends batches and then hangs up.
type gate struct {
	grpc.ServerStream
	ctx     context.Context
	batches [][]byte
}

func (g *gate) Context() context.Context { return g.ctx }

func (g *gate) Send(*trunk.Batch) error { return nil }

func (g *gate) Recv() (*trunk.Batch, error) {
	if len(g.batches) == 0 {
		return nil, io.EOF
	}
	next := g.batches[0]
	g.batches = g.batches[1:]
	return &trunk.Batch{Frames: next}, nil
}

// probe is a well-behaved player.
type probe struct {
	to   link
	told chan uint32
}

func (p *probe) link() *link                           { return &p.to }
func (p *probe) User() int64                           { return 1 << 40 }
func (p *probe) Send(op uint32, _ []byte, _ room.Meta) { p.told <- op }
func (p *probe) End(room.Reason)                       {}
func (p *probe) placed(*berth)                         {}
func (p *probe) send(redirect)                         {}
func (p *probe) elsewhere(error)                       {}
func (p *probe) back([]byte, bool)                     {}

// FuzzTrunk lets a gate send arbitrary bytes. The server must not panic, must lose every player of
// that gate in the end, and must go on serving others.
func FuzzTrunk(f *testing.F) {
	s := newServer(f)
	open, err := proto.Marshal(&trunk.Open{User: 7, Game: "dice", Room: 3, Seat: -1, Request: 9})
	if err != nil {
		f.Fatal(err)
	}
	seed := trunk.AppendFrame(nil, 1, trunk.KindOpen, open)
	for op := range wire.Command_name {
		seed = trunk.AppendFrame(seed, 1, trunk.KindData, wire.AppendOpcode(nil, wire.Command(op)), []byte{0x08, 5})
	}
	f.Add(seed)
	f.Add(trunk.AppendFrame(seed, 1, trunk.KindShut, []byte{1}))
	f.Add(trunk.AppendFrame(trunk.AppendFrame(nil, 1, trunk.KindOpen, open), 2, trunk.KindOpen, open))
	f.Add([]byte{1, 1, 200})
	f.Fuzz(func(t *testing.T, batch []byte) {
		half := len(batch) / 2
		s.receive(&gate{ctx: t.Context(), batches: [][]byte{batch, batch[:half], batch[half:]}}, &gateTrunk{out: trunk.NewOutbox()}) //nolint:errcheck // an error is as good
		p := &probe{told: make(chan uint32, 64)}
		s.usher(p, wish{at: place{game: "dice", id: 1 << 50}, seat: -1})
		for op := range p.told {
			if op == uint32(wire.Command_DICE_SCENE) {
				break
			}
		}
		s.lose(p, left)
	})
}

// Whichever comes first, entering or losing: a lost member does not stay.
func TestLostWhileEntering(t *testing.T) {
	s := newServer(t)
	for n := range int64(200) {
		p := &probe{told: make(chan uint32, 64)}
		lost := make(chan struct{})
		go func() {
			defer close(lost)
			s.lose(p, left)
		}()
		s.usher(p, wish{at: place{game: "coin", id: 1 + n%3}, seat: -1})
		<-lost
	}
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		inside := 0
		for _, b := range s.open() {
			if summary, err := b.room.Summarize(t.Context()); err == nil {
				inside += summary.Players + summary.Spectators
			}
		}
		if inside == 0 && s.idle() {
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%d players stay who are lost", inside)
		}
	}
}

// idle says that nobody is on the way in.
func (s *Server) idle() bool { return len(s.asking) == 0 }

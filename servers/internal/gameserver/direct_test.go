package gameserver

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"croupier/servers/internal/games"
	"croupier/servers/internal/games/dice"
	"croupier/servers/wire"
)

// hungUp is a stream that its player has given up.
type hungUp struct {
	grpc.ServerStream
	ctx context.Context
}

func (h hungUp) Context() context.Context  { return h.ctx }
func (h hungUp) Send(*wire.Msg) error      { return h.ctx.Err() }
func (h hungUp) Recv() (*wire.Msg, error)  { return nil, h.ctx.Err() }
func (h hungUp) SendMsg(any) error         { return h.ctx.Err() }
func (h hungUp) RecvMsg(any) error         { return h.ctx.Err() }
func (h hungUp) SetTrailer(md metadata.MD) {}

// A stream that its player gave up before the server looked at it sits nobody down: the player may
// have come back on another one.
func TestStreamThatIsGoneSitsNobodyDown(t *testing.T) {
	s, err := New(Config{Games: games.Builtin(dice.Config{}, 4), Direct: DirectOpen})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.leave()
	ctx, hangUp := context.WithCancel(metadata.NewIncomingContext(t.Context(), metadata.Pairs("user_id", "7", "room_id", "1", "seat", "-1", "game_name", "dice")))
	hangUp()
	if err := (directService{server: s}).Connect(hungUp{ctx: ctx}); status.Code(err) != codes.Canceled {
		t.Errorf("ends with %v", err)
	}
	s.streams.Wait()
	if n := s.count(); n != 0 {
		t.Errorf("%d rooms were opened", n)
	}
}

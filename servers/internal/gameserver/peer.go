package gameserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"croupier/servers/internal/directory"
	"croupier/servers/internal/trunk"
	"croupier/servers/token"
)

const (
	// takePatience is how long a room that moves stands still at most until its new owner answers.
	takePatience = 2 * time.Second
	// probePatience is how long a port that is said to be closed is tried.
	probePatience = 300 * time.Millisecond
	// peerTokenLife covers the clocks of two machines that do not quite agree.
	peerTokenLife = 5 * time.Minute
)

// newID names this process in the directory.
func newID(name string) string {
	var b [4]byte
	rand.Read(b[:])
	return name + "-" + hex.EncodeToString(b[:])
}

// peerService serves other game servers.
type peerService struct {
	trunk.UnimplementedPeerServer
	server *Server
}

// Take makes this server the owner of a room, if it can be.
func (ps peerService) Take(ctx context.Context, h *trunk.Handover) (*trunk.Taken, error) {
	s := ps.server
	if err := s.admitGate(ctx); err != nil {
		return nil, err
	}
	at := place{h.GetGame(), h.GetRoom()}
	b, mine, err := s.berthAt(at)
	switch {
	case err != nil:
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	case !mine:
		return nil, status.Errorf(codes.FailedPrecondition, "room %s %d is here already", at.game, at.id)
	}
	if err := s.filled(b, s.take(ctx, b, h)); err != nil {
		return nil, err
	}
	return &trunk.Taken{Epoch: b.epoch}, nil
}

// take restores a room, takes its entry, and runs it, in this order: until the entry is taken its
// owner goes on if anything fails.
func (s *Server) take(ctx context.Context, b *berth, h *trunk.Handover) error {
	if err := s.mayHold(); err != nil {
		return status.Error(codes.FailedPrecondition, err.Error())
	}
	c := s.roomConfig(b)
	c.Seamless = true
	s.trace(StepRestore, b.at)
	prepared, err := s.prepare(b, c, h.GetSnapshot())
	if err != nil {
		s.config.Log.Log(ctx, s.firstTime("unreadable "+b.at.game), "room refused: its snapshot can't be read here", "game", b.at.game, "room", b.at.id, "err", err)
		return status.Errorf(codes.FailedPrecondition, "%s can't read the room's snapshot: %v", s.config.Version, err)
	}
	s.trace(StepClaim, b.at)
	tenure, err := s.dir.Claim(ctx, b.at.key(), h.GetRevision(), h.GetSnapshot())
	if err != nil {
		prepared.Drop()
		return status.Errorf(codes.Aborted, "claim: %v", err)
	}
	s.trace(StepRun, b.at)
	b.tenure, b.epoch = tenure, tenure.Epoch()
	s.start(b, prepared)
	s.metrics.taken.Inc()
	return nil
}

// errNotHere answers who asks for a room that is not on this server: it is over, or has moved since
// they looked, with the player in it.
var errNotHere = status.Error(codes.NotFound, "the room is not here")

// LetGo lets a player out of a room of this server, if the game does.
func (ps peerService) LetGo(ctx context.Context, o *trunk.Occupant) (*trunk.Release, error) {
	s := ps.server
	if err := s.admitGate(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	b := s.rooms[place{o.GetGame(), o.GetRoom()}]
	s.mu.Unlock()
	if b == nil {
		return nil, errNotHere
	}
	select {
	case <-b.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b.err != nil {
		return nil, errNotHere
	}
	bound, err := s.letGoHere(ctx, b, o.GetUser())
	if err != nil {
		return nil, err
	}
	return &trunk.Release{Bound: bound}, nil
}

// peers are the connections to other game servers. They are few, and stay.
type peers struct {
	keys *token.Keys

	mu    sync.Mutex
	conns map[string]*grpc.ClientConn // by address; nil: closed
}

func newPeers(keys *token.Keys) *peers {
	return &peers{keys: keys, conns: make(map[string]*grpc.ClientConn)}
}

func (p *peers) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		conn.Close()
	}
	p.conns = nil
}

// keep closes the connections to all servers but those.
func (p *peers) keep(alive []directory.Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	listed := make(map[string]bool, len(alive))
	for _, server := range alive {
		listed[server.Address] = true
	}
	for address, conn := range p.conns {
		if !listed[address] {
			conn.Close()
			delete(p.conns, address)
		}
	}
}

func (p *peers) client(ctx context.Context, address string) (trunk.PeerClient, context.Context, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		return nil, ctx, errors.New("the server is closed")
	}
	conn := p.conns[address]
	if conn == nil {
		var err error
		if conn, err = grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
			return nil, ctx, fmt.Errorf("dial game server %s: %w", address, err)
		}
		p.conns[address] = conn
	}
	if p.keys != nil {
		proof, err := p.keys.SignTrunk(peerTokenLife)
		if err != nil {
			return nil, ctx, err
		}
		ctx = metadata.AppendToOutgoingContext(ctx, "token", proof)
	}
	return trunk.NewPeerClient(conn), ctx, nil
}

// take asks a server to take a room. refused says that it has not, for certain.
func (p *peers) take(ctx context.Context, address string, h *trunk.Handover) (refused bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, takePatience)
	defer cancel()
	client, ctx, err := p.client(ctx, address)
	if err != nil {
		return true, err
	}
	_, err = client.Take(ctx, h)
	return status.Code(err) == codes.FailedPrecondition, err
}

func (p *peers) letGo(ctx context.Context, address string, at place, user int64) (bound bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, takePatience)
	defer cancel()
	client, ctx, err := p.client(ctx, address)
	if err != nil {
		return false, err
	}
	release, err := client.LetGo(ctx, &trunk.Occupant{Game: at.game, Room: at.id, User: user})
	if err != nil {
		return false, fmt.Errorf("ask game server %s: %w", address, err)
	}
	return release.GetBound(), nil
}

// refused says whether no server is at an address: the port is closed, or whoever accepts there
// hangs up at once. One that does not answer may be there.
func (p *peers) refused(ctx context.Context, address string) bool {
	dialer := net.Dialer{Timeout: probePatience}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(probePatience)) //nolint:errcheck // then it is not read for long
	_, err = conn.Read(make([]byte, 1))                 // a gRPC server speaks first, or waits
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

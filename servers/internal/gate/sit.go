package gate

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"google.golang.org/protobuf/proto"

	"croupier/servers/wire"
)

// roomCost is how many messages a SitDown in another room counts for: a room outlives its only
// player for a while, and nobody may open thousands.
const roomCost = 10

// sit handles a SitDown. Sitting down in another room leaves the first one, by that game's rule for
// a player who goes away. False: the session is over.
func (g *Gate) sit(s *session, body []byte) bool {
	request := wire.RequestID(body)
	var m wire.SitDown
	if err := proto.Unmarshal(body, &m); err != nil {
		s.refuse(wire.Code_FAIL, "malformed message", request)
		return true
	}
	to, err := wire.ParsePlace(m.GetPlace())
	if err != nil {
		s.refuse(wire.Code_FAIL, err.Error(), request)
		return true
	}
	if at := s.at.Load(); at != nil && key(at.place) == key(to) {
		// On a new lane all the same: the room may be about to shut this one, and then a request on it
		// would be lost.
		again := &binding{place: to, wish: wish{number: s.stay(), request: request}}
		again.spoke.Store(true) // who has a seat to lose is told
		at.up.open(s, again)    //nolint:errcheck // a lost trunk closes its sessions by itself
		return true
	}
	if !s.allow(min(roomCost, g.config.Burst/20)) {
		return s.close(wire.CloseRateLimited, "too many rooms at once")
	}
	g.place(s, to, wish{number: s.leave(), request: request}, nil)
	return true
}

// place finds the server of a room and opens a lane to it. Servers in tried are passed over. The
// answer to the player comes from the room, or from here where no server takes the player. A
// wish that was called off meanwhile, by a newer one or by the session's end, gets no answer.
func (g *Gate) place(s *session, to wire.Place, w wish, tried []netip.AddrPort) {
	servers, err := g.placement.candidates(g.ctx, key(to), tried)
	switch {
	case errors.Is(err, errUnknownGame):
		s.refuse(wire.Code_FAIL, "unknown game: this gate leads to "+g.games, w.request)
		return
	case err != nil:
		s.unavailable(err.Error(), w.request)
		return
	}
	for _, addr := range servers {
		err := g.openAt(addr, s, &binding{place: to, wish: w, tried: tried})
		if err == nil {
			return
		}
		g.passedOver(addr, err)
		g.placement.forget(key(to), addr)
		tried = append(tried, addr)
	}
	s.unavailable("no server of this game answers: try again", w.request)
}

// openAt opens a lane to a server, over a new trunk if the one that stood is lost: its server may
// have been replaced by another one at the same address.
func (g *Gate) openAt(addr netip.AddrPort, s *session, b *binding) error {
	for first := true; ; first = false {
		up, err := g.upstream(g.ctx, addr)
		if err != nil {
			return err
		}
		g.placement.remember(key(b.place), addr)
		if err = up.open(s, b); err == nil || !first {
			return err
		}
		g.forgetUpstream(up)
	}
}

// passedOver logs that a server does not take players: once in a while for each server, not for
// each of the thousands who may want to sit down there.
func (g *Gate) passedOver(addr netip.AddrPort, err error) {
	g.mu.Lock()
	quiet := time.Since(g.complained[addr]) < complainEvery
	if !quiet {
		if len(g.complained) >= mostComplained { // servers come and go, with new addresses
			clear(g.complained)
		}
		g.complained[addr] = time.Now()
	}
	g.mu.Unlock()
	if !quiet {
		g.log.Warn("game server passed over", "server", addr, "err", err)
	}
}

const (
	complainEvery  = 10 * time.Second
	mostComplained = 1000
)

// upstream returns the trunk to a game server, opening it if need be. Many may ask at once; one
// of them dials.
func (g *Gate) upstream(ctx context.Context, addr netip.AddrPort) (*upstream, error) {
	g.mu.Lock()
	d := g.upstreams[addr]
	if d == nil {
		d = &dial{done: make(chan struct{})}
		g.upstreams[addr] = d
		g.mu.Unlock()
		d.up, d.err = g.attach(ctx, addr, d)
		if d.err != nil {
			g.mu.Lock()
			delete(g.upstreams, addr)
			g.mu.Unlock()
		}
		close(d.done)
		return d.up, d.err
	}
	g.mu.Unlock()
	select {
	case <-d.done:
		return d.up, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// dial is a trunk, or one that is being opened.
type dial struct {
	done chan struct{} // closed when up and err are set
	up   *upstream
	err  error
}

// forgetUpstream makes the next player dial anew.
func (g *Gate) forgetUpstream(up *upstream) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.upstreams[up.addr] == up.dial {
		delete(g.upstreams, up.addr)
	}
}

package gate

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"croupier/servers/internal/fence"
)

// fences are rooms of which this gate has heard that another server owns them, and whose players are yet to be led there.
type fences struct {
	wake chan struct{} // one slot

	mu     sync.Mutex
	routes map[*route]struct{}
}

func newFences() *fences {
	return &fences{wake: make(chan struct{}, 1), routes: make(map[*route]struct{})}
}

func (f *fences) add(r *route) {
	f.mu.Lock()
	f.routes[r] = struct{}{}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *fences) takeAll() map[*route]struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	routes := f.routes
	f.routes = make(map[*route]struct{})
	return routes
}

// ownerIs hears who owns a room. Where the address is a name, any other server of the game says where the way goes on.
func (g *Gate) ownerIs(o fence.Owner) {
	addr, _ := netip.ParseAddrPort(o.Address)
	if r := g.placement.taken(roomKey{game: o.Game, id: o.Room}, addr, o.Epoch); r != nil {
		g.fences.add(r)
	}
}

// whileAway is how long it takes to look again at a player who was on the way when the news came.
const whileAway = 100 * time.Millisecond

// leadOn leads players on who are with a server that does not own their room any more, until ctx ends. That server cannot say so: it is
// cut off. A walk over all sessions finds them; one does for all the rooms that were heard of during the walk before.
func (g *Gate) leadOn(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.fences.wake:
		}
		routes := g.fences.takeAll()
		var later []*route
		g.table.each(func(s *session) {
			b := s.at.Load()
			if b == nil {
				return
			}
			r := b.room.Load()
			if _, fenced := routes[r]; fenced && !s.leadOn(b) {
				later = append(later, r)
			}
		})
		if later == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(whileAway):
		}
		for _, r := range later {
			g.fences.add(r)
		}
	}
}

// leadOn leads a session on where its lane leads to an owner of before. False: it is on the way already, and where that
// ends is not known yet.
func (s *session) leadOn(b *binding) bool {
	s.placing.Lock()
	if s.pass != nil {
		s.placing.Unlock()
		return false
	}
	fenced := s.at.Load() == b && b.stale() && s.fence(b)
	s.placing.Unlock()
	if fenced {
		drop(b)
	}
	return true
}

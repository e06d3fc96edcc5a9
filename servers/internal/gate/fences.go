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
	addr, err := netip.ParseAddrPort(o.Address)
	if err == nil {
		addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	}
	if r := g.placement.taken(roomKey{game: o.Game, id: o.Room}, addr, o.Epoch); r != nil {
		g.fences.add(r)
	}
}

const (
	// fenceEvery is the least time between two walks: the rooms of a server go within some tenths of a second. Where it has died
	// there is nothing left to do for most of them.
	fenceEvery = 20 * time.Millisecond
	// whileAway is how long it takes to look again at a player who was on the way when the news came.
	whileAway = 100 * time.Millisecond
)

// leadOn leads players on who are with a server that does not own their room any more, until ctx ends. That server cannot say so: it is
// cut off. A walk over all sessions finds them; one does for all the rooms that were heard of since the walk before.
func (g *Gate) leadOn(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.fences.wake:
		}
		pause := fenceEvery
		routes := g.fences.takeAll()
		var later []*route
		g.table.each(func(s *session) {
			if r := s.leadOn(routes); r != nil {
				later, pause = append(later, r), whileAway
			}
		})
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		for _, r := range later {
			g.fences.add(r)
		}
	}
}

// leadOn leads a session on where its lane leads to one of the rooms, and to an owner of before. It returns the room where
// the session is on the way already, so that it is not known yet where that ends. A lane whose server speaks first meanwhile has
// seen the room's new epoch, which was set before the walk, if not this one sees the lane.
func (s *session) leadOn(routes map[*route]struct{}) (later *route) {
	s.placing.Lock()
	b := s.at.Load()
	var r *route
	if b != nil {
		r = b.room.Load()
	}
	if _, told := routes[r]; !told || !b.stale() {
		s.placing.Unlock()
		return nil
	}
	if s.pass != nil {
		s.placing.Unlock()
		return r
	}
	fenced := s.fence(b)
	s.placing.Unlock()
	if fenced {
		drop(b)
	}
	return nil
}

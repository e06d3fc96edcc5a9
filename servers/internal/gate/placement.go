package gate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// resolveEvery is how long a resolved Service name is believed.
const resolveEvery = time.Second

// resolveTimeout is how long a player who sits down waits for the name service.
const resolveTimeout = 2 * time.Second

// forgetAfter is how long a room without a player of this gate is remembered to be where it was:
// longer than any player needs to come back to a seat.
const forgetAfter = 2 * time.Minute

// mostRoutes is how many rooms are remembered at most, some 30 MB. A further room is found by its
// number alone.
const mostRoutes = 1 << 18

// placement decides which game server a room is on. Servers that may take new rooms are those
// that the Service name of the game resolves to; among them a room's number alone decides, so
// that all gates agree. A room in which this gate has, or just had, a player stays where it is,
// listed or not.
type placement struct {
	resolve func(ctx context.Context, host string) ([]netip.Addr, error)

	mu       sync.Mutex
	services map[string]*service // by name of game; fixed
	rooms    map[roomKey]*route
}

// service is a game's Service: HOST:PORT, resolved now and again.
type service struct {
	host    string
	port    uint16
	checked time.Time
	addrs   []netip.AddrPort
}

type roomKey struct {
	game string
	id   int64
}

// route is where a room is.
type route struct {
	addr netip.AddrPort
	used time.Time
}

// ParseServices reads the form GAME=HOST:PORT[,GAME=HOST:PORT...].
func ParseServices(text string) (map[string]string, error) {
	services := make(map[string]string)
	for field := range strings.SplitSeq(text, ",") {
		game, address, ok := strings.Cut(strings.TrimSpace(field), "=")
		if !ok || game == "" {
			return nil, fmt.Errorf("%q: write GAME=HOST:PORT, for example dice=dice:60001", field)
		}
		if _, _, err := splitHostPort(address); err != nil {
			return nil, fmt.Errorf("%q: %w", field, err)
		}
		if _, twice := services[game]; twice {
			return nil, fmt.Errorf("game %q is named twice", game)
		}
		services[game] = address
	}
	return services, nil
}

func splitHostPort(address string) (string, uint16, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || host == "" || port == 0 {
		return "", 0, fmt.Errorf("address %q: write HOST:PORT, for example dice:60001", address)
	}
	return host, uint16(port), nil
}

func newPlacement(services map[string]string) (*placement, error) {
	p := &placement{
		services: make(map[string]*service),
		rooms:    make(map[roomKey]*route),
		resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
	}
	for game, address := range services {
		host, port, err := splitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("game %s: %w", game, err)
		}
		p.services[game] = &service{host: host, port: port}
	}
	if len(p.services) == 0 {
		return nil, errors.New("no game has a Service: name at least one, for example dice=dice:60001")
	}
	return p, nil
}

var errUnknownGame = errors.New("unknown game")

// candidates lists the servers to try for a room, the likeliest owner first, without those in not.
func (p *placement) candidates(ctx context.Context, key roomKey, not []netip.AddrPort) ([]netip.AddrPort, error) {
	listed, err := p.listed(ctx, key.game)
	p.mu.Lock()
	known := p.rooms[key]
	p.mu.Unlock()
	if known == nil && err != nil {
		return nil, err
	}
	ranked := rank(listed, key)
	if known != nil {
		ranked = slices.DeleteFunc(ranked, func(a netip.AddrPort) bool { return a == known.addr })
		ranked = slices.Insert(ranked, 0, known.addr)
	}
	ranked = slices.DeleteFunc(ranked, func(a netip.AddrPort) bool { return slices.Contains(not, a) })
	if len(ranked) == 0 {
		return nil, fmt.Errorf("no server takes new rooms of %s now: try again", key.game)
	}
	return ranked, nil
}

// listed are the servers that may take new rooms of a game.
func (p *placement) listed(ctx context.Context, game string) ([]netip.AddrPort, error) {
	p.mu.Lock()
	s, known := p.services[game]
	if !known {
		p.mu.Unlock()
		return nil, errUnknownGame
	}
	if s.addrs != nil && time.Since(s.checked) < resolveEvery {
		defer p.mu.Unlock()
		return s.addrs, nil
	}
	s.checked = time.Now() // others go by the old answer meanwhile
	p.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	ips, err := p.resolve(ctx, s.host)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if s.addrs != nil {
			return s.addrs, nil // the name service is away; the servers need not be
		}
		return nil, fmt.Errorf("no server of %s is listed now: try again", game)
	}
	addrs := make([]netip.AddrPort, 0, len(ips))
	for _, ip := range ips {
		addrs = append(addrs, netip.AddrPortFrom(ip.Unmap(), s.port))
	}
	s.addrs = addrs
	return addrs, nil
}

// The parameters of FNV-1a, 64 bits.
const offset64, prime64 = 14695981039346656037, 1099511628211

// rank orders servers for a room by rendezvous hashing: where a server comes or goes, only the
// rooms that it wins or had move.
func rank(addrs []netip.AddrPort, key roomKey) []netip.AddrPort {
	ranked := slices.Clone(addrs)
	slices.SortFunc(ranked, func(a, b netip.AddrPort) int {
		wa, wb := weight(a, key), weight(b, key)
		switch {
		case wa > wb:
			return -1
		case wa < wb:
			return 1
		}
		return a.Compare(b)
	})
	return ranked
}

// weight is FNV-1a over address, game and number, mixed once more (murmur3's finalizer), because
// FNV alone leaves neighbouring numbers close together.
func weight(addr netip.AddrPort, key roomKey) uint64 {
	h := uint64(offset64)
	add := func(b byte) { h = (h ^ uint64(b)) * prime64 }
	for _, b := range addr.Addr().As16() {
		add(b)
	}
	add(byte(addr.Port()))
	add(byte(addr.Port() >> 8))
	for i := range len(key.game) {
		add(key.game[i])
	}
	for shift := 0; shift < 64; shift += 8 {
		add(byte(uint64(key.id) >> shift))
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// remember notes where a room is.
func (p *placement) remember(key roomKey, addr netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rooms[key] == nil && len(p.rooms) >= mostRoutes {
		return
	}
	p.rooms[key] = &route{addr: addr, used: time.Now()}
}

// use keeps a room remembered that has a player now.
func (p *placement) use(key roomKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.rooms[key]; r != nil {
		r.used = time.Now()
	}
}

// forget drops a room that is known to be closed, or a server known to be gone.
func (p *placement) forget(key roomKey, addr netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.rooms[key]; r != nil && r.addr == addr {
		delete(p.rooms, key)
	}
}

// expire drops rooms that had no player for long.
func (p *placement) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, r := range p.rooms {
		if time.Since(r.used) > forgetAfter {
			delete(p.rooms, key)
		}
	}
}

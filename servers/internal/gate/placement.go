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

// service is where a game's servers are: names with ports, resolved now and again. On a cluster it
// is the one name of a Service.
type service struct {
	names   []endpoint // fixed
	checked time.Time
	last    [][]netip.AddrPort // the newest answer for each name; nil: there was none yet
	addrs   []netip.AddrPort   // all of them; nil: none
}

// endpoint is HOST:PORT.
type endpoint struct {
	host string
	port uint16
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

// ParseServices reads the form GAME=HOST:PORT[,GAME=HOST:PORT...]. A HOST:PORT without a game is a
// further one of the game before it.
func ParseServices(text string) (map[string]string, error) {
	services := make(map[string]string)
	last := ""
	for field := range strings.SplitSeq(text, ",") {
		game, address, named := strings.Cut(strings.TrimSpace(field), "=")
		if !named {
			game, address = last, game
		}
		if game == "" {
			return nil, fmt.Errorf("%q: write GAME=HOST:PORT, for example dice=dice:60001", field)
		}
		if _, err := parseEndpoint(address); err != nil {
			return nil, fmt.Errorf("%q: %w", field, err)
		}
		before, known := services[game]
		switch {
		case known && named:
			return nil, fmt.Errorf("game %q is named twice: write %s=%s,%s", game, game, before, address)
		case known:
			address = before + "," + address
		}
		services[game], last = address, game
	}
	return services, nil
}

func parseEndpoint(address string) (endpoint, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return endpoint{}, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || host == "" || port == 0 {
		return endpoint{}, fmt.Errorf("address %q: write HOST:PORT, for example dice:60001", address)
	}
	return endpoint{host, uint16(port)}, nil
}

func newPlacement(services map[string]string) (*placement, error) {
	p := &placement{
		services: make(map[string]*service),
		rooms:    make(map[roomKey]*route),
		resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
	}
	for game, addresses := range services {
		s := new(service)
		for address := range strings.SplitSeq(addresses, ",") {
			name, err := parseEndpoint(address)
			if err != nil {
				return nil, fmt.Errorf("game %s: %w", game, err)
			}
			s.names = append(s.names, name)
		}
		s.last = make([][]netip.AddrPort, len(s.names))
		p.services[game] = s
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

	answers := p.ask(ctx, s.names)
	p.mu.Lock()
	defer p.mu.Unlock()
	var addrs []netip.AddrPort
	for i, answer := range answers {
		if answer == nil {
			answer = s.last[i] // the name service is away; the servers need not be
		}
		s.last[i] = answer
		addrs = append(addrs, answer...)
	}
	slices.SortFunc(addrs, netip.AddrPort.Compare)
	s.addrs = slices.Compact(addrs)
	if s.addrs == nil {
		return nil, fmt.Errorf("no server of %s is listed now: try again", game)
	}
	return s.addrs, nil
}

// ask resolves names, all at once. nil: no answer.
func (p *placement) ask(ctx context.Context, names []endpoint) [][]netip.AddrPort {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	answers := make([][]netip.AddrPort, len(names))
	var asked sync.WaitGroup
	for i, name := range names {
		asked.Go(func() {
			ips, err := p.resolve(ctx, name.host)
			if err != nil {
				return
			}
			answers[i] = make([]netip.AddrPort, 0, len(ips))
			for _, ip := range ips {
				answers[i] = append(answers[i], netip.AddrPortFrom(ip.Unmap(), name.port))
			}
		})
	}
	asked.Wait()
	return answers
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

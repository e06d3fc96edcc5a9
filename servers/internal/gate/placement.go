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
	"sync/atomic"
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
// listed or not. Servers know better than gates where a room is: this is only whom to ask first.
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

// route is where a room is, and the fence of all lanes that lead there.
type route struct {
	key  roomKey
	addr netip.AddrPort // guarded by placement.mu; not valid: known to be nowhere
	// epoch is the highest that this gate has heard of: what comes from an owner with an older one
	// is not delivered. It stays when the address is forgotten.
	epoch atomic.Uint64
	used  atomic.Int64 // when a player was last there, in unix nanoseconds
}

// touch keeps a room remembered that has a player now.
func (r *route) touch() { r.used.Store(time.Now().UnixNano()) }

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

// plays says whether a game is one of those that this gate leads to.
func (p *placement) plays(game string) bool {
	_, known := p.services[game]
	return known
}

// candidates lists the servers to ask for a room, the likeliest owner first. Users who want any
// room of a game are spread over its servers.
func (p *placement) candidates(ctx context.Context, key roomKey, user int64) ([]netip.AddrPort, error) {
	listed, err := p.listed(ctx, key.game)
	if key.id == 0 {
		key.id = -user // no room has a negative number
	}
	ranked := rank(listed, key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.rooms[key]; r != nil && r.addr.IsValid() {
		ranked = slices.DeleteFunc(ranked, func(a netip.AddrPort) bool { return a == r.addr })
		return slices.Insert(ranked, 0, r.addr), nil
	}
	return ranked, err
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

// remember notes where a room is, as a server of that epoch says; 0: a server of a build that has no
// epochs. It returns the room's route, in which a newer epoch may stand already: then the
// server is not the owner any more, and nothing else was noted.
func (p *placement) remember(key roomKey, addr netip.AddrPort, epoch uint64) *route {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rooms[key]
	if r == nil {
		r = &route{key: key}
		if len(p.rooms) < mostRoutes {
			p.rooms[key] = r
		}
	}
	r.touch()
	if epoch == 0 || epoch >= r.epoch.Load() {
		r.addr = addr
	}
	if epoch > r.epoch.Load() {
		r.epoch.Store(epoch)
	}
	return r
}

// taken notes that a room has a new owner, as that one says. It returns the route where players of this gate may be with an
// older one. A room that is not known is remembered all the same: a player who comes for it must not be let in by
// that older one.
func (p *placement) taken(key roomKey, addr netip.AddrPort, epoch uint64) *route {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rooms[key]
	if r == nil {
		if p.plays(key.game) && len(p.rooms) < mostRoutes {
			r = &route{key: key, addr: addr}
			r.touch()
			r.epoch.Store(epoch)
			p.rooms[key] = r
		}
		return nil
	}
	if epoch <= r.epoch.Load() {
		return nil
	}
	r.addr = addr
	r.epoch.Store(epoch)
	return r
}

// where says where a room was last.
func (p *placement) where(r *route) netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	return r.addr
}

// forget drops the address of a room that is known to be closed, or of a server known to be gone.
func (p *placement) forget(key roomKey, addr netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.rooms[key]; r != nil && r.addr == addr {
		r.addr = netip.AddrPort{}
	}
}

// expire drops rooms that had no player for long.
func (p *placement) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := time.Now().Add(-forgetAfter).UnixNano()
	for key, r := range p.rooms {
		if r.used.Load() < old {
			delete(p.rooms, key)
		}
	}
}

// lookUp finds the server of an address that another server names: HOST:PORT, where HOST may be a name.
func (p *placement) lookUp(ctx context.Context, address string) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddrPort(address); err == nil {
		return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), nil
	}
	name, err := parseEndpoint(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if answer := p.ask(ctx, []endpoint{name})[0]; len(answer) > 0 {
		return answer[0], nil
	}
	return netip.AddrPort{}, fmt.Errorf("the name %s is not known here", name.host)
}

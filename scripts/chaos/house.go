package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"croupier/servers/token"
)

// Ports of the servers, the same on every host.
const (
	gamePort = 60001
	gatePort = 60006
	opsPort  = 60011
	natsPort = 4222
)

// Sizes is how large the house is.
type Sizes struct {
	Games, Gates int
	Store        bool // rooms are kept in NATS; else in the memory of the one game server
	Isolated     bool // each server has a network namespace
	Weather      Weather
	Round, Idle  time.Duration // of dice
	MoveAfter    time.Duration
	Debug        bool
}

// house is all servers of a run, and the network between them.
type house struct {
	Sizes
	dir     string // logs, binaries, and what NATS stores
	key     string // JWT_KEY
	secret  string // NATS_TOKEN
	hosts   map[string]*host
	relay   *relay // nil: all on loopback
	journal *journal
	client  *http.Client

	mu      sync.Mutex
	servers map[string]*server
	faults  []error
	ending  bool

	watchers sync.WaitGroup
}

// server is a place at which processes run, one after the other.
type server struct {
	host    *host
	process *process
	starts  int
	spent   time.Duration // processor time of those that ended
}

// open makes the hosts. The servers start with start.
func open(dir string, s Sizes, seed uint64, j *journal) (*house, error) {
	h := &house{
		Sizes: s, dir: dir, key: token.NewKey(), secret: token.NewKey(), journal: j,
		hosts: make(map[string]*host), servers: make(map[string]*server),
	}
	h.client = &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: h.dialFor}}
	prefix := [4]byte{127, byte(64 + os.Getpid()%64), byte(os.Getpid() / 64), 0}
	if s.Isolated {
		prefix = [4]byte{10, 77, 0, 0}
	}
	add := func(name string, last byte) error {
		prefix[3] = last
		one, err := newHost(name, netip.AddrFrom4(prefix), s.Isolated)
		if err == nil {
			h.hosts[name] = one
		}
		return err
	}
	err := errors.Join(add(store, 2), add("loadgen", 3))
	for i := range s.Gates {
		err = errors.Join(err, add(gateName(i), byte(10+i)))
	}
	for i := range s.Games {
		err = errors.Join(err, add(gameName(i), byte(100+i)))
	}
	if err != nil {
		h.close()
		return nil, err
	}
	if s.Isolated {
		var all []*host
		for _, one := range h.hosts {
			all = append(all, one)
		}
		h.relay = newRelay(s.Weather, seed, all)
	}
	return h, nil
}

// names are the servers, in the order in which they are to start.
func (h *house) names() []string {
	var names []string
	if h.Store {
		names = append(names, store)
	}
	for i := range h.Games {
		names = append(names, gameName(i))
	}
	for i := range h.Gates {
		names = append(names, gateName(i))
	}
	return names
}

// start starts a server and waits until it is ready.
func (h *house) start(ctx context.Context, name string) error {
	program, args, err := h.line(name)
	if err != nil {
		return err
	}
	var env []string
	if name != store {
		env = []string{"JWT_KEY=" + h.key, "NATS_TOKEN=" + h.secret}
	}
	p, err := launch(h.hosts[name], filepath.Join(h.dir, name+".log"), env, filepath.Join(h.dir, program), args...)
	if err != nil {
		return err
	}
	h.mu.Lock()
	s := h.servers[name]
	if s == nil {
		s = &server{host: h.hosts[name]}
		h.servers[name] = s
	}
	s.process = p
	s.starts++
	h.mu.Unlock()
	h.watchers.Go(func() { h.watch(s, p) })
	return h.ready(ctx, name, p)
}

// watch notes the end of a process, and that it was not meant to end.
func (h *house) watch(s *server, p *process) {
	<-p.done
	h.mu.Lock()
	s.spent += p.cpu()
	h.mu.Unlock()
	if err := p.fate(); err != nil {
		h.fault(err)
	}
}

// line is the command line of a server.
func (h *house) line(name string) (program string, args []string, err error) {
	host := h.hosts[name]
	nats := []string{}
	if h.Store {
		nats = []string{"--nats", "nats://" + h.hosts[store].at(natsPort)}
	}
	if h.Debug {
		nats = append(nats, "--debug")
	}
	switch {
	case name == store:
		file := filepath.Join(h.dir, "nats.conf")
		text := fmt.Sprintf("listen: %q\nhttp: %q\njetstream { store_dir: %q }\nauthorization { token: %q }\n",
			host.at(natsPort), host.at(opsPort), filepath.Join(h.dir, "store"), h.secret)
		return "nats-server", []string{"--config", file}, os.WriteFile(file, []byte(text), 0o600)
	case strings.HasPrefix(name, "game"):
		args = []string{"--listen", host.at(gamePort), "--ops", host.at(opsPort), "--games", "dice",
			"--round", h.Round.String(), "--idle", h.Idle.String()}
		if h.Store {
			args = append(args, "--advertise", host.at(gamePort), "--name", name, "--move-after", h.MoveAfter.String())
		}
		return "game", append(args, nats...), nil
	}
	var games []string
	for i := range h.Games {
		games = append(games, h.hosts[gameName(i)].at(gamePort))
	}
	args = []string{"--listen", host.at(gatePort), "--ops", host.at(opsPort), "--spread", "3s", "--games", "dice=" + strings.Join(games, ",")}
	return "gate", append(args, nats...), nil
}

// ready waits until a server says that it is.
func (h *house) ready(ctx context.Context, name string, p *process) error {
	path := "/readyz"
	if name == store {
		path = "/healthz?js-enabled-only=true"
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		body, err := h.get(ctx, name, path)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it was ready; its last words:\n%s", name, p.lastWords())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready after 20s: %w: %s; its last words:\n%s", name, err, body, p.lastWords())
		}
	}
}

// get asks a server on its port for operators.
func (h *house) get(ctx context.Context, name, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.hosts[name].at(opsPort)+path, nil)
	if err != nil {
		return "", err
	}
	answer, err := h.client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 16<<20))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s of %s: %s", path, name, answer.Status)
	}
	return string(body), err
}

// dialFor connects from the network of the host that is asked.
func (h *house) dialFor(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, one := range h.hosts {
		if strings.HasPrefix(address, one.address.String()+":") {
			return one.dial(ctx, network, address)
		}
	}
	return nil, fmt.Errorf("no host has the address %s", address)
}

// now is the process that runs at a server's place, or ran there last.
func (h *house) now(name string) *process {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.servers[name].process
}

// fault notes something that must not be, at once and for the verdict.
func (h *house) fault(err error) {
	h.mu.Lock()
	ending := h.ending
	if !ending {
		h.faults = append(h.faults, err)
	}
	h.mu.Unlock()
	if !ending {
		h.journal.say("FAULT: %v", err)
	}
}

// spent is the processor time that each server has used so far, in all its processes.
func (h *house) spent() map[string]time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	spent := make(map[string]time.Duration)
	for name, s := range h.servers {
		spent[name] = s.spent
		if s.process.running() {
			spent[name] += s.process.cpu()
		}
	}
	return spent
}

// leave asks all servers to stop, now that nobody plays. Each has to end soon, and well.
func (h *house) leave(ctx context.Context) {
	names := h.names()
	slices.Reverse(names) // gates before the servers that they need
	for _, name := range names {
		p := h.now(name)
		if !p.running() {
			continue
		}
		if name == store {
			p.expect()
		}
		if err := p.signal(syscall.SIGTERM); err != nil {
			h.fault(err)
		} else if err := p.ends(ctx, 15*time.Second); err != nil {
			h.fault(err)
		}
	}
}

// close ends everything.
func (h *house) close() {
	h.mu.Lock()
	h.ending = true
	h.mu.Unlock()
	for _, s := range h.servers {
		s.process.kill()
	}
	h.watchers.Wait()
	for _, one := range h.hosts {
		one.close()
	}
	if h.relay != nil {
		h.relay.wait()
	}
}

package stack

import (
	"errors"
	"net"
	"sync"
	"time"
)

// berth is a port of the stack. It stays while servers come and go on it, as the name of a pod
// does: no other program gets the port meanwhile. Who connects while no server is there is reset
// at once, much as a closed port would do.
type berth struct {
	listener *net.TCPListener
	accepted sync.WaitGroup

	mu   sync.Mutex
	here *tenancy // nil: nobody
}

// openBerth listens. The port accepts until close.
func openBerth(address string) (*berth, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	b := &berth{listener: l.(*net.TCPListener)}
	b.accepted.Go(b.accept)
	return b, nil
}

func (b *berth) String() string { return b.listener.Addr().String() }

// close frees the port and waits for the goroutine.
func (b *berth) close() {
	b.listener.Close()
	b.accepted.Wait()
}

// shortOfFiles is the pause after an Accept that failed for want of file descriptors.
const shortOfFiles = 20 * time.Millisecond

func (b *berth) accept() {
	for {
		conn, err := b.listener.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(shortOfFiles)
			continue
		}
		b.mu.Lock()
		here := b.here
		b.mu.Unlock()
		if here == nil || !here.take(conn) {
			reset(conn)
		}
	}
}

func reset(conn *net.TCPConn) {
	conn.SetLinger(0) //nolint:errcheck // then it is closed in the polite way
	conn.Close()
}

// let lets a server in, which gets what connects from now on. keep says that its connections are
// known, so that all can be cut at once.
func (b *berth) let(keep bool) *tenancy {
	t := &tenancy{berth: b, conns: make(chan net.Conn), over: make(chan struct{})}
	if keep {
		t.open = make(map[*cable]bool)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.here = t
	return t
}

// tenancy is the listener of one server on a berth. It ends when the server closes it.
type tenancy struct {
	berth *berth
	conns chan net.Conn
	over  chan struct{}
	once  sync.Once

	mu   sync.Mutex
	open map[*cable]bool // nil: they are not kept
	dead bool            // nothing more is let through
}

// take hands a connection to the server. False: it is not there any more.
func (t *tenancy) take(conn *net.TCPConn) bool {
	var c net.Conn = conn
	if t.open != nil {
		kept := &cable{TCPConn: conn, of: t}
		if !t.watch(kept) {
			return false
		}
		c = kept
	}
	select {
	case t.conns <- c:
		return true
	case <-t.over:
		return false
	}
}

// watch keeps a connection. False: it came after the last cut.
func (t *tenancy) watch(c *cable) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.dead {
		t.open[c] = true
	}
	return !t.dead
}

func (t *tenancy) Accept() (net.Conn, error) {
	select {
	case conn := <-t.conns:
		return conn, nil
	case <-t.over:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: t.Addr(), Err: net.ErrClosed}
	}
}

func (t *tenancy) Close() error {
	t.once.Do(func() { close(t.over) })
	t.berth.mu.Lock()
	defer t.berth.mu.Unlock()
	if t.berth.here == t {
		t.berth.here = nil
	}
	return nil
}

func (t *tenancy) Addr() net.Addr { return t.berth.listener.Addr() }

// cut resets all connections, as the kernel does when a process is killed, and says how many there
// were. Where it is the last cut, no connection comes through any more.
func (t *tenancy) cut(last bool) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dead = t.dead || last
	for c := range t.open {
		reset(c.TCPConn)
	}
	return len(t.open)
}

// cable is a connection that its tenancy can cut.
type cable struct {
	*net.TCPConn
	of *tenancy
}

func (c *cable) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.TCPConn.Close()
}

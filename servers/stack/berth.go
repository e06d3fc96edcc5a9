package stack

import (
	"errors"
	"net"
	"slices"
	"sync"
	"time"
	"weak"
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

// reset breaks a connection off, and says whether it was open.
func reset(conn *net.TCPConn) bool {
	conn.SetLinger(0) //nolint:errcheck // then it is closed in the polite way
	return conn.Close() == nil
}

// let lets a server in, which gets what connects from now on.
func (b *berth) let() *tenancy {
	t := &tenancy{berth: b, conns: make(chan net.Conn), over: make(chan struct{})}
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

	mu    sync.Mutex
	open  []weak.Pointer[net.TCPConn] // those that were closed among them, until they are swept
	sweep int                         // the length at which open is swept
	dead  bool                        // nothing more is let through
}

// take hands a connection to the server. False: it is not there any more.
func (t *tenancy) take(conn *net.TCPConn) bool {
	if !t.watch(conn) {
		return false
	}
	select {
	case t.conns <- conn:
		return true
	case <-t.over:
		return false
	}
}

// watch keeps track of a connection, so that it can be cut. The server gets the connection itself: a
// gate takes nothing else. False: it came after the last cut.
func (t *tenancy) watch(conn *net.TCPConn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.open) >= t.sweep {
		t.open = slices.DeleteFunc(t.open, func(p weak.Pointer[net.TCPConn]) bool { return p.Value() == nil })
		t.sweep = 2*len(t.open) + 64
	}
	t.open = append(t.open, weak.Make(conn))
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
func (t *tenancy) cut(last bool) (open int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dead = t.dead || last
	for _, p := range t.open {
		if conn := p.Value(); conn != nil && reset(conn) {
			open++
		}
	}
	t.open = nil
	return open
}

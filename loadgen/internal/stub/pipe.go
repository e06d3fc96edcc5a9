package stub

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Pipe returns a connection to the stub that exists in memory only. What is written to it is handled
// within Write.
func (s *Server) Pipe() net.Conn {
	p := &pipe{}
	p.readable.L = &p.mu
	p.session = &session{server: s, write: p.deliver}
	return p
}

// pipe is the client's end.
type pipe struct {
	session *session

	mu       sync.Mutex
	readable sync.Cond
	inbox    []byte
	ended    bool // by the stub
	closed   bool // by the client
	deadline bool // of reading has passed
}

// deliver takes what the stub says.
func (p *pipe) deliver(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.inbox = append(p.inbox, b...)
		p.readable.Signal()
	}
}

func (p *pipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.closed:
			return 0, net.ErrClosed
		case len(p.inbox) > 0:
			n := copy(b, p.inbox)
			if p.inbox = p.inbox[n:]; len(p.inbox) == 0 {
				p.inbox = nil
			}
			return n, nil
		case p.ended:
			return 0, io.EOF
		case p.deadline:
			return 0, os.ErrDeadlineExceeded
		}
		p.readable.Wait()
	}
}

func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	closed := p.closed || p.ended
	p.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	if err := p.session.take(b); err != nil {
		p.session.leave()
		p.mu.Lock()
		p.ended = true
		p.readable.Signal()
		p.mu.Unlock()
	}
	return len(b), nil
}

func (p *pipe) Close() error {
	p.mu.Lock()
	before := p.closed
	p.closed = true
	p.inbox = nil
	p.readable.Signal()
	p.mu.Unlock()
	if !before {
		p.session.leave()
	}
	return nil
}

// SetDeadline knows no times to come: either the deadline has passed or there is none.
func (p *pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

func (p *pipe) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = !t.IsZero() && !t.After(time.Now())
	p.readable.Signal()
	return nil
}

func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
func (p *pipe) LocalAddr() net.Addr              { return pipeAddr{} }
func (p *pipe) RemoteAddr() net.Addr             { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

package bot

import (
	"context"
	"net"
	"sync"
)

// line makes a bot's network connections and remembers the one in use, so that it can be broken
// below everything that the client does.
type line struct {
	mu   sync.Mutex
	conn net.Conn
}

// dial is client.Options.NetDial.
func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
	return conn, nil
}

// cut ends the TCP connection without a word of the protocol above it: with a reset, as when a
// machine restarts, or with an orderly end of stream. False: there is none.
func (l *line) cut(reset bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return false
	}
	if tcp, ok := l.conn.(*net.TCPConn); ok && reset {
		tcp.SetLinger(0) //nolint:errcheck // the connection ends in any case
	}
	l.conn.Close() //nolint:errcheck // as above
	l.conn = nil
	return true
}

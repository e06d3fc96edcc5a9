package load

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"
	"time"

	"croupier/loadgen/internal/link"
	"croupier/servers/client"
	"croupier/servers/wire"
)

// probeTimeout bounds the first connection.
const probeTimeout = 6 * time.Second

// Probe makes one connection and ends it, so that a wrong target is known before any bot starts. Of several
// addresses one that answers is enough.
func Probe(ctx context.Context, target link.Target, user int64) error {
	var first error
	for turn := range max(len(target.Gates), len(target.Games), 1) {
		err := probeOne(ctx, target, user, turn)
		if err == nil || ctx.Err() != nil {
			return err
		}
		first = cmp.Or(first, err)
	}
	return first
}

func probeOne(ctx context.Context, target link.Target, user int64, turn int) error {
	probing, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	p := probe{up: make(chan link.Link, 1), down: make(chan error, 1)}
	target.Open(probing, user, turn, p)
	var err error
	select {
	case l := <-p.up:
		l.Close()
		<-p.down
		return nil
	case err = <-p.down:
	}
	if speaksFirst(probing, target.At(user, turn), err) {
		err = fmt.Errorf("connect to %v: %w", target, client.ErrNotGate)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("interrupted while connecting to %v", target)
	}
	return fmt.Errorf("%w: %s", err, advice(err))
}

// speaksFirst says whether what closed the connection to a gate's address speaks before it is spoken to,
// as a gRPC server does, and no WebSocket server.
func speaksFirst(ctx context.Context, target link.Target, err error) bool {
	if len(target.Gates) == 0 {
		return false
	}
	u, bad := url.Parse(target.Gates[0])
	if bad != nil || !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)) //nolint:errcheck // a conn without deadlines is no conn
	n, _ := conn.Read(make([]byte, 1))
	return n > 0
}

// probe is the link.Handler of one connection.
type probe struct {
	up   chan link.Link
	down chan error
}

func (p probe) Up(l link.Link, _ time.Time)          { p.up <- l }
func (p probe) Told(wire.Command, []byte, time.Time) {}
func (p probe) Down(err error)                       { p.down <- err }

// advice is the next step after a failed probe.
func advice(err error) string {
	var handshake *client.HandshakeError
	var address *url.Error
	var plain tls.RecordHeaderError
	switch {
	case errors.Is(err, client.ErrUnauthorized):
		return "is JWT_KEY the key of the gate?"
	case errors.As(err, &handshake):
		return "is that the gate's address for players?"
	case errors.Is(err, client.ErrNotGate):
		return "is it the game server's port? then use --direct"
	case errors.Is(err, client.ErrNotGame):
		return "is it the gate's port? then use --gate"
	case errors.Is(err, link.ErrSilent):
		return "is the address right?"
	case errors.As(err, &plain):
		return "does the gate speak TLS? if not, write ws:// in place of wss://"
	case errors.As(err, &address):
		return "is the gate running, and the address right?"
	}
	return "is the server running, and the address right?"
}

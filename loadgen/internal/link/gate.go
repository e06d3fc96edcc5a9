package link

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gobwas/ws"

	"croupier/servers/client"
	"croupier/servers/wire"
)

// gateLink is a WebSocket to a gate.
type gateLink struct {
	conn  net.Conn
	raw   syscall.RawConn // of conn; nil: it is no socket
	h     Handler
	heard atomic.Int64 // Unix time in nanoseconds

	writing sync.Mutex
	bye     bool  // our close frame was sent
	unsent  error // why the connection was ended in the midst of writing

	rest    []byte // the begin of a frame that is not complete yet
	message []byte // of the fragments so far; nil: none
	buffer  []byte // for a conn that is no socket
}

func (t Target) openGate(ctx context.Context, user int64, h Handler) {
	began := time.Now()
	l, early, dialed, err := t.dialGate(ctx, user, h)
	if err != nil {
		h.Down(fmt.Errorf("connect to %v: %w", t, silence(ctx, err, began)))
		return
	}
	go l.serve(ctx, early, dialed) // on a stack of its own, which was never as deep as the handshake needs
}

// dialGate connects and shakes hands. early is what the gate said right behind its handshake.
func (t Target) dialGate(ctx context.Context, user int64, h Handler) (l *gateLink, early []byte, dialed time.Time, err error) {
	u, err := url.Parse(t.Gates[0])
	if err != nil {
		return nil, nil, dialed, err
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), map[string]string{"ws": "80", "wss": "443"}[u.Scheme])
	}
	dial := t.Dial
	if dial == nil {
		dial = t.From.dial
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := dial(ctx, user, address)
	if err != nil {
		return nil, nil, dialed, client.RootCause(err)
	}
	dialed = time.Now()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)                                        //nolint:errcheck // a conn without deadlines is no conn
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(past) }) //nolint:errcheck // as above
	upgraded, early, err := t.upgrade(conn, u, user)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, nil, dialed, err
	}
	conn.SetDeadline(time.Time{}) //nolint:errcheck // as above
	l = &gateLink{conn: upgraded, h: h}
	if socket, ok := upgraded.(syscall.Conn); ok && rawIO {
		l.raw, err = socket.SyscallConn()
	}
	if l.raw == nil {
		l.buffer = make([]byte, 512)
	}
	return l, early, dialed, err
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// upgrade turns a network connection into a WebSocket.
func (t Target) upgrade(conn net.Conn, u *url.URL, user int64) (net.Conn, []byte, error) {
	if u.Scheme == "wss" {
		secure := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12})
		if err := secure.Handshake(); err != nil {
			return nil, nil, err
		}
		conn = secure
	}
	var refused *client.HandshakeError
	dialer := ws.Dialer{
		ReadBufferSize:  1024,
		WriteBufferSize: 1024,
		OnStatusError: func(status int, _ []byte, answer io.Reader) {
			refused = refusal(status, answer)
		},
	}
	if t.Token != nil {
		signed, err := t.Token(user)
		if err != nil {
			return nil, nil, fmt.Errorf("sign a token: %w", err)
		}
		dialer.Header = ws.HandshakeHeaderString("Authorization: Bearer " + signed + "\r\n")
	}
	more, _, err := dialer.Upgrade(conn, u)
	switch {
	case refused != nil:
		return nil, nil, refused
	case errors.Is(err, ws.ErrMalformedResponse), errors.Is(err, ws.ErrHandshakeBadProtocol):
		return nil, nil, client.ErrNotGate
	case err != nil:
		return nil, nil, client.RootCause(err)
	}
	return conn, taken(more), nil
}

// taken is what a reader has read ahead; the reader goes back to where it came from.
func taken(r *bufio.Reader) []byte {
	if r == nil {
		return nil
	}
	b, _ := r.Peek(r.Buffered()) //nolint:errcheck // there are as many
	b = bytes.Clone(b)
	ws.PutReader(r)
	return b
}

// refusal reads what an HTTP answer says.
func refusal(status int, answer io.Reader) *client.HandshakeError {
	e := &client.HandshakeError{Status: status}
	response, err := http.ReadResponse(bufio.NewReader(answer), nil)
	if err != nil {
		return e
	}
	defer response.Body.Close()
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 200)) //nolint:errcheck // as much as there is
	e.Text = client.Printable(strings.ToValidUTF8(string(body), "?"))
	return e
}

// serve reads until the end.
func (l *gateLink) serve(ctx context.Context, early []byte, dialed time.Time) {
	stop := context.AfterFunc(ctx, func() { l.conn.SetDeadline(past) }) //nolint:errcheck // see dialGate
	l.note(time.Now())
	l.h.Up(l, dialed)
	err := l.read(early, [kept]byte{})
	if !stop() {
		err = ErrEnded
	}
	l.writing.Lock()
	if l.unsent != nil && errors.Is(err, net.ErrClosed) {
		err = ending(l.unsent)
	}
	l.writing.Unlock()
	l.socket().Close()
	l.h.Down(err)
}

// kept is how many bytes of its stack a link uses for nothing while it waits, so that the garbage collector
// takes it for one that needs its 4 KiB: it halves each stack of which less than a quarter is in use, and the
// next message would double it again, which was 5% of the time with 18,000 bots.
const kept = 640

func (l *gateLink) read(early []byte, _ [kept]byte) error {
	if err := l.take(early, time.Now()); err != nil {
		return err
	}
	for {
		if err := l.readOnce(); err != nil {
			return err
		}
	}
}

// chunk is how much is read at once.
const chunk = 4 << 10

var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// readOnce waits until there is something to read, and takes it. No buffer is held while it waits.
func (l *gateLink) readOnce() error {
	if l.raw == nil {
		n, err := l.conn.Read(l.buffer)
		if err == nil || n > 0 {
			err = l.take(l.buffer[:n], time.Now())
		}
		return ending(err)
	}
	var buffer *[chunk]byte
	var n int
	var failed error
	err := l.raw.Read(func(fd uintptr) bool {
		buffer = chunks.Get().(*[chunk]byte)
		n, failed = readNow(fd, buffer[:])
		if failed == syscall.EAGAIN || failed == syscall.EINTR {
			chunks.Put(buffer)
			return false
		}
		return true
	})
	switch {
	case err != nil:
		return ending(err)
	case failed != nil:
		chunks.Put(buffer)
		return ending(failed)
	case n == 0:
		chunks.Put(buffer)
		return ending(io.EOF)
	}
	err = l.take(buffer[:n], time.Now())
	chunks.Put(buffer)
	return err
}

// ending types the end of a connection.
func ending(err error) error {
	var closed *client.CloseError
	switch {
	case err == nil || errors.As(err, &closed) || errors.Is(err, client.ErrMalformed) || errors.Is(err, client.ErrTooBig):
		return err
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the connection ended without a goodbye: %w", io.EOF)
	}
	return fmt.Errorf("the connection broke: %w", client.RootCause(err))
}

// take handles what was read.
func (l *gateLink) take(b []byte, at time.Time) error {
	l.note(at)
	if len(l.rest) > 0 {
		l.rest = append(l.rest, b...)
		b = l.rest
	}
	had := len(l.rest)
	for {
		f, size, err := parseFrame(b, client.MaxMessage)
		switch err {
		case nil:
		case errIncomplete:
			switch len(b) {
			case 0:
				l.rest = nil
			case had: // and stays where it is
			default:
				l.rest = bytes.Clone(b) // b is lent
			}
			return nil
		case errTooBig:
			return fmt.Errorf("%w: over %d bytes", client.ErrTooBig, client.MaxMessage)
		default:
			return fmt.Errorf("%w: %w", client.ErrMalformed, err)
		}
		if err := l.handle(f, at); err != nil {
			return err
		}
		b = b[size:]
	}
}

// handle handles one frame.
func (l *gateLink) handle(f frame, at time.Time) error {
	switch f.op {
	case ws.OpPing:
		return l.write(ws.OpPong, f.payload)
	case ws.OpPong:
		return nil
	case ws.OpClose:
		end := &client.CloseError{Code: 1005} // RFC 6455: no code was there
		if len(f.payload) >= 2 {
			end.Code = wire.CloseCode(binary.BigEndian.Uint16(f.payload))
			end.Reason = client.Printable(strings.ToValidUTF8(string(f.payload[2:]), "?"))
		}
		l.write(ws.OpClose, f.payload[:min(len(f.payload), 2)]) //nolint:errcheck // it ends in any case
		return end
	case ws.OpText:
		return fmt.Errorf("%w: a text message", client.ErrMalformed)
	case ws.OpBinary:
		if l.message != nil {
			return fmt.Errorf("%w: a message within another", client.ErrMalformed)
		}
		if f.final {
			return l.tell(f.payload, at)
		}
		l.message = append(make([]byte, 0, len(f.payload)+1), f.payload...)
		return nil
	}
	switch { // a continuation
	case l.message == nil:
		return fmt.Errorf("%w: the end of a message without its begin", client.ErrMalformed)
	case len(l.message)+len(f.payload) > client.MaxMessage:
		return fmt.Errorf("%w: over %d bytes", client.ErrTooBig, client.MaxMessage)
	}
	l.message = append(l.message, f.payload...)
	if !f.final {
		return nil
	}
	whole := l.message
	l.message = nil
	return l.tell(whole, at)
}

func (l *gateLink) tell(message []byte, at time.Time) error {
	op, payload, err := wire.Split(message)
	if err != nil {
		return fmt.Errorf("%w: %w", client.ErrMalformed, err)
	}
	l.h.Told(op, payload, at)
	return nil
}

func (l *gateLink) note(at time.Time) { l.heard.Store(at.UnixNano()) }

func (l *gateLink) Heard() time.Time { return time.Unix(0, l.heard.Load()) }

func (l *gateLink) Send(message []byte) error { return l.write(ws.OpBinary, message) }

func (l *gateLink) Ping() error { return l.write(ws.OpPing, nil) }

// errNotTaken is a peer that does not read what little a bot says.
var errNotTaken = errors.New("the server does not read")

// longestSend is how long a write to what is no socket may take.
const longestSend = time.Second

// write writes a whole frame at once, or ends the connection.
func (l *gateLink) write(op ws.OpCode, payload []byte) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.bye {
		return net.ErrClosed
	}
	l.bye = op == ws.OpClose
	w := writers.Get().(*writer)
	defer writers.Put(w)
	w.frame = appendFrame(w.frame[:0], op, payload)
	if err := l.put(w); err != nil {
		l.unsent = err
		l.socket().Close()
		return err
	}
	return nil
}

// writer writes one frame at a time to a socket.
type writer struct {
	frame []byte
	n     int
	err   error
	write func(fd uintptr) bool // writes the frame
}

var writers = sync.Pool{New: func() any {
	w := &writer{frame: make([]byte, 0, 192)}
	w.write = func(fd uintptr) bool {
		w.n, w.err = writeNow(fd, w.frame)
		return true
	}
	return w
}}

// put hands a frame to the system, all of it or the connection is of no use any more.
func (l *gateLink) put(w *writer) error {
	if l.raw == nil {
		l.conn.SetWriteDeadline(time.Now().Add(longestSend)) //nolint:errcheck // see dialGate
		_, err := l.conn.Write(w.frame)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errNotTaken
		}
		return err
	}
	err := l.raw.Write(w.write)
	switch {
	case err != nil:
		return err
	case w.err == syscall.EAGAIN, w.err == nil && w.n < len(w.frame):
		return errNotTaken
	}
	return w.err
}

// socket is the network connection, TLS or not.
func (l *gateLink) socket() net.Conn {
	if secure, ok := l.conn.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return l.conn
}

func (l *gateLink) Cut(reset bool) {
	socket := l.socket()
	if tcp, ok := socket.(*net.TCPConn); ok && reset {
		tcp.SetLinger(0) //nolint:errcheck // the connection ends in any case
	}
	socket.Close()
}

func (l *gateLink) Close() {
	var code [2]byte
	binary.BigEndian.PutUint16(code[:], uint16(wire.CloseNormal))
	if l.write(ws.OpClose, code[:]) == nil {
		l.conn.SetReadDeadline(time.Now().Add(time.Second)) //nolint:errcheck // see dialGate
	}
}

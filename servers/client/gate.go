package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"croupier/servers/wire"
)

// gateLink is a WebSocket to a gate.
type gateLink struct {
	conn   *websocket.Conn
	raw    net.Conn      // below conn: its deadline ends what conn waits for
	limit  time.Duration // of one write
	buffer []byte        // of receive; grows to the largest message and stays
}

func dialGate(ctx context.Context, c *Client, address, token string) (link, error) {
	if err := checkGate(address); err != nil {
		return nil, err
	}
	header := c.options.Header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	var raw net.Conn
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { raw = info.Conn },
	})
	conn, response, err := websocket.Dial(ctx, address, &websocket.DialOptions{
		HTTPClient: httpClient(c.options),
		HTTPHeader: header,
	})
	if err != nil {
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			return nil, handshakeError(response)
		}
		if speaksFirst(err) {
			return nil, ErrNotGate
		}
		return nil, RootCause(err)
	}
	conn.SetReadLimit(MaxMessage)
	return &gateLink{conn: conn, raw: raw, limit: c.options.writeTimeout}, nil
}

// speaksFirst says that the server answered with something else than HTTP, as one of gRPC does:
// after the request, or before it. net/http has no types for either.
func speaksFirst(err error) bool {
	text := err.Error()
	return strings.Contains(text, "malformed HTTP response") || strings.Contains(text, "readLoopPeekFailLocked: %!w(<nil>)")
}

// httpClient makes the client for handshakes. Nothing is kept alive: what does not become a
// WebSocket is not worth keeping, and would outlive Close.
func httpClient(o Options) *http.Client {
	transport := &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		DisableKeepAlives: true,
		TLSClientConfig:   o.TLS,
	}
	if o.NetDial != nil {
		transport.Proxy = nil
		transport.DialContext = o.NetDial
	}
	return &http.Client{
		Transport: transport,
		// A redirect would carry the token to a host that nobody named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func handshakeError(response *http.Response) error {
	e := &HandshakeError{Status: response.StatusCode}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	if response.Body != nil {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 200))
		e.Text = Printable(string(body))
	}
	return e
}

// Printable makes one line of a stranger's text that cannot upset a terminal.
func Printable(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if !strconv.IsPrint(r) {
			return -1
		}
		return r
	}, text))
}

func (l *gateLink) send(frame []byte) error {
	// Neither a deadline, which would outlast the write and then fail the library's own answer to
	// a ping, nor a context of the caller, whose end in the midst of a write would break the
	// connection.
	guard := time.AfterFunc(l.limit, l.cut)
	err := l.conn.Write(context.Background(), websocket.MessageBinary, frame)
	guard.Stop()
	if err != nil {
		l.cut() // half a frame may be out
		return RootCause(err)
	}
	return nil
}

func (l *gateLink) receive() (wire.Command, []byte, error) {
	kind, reader, err := l.conn.Reader(context.Background())
	if err != nil {
		return 0, nil, gateError(err)
	}
	if kind != websocket.MessageBinary {
		return 0, nil, fmt.Errorf("%w: a text message", ErrMalformed)
	}
	l.buffer, err = readAll(reader, l.buffer[:0])
	if err != nil {
		return 0, nil, gateError(err)
	}
	op, payload, err := wire.Split(l.buffer)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return op, payload, nil
}

// readAll is io.ReadAll into a buffer of the caller.
func readAll(r io.Reader, b []byte) ([]byte, error) {
	if cap(b) == 0 {
		b = make([]byte, 0, 512)
	}
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// gateError types what the WebSocket library reports.
func gateError(err error) error {
	var closed websocket.CloseError
	switch {
	case errors.As(err, &closed):
		return &CloseError{Code: wire.CloseCode(closed.Code), Reason: Printable(closed.Reason)}
	case errors.Is(err, websocket.ErrMessageTooBig):
		return fmt.Errorf("%w: over %d bytes", ErrTooBig, MaxMessage)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the connection ended without a goodbye: %w", RootCause(err))
	}
	return fmt.Errorf("the connection broke: %w", RootCause(err))
}

// RootCause leaves out what each layer above the network says of its part in a failure.
func RootCause(err error) error {
	var network *net.OpError
	if errors.As(err, &network) {
		var system *os.SyscallError
		if errors.As(err, &system) {
			return system.Err
		}
		return network.Err
	}
	for _, end := range []error{io.ErrUnexpectedEOF, io.EOF, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return end
		}
	}
	return err
}

func (l *gateLink) probe(ctx context.Context) error { return l.conn.Ping(ctx) }

// close sends the close frame and leaves receive to read the answer, for as long as ctx lasts.
func (l *gateLink) close(ctx context.Context) {
	if ctx.Err() == nil {
		stop := context.AfterFunc(ctx, l.cut)
		l.conn.Close(websocket.StatusNormalClosure, "")
		stop()
		return
	}
	// CloseNow waits for a Close that is under way, which the deadline ends.
	l.cut()
	l.conn.CloseNow()
}

// cut fails every read and write of the connection, now and later.
func (l *gateLink) cut() { l.raw.SetDeadline(time.Unix(1, 0)) }

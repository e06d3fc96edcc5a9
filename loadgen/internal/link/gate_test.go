package link

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"croupier/servers/client"
	"croupier/servers/wire"
)

// watch is a Handler that tells a test what happens.
type watch struct {
	up   chan Link
	told chan string
	down chan error
}

func newWatch() *watch {
	return &watch{up: make(chan Link, 1), told: make(chan string, 100), down: make(chan error, 1)}
}

func (w *watch) Up(l Link, dialed time.Time) {
	if since := time.Since(dialed); since < 0 || since > time.Minute {
		panic(fmt.Sprint("the network connection stood before ", since))
	}
	w.up <- l // blocks at a second time, as does Down
}

func (w *watch) Told(op wire.Command, payload []byte, _ time.Time) {
	w.told <- fmt.Sprintf("%d %x", op, payload)
}

func (w *watch) Down(err error) { w.down <- err }

// serve serves each connection with f, and returns the address.
func serve(t testing.TB, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, l, f)
}

func serveOn(t testing.TB, l net.Listener, f func(net.Conn)) string {
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				stop := context.AfterFunc(t.Context(), func() { conn.Close() })
				defer stop()
				defer conn.Close()
				f(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	return l.Addr().String()
}

// after serves f behind the WebSocket handshake.
func after(f func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		if _, err := ws.Upgrade(conn); err == nil {
			f(conn)
		}
	}
}

// untilEnd reads until the end and says which it is.
func untilEnd(conn net.Conn) error {
	_, err := io.Copy(io.Discard, conn)
	if err == nil {
		err = io.EOF
	}
	return err
}

// open opens a link through a gate.
func open(t testing.TB, target Target) (*watch, Link) {
	t.Helper()
	w := newWatch()
	target.Open(t.Context(), 7, 0, w)
	select {
	case l := <-w.up:
		return w, l
	case err := <-w.down:
		t.Fatal(err)
		return nil, nil
	}
}

func gate(address string) Target { return Target{Gates: []string{"ws://" + address}} }

func TestHandshakeThatFails(t *testing.T) {
	says := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			io.WriteString(conn, text) //nolint:errcheck // the client notices
			untilEnd(conn)             //nolint:errcheck // how it ends is its business
		}
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, c := range map[string]struct {
		target Target
		good   func(error) bool
	}{
		"unauthorized": {gate(serve(t, says("HTTP/1.1 401 Unauthorized\r\nContent-Length: 10\r\n\r\nno \x1b[1mway"))), func(err error) bool {
			handshake, ok := errors.AsType[*client.HandshakeError](err)
			return ok && errors.Is(err, client.ErrUnauthorized) && handshake.Text == "no [1mway"
		}},
		"overloaded": {gate(serve(t, says("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nfull"))), func(err error) bool {
			handshake, ok := errors.AsType[*client.HandshakeError](err)
			return ok && handshake.Status == 503 && handshake.RetryAfter == 7*time.Second && handshake.Text == "full"
		}},
		"no HTTP":   {gate(serve(t, says("SSH-2.0-OpenSSH_9.6\r\n"))), func(err error) bool { return errors.Is(err, client.ErrNotGate) }},
		"gRPC":      {gate(serve(t, says("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00\n"))), func(err error) bool { return errors.Is(err, client.ErrNotGate) }},
		"other key": {gate(serve(t, says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"))), func(err error) bool { return err != nil }},
		"endless": {gate(serve(t, func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<16)) //nolint:errcheck // the client notices
		})), func(err error) bool { return err != nil }},
		"hangs up":    {gate(serve(t, func(net.Conn) {})), func(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) }},
		"closed":      {gate(closed.Addr().String()), func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }},
		"no address":  {Target{Gates: []string{"ws://%zz"}}, func(err error) bool { return strings.Contains(err.Error(), "invalid URL escape") }},
		"no host":     {gate("nowhere.invalid:1"), func(err error) bool { return err != nil }},
		"distrusted":  {Target{Gates: []string{"wss://" + serve(t, says("HTTP/1.1 400 No\r\n\r\n"))}}, func(err error) bool { return strings.Contains(err.Error(), "TLS") }},
		"token fails": {Target{Gates: []string{"ws://" + serve(t, says(""))}, Token: func(int64) (string, error) { return "", errors.New("no key") }}, func(err error) bool { return strings.Contains(err.Error(), "sign a token: no key") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatch()
			c.target.Open(t.Context(), 7, 0, w)
			err := <-w.down
			if err == nil || !c.good(err) || !strings.HasPrefix(err.Error(), "connect to gate "+c.target.Gates[0]+": ") {
				t.Errorf("%v (%T)", err, errors.Unwrap(err))
			}
			if len(w.up) > 0 {
				t.Error("it was up")
			}
		})
	}
}

// A server that says nothing is silent; a run that ends is not the server's silence.
func TestHandshakeThatIsNotAnswered(t *testing.T) {
	for name, target := range map[string]Target{
		"ws":  gate(serve(t, func(conn net.Conn) { untilEnd(conn) })),                         //nolint:errcheck // the client goes
		"wss": {Gates: []string{"wss://" + serve(t, func(conn net.Conn) { untilEnd(conn) })}}, //nolint:errcheck // the client goes
		"dial": {Gates: []string{"ws://nowhere:1"}, Dial: func(ctx context.Context, _ int64, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatch()
			short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			target.Open(short, 7, 0, w)
			if err := <-w.down; !errors.Is(err, ErrSilent) {
				t.Errorf("silence is %v", err)
			}
			over, end := context.WithCancelCause(t.Context())
			target.Open(over, 7, 0, w)
			end(errors.New("a signal"))
			if err := <-w.down; !errors.Is(err, ErrEnded) {
				t.Errorf("the end of the run is %v", err)
			}
		})
	}
}

func TestTalk(t *testing.T) {
	bearer := make(chan string, 1)
	address := serve(t, func(conn net.Conn) {
		upgrader := ws.Upgrader{OnHeader: func(key, value []byte) error {
			if string(key) == "Authorization" {
				bearer <- string(value)
			}
			return nil
		}}
		if _, err := upgrader.Upgrade(conn); err != nil {
			return
		}
		for {
			frame, err := ws.ReadFrame(conn)
			if err != nil {
				return
			}
			frame = ws.UnmaskFrame(frame)
			switch frame.Header.OpCode {
			case ws.OpBinary: // in two fragments
				conn.Write(serverFrame(false, ws.OpBinary, frame.Payload[:2])) //nolint:errcheck // the test notices
				conn.Write(serverFrame(true, ws.OpContinuation, frame.Payload[2:]))
			case ws.OpPing:
				conn.Write(serverFrame(true, ws.OpPong, frame.Payload)) //nolint:errcheck // the test notices
			case ws.OpClose:
				conn.Write(serverFrame(true, ws.OpClose, frame.Payload)) //nolint:errcheck // the test notices
				return
			}
		}
	})
	w, l := open(t, Target{Gates: []string{"ws://" + address + "/path?x=1"}, Token: func(user int64) (string, error) { return fmt.Sprint("token", user), nil }})
	if got := <-bearer; got != "Bearer token7" {
		t.Errorf("the token is sent as %q", got)
	}
	if err := l.Send(message(8, 1, 2)); err != nil {
		t.Error(err)
	}
	if got := <-w.told; got != "8 0102" {
		t.Errorf("told %q", got)
	}
	before := l.Heard()
	if err := l.Ping(); err != nil {
		t.Error(err)
	}
	for deadline := time.Now().Add(10 * time.Second); !l.Heard().After(before); {
		if time.Now().After(deadline) {
			t.Fatal("nothing is heard of a ping")
		}
		time.Sleep(time.Millisecond)
	}
	l.Close()
	var closed *client.CloseError
	if err := <-w.down; !errors.As(err, &closed) || closed.Code != wire.CloseNormal {
		t.Errorf("a goodbye ends with %v", err)
	}
	if l.Send(message(8)) == nil || l.Ping() == nil { // and nothing waits, or panics
		t.Error("one can send after the end")
	}
	l.Close()
	l.Cut(true)
}

// What a gate says right behind its handshake is not lost.
func TestEarlyWords(t *testing.T) {
	address := serve(t, func(conn net.Conn) {
		var said strings.Builder
		pair := struct {
			io.Reader
			io.Writer
		}{conn, &said}
		if _, err := ws.Upgrade(pair); err != nil {
			return
		}
		early := slices.Concat(serverFrame(true, ws.OpBinary, message(1, 5)), serverFrame(true, ws.OpBinary, message(2, 6)), []byte{0x82})
		conn.Write(append([]byte(said.String()), early...))        //nolint:errcheck // the test notices
		conn.Write(serverFrame(true, ws.OpBinary, message(3))[1:]) //nolint:errcheck // the test notices
		untilEnd(conn)                                             //nolint:errcheck // the client goes
	})
	w, l := open(t, gate(address))
	for _, want := range []string{"1 05", "2 06", "3 "} {
		if got := <-w.told; got != want {
			t.Errorf("told %q, not %q", got, want)
		}
	}
	l.Cut(false)
	<-w.down
}

func TestCut(t *testing.T) {
	for _, scheme := range []string{"ws", "wss"} {
		for _, reset := range []bool{false, true} {
			t.Run(fmt.Sprint(scheme, reset), func(t *testing.T) {
				end := make(chan error, 1)
				f := func(conn net.Conn) { end <- untilEnd(conn) }
				w, l := open(t, secured(t, scheme, f))
				l.Cut(reset)
				if err := <-end; errors.Is(err, syscall.ECONNRESET) != reset {
					t.Errorf("the server sees %v", err)
				}
				if err := <-w.down; err == nil {
					t.Error("no reason")
				}
				if l.Send(message(1)) == nil {
					t.Error("one can send after the end")
				}
			})
		}
	}
}

// secured serves f behind a handshake, with TLS or without.
func secured(t *testing.T, scheme string, f func(net.Conn)) Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if scheme == "wss" {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{secure}})
	}
	return Target{Gates: []string{scheme + "://" + serveOn(t, l, after(f))}}
}

func TestTLS(t *testing.T) {
	target := secured(t, "wss", func(conn net.Conn) {
		for {
			frame, err := ws.ReadFrame(conn)
			if err != nil {
				return
			}
			conn.Write(serverFrame(true, frame.Header.OpCode, ws.UnmaskFrame(frame).Payload)) //nolint:errcheck // the test notices
		}
	})
	w, l := open(t, target)
	for range 3 {
		if err := l.Send(message(8, make([]byte, 100)...)); err != nil {
			t.Fatal(err)
		}
		<-w.told
	}
	l.Close()
	var closed *client.CloseError
	if err := <-w.down; !errors.As(err, &closed) {
		t.Error(err)
	}
}

func TestClosedByTheServer(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(net.Conn)
		good func(error) bool
	}{
		"with a code": {func(conn net.Conn) {
			conn.Write(serverFrame(true, ws.OpClose, append(binary.BigEndian.AppendUint16(nil, uint16(wire.CloseReplaced)), "elsewhere"...))) //nolint:errcheck // the test notices
			untilEnd(conn)                                                                                                                    //nolint:errcheck // the client goes
		}, func(err error) bool {
			var closed *client.CloseError
			return errors.Is(err, client.ErrReplaced) && errors.As(err, &closed) && closed.Reason == "elsewhere"
		}},
		"without a word": {func(net.Conn) {}, func(err error) bool { return errors.Is(err, io.EOF) }},
		"with a reset": {func(conn net.Conn) { conn.(*net.TCPConn).SetLinger(0) }, func(err error) bool { //nolint:errcheck // the test notices
			return errors.Is(err, syscall.ECONNRESET)
		}},
		"with garbage": {func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n") //nolint:errcheck // the test notices
			untilEnd(conn)                              //nolint:errcheck // the client goes
		}, func(err error) bool { return errors.Is(err, client.ErrMalformed) }},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := open(t, gate(serve(t, after(c.end))))
			if err := <-w.down; !c.good(err) {
				t.Error(err)
			}
		})
	}
}

// A goodbye that is not answered is enough after a while.
func TestGoodbyeUnanswered(t *testing.T) {
	w, l := open(t, gate(serve(t, after(func(conn net.Conn) { untilEnd(conn) })))) //nolint:errcheck // the client goes
	began := time.Now()
	l.Close()
	<-w.down
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it takes %v", took)
	}
}

// A server that takes connections and never reads is found out, and nobody waits for it.
func TestServerThatDoesNotRead(t *testing.T) {
	for _, scheme := range []string{"ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			w, l := open(t, secured(t, scheme, func(conn net.Conn) {
				if tcp, ok := conn.(*net.TCPConn); ok {
					tcp.SetReadBuffer(4096) //nolint:errcheck // it takes longer then
				}
				<-t.Context().Done()
			}))
			said := message(8, make([]byte, 60_000)...)
			var err error
			for range 2000 {
				began := time.Now()
				if err = l.Send(said); err != nil {
					break
				}
				if took := time.Since(began); took > 15*longestSend {
					t.Fatalf("a message takes %v", took)
				}
			}
			if !errors.Is(err, errNotTaken) {
				t.Errorf("sending fails with %v", err)
			}
			if err := <-w.down; !errors.Is(err, errNotTaken) {
				t.Errorf("the link ends with %v", err)
			}
		})
	}
}

func TestRunEnds(t *testing.T) {
	address := serve(t, after(func(conn net.Conn) { untilEnd(conn) })) //nolint:errcheck // the client goes
	ctx, end := context.WithCancelCause(t.Context())
	w := newWatch()
	gate(address).Open(ctx, 7, 0, w)
	<-w.up
	end(errors.New("a signal"))
	if err := <-w.down; !errors.Is(err, ErrEnded) {
		t.Error(err)
	}
}

func await(t *testing.T, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}

// BenchmarkSend is what a request costs until it is with the system.
func BenchmarkSend(b *testing.B) {
	_, l := open(b, gate(serve(b, after(func(conn net.Conn) { untilEnd(conn) })))) //nolint:errcheck // the client goes
	said := message(8, make([]byte, 24)...)
	b.ReportAllocs()
	for b.Loop() {
		for l.Send(said) != nil {
			b.Fatal("the server is too slow to measure the client")
		}
	}
	l.Cut(true)
}

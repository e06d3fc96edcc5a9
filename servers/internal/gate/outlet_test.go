package gate

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"croupier/servers/wire"
)

// pair returns an outlet, the other end of its connection, and what waits for the outlet's goroutines.
func pair(t testing.TB) (*outlet, *net.TCPConn, *sync.WaitGroup) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	server.(*net.TCPConn).SetWriteBuffer(kernelBacklog)
	client.(*net.TCPConn).SetReadBuffer(256 << 10)
	client.SetDeadline(time.Now().Add(20 * time.Second))
	out, err := newOutlet(server.(*net.TCPConn), work.Go)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
		work.Wait()
	})
	return out, client.(*net.TCPConn), &work
}

// What is put before a flush leaves in order and as one stream of frames, whoever puts it.
func TestOutletSendsEverything(t *testing.T) {
	out, client, _ := pair(t)
	const putters, each = 4, 300
	var putting sync.WaitGroup
	for p := range putters {
		putting.Go(func() {
			for n := range each {
				for !out.put(ws.OpBinary, []byte{byte(p)}, []byte{byte(n >> 8), byte(n)}, make([]byte, 97)) {
					out.flush() // the reader below makes room
				}
				out.flush()
			}
		})
	}
	next := [putters]int{}
	for range putters * each {
		f, err := ws.ReadFrame(client)
		if err != nil {
			t.Fatal(err)
		}
		p, n := f.Payload[0], int(f.Payload[1])<<8|int(f.Payload[2])
		if len(f.Payload) != 100 || n != next[p] {
			t.Fatalf("putter %d: frame %d of %d bytes, want frame %d", p, n, len(f.Payload), next[p])
		}
		next[p]++
	}
	putting.Wait()
}

// Nobody reads: put never blocks, what waits is bounded, and close is the last word.
func TestOutletIsBounded(t *testing.T) {
	out, client, _ := pair(t)
	message := make([]byte, 1000)
	taken := 0
	for out.put(ws.OpBinary, message) {
		out.flush()
		if taken++; taken > 10_000 {
			t.Fatal("an outlet that nobody reads takes messages without end")
		}
	}
	if held := out.held(); held > sessionBacklog+len(message) {
		t.Errorf("%d bytes are held, at most %d should be", held, sessionBacklog)
	}
	out.close(wire.CloseTooSlow, "slow")
	out.close(wire.CloseNormal, "only the first close counts")
	if !out.put(ws.OpBinary, message) {
		t.Error("a closed outlet complains")
	}
	out.flush()
	got := 0
	for {
		f, err := ws.ReadFrame(client)
		if err != nil {
			t.Fatal(err)
		}
		if f.Header.OpCode == ws.OpClose {
			if code, reason := ws.ParseCloseFrameData(f.Payload); code != 1013 || reason != "slow" {
				t.Errorf("closed with %d %q", code, reason)
			}
			break
		}
		got++
	}
	if got != taken {
		t.Errorf("%d messages arrived of %d", got, taken)
	}
}

// held counts the bytes that wait for the socket.
func (o *outlet) held() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.inFlight
	if o.pending != nil {
		n += len(*o.pending)
	}
	return n
}

// A connection that is gone fails the outlet, which then holds nothing and wakes the reader.
func TestOutletOfALostConnection(t *testing.T) {
	out, client, work := pair(t)
	client.SetLinger(0)
	client.Close()
	one := make([]byte, 1)
	for range 2 { // the first read or write may learn of the reset, whichever it is
		out.put(ws.OpBinary, []byte("x"))
		out.flush()
		if _, err := out.conn.Read(one); err == nil || errors.Is(err, io.EOF) {
			t.Fatalf("read from a lost connection: %v", err)
		}
	}
	out.put(ws.OpBinary, []byte("x"))
	out.flush()
	work.Wait()
	if held := out.held(); held != 0 && out.failure == nil {
		t.Errorf("%d bytes are held for nobody", held)
	}
}

// A session at rest has no buffer.
func TestOutletAtRestIsEmpty(t *testing.T) {
	out, client, _ := pair(t)
	out.put(ws.OpBinary, []byte("hello"))
	out.flush()
	if f, err := ws.ReadFrame(client); err != nil || !bytes.Equal(f.Payload, []byte("hello")) {
		t.Fatal(f, err)
	}
	if out.pending != nil {
		t.Error("a buffer is kept at rest")
	}
}

func BenchmarkOutlet(b *testing.B) {
	out, client, _ := pair(b)
	client.SetReadBuffer(1 << 20)
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, client)
		read <- err
	}()
	message := make([]byte, 60)
	b.ReportAllocs()
	for b.Loop() {
		for !out.put(ws.OpBinary, message) {
			out.flush()
		}
		out.flush()
	}
	b.StopTimer()
	out.conn.Close()
	<-read
}

package gate

import (
	"encoding/binary"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/gobwas/ws"

	"croupier/servers/wire"
)

const (
	// sessionBacklog is how many bytes wait for one player at most: some thousand messages. A
	// player who is further behind is closed with wire.CloseTooSlow.
	sessionBacklog = 64 << 10
	// kernelBacklog is how many bytes the kernel holds for one player besides; it takes twice as much
	// memory for them.
	kernelBacklog = 64 << 10
	// writePatience is how long a full socket may stay full before its session ends.
	writePatience = 10 * time.Second
	// lastWords is how long a closed session gets to take its close frame and to answer it.
	lastWords = time.Second
)

// buffers hold messages between their arrival and the write. A session at rest has none.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// outlet is a session's way out. Put never blocks; flush writes what the socket takes at once, and
// only when the socket is full a goroutine is started that waits for it.
type outlet struct {
	conn    *net.TCPConn
	raw     syscall.RawConn
	attempt func(fd uintptr) bool // try, bound once: a closure for each write would be garbage
	wait    func(func())          // runs the waiting goroutine, and is waited for by the gate

	mu       sync.Mutex
	pending  *[]byte // from buffers; nil: nothing to write
	waiting  bool    // a goroutine waits for the socket; it writes what is pending
	inFlight int     // bytes that goroutine holds
	closing  bool    // a close frame is the last thing in pending
	wrote    int     // result of attempt
	failure  error   // result of attempt; then final
}

func newOutlet(conn *net.TCPConn, wait func(func())) (*outlet, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	o := &outlet{conn: conn, raw: raw, wait: wait}
	o.attempt = o.try
	return o, nil
}

// put queues a frame made of the parts. False: there are too many bytes waiting; the frame was
// not taken. After close, frames are dropped.
func (o *outlet) put(op ws.OpCode, parts ...[]byte) bool {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing || o.failure != nil {
		return true
	}
	if o.pending == nil {
		o.pending = buffers.Get().(*[]byte)
	}
	b := *o.pending
	if len(b)+o.inFlight+size > sessionBacklog {
		return false
	}
	b = appendHeader(b, op, size)
	for _, part := range parts {
		b = append(b, part...)
	}
	*o.pending = b
	return true
}

// close queues a close frame as the last one. Only the first call has an effect.
func (o *outlet) close(code wire.CloseCode, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing || o.failure != nil {
		return
	}
	o.closing = true
	if o.pending == nil {
		o.pending = buffers.Get().(*[]byte)
	}
	b := appendHeader(*o.pending, ws.OpClose, 2+len(reason))
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	*o.pending = append(b, reason...)
	if o.waiting {
		o.conn.SetWriteDeadline(time.Now().Add(lastWords)) //nolint:errcheck // a closed socket waits for nothing
	}
}

// flush writes what is pending as far as the socket takes it now.
func (o *outlet) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pending == nil || o.waiting || o.failure != nil {
		return
	}
	if err := o.raw.Write(o.attempt); err != nil {
		o.fail(err)
		return
	}
	switch {
	case o.failure != nil:
		o.release()
	case o.wrote == len(*o.pending):
		o.release()
	default:
		*o.pending = append((*o.pending)[:0], (*o.pending)[o.wrote:]...)
		o.waiting = true
		o.wait(o.writeWaiting)
	}
}

// try is one write that does not wait. It runs under o.mu.
func (o *outlet) try(fd uintptr) bool {
	for {
		n, err := writeNow(fd, *o.pending)
		switch err {
		case nil:
			o.wrote = n
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			o.wrote = 0
		default:
			o.fail(err)
		}
		return true
	}
}

// writeWaiting writes, and waits, until nothing is pending.
func (o *outlet) writeWaiting() {
	for {
		o.mu.Lock()
		pending := o.pending
		if pending == nil || o.failure != nil {
			o.waiting, o.inFlight = false, 0
			o.release()
			o.conn.SetWriteDeadline(time.Time{}) //nolint:errcheck // writes fail or need none
			o.mu.Unlock()
			return
		}
		o.pending, o.inFlight = nil, len(*pending)
		patience := writePatience
		if o.closing {
			patience = lastWords
		}
		o.conn.SetWriteDeadline(time.Now().Add(patience)) //nolint:errcheck // the write will fail
		o.mu.Unlock()

		_, err := o.conn.Write(*pending)
		recycle(pending)
		if err != nil {
			o.mu.Lock()
			o.fail(err)
			o.mu.Unlock()
		}
	}
}

// fail needs o.mu. The reader of a socket that can't be written to is woken to end the session.
func (o *outlet) fail(err error) {
	if o.failure == nil {
		o.failure = err
		o.conn.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // a closed socket has no reader
	}
}

// release needs o.mu.
func (o *outlet) release() {
	if o.pending != nil {
		recycle(o.pending)
		o.pending = nil
	}
}

func recycle(b *[]byte) {
	if cap(*b) <= 16<<10 {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

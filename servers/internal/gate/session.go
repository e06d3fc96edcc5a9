package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gobwas/ws"
	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// session is one player's connection.
type session struct {
	gate   *Gate
	number uint64 // of the gate's sessions, from 1
	user   int64
	conn   *net.TCPConn
	raw    syscall.RawConn
	out    *outlet
	at     atomic.Pointer[binding] // nil: not in a room

	seen   atomic.Int64 // when the client was last heard of, in seconds of the gate's clock
	pinged atomic.Bool  // a ping was sent since
	ending atomic.Bool  // a close frame was sent or received: what still comes is dropped

	complained atomic.Bool // a refused request was logged

	next *session // of the same user; guarded by the table

	placing sync.Mutex // guards what follows, and at where it changes; comes after upstream.mu
	pass    *passage   // the way to a room, while it is not complete; nil: none
	kept    *kept      // requests without a reply; nil: none
	stand   *stand     // a StandUp without an answer; nil: none

	// The rest belongs to the session's goroutine.
	rest     []byte // the begin of a frame whose end has not come yet
	message  []byte // the begin of a fragmented message
	inside   bool   // a fragmented message has begun
	allowed  float64
	refilled time.Time
	lingered int   // bytes that came after the close frame
	end      error // why reading ended
}

// leave unbinds the session from its room and calls off a passage under way.
func (s *session) leave() {
	s.placing.Lock()
	b, p := s.at.Swap(nil), s.pass
	s.pass = nil
	s.unkeep()
	s.unstand()
	s.placing.Unlock()
	drop(b)
	if p != nil {
		if p.lane != b {
			drop(p.lane)
		}
		drop(p.old)
	}
}

// drop shuts a lane, if there is one. It takes the lock of the trunk, so session.placing must be free.
func drop(b *binding) {
	if b != nil {
		b.up.shut(b.lane)
	}
}

// unstand says that a StandUp has its answer, or will have none. It needs s.placing.
func (s *session) unstand() {
	if s.stand != nil {
		close(s.stand.over)
		s.stand = nil
	}
}

// mostLingered is how many bytes a closed session may still send, in search of its close frame.
const mostLingered = 1 << 20

// errLeft is why reading ends when the client has closed.
var errLeft = errors.New("closed by the client")

// readBuffers are lent to a session for as long as it handles what has arrived.
var readBuffers = sync.Pool{New: func() any { b := make([]byte, 2*(wire.MaxRequest+maxHeader)); return &b }}

// serve reads until the connection ends, and cleans up.
//
// It reads inside of one call of RawConn.Read, for two reasons. The goroutine sleeps in the
// poller with no buffer, so a silent player is cheap. And a read that brings less than it could
// have is known to have emptied the socket (epoll(7), edge-triggered), so going back to sleep
// does not cost a second read that says EAGAIN: one system call a message where a plain net.Conn
// needs two. The price: when data and end of stream arrive together, the end is noticed only when
// the sweeper looks.
func (s *session) serve() {
	if !s.handle(s.rest) {
		s.linger()
	}
	if s.end == nil {
		if err := s.raw.Read(s.readable); err != nil && s.end == nil {
			s.end = err
		}
	}
	s.ending.Store(true)
	s.gate.table.remove(s)
	s.leave()
	s.out.flush()
	s.conn.Close()
	s.gate.log.Debug("session ended", "user", s.user, "why", s.end)
}

// readable is called when there may be something to read. It returns true when reading is over.
func (s *session) readable(fd uintptr) bool {
	buffer := readBuffers.Get().(*[]byte)
	defer readBuffers.Put(buffer)
	for {
		b := *buffer
		kept := copy(b, s.rest)
		n, err := readNow(fd, b[kept:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			s.end = os.NewSyscallError("read", err)
			return true
		case n == 0:
			s.end = io.EOF
			return true
		}
		s.seen.Store(s.gate.clock.Load())
		s.pinged.Store(false)
		s.rest = nil
		if s.ending.Load() {
			// The deadline ends the wait for an answer, but only a read that finds nothing heeds it.
			if s.lingered += n; s.lingered > mostLingered || s.closes(b[:kept+n]) {
				s.end = io.EOF
				return true
			}
		} else if !s.handle(b[:kept+n]) {
			if s.end != nil {
				return true
			}
			s.linger()
		}
		if kept+n < len(b) {
			return false
		}
	}
}

// handle takes all complete frames off b and keeps the rest. False: the session is over.
func (s *session) handle(b []byte) bool {
	for len(b) > 0 {
		f, n, err := parseFrame(b, wire.MaxRequest)
		switch {
		case errors.Is(err, errIncomplete):
			s.rest = append([]byte(nil), b...)
			return true
		case errors.Is(err, errTooBig):
			return s.close(wire.CloseTooBig, fmt.Sprintf("at most %d bytes a message", wire.MaxRequest))
		case err != nil:
			return s.close(wire.CloseProtocolError, err.Error())
		}
		b = b[n:]
		if !s.take(f) {
			return false
		}
	}
	s.rest = nil
	return true
}

// take handles one frame. False: the session is over.
func (s *session) take(f frame) bool {
	if !s.allow(1) {
		return s.close(wire.CloseRateLimited, fmt.Sprintf("more than %g messages a second", s.gate.config.Rate))
	}
	switch f.op {
	case ws.OpPing:
		s.out.put(ws.OpPong, f.payload)
		s.out.flush()
		return true
	case ws.OpPong:
		return true
	case ws.OpClose:
		s.end = errLeft
		return s.close(wire.CloseNormal, "")
	case ws.OpText:
		return s.close(wire.CloseUnsupported, "binary messages only")
	case ws.OpContinuation:
		if !s.inside {
			return s.close(wire.CloseProtocolError, "continuation of nothing")
		}
	case ws.OpBinary:
		if s.inside {
			return s.close(wire.CloseProtocolError, "a message inside of a message")
		}
		if f.final {
			return s.receive(f.payload)
		}
	}
	if len(s.message)+len(f.payload) > wire.MaxRequest {
		return s.close(wire.CloseTooBig, fmt.Sprintf("at most %d bytes a message", wire.MaxRequest))
	}
	s.message = append(s.message, f.payload...)
	s.inside = !f.final
	if s.inside {
		return true
	}
	whole := s.message
	s.message = nil
	return s.receive(whole)
}

// receive handles one message. False: the session is over.
func (s *session) receive(message []byte) bool {
	op, body, err := wire.Split(message)
	if err != nil {
		return s.close(wire.CloseBadMessage, err.Error())
	}
	s.gate.metrics.received.Inc()
	if op == wire.Command_SIT_DOWN {
		return s.gate.sit(s, message, body)
	}
	request := wire.RequestID(body)
	s.placing.Lock()
	if s.stand != nil {
		s.stood()
	}
	at, p := s.at.Load(), s.pass
	if p == nil && at == nil {
		s.placing.Unlock()
		s.refuse(wire.Code_STATUS_MISMATCH, noRoom, request)
		return true
	}
	if op == wire.Command_STAND_UP {
		s.stand = &stand{request: request, message: bytes.Clone(message), over: make(chan struct{})}
	}
	held := true
	if p != nil {
		held = p.hold(message)
	} else {
		s.say(at, trunk.KindData, request, message)
	}
	s.placing.Unlock()
	return held || s.tooMuch()
}

// tooMuch closes a session that says more than can wait for its room.
func (s *session) tooMuch() bool {
	return s.close(wire.CloseTooSlow, "too many messages wait for a room that moves")
}

// standPatience is how long a message that follows a StandUp waits for its end, once the room can hear it.
const standPatience = time.Second

// stood waits until a StandUp is answered before the next message is handled: on the lane that the
// room is about to shut, the message would be lost. The time-out is for a StandUp that was
// refused. It needs s.placing, which it lets go of while it waits.
func (s *session) stood() {
	for s.stand != nil {
		st := s.stand
		s.placing.Unlock()
		patience := time.NewTimer(standPatience)
		heard := true
		select {
		case <-st.over:
		case <-patience.C:
			heard = false
		case <-s.gate.ctx.Done():
			heard = false
		}
		patience.Stop()
		s.placing.Lock()
		if !heard && s.stand == st && (s.pass == nil || s.gate.ctx.Err() != nil) { // a passage ends soon enough
			s.unstand()
		}
	}
}

// allow is a token bucket, refilled by the clock when it is asked. A message costs 1.
func (s *session) allow(cost float64) bool {
	now := time.Now()
	s.allowed = min(s.gate.config.Burst, s.allowed+now.Sub(s.refilled).Seconds()*s.gate.config.Rate)
	s.refilled = now
	if s.allowed < cost {
		return false
	}
	s.allowed -= cost
	return true
}

// refuse answers a request that the gate itself can't serve.
func (s *session) refuse(code wire.Code, text string, request uint64) {
	s.complain(code, text)
	s.tell(wire.Command_ERROR, &wire.Error{Code: code, Desc: text}, request)
}

// unavailable answers a request that can't be served now through no fault of the client's.
func (s *session) unavailable(text string, request uint64) {
	s.tell(wire.Command_ERROR, &wire.Error{Code: wire.Code_FAIL, Desc: text}, request)
}

// tell sends a message of the gate itself.
func (s *session) tell(op wire.Command, m proto.Message, request uint64) {
	b, err := wire.Append(nil, op, m)
	if err != nil {
		s.gate.log.Error("message not encoded", "op", op, "err", err)
		return
	}
	s.deliver(wire.AppendMeta(b, 0, 0, request))
	s.out.flush()
}

// deliver queues a message for the player; flush sends it.
func (s *session) deliver(message []byte) {
	if !s.out.put(ws.OpBinary, message) {
		s.gate.metrics.slow.Inc()
		s.close(wire.CloseTooSlow, "messages wait unread")
	}
}

// close asks the session to end, from any goroutine: the client gets a close frame and a moment
// to answer it. It returns false so that the session's own goroutine can end with it.
func (s *session) close(code wire.CloseCode, reason string) bool {
	s.out.close(code, reason)
	s.out.flush()
	if s.ending.CompareAndSwap(false, true) {
		s.gate.metrics.closed(code)
		s.gate.log.Log(context.Background(), level(code), "session closed",
			"user", s.user, "from", s.conn.RemoteAddr(), "code", int(code), "why", reason)
		s.conn.SetReadDeadline(time.Now().Add(lastWords)) //nolint:errcheck // a closed socket is not read
	}
	return false
}

// level is at what level a session's close is logged: one line for what its client did wrong.
func level(code wire.CloseCode) slog.Level {
	switch code {
	case wire.CloseNormal, wire.CloseGoingAway, wire.CloseServerGone, wire.CloseReplaced:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// complain logs the first request of a session that was refused as nonsense, and no further one.
func (s *session) complain(code wire.Code, text string) {
	if (code == wire.Code_FAIL || code == wire.Code_UNKNOWN_COMMAND) && s.complained.CompareAndSwap(false, true) {
		s.gate.log.Info("request refused", "user", s.user, "from", s.conn.RemoteAddr(), "code", code, "why", text)
	}
}

// complainOf does the same for a refusal that comes from a room.
func (s *session) complainOf(body []byte) {
	if s.complained.Load() {
		return
	}
	var e wire.Error
	if proto.Unmarshal(body, &e) == nil {
		s.complain(e.GetCode(), e.GetDesc())
	}
}

// linger says that the goroutine goes on reading, only to find the client's close frame: closing
// a socket with unread bytes in it would reset the connection, and the close frame would be lost.
func (s *session) linger() { s.rest, s.message = nil, nil }

// closes looks for the client's close frame in what still comes.
func (s *session) closes(b []byte) bool {
	for len(b) > 0 {
		f, n, err := parseFrame(b, wire.MaxRequest)
		if err != nil {
			return false // rubbish, or the end of it is yet to come: the deadline ends the wait
		}
		if f.op == ws.OpClose {
			return true
		}
		b = b[n:]
	}
	return false
}

// check is the sweeper's visit: it pings a silent client, closes one that does not answer, and
// sees to passages that hang.
func (s *session) check() {
	s.placing.Lock()
	p := s.pass
	overdue := p != nil && p.overdue()
	s.placing.Unlock()
	if overdue {
		s.gate.movers.add(s.gate.ctx, s, p, 0)
	}
	silent := time.Duration(s.gate.clock.Load()-s.seen.Load()) * time.Second
	switch {
	case silent <= time.Second && s.gone():
		s.conn.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // wakes the reader; a closed socket has none
	case silent >= s.gate.config.IdleTimeout:
		s.close(wire.CloseIdle, "no answer to pings")
	case silent >= s.gate.config.PingEvery && s.pinged.CompareAndSwap(false, true):
		s.out.put(ws.OpPing)
		s.out.flush()
	}
}

// gone looks whether the client has closed its side or reset the connection, which the reader may
// have missed.
func (s *session) gone() (gone bool) {
	s.raw.Control(func(fd uintptr) { //nolint:errcheck // a closed socket has no reader to wake
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = n <= 0 && err != syscall.EAGAIN && err != syscall.EINTR
	})
	return gone
}

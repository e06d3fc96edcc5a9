package gate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
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
	gate *Gate
	user int64
	conn *net.TCPConn
	raw  syscall.RawConn
	out  *outlet
	at   atomic.Pointer[binding] // nil: not in a room

	seen   atomic.Int64 // when the client was last heard of, in seconds of the gate's clock
	pinged atomic.Bool  // a ping was sent since
	ending atomic.Bool  // a close frame was sent or received: what still comes is dropped

	complained atomic.Bool // a refused request was logged

	next *session // of the same user; guarded by the table

	unanswered atomic.Uint64 // the lane on which nothing has come yet; 0: something has

	placing sync.Mutex // guards sits, and at where it changes with it
	sits    uint64     // counts what calls off a placement under way: a newer SitDown, the session's end

	// The rest belongs to the session's goroutine.
	rest     []byte   // the begin of a frame whose end has not come yet
	message  []byte   // the begin of a fragmented message
	inside   bool     // a fragmented message has begun
	standing *binding // that a StandUp was sent on, since when nothing else was
	allowed  float64
	refilled time.Time
	lingered int   // bytes that came after the close frame
	end      error // why reading ended
}

// binding is the lane that carries a session's messages.
type binding struct {
	up    *upstream
	lane  uint64
	place wire.Place
	wish  wish
	over  atomic.Pointer[chan struct{}] // closed when the binding has ended; set by a StandUp
	tried []netip.AddrPort              // servers that did not take the player
	spoke atomic.Bool                   // the player has said something since the SitDown
}

// is says whether this is the lane of that number.
func (b *binding) is(up *upstream, lane uint64) bool { return b != nil && b.up == up && b.lane == lane }

// wish is a SitDown of a session.
type wish struct {
	number  uint64 // session.sits when it was made
	request uint64 // the client's number for it
	lost    int    // how often a lane was lost before an answer
}

// mostLost is how often a wish is placed anew, unseen, after its lane was lost.
const mostLost = 3

// leave unbinds the session from its room and calls off a placement under way. It returns the
// number of the wish that the caller may have placed instead.
func (s *session) leave() uint64 {
	s.placing.Lock()
	s.sits++
	number, b := s.sits, s.at.Swap(nil)
	s.placing.Unlock()
	if b != nil {
		b.up.shut(b.lane)
	}
	return number
}

// mostLingered is how many bytes a closed session may still send, in search of its close frame.
const mostLingered = 1 << 20

// unbind ends a binding whose lane has ended. It returns false where the player has moved on.
func (s *session) unbind(b *binding) bool {
	if !s.at.CompareAndSwap(b, nil) {
		return false
	}
	if over := b.over.Load(); over != nil {
		close(*over)
	}
	return true
}

// unheard says of a binding that has ended that its SitDown had no answer and was the player's last
// word. It can be placed anew then, and the player need not know: to sit down twice in one room is
// to sit down once.
func (s *session) unheard(b *binding) bool {
	return s.unanswered.Load() == b.lane && !b.spoke.Load()
}

// stay calls off a placement under way, as leave does, but the session stays where it is until its
// new wish is placed.
func (s *session) stay() uint64 {
	s.placing.Lock()
	defer s.placing.Unlock()
	s.sits++
	return s.sits
}

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
			if s.lingered += n; s.lingered > mostLingered || s.answered(b[:kept+n]) {
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
	if s.standing != nil {
		s.stood()
	}
	at := s.at.Load()
	switch {
	case op == wire.Command_SIT_DOWN:
		return s.gate.sit(s, body)
	case at == nil:
		s.refuse(wire.Code_STATUS_MISMATCH, "you are in no room: sit down first", wire.RequestID(body))
	default:
		if op == wire.Command_STAND_UP {
			s.standing = at
			at.over.Store(new(make(chan struct{})))
		}
		if !at.spoke.Load() {
			at.spoke.Store(true)
		}
		at.up.out.Put(at.lane, trunk.KindData, message) //nolint:errcheck // a lost trunk closes its sessions by itself
	}
	return true
}

// standPatience is how long a message that follows a StandUp waits for its end.
const standPatience = time.Second

// stood waits until the room has answered the StandUp before the next message is handled: on the
// lane that the room is about to shut, the message would be lost. The time-out is for a StandUp
// that was refused.
func (s *session) stood() {
	b := s.standing
	s.standing = nil
	if s.at.Load() != b {
		return
	}
	patience := time.NewTimer(standPatience)
	defer patience.Stop()
	select {
	case <-*b.over.Load():
	case <-patience.C:
	case <-s.gate.ctx.Done():
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

// answered looks for the client's close frame in what still comes.
func (s *session) answered(b []byte) bool {
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

// check is the sweeper's visit: it pings a silent client and closes one that does not answer.
func (s *session) check() {
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

package roomtest

import (
	"bytes"
	"fmt"
	"maps"
	"sync"
	"time"

	"croupier/servers/internal/room"
)

// Session is a room.Session that records what it is sent, and watches it as a suspicious player
// would: events numbered without a gap, one epoch, nothing after the end.
type Session struct {
	user   int64
	record *Record // of the room; nil: it has none

	mu     sync.Mutex
	moved  bool   // the next message may be of a later epoch
	asked  []act  // what a Journey has the player do
	sent   []Sent // not taken yet
	view   map[int64]Seen
	last   room.Meta // of the latest message
	heard  bool      // anything at all
	ended  bool
	reason room.Reason
	faults []string
}

// Sent is one message that a session was sent.
type Sent struct {
	room.Message
	room.Meta
	At time.Time
}

// Seen is what a player has been told about someone in the room.
type Seen struct {
	Seat   int
	Online bool
}

// NewSession returns a session of a user.
func NewSession(user int64) *Session {
	return &Session{user: user, view: make(map[int64]Seen)}
}

// Resumed is the same player's next session, after a room has moved or was lost: a seamless one
// goes on with the next message, any other is told everything anew.
func (s *Session) Resumed(seamless bool) *Session {
	next := NewSession(s.user)
	s.mu.Lock()
	defer s.mu.Unlock()
	next.last, next.moved, next.asked = s.last, true, s.asked
	if seamless {
		next.heard, next.view = s.heard, maps.Clone(s.view)
	}
	return next
}

// User is the player's number.
func (s *Session) User() int64 { return s.user }

// Send records a message.
func (s *Session) Send(op uint32, body []byte, meta room.Meta) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := Sent{Message: room.Message{Op: op, Body: bytes.Clone(body)}, Meta: meta, At: time.Now()}
	s.sent = append(s.sent, m)
	switch {
	case s.ended:
		s.fault("was sent %v after its end", m)
	case meta == (room.Meta{}):
		return // it has no place in the order of things
	case s.record != nil && meta.Seq > s.record.Seq():
		s.fault("was sent %v under number %d, and stored is number %d", m, meta.Seq, s.record.Seq())
	case s.moved && meta.Epoch < s.last.Epoch:
		s.fault("was sent %v of epoch %d after epoch %d", m, meta.Epoch, s.last.Epoch)
	case s.heard && !s.moved && meta.Epoch != s.last.Epoch:
		s.fault("was sent %v of epoch %d in epoch %d", m, meta.Epoch, s.last.Epoch)
	case s.heard && meta.Seq != s.last.Seq && meta.Seq != s.last.Seq+1:
		s.fault("was sent %v under number %d after number %d", m, meta.Seq, s.last.Seq)
	}
	s.heard, s.last, s.moved = true, meta, false
	s.see(m)
}

// see keeps the player's idea of who is in the room.
func (s *Session) see(m Sent) {
	core, _ := hear(m.Message)
	switch m.Op {
	case OpUser:
		s.view[core.User] = Seen{Seat: core.Seat, Online: core.Online}
	case OpStood:
		delete(s.view, core.User)
	case OpOnline:
		known, ok := s.view[core.User]
		if !ok {
			s.fault("was told %v, of whom it never heard", m)
		}
		s.view[core.User] = Seen{Seat: known.Seat, Online: core.Online}
	}
}

// End records the end.
func (s *Session) End(reason room.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		s.fault("was ended twice, by %v and by %v", s.reason, reason)
	}
	s.ended, s.reason = true, reason
}

// fault needs s.mu.
func (s *Session) fault(format string, a ...any) {
	s.faults = append(s.faults, fmt.Sprintf("session of user %d: ", s.user)+fmt.Sprintf(format, a...))
}

// Faults returns what was wrong so far, once.
func (s *Session) Faults() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	faults := s.faults
	s.faults = nil
	return faults
}

// Take returns what was sent since the last call.
func (s *Session) Take() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// Texts is Take for reading: one line a message.
func (s *Session) Texts() []string {
	var lines []string
	for _, m := range s.Take() {
		lines = append(lines, m.String())
	}
	return lines
}

// Ended says whether and why the room has ended the session.
func (s *Session) Ended() (room.Reason, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason, s.ended
}

// Seq is the number of the last event that the session knows of.
func (s *Session) Seq() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.Seq
}

// View is who is in the room, by what the session was told.
func (s *Session) View() map[int64]Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.view)
}

// String puts a message into words: those of the core by meaning, those of a game by bytes.
func (m Sent) String() string {
	core, ok := hear(m.Message)
	if !ok {
		return fmt.Sprintf("op %d %q", m.Op, m.Body)
	}
	switch m.Op {
	case OpRefused:
		return fmt.Sprintf("refused %d: %s", core.Code, core.Text)
	case OpDisconnected:
		return "disconnected: " + core.Why.String()
	case OpStood:
		return fmt.Sprintf("user %d stood up", core.User)
	case OpOnline:
		return fmt.Sprintf("user %d is %s", core.User, presence(core.Online))
	case OpPrinted, OpClosing, OpMoving, OpWaiting:
		return core.Text
	}
	place := "watches"
	if core.Seat != room.Spectating {
		place = fmt.Sprintf("sits in %d", core.Seat)
	}
	return fmt.Sprintf("user %d %s, %s", core.User, place, presence(core.Online))
}

// Code is the code of a refusal, 0 for any other message.
func (m Sent) Code() int32 {
	core, _ := hear(m.Message)
	return core.Code
}

func presence(online bool) string {
	if online {
		return "online"
	}
	return "offline"
}

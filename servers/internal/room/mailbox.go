package room

import (
	"errors"
	"slices"
	"sync"
)

var (
	// ErrClosed reports that the room has ended and takes nothing more.
	ErrClosed = errors.New("the room is closed")
	// ErrBusy reports that the room's mailbox is full. The message was not taken.
	ErrBusy = errors.New("the room is busy")
)

// mailbox is the one way into a room: many senders, one receiver. It is bounded: a player's
// messages are refused with ErrBusy beyond the limit, so a room that falls behind sheds load and
// never blocks a trunk that other rooms share. Comings and goings are taken beyond the limit:
// a session is entered once and left once, so there are at most two of them for each session.
// Calls are taken beyond it, too: the server makes them, not the players.
//
// It is a swapped slice and not a channel because a waiting room must be small (a channel holds
// its whole buffer, 5 KiB for 64 messages) and because one wake-up serves a whole batch.
type mailbox struct {
	wake chan struct{} // one slot: set when there is something to take

	mu       sync.Mutex
	messages []message
	answers  []report
	limit    int
	closed   bool
}

// message is one thing for the room to do. What is nil or zero does not apply. Rooms keep empty
// ones by the dozen, so it is kept small.
type message struct {
	kind    kind
	missed  bool // of resume
	seat    int32
	op      uint32
	session Session
	in      Input
	body    []byte
	errand  *errand
}

// errand is what the server, not a player, wants of the room.
type errand struct {
	call   func(*Table)
	user   int64
	answer func(bound bool)
}

type kind uint8

const (
	enter  kind = iota // session wants in, to seat
	resume             // session wants to take up its player's place
	leave              // session is lost
	sever              // session's way is lost
	call               // run errand's call on the room's goroutine
	letGo              // take errand's user out
	stand              // session's player stands up
	move               // session's player asks for seat
	change             // session's player asks to change places, to seat
	print              // session's player asks for the room's state
	echo               // session's player wants op and body back
	play               // session's player sends op and body to the game
)

// bounded says which kinds the limit applies to.
func (k kind) bounded() bool { return k >= stand }

// report is an answer to what the room itself has asked for. It does not wait behind messages, and
// is heard when the room takes none. There are at most three on their way at a time: of a save, of
// a handover, and of the removal of the record.
type report struct {
	kind    reportKind
	err     error // saveDone, closeDone
	outcome Outcome
	number  uint64 // of the handover
}

type reportKind uint8

const (
	saveDone reportKind = iota
	closeDone
	handoverDone
)

// report takes an answer. After the end of the room it is of no interest.
func (m *mailbox) report(rep report) {
	m.mu.Lock()
	m.answers = append(m.answers, rep)
	m.mu.Unlock()
	m.signal()
}

func (m *mailbox) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *mailbox) put(msg message) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	if msg.kind.bounded() && len(m.messages) >= m.limit {
		m.mu.Unlock()
		return ErrBusy
	}
	first := len(m.messages) == 0
	m.messages = append(m.messages, msg)
	m.mu.Unlock()
	if first {
		m.signal()
	}
	return nil
}

// keep is the largest slice that is kept empty: a burst is not paid for in memory ever after.
const keep = 16

// take returns the answers that have come and, if it is to, all messages. It leaves an empty slice
// in the place of the messages: spare, whose messages were handled, where that is not too large to
// be kept.
func (m *mailbox) take(spare []message, all bool) ([]message, []report) {
	if cap(spare) > keep {
		spare = nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	answers := m.answers
	m.answers = nil
	if !all {
		return nil, answers
	}
	taken := m.messages
	m.messages = spare[:0]
	return taken, answers
}

// expects says whether a user wants in.
func (m *mailbox) expects(user int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return wantsIn(m.messages, user)
}

func wantsIn(messages []message, user int64) bool {
	return slices.ContainsFunc(messages, func(m message) bool { return m.kind == enter && m.session.User() == user })
}

// close refuses further messages and returns those that were not taken.
func (m *mailbox) close() []message {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	rest := m.messages
	m.messages = nil
	return rest
}

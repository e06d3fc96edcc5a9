package room

import (
	"errors"
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
	wake chan struct{} // one slot: set when messages is not empty

	mu       sync.Mutex
	messages []message
	limit    int
	closed   bool
}

// message is one thing for the room to do. What is nil or zero does not apply.
type message struct {
	kind    kind
	seat    int
	op      uint32
	request uint64 // of enter
	session Session
	in      Input
	body    []byte
	call    func(*Table)
}

type kind uint8

const (
	enter kind = iota // session wants in, to seat
	leave             // session is lost
	stand             // session's player stands up
	move              // session's player asks for seat
	print             // session's player asks for the room's state
	echo              // session's player wants op and body back
	play              // session's player sends op and body to the game
	change            // session's player asks to change places
	call              // run call on the room's goroutine
)

// bounded says which kinds the limit applies to.
func (k kind) bounded() bool { return k >= stand && k <= change }

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
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// keep is the largest slice that is kept empty: a burst is not paid for in memory ever after.
const keep = 16

// take returns all messages and leaves an empty slice in their place: spare, whose messages were
// handled, where that is not too large to be kept.
func (m *mailbox) take(spare []message) []message {
	if cap(spare) > keep {
		spare = nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.messages
	m.messages = spare[:0]
	return taken
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

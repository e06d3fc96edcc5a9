package push

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

const (
	// pendingMessages and pendingBytes bound what waits for one gate to deliver. What does not fit is
	// dropped by the client library, and counted.
	pendingMessages = 10_000
	pendingBytes    = 32 << 20
)

// Deliver hands a message to the sessions of a user, or of everyone where user is 0, without waiting
// for any of them, and says how many took it. It must not keep the message.
type Deliver func(user int64, message []byte) Count

// Subscription is a gate's ear.
type Subscription struct {
	subs   []*nats.Subscription
	refuse func(error)
	open   sync.RWMutex // held for reading while a message is delivered
	closed bool
}

// Subscribe delivers what is pushed from now on, until Close. refused hears of messages that were not
// delivered because they are malformed. Both are called by two goroutines at most.
func Subscribe(conn *nats.Conn, deliver Deliver, refused func(error)) (*Subscription, error) {
	s := &Subscription{refuse: refused}
	for _, subject := range []string{userAny, all} {
		sub, err := conn.Subscribe(subject, func(m *nats.Msg) { s.take(m, deliver) })
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("listen for pushes: %w", err)
		}
		sub.SetPendingLimits(pendingMessages, pendingBytes) //nolint:errcheck // it is a plain subscription
		s.subs = append(s.subs, sub)
	}
	return s, nil
}

func (s *Subscription) take(m *nats.Msg, deliver Deliver) {
	s.open.RLock()
	defer s.open.RUnlock()
	if s.closed {
		return
	}
	user, err := addressee(m.Subject)
	if err == nil {
		err = Check(m.Data)
	}
	if err != nil {
		s.refuse(fmt.Errorf("push to %q refused: %w", m.Subject, err))
		return
	}
	count := deliver(user, m.Data)
	if m.Reply == "" {
		return
	}
	answer, err := json.Marshal(count)
	if err != nil {
		s.refuse(fmt.Errorf("encode the answer to a push: %w", err))
		return
	}
	m.Respond(answer) //nolint:errcheck // the connection is being made again; who asked counts without us
}

// Overflowed counts the messages that were dropped since this gate could not keep up.
func (s *Subscription) Overflowed() int {
	n := 0
	for _, sub := range s.subs {
		if dropped, err := sub.Dropped(); err == nil {
			n += dropped
		}
	}
	return n
}

// Close ends it and waits until no message is being delivered.
func (s *Subscription) Close() {
	for _, sub := range s.subs {
		sub.Unsubscribe() //nolint:errcheck // a connection that is closed has none
	}
	s.open.Lock()
	defer s.open.Unlock()
	s.closed = true
}

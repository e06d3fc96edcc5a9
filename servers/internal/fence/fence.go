// Package fence tells gates which rooms have another owner than the one that their players talk to.
//
// A game server that dies is missed by every gate at once. One that is merely cut off from NATS is not: the others take its rooms,
// it cannot learn of it, and its gates find it well. So who takes a room from a server that seems dead says so, and a gate
// leads its players there. What gets lost (NATS keeps nothing of it) costs time only: the old owner learns of it when it reaches
// NATS again, and a gate from the first message with a newer epoch.
//
// It goes to the subject croupier.fence, as JSON. Who may publish there may send players to an address of their choice, as may who
// writes to the directory.
package fence

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/nats-io/nats.go"
)

const subject = "croupier.fence"

// maxSize is the longest message, in bytes.
const maxSize = 4096

// pendingMessages and pendingBytes bound what waits for one gate; what does not fit is dropped. A server that was cut off has
// lost as many rooms as it had.
const (
	pendingMessages = 100_000
	pendingBytes    = 32 << 20
)

// Owner is a room and who owns it since that epoch.
type Owner struct {
	Game    string `json:"game"`
	Room    int64  `json:"room"`
	Epoch   uint64 `json:"epoch"`
	Address string `json:"address"` // HOST:PORT of the owner
}

// ErrMalformed reports what no game server says.
var ErrMalformed = errors.New("malformed news of a room's owner")

func (o Owner) check() error {
	switch {
	case o.Game == "":
		return fmt.Errorf("%w: no game", ErrMalformed)
	case o.Room <= 0:
		return fmt.Errorf("%w: room %d", ErrMalformed, o.Room)
	case o.Epoch == 0 || o.Epoch > math.MaxInt64: // beyond it no owner could follow
		return fmt.Errorf("%w: epoch %d", ErrMalformed, o.Epoch)
	case o.Address == "":
		return fmt.Errorf("%w: no address", ErrMalformed)
	}
	return nil
}

func parse(data []byte) (Owner, error) {
	var o Owner
	if len(data) > maxSize {
		return o, fmt.Errorf("%w: %d bytes", ErrMalformed, len(data))
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return o, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return o, o.check()
}

// Publish tells all gates. It does not wait for them.
func Publish(conn *nats.Conn, o Owner) error {
	if err := o.check(); err != nil {
		return err
	}
	data, err := json.Marshal(o)
	if err == nil {
		err = conn.Publish(subject, data)
	}
	if err != nil {
		return fmt.Errorf("tell gates of room %s %d: %w", o.Game, o.Room, err)
	}
	return nil
}

// Subscription is a gate's ear.
type Subscription struct {
	sub    *nats.Subscription
	open   sync.RWMutex // held for reading while news is handled
	closed bool
}

// Subscribe hands on what is published from now on, until Close. refused hears of messages that are malformed. Both are called
// by one goroutine and must not wait.
func Subscribe(conn *nats.Conn, heard func(Owner), refused func(error)) (*Subscription, error) {
	s := new(Subscription)
	sub, err := conn.Subscribe(subject, func(m *nats.Msg) {
		s.open.RLock()
		defer s.open.RUnlock()
		if s.closed {
			return
		}
		o, err := parse(m.Data)
		if err != nil {
			refused(err)
			return
		}
		heard(o)
	})
	if err != nil {
		return nil, fmt.Errorf("listen for rooms' new owners: %w", err)
	}
	sub.SetPendingLimits(pendingMessages, pendingBytes) //nolint:errcheck // it is a plain subscription
	s.sub = sub
	return s, nil
}

// Close ends it and waits until nothing is being handled.
func (s *Subscription) Close() {
	s.sub.Unsubscribe() //nolint:errcheck // a connection that is closed has none
	s.open.Lock()
	defer s.open.Unlock()
	s.closed = true
}

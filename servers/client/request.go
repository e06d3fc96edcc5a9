package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"croupier/servers/wire"
)

// call is a request that waits for its reply.
type call struct {
	id     uint64
	op     wire.Command
	place  *Place // of a SIT_DOWN
	hidden bool   // the client's own: its reply is no event

	// unnumbered marks a request whose number the server never sees: a direct SIT_DOWN.
	unnumbered bool

	done  chan struct{} // closed when reply and err are set
	reply wire.WithMeta
	err   error
}

func (c *call) finish(reply wire.WithMeta, err error) {
	c.reply, c.err = reply, err
	close(c.done)
}

// newCall numbers a request and waits for its reply from now on. Called with mu held.
func (c *Client) newCall(op wire.Command) *call {
	c.next++
	one := &call{id: c.next, op: op, done: make(chan struct{})}
	one.unnumbered = c.target.direct && op == wire.Command_SIT_DOWN
	if op == wire.Command_SIT_DOWN {
		c.room = 0
	}
	c.calls = append(c.calls, one)
	return one
}

// match finds the request that a message answers, and takes it off the list. Called with mu held.
func (c *Client) match(op wire.Command, body wire.WithMeta) *call {
	c.echo = c.echo || body.GetMeta() != nil
	c.modern = c.modern || c.echo
	if room := body.GetMeta().GetRoom(); room != 0 {
		c.room = room
		if c.place != nil {
			c.place.Room = room
		}
	}
	number := body.GetMeta().GetRequest()
	found := slices.IndexFunc(c.calls, func(one *call) bool {
		if number != 0 {
			return one.id == number
		}
		return (!c.echo || one.unnumbered) && c.fits(one, op, body)
	})
	if found < 0 {
		return nil
	}
	one := c.calls[found]
	c.calls = slices.Delete(c.calls, found, found+1)
	if user, ok := body.(*wire.User); ok && one.place != nil && op == wire.Command_SIT_DOWN {
		c.user = user.GetId()
		c.place = &Place{Game: one.place.Game, Room: cmp.Or(c.room, one.place.Room), Seat: user.GetSeat()}
	}
	return one
}

// fits says whether a message without a number can be the answer to a request: it has the same
// opcode and, where the room tells everybody the same, it is about us.
func (c *Client) fits(one *call, op wire.Command, body wire.WithMeta) bool {
	if op == wire.Command_ERROR {
		return true
	}
	if op != one.op {
		return false
	}
	switch body := body.(type) {
	case *wire.User:
		return body.GetId() == c.user
	case *wire.Int64:
		return op != wire.Command_STAND_UP || body.GetValue() == c.user
	case *wire.DiceShake:
		return body.GetUser() == c.user
	case *wire.CoinCall:
		return body.GetUser() == c.user
	}
	return true
}

// reply turns the answer to a request into what its caller gets.
func reply(asked, op wire.Command, body wire.WithMeta) (wire.WithMeta, error) {
	if refused, ok := body.(*wire.Error); ok && op == wire.Command_ERROR {
		return nil, &RefusedError{Op: asked, Code: refused.GetCode(), Desc: refused.GetDesc(), Detail: refused.GetDetail()}
	}
	return body, nil
}

// encode makes the frame of a request.
func encode(op wire.Command, body proto.Message, number uint64) ([]byte, error) {
	frame, err := wire.Append(make([]byte, 0, 64), op, body)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", verb(op), err)
	}
	return wire.AppendMeta(frame, 0, 0, number), nil
}

// Request sends a message and waits for its reply. The message's own Meta must be empty.
func (c *Client) Request(ctx context.Context, op wire.Command, body proto.Message) (wire.WithMeta, error) {
	return c.request(ctx, op, body, func(*call) {})
}

func (c *Client) request(ctx context.Context, op wire.Command, body proto.Message, adjust func(*call)) (wire.WithMeta, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.RequestTimeout)
	defer cancel()
	release, err := c.takeSlot(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: other requests are under way: %w", verb(op), ErrNotConnected, err)
	}
	defer release()

	c.mu.Lock()
	l := c.link
	if l == nil {
		defer c.mu.Unlock()
		return nil, c.unsent(op)
	}
	one := c.newCall(op)
	adjust(one)
	c.mu.Unlock()

	frame, err := encode(op, body, one.id)
	if err != nil {
		c.forget(one)
		return nil, err
	}
	if err := l.send(frame); err != nil {
		c.forget(one)
		if errors.Is(err, ErrNotConnected) {
			return nil, fmt.Errorf("%s: %w", verb(op), err)
		}
		return nil, fmt.Errorf("%s: %w: %w", verb(op), ErrUnknownOutcome, err)
	}
	select {
	case <-one.done:
	case <-ctx.Done():
		select {
		case <-one.done: // both: the reply counts
		default:
			c.abandon(one, l)
			return nil, fmt.Errorf("%s: %w: %w", verb(op), ErrUnknownOutcome, ctx.Err())
		}
	}
	var refused *RefusedError
	if one.err != nil && !errors.As(one.err, &refused) {
		return nil, fmt.Errorf("%s: %w", verb(op), one.err)
	}
	return one.reply, one.err
}

// takeSlot waits for the turn of a request. It is at once everybody's turn on a server that
// echoes request numbers.
func (c *Client) takeSlot(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	echo := c.echo
	c.mu.Unlock()
	if echo {
		return func() {}, nil
	}
	select {
	case c.slot <- struct{}{}:
		return func() { <-c.slot }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// unsent is the error of a request while there is no link. Called with mu held.
func (c *Client) unsent(op wire.Command) error {
	if c.err != nil {
		return fmt.Errorf("%s: %w: %w", verb(op), ErrNotConnected, c.err)
	}
	return fmt.Errorf("%s: %w", verb(op), ErrNotConnected)
}

// maxAbandoned bounds the requests that nobody waits for any more and no reply came to.
const maxAbandoned = 64

// abandon gives up waiting for a reply. The call stays on the list where its late reply would
// otherwise be taken for the next one's, where it still says where the player sits, and where
// nobody is to see it.
func (c *Client) abandon(one *call, l link) {
	c.mu.Lock()
	keep := !c.echo || one.place != nil || one.hidden
	full := len(c.calls) > maxAbandoned
	c.mu.Unlock()
	if !keep {
		c.forget(one)
	} else if full {
		c.abort(l, fmt.Errorf("%w: %d requests without a reply", ErrSilent, maxAbandoned))
	}
}

func (c *Client) forget(one *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = slices.DeleteFunc(c.calls, func(other *call) bool { return other == one })
}

// Send sends a message and waits for nothing. It returns the number that the reply, an event like
// any other, carries in its Meta where the server echoes numbers.
func (c *Client) Send(op wire.Command, body proto.Message) (uint64, error) {
	c.mu.Lock()
	l := c.link
	if l == nil {
		defer c.mu.Unlock()
		return 0, c.unsent(op)
	}
	c.next++
	number := c.next
	c.mu.Unlock()
	frame, err := encode(op, body, number)
	if err != nil {
		return 0, err
	}
	if err := l.send(frame); err != nil {
		return number, fmt.Errorf("%s: %w", verb(op), err)
	}
	return number, nil
}

package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"croupier/servers/wire"
)

// MaxMessage is how many bytes the client accepts of one message of a server.
const MaxMessage = 1 << 20

// link is one connection to a server.
type link interface {
	// send writes one message, opcode included. It may be called from several goroutines. It
	// returns within Options.writeTimeout; an error means that the link is of no use any more.
	send(frame []byte) error

	// receive waits for the next message. One goroutine calls it; payload is valid until the
	// next call. An error means that the link has ended, and is typed where it can be.
	receive() (op wire.Command, payload []byte, err error)

	// probe makes the server show that it is alive, or fails.
	probe(ctx context.Context) error

	// close ends the link, politely for as long as ctx lasts, and unblocks receive. It may be
	// called more than once.
	close(ctx context.Context)
}

// connect makes a link to the next address of the target. The caller bounds it by ctx.
func (c *Client) connect(ctx context.Context) (link, error) {
	target := c.target.at(c.turn)
	token, err := c.target.fetchToken(ctx)
	if err != nil {
		return nil, &dialError{target, err}
	}
	began := time.Now()
	var l link
	if target.direct {
		l, err = dialDirect(ctx, c, token)
	} else {
		c.learnUser(UserOf(token))
		l, err = dialGate(ctx, c, target.address(), token)
	}
	c.turn++
	if errors.Is(err, context.DeadlineExceeded) {
		err = silence(time.Since(began))
	}
	if err != nil {
		return nil, &dialError{target, err}
	}
	return l, nil
}

// silence is how long a target that was connected to, or was to be, has not answered.
type silence time.Duration

func (s silence) Error() string {
	return fmt.Sprintf("no answer within %.2g s", time.Duration(s).Seconds())
}
func (s silence) Is(target error) bool { return target == context.DeadlineExceeded }

// dialError says which target could not be connected to.
type dialError struct {
	target Target
	err    error
}

func (e *dialError) Error() string { return "connect to " + e.target.String() + ": " + e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"croupier/servers/wire"
)

// Client is one player's connection, which comes back by itself. Close releases it.
type Client struct {
	target  Target
	options Options
	events  chan Event

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	done chan struct{} // closed when run has returned

	// slot is held by the one request under way on a server that echoes no request numbers.
	slot chan struct{}

	// heard says that something came since the pulse looked last.
	heard atomic.Bool

	mu     sync.Mutex
	link   link  // nil: no connection
	cause  error // why the client itself broke the link; nil: it did not
	user   int64 // 0: not known yet
	place  *Place
	room   int64 // that the server said it speaks of, since the last SIT_DOWN; 0: it has not
	echo   bool  // the server on this link echoes request numbers
	modern bool  // some server of this client did
	calls  []*call
	resume *resumption // nil: not on the way back to a seat
	next   uint64      // the last request number given out
	err    error       // why the client is closed

	// turn is which of the target's addresses comes next; only run touches it, and Dial before.
	turn int

	// refusedSince is when the server first refused to sit the player down again; only run touches it.
	refusedSince time.Time
}

// Dial connects once, within ctx, and returns a client that stays connected until Close. Whatever
// fails at this first attempt is returned; it is not tried again.
func Dial(ctx context.Context, target Target, options Options) (*Client, error) {
	c := newClient(target, options)
	ctx, cancel := context.WithTimeout(ctx, c.options.DialTimeout)
	defer cancel()
	l, err := c.connect(ctx)
	if err != nil {
		c.stop()
		return nil, err
	}
	c.attach(l) // before anybody can make a request
	go c.run(l)
	return c, nil
}

// Start returns a client at once, which begins to connect and tries until it succeeds. Its events
// tell how that goes.
func Start(target Target, options Options) *Client {
	c := newClient(target, options)
	go c.run(nil)
	return c
}

func newClient(target Target, options Options) *Client {
	c := &Client{
		target:  target,
		options: options.withDefaults(),
		done:    make(chan struct{}),
		slot:    make(chan struct{}, 1),
		user:    target.user,
	}
	if n := len(target.addresses); target.first > 0 {
		c.turn = target.first - 1
	} else if n > 1 {
		c.turn = rand.IntN(n)
	}
	buffer := c.options.EventBuffer
	if c.options.Handler != nil {
		buffer = 0
	}
	c.events = make(chan Event, buffer)
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Events is the ordered stream of what happens. It is closed after Closed, which is left out where
// there is no room for it any more; Err tells the reason in any case.
func (c *Client) Events() <-chan Event { return c.events }

// Done is closed when the client is closed, by Close or because it does not come back.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns why the client is closed, or nil while it is not.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// User is who the player is; 0 while that is not known.
func (c *Client) User() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user
}

// Place is where the player sits, or sat when the connection broke.
func (c *Client) Place() (Place, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.place == nil {
		return Place{}, false
	}
	return *c.place, true
}

// Close ends the connection, politely where that takes no longer than a second, and waits for
// everything the client started, or for ctx. Requests under way fail with ErrUnknownOutcome.
func (c *Client) Close(ctx context.Context) error {
	c.stop()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the client: %w", ctx.Err())
	}
}

// run is the client's goroutine: connect, serve, wait, again.
func (c *Client) run(l link) {
	failed := 0    // attempts in a row
	again := false // there was a connection before
	for {
		var err error
		began := time.Now()
		if l == nil {
			c.announce(Connecting{Attempt: failed + 1})
			ctx, cancel := context.WithTimeout(c.ctx, c.options.DialTimeout)
			l, err = c.connect(ctx)
			cancel()
		}
		if l != nil {
			c.attach(l) // who hears of the connection may use it
			c.announce(Connected{})
			err = c.serve(l, again)
			l, again = nil, true
			if time.Since(began) > workedFactor*c.options.Backoff.Base {
				failed = 0
			}
		}
		if c.ctx.Err() != nil {
			err = ErrClosed
		} else if c.pause(err, failed) {
			failed++
			continue
		}
		c.finish(err, failed)
		return
	}
}

// workedFactor times the backoff's base is how long a connection must have lived to be no failure.
// Without it a server that accepts and drops at once would be tried in a tight loop.
const workedFactor = 4

// pause waits for the next attempt, or says that there is none.
func (c *Client) pause(err error, failed int) bool {
	retry, hint, atLeast := Fate(err)
	if !retry || c.options.NoReconnect || c.options.MaxAttempts > 0 && failed >= c.options.MaxAttempts {
		return false
	}
	delay := max(c.options.Backoff.Delay(failed, hint), atLeast)
	c.announce(Lost{Err: err, RetryIn: delay})
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return true // run sees it
	}
}

// finish makes the client closed.
func (c *Client) finish(err error, failed int) {
	if retry, _, _ := Fate(err); retry && failed > 0 && !errors.Is(err, ErrClosed) && !c.options.NoReconnect {
		err = fmt.Errorf("%w after %d attempts: %w", ErrGaveUp, failed, err)
	}
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
	c.stop()
	c.announce(Closed{Err: err})
	close(c.events)
	close(c.done)
}

// announce delivers a change of the connection. It waits for room, as long as the client is open.
func (c *Client) announce(e Event) {
	if c.options.Handler != nil {
		c.options.Handler(e)
		return
	}
	select {
	case c.events <- e:
		return
	default:
	}
	select {
	case c.events <- e:
	case <-c.ctx.Done():
	}
}

// deliver hands on a message, without waiting.
func (c *Client) deliver(m Message) error {
	if c.options.Handler != nil {
		c.options.Handler(m)
		return nil
	}
	select {
	case c.events <- m:
		return nil
	default:
		return fmt.Errorf("%w: %d are waiting", ErrSlowConsumer, cap(c.events))
	}
}

func (c *Client) learnUser(user int64) {
	if user == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user = user
}

// abort breaks the link that is in use, with a reason that serve then returns.
func (c *Client) abort(l link, cause error) {
	c.mu.Lock()
	if c.link == l && c.cause == nil {
		c.cause = cause
	}
	c.mu.Unlock()
	l.close(ended)
}

// ended is a context for acts that must not wait.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// attach makes l the connection, if it is not already: requests go out from now on.
func (c *Client) attach(l link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l {
		c.link, c.cause, c.echo = l, nil, false
		c.heard.Store(true)
	}
}

// detach ends the connection for everyone who waits on it, and returns the error to report.
func (c *Client) detach(err error) error {
	c.mu.Lock()
	calls := c.calls
	if c.cause != nil {
		err = c.cause
	}
	if c.resume != nil {
		c.resume.timer.Stop()
	}
	c.link, c.calls, c.resume = nil, nil, nil
	c.mu.Unlock()
	if c.ctx.Err() != nil {
		err = ErrClosed
	}
	lost := fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	if errors.Is(err, ErrUnauthorized) {
		lost = err // nothing was done for somebody who may not do it
	}
	for _, call := range calls {
		call.finish(nil, lost)
	}
	return err
}

// track keeps the books on where the player sits. Called with mu held.
func (c *Client) track(op wire.Command, body wire.WithMeta) {
	switch op {
	case wire.Command_SIT_DOWN:
		if user, ok := body.(*wire.User); ok && user.GetId() == c.user && c.place != nil {
			c.place.Seat = user.GetSeat()
		}
	case wire.Command_STAND_UP:
		if user, ok := body.(*wire.Int64); ok && user.GetValue() == c.user {
			c.place = nil
		}
	case wire.Command_DISCONNECT:
		if reason, ok := body.(*wire.Int32); ok && wire.DisconnectReason(reason.GetValue()) == wire.DisconnectReason_DISBANDED {
			c.place = nil
		}
	}
}

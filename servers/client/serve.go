package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"croupier/servers/wire"
)

// closeGrace is how long Close waits for the server's side of the goodbye.
const closeGrace = time.Second

// serve reads the link until it ends, and returns why; again says that it is not the first.
// Everything that waits on the link has been told, and everything it started has ended, when serve
// returns.
func (c *Client) serve(l link, again bool) error {
	goodbye := make(chan struct{})
	cancelGoodbye := context.AfterFunc(c.ctx, func() {
		defer close(goodbye)
		ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		l.close(ctx)
	})
	heart := startPulse(c, l)

	var err error
	if place, lost := c.lostPlace(); lost && again {
		err = c.askSeat(l, place, place.Seat)
	}
	for err == nil {
		err = c.step(l)
	}

	err = c.detach(err)
	if !cancelGoodbye() {
		<-goodbye
	}
	l.close(ended)
	heart.stop()
	return err
}

// step reads one message and does what it asks.
func (c *Client) step(l link) error {
	op, payload, err := l.receive()
	if err != nil {
		return err
	}
	at := time.Now()
	c.heard.Store(true)
	body, err := wire.Decode(op, payload)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}

	c.mu.Lock()
	answered := c.match(op, body)
	c.track(op, body)
	resume := c.resume
	if resume != nil && resume.call == answered {
		c.resume = nil
		resume.timer.Stop()
	} else {
		resume = nil
	}
	c.mu.Unlock()

	if answered == nil || !answered.hidden {
		if err := c.deliver(Message{Op: op, Body: body, At: at}); err != nil {
			if answered != nil {
				answered.finish(nil, fmt.Errorf("%w: %w", ErrUnknownOutcome, err))
			}
			return err
		}
	}
	if answered != nil {
		answered.finish(reply(answered.op, op, body))
	}
	if resume != nil {
		if err := c.seatedAgain(l, resume); err != nil {
			return err
		}
	}
	return parting(op, body)
}

// parting returns the error with which a DISCONNECT ends the connection; nil for one that does
// not, and for every other message.
func parting(op wire.Command, body wire.WithMeta) error {
	reason, ok := body.(*wire.Int32)
	if op != wire.Command_DISCONNECT || !ok || reason.GetValue() == int32(wire.DisconnectReason_DISBANDED) {
		return nil
	}
	return &DisconnectError{Reason: wire.DisconnectReason(reason.GetValue())}
}

// resumption is a seat to go back to.
type resumption struct {
	call  *call
	place Place // as asked for
	old   int32 // the seat before the break
	timer *time.Timer
}

// lostPlace is where to go back to. A Sit of the program that is under way already overrules it.
func (c *Client) lostPlace() (Place, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.calls {
		if one.op == wire.Command_SIT_DOWN {
			return Place{}, false
		}
	}
	if c.place == nil {
		return Place{}, false
	}
	return *c.place, true
}

// askSeat asks for a seat; old is the one before the break.
func (c *Client) askSeat(l link, place Place, old int32) error {
	r := &resumption{place: place, old: old}
	c.mu.Lock()
	r.call = c.newCall(wire.Command_SIT_DOWN)
	r.call.place = &place
	c.resume = r
	r.timer = time.AfterFunc(c.options.RequestTimeout, func() {
		c.abort(l, fmt.Errorf("room %d: no answer to sit in %v", place.Room, c.options.RequestTimeout))
	})
	c.mu.Unlock()
	frame, err := encode(wire.Command_SIT_DOWN, sitDown(place), r.call.id)
	if err != nil {
		return err
	}
	return l.send(frame)
}

// mayBeTaken says whether a refusal can mean that somebody else has the seat. Other refusals are no
// reason to give it up: a server that is just starting would have all its players change seats.
// Servers from before request numbers have no code for it.
func (c *Client) mayBeTaken(refused *RefusedError) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.modern || refused.Code == wire.Code_STATUS_MISMATCH
}

// seatedAgain follows the answer to askSeat.
func (c *Client) seatedAgain(l link, r *resumption) error {
	user, ok := r.call.reply.(*wire.User)
	if r.call.err == nil && ok {
		c.refusedSince = time.Time{}
		place := r.place
		place.Seat = user.GetSeat()
		if now, sits := c.Place(); sits {
			place.Room = now.Room // where the server says it is
		}
		c.announce(Resumed{Place: place, Moved: r.old >= 0 && place.Seat != r.old})
		return nil
	}
	var refused *RefusedError
	if !errors.As(r.call.err, &refused) {
		return r.call.err
	}
	if r.place.Seat >= 0 && c.mayBeTaken(refused) {
		anywhere := r.place
		anywhere.Seat = AnySeat
		return c.askSeat(l, anywhere, r.old)
	}
	if c.refusedSince.IsZero() {
		c.refusedSince = time.Now()
	}
	if time.Since(c.refusedSince) < c.options.ResumeFor && !c.options.NoReconnect {
		return fmt.Errorf("room %d: %w", r.place.Room, refused)
	}
	c.refusedSince = time.Time{}
	c.mu.Lock()
	c.place = nil
	c.mu.Unlock()
	place := r.place
	place.Seat = r.old
	c.announce(NotResumed{Place: place, Err: refused})
	return nil
}

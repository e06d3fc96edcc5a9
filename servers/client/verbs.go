package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"croupier/servers/wire"
)

// Sit sits the player down and returns who and where the server says the player is: Seat is -1
// for a spectator. From then on a break of the connection brings the player back here.
func (c *Client) Sit(ctx context.Context, place Place) (*wire.User, error) {
	c.supersedeResume()
	return ask[*wire.User](ctx, c, wire.Command_SIT_DOWN, sitDown(place), func(one *call) { one.place = &place })
}

// Move asks for another seat of the room that the player is in, and returns where the server says the
// player is then. A seat that is taken is refused, and so is a move of a player whom the game binds
// to the seat, as one who has rolled. A server from before MOVE existed refuses it.
func (c *Client) Move(ctx context.Context, seat int32) (*wire.User, error) {
	return ask[*wire.User](ctx, c, wire.Command_MOVE, &wire.Int32{Value: seat}, nil)
}

// Bench is Move to the spectators' bench. Whoever loses the connection there and comes back is given
// a seat, if the room has forgotten the player meanwhile and one is free.
func (c *Client) Bench(ctx context.Context) (*wire.User, error) { return c.Move(ctx, AnySeat) }

// Stand stands the player up. Where its outcome is unknown the player counts as seated, and is
// brought back like any other.
func (c *Client) Stand(ctx context.Context) error {
	_, err := ask[*wire.Int64](ctx, c, wire.Command_STAND_UP, &wire.Empty{}, nil)
	return err
}

// Shake rolls the dice. preset asks a development server for these points; 0 leaves it to luck.
func (c *Client) Shake(ctx context.Context, preset int32) (*wire.DiceShake, error) {
	return ask[*wire.DiceShake](ctx, c, wire.Command_DICE_SHAKE, &wire.Int32{Value: preset}, nil)
}

// Print asks for the room's state as text.
func (c *Client) Print(ctx context.Context) (string, error) {
	text, err := ask[*wire.String](ctx, c, wire.Command_PRINT, &wire.Empty{}, nil)
	return text.GetValue(), err
}

// Ping measures the round trip to the room. A server from before PING existed refuses it.
func (c *Client) Ping(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	_, err := ask[*wire.Int64](ctx, c, wire.Command_PING, &wire.Int64{Value: 1}, nil)
	return time.Since(began), err
}

// probe is the pulse's ping: any answer will do, and nobody sees it.
func (c *Client) probe(ctx context.Context) error {
	_, err := ask[*wire.Int64](ctx, c, wire.Command_PING, &wire.Int64{Value: 1}, func(one *call) { one.hidden = true })
	var refused *RefusedError
	if errors.As(err, &refused) || errors.Is(err, ErrNotConnected) {
		return nil
	}
	return err
}

// ask is Request with a reply of a known type.
func ask[R wire.WithMeta](ctx context.Context, c *Client, op wire.Command, body wire.WithMeta, adjust func(*call)) (R, error) {
	var none R
	if adjust == nil {
		adjust = func(*call) {}
	}
	answer, err := c.request(ctx, op, body, adjust)
	if err != nil {
		return none, err
	}
	typed, ok := answer.(R)
	if !ok {
		return none, fmt.Errorf("%s: %w: the reply is a %T", verb(op), ErrMalformed, answer)
	}
	return typed, nil
}

// supersedeResume lets a Sit of the program overrule a resumption under way.
func (c *Client) supersedeResume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resume != nil {
		c.resume.timer.Stop()
		c.resume = nil
	}
}

func sitDown(p Place) *wire.SitDown {
	return &wire.SitDown{Place: wire.Place{Game: p.Game, Room: p.Room, Seat: int(p.Seat)}.Map()}
}

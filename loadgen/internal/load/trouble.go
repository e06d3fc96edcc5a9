package load

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"croupier/servers/client"
)

// ephemeral are the parts of an error that differ each time: our own side of a connection.
var ephemeral = regexp.MustCompile(`(read|write) tcp \S+->\S+: `)

// describe is an error without what differs from bot to bot, so that it can be counted.
func describe(err error) string {
	var refused *client.RefusedError
	if errors.As(err, &refused) {
		return fmt.Sprintf("refused: %s (code %d)", refused.Desc, refused.Code)
	}
	return ephemeral.ReplaceAllString(err.Error(), "")
}

func slow(err error) bool { return errors.Is(err, client.ErrSlowConsumer) }

// probeTimeout bounds the first connection.
const probeTimeout = 5 * time.Second

// Probe makes one connection and ends it, so that a wrong target is known before any bot starts.
func Probe(ctx context.Context, target client.Target) error {
	probing, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	c, err := client.Dial(probing, target, client.Options{NoReconnect: true})
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("interrupted while connecting to %s", target)
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, advice(err))
	}
	return c.Close(probing)
}

// advice is the next step after a failed probe.
func advice(err error) string {
	var handshake *client.HandshakeError
	var address *url.Error
	switch {
	case errors.Is(err, client.ErrUnauthorized):
		return "is JWT_KEY the key of the gate?"
	case errors.As(err, &handshake):
		return "is that the gate's address for players?"
	case errors.Is(err, client.ErrNotGate):
		return "is it the game server's port? then use --direct"
	case errors.Is(err, context.DeadlineExceeded):
		return "is the address right?"
	case errors.As(err, &address):
		return "is the gate running, and the address right?"
	}
	return "is the server running, and the address right?"
}

// Package link is the connection of a bot, at the price of one goroutine without a buffer. Reconnecting,
// waiting for answers and everything else that a program for people needs is left to the bot; package
// client has it all, and costs ten times as much.
package link

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"croupier/servers/wire"
)

// Link is one connection to a server. Its methods never wait for the peer, may be called from any
// goroutine, and may be called after its end.
type Link interface {
	// Send sends a message, opcode included, whose memory stays the caller's. An error means that
	// the link has ended or is about to; Down follows.
	Send(message []byte) error

	// Ping makes the peer answer, with which Heard moves on.
	Ping() error

	// Heard is when something came last.
	Heard() time.Time

	// Cut ends the connection without a word: with a reset, as when a machine dies, or with an
	// orderly end of stream. Down follows.
	Cut(reset bool)

	// Close says goodbye and ends the connection. Down follows.
	Close()
}

// Handler is told what happens on a link, on the link's own goroutine, one call at a time: Up at
// most once, then Told, and Down as the very last. It must not wait.
type Handler interface {
	// Up says that the link can be used. dialed is when the network connection stood; Up comes when
	// the handshake is done.
	Up(l Link, dialed time.Time)

	// Told hands over a message that was read at a time. The payload is valid during the call.
	Told(op wire.Command, payload []byte, at time.Time)

	// Down says why the link ended, or was never made: an error of package client where it is one
	// of the protocol's.
	Down(err error)
}

// Target is where bots connect to.
type Target struct {
	Gates []string                         // URLs; none: Games
	Games []string                         // HOST:PORT of game servers
	Token func(user int64) (string, error) // nil: none is sent
	From  Sources
	Dial  Dial // nil: TCP

	Workers *Workers // who connect; nil: a new goroutine each
}

// String names the target in messages and results.
func (t Target) String() string {
	what, addresses := "gate", t.Gates
	if len(t.Gates) == 0 {
		what, addresses = "game server", t.Games
	}
	if len(addresses) > 1 {
		what += "s"
	}
	names := make([]string, len(addresses))
	for i, address := range addresses {
		names[i], _, _ = strings.Cut(address, "?") // a token somebody put there is nobody's business
	}
	return what + " " + strings.Join(names, ", ")
}

// At is the target with one of its addresses only. Users are spread over them evenly, and each goes on to the
// next with its turn.
func (t Target) At(user int64, turn int) Target {
	t.Gates, t.Games = one(t.Gates, user, turn), one(t.Games, user, turn)
	return t
}

func one(addresses []string, user int64, turn int) []string {
	if len(addresses) < 2 {
		return addresses
	}
	i := turnOf(user, turn) % len(addresses)
	return addresses[i : i+1]
}

// turnOf numbers the attempts of all users, so that those of one lead to one address after the other.
func turnOf(user int64, turn int) int { return int((uint64(user) + uint64(turn)) & math.MaxInt32) }

// timeout bounds an attempt to connect, handshake included.
const timeout = 5 * time.Second

// ErrSilent is an attempt to which the peer said nothing.
var ErrSilent = errors.New("no answer")

// ErrEnded is a link, or an attempt, that ended because its context did.
var ErrEnded = errors.New("the run is over")

// silence puts the end of an attempt for lack of an answer, or of its context, into words.
func silence(ctx context.Context, err error, began time.Time) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ErrEnded
	}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w within %.2g s", ErrSilent, time.Since(began).Seconds())
	}
	return err
}

// Open connects for a user, whose turn says which of the addresses comes first. It returns at once;
// everything else is told to h, and ends with Down. The end of ctx ends the attempt or the link.
func (t Target) Open(ctx context.Context, user int64, turn int, h Handler) {
	if len(t.Gates) == 0 {
		go t.openDirect(ctx, user, turn, h)
		return
	}
	t = t.At(user, turn)
	if t.Workers == nil {
		go t.openGate(ctx, user, h)
		return
	}
	t.Workers.do(func() { t.openGate(ctx, user, h) })
}

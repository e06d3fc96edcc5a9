package client

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// Options adjusts a client. The zero value suits a person at a terminal.
type Options struct {
	// Backoff spaces the attempts to reconnect.
	Backoff Backoff

	// MaxAttempts is how many attempts in a row may fail before the client closes with ErrGaveUp.
	// 0: it never gives up.
	MaxAttempts int

	// NoReconnect closes the client at the first break.
	NoReconnect bool

	// DialTimeout bounds one attempt to connect. 0: 10 s.
	DialTimeout time.Duration

	// RequestTimeout bounds a request whose context has no earlier deadline. 0: 10 s.
	RequestTimeout time.Duration

	// KeepAlive is how long a connection may be silent before it is probed; when it then stays
	// silent for as long again it is given up with ErrSilent. 0: 15 s. Negative: never.
	KeepAlive time.Duration

	// ResumeFor is how long the client goes on asking for its seat after a break while the server
	// refuses it, as one does whose room's new server is still starting. Then follows NotResumed.
	// 0: 2 min. Negative: one refusal is enough.
	ResumeFor time.Duration

	// EventBuffer is how many events may wait in Events. 0: 256. See the package comment for
	// what happens when they become more.
	EventBuffer int

	// Handler, where set, is called with every event, in order, on the client's own goroutine;
	// Events is then closed and empty. It must neither block nor wait for a reply: a program with
	// ten thousand clients saves ten thousand goroutines and buffers by it.
	Handler func(Event)

	// Header is sent with the WebSocket handshake, for example Origin.
	Header http.Header

	// NetDial makes the network connection, for example from a source address of choice.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	// TLS configures wss:// targets, and switches direct targets from plain text to TLS.
	TLS *tls.Config

	// writeTimeout bounds one write: a peer that takes nothing for so long is gone. 10 s, but in
	// tests.
	writeTimeout time.Duration
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&o.DialTimeout, 10 * time.Second},
		{&o.RequestTimeout, 10 * time.Second},
		{&o.writeTimeout, 10 * time.Second},
		{&o.KeepAlive, 15 * time.Second},
		{&o.ResumeFor, 2 * time.Minute},
		{&o.Backoff.Base, 250 * time.Millisecond},
		{&o.Backoff.Cap, 15 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if o.EventBuffer <= 0 {
		o.EventBuffer = 256
	}
	if o.Backoff.Rand == nil {
		o.Backoff.Rand = rand.Float64
	}
	return o
}

// Backoff spaces attempts to reconnect: exponential with full jitter, which spreads the players
// of a gate that went away instead of sending them to the next one in waves.
type Backoff struct {
	Base time.Duration  // the upper bound before the first attempt; it doubles with each. 0: 250 ms
	Cap  time.Duration  // the bound never grows beyond this. 0: 15 s
	Rand func() float64 // in [0,1). nil: math/rand/v2
}

// Hint is what the end of a connection says about coming back.
type Hint int

const (
	Jitter Hint = iota // it broke: spread over the backoff
	AtOnce             // the server asked to come back: the first attempt is immediate
	Pause              // the server is overwhelmed by us: wait at least half of a longer backoff
)

// pauseDoublings is how many attempts further Pause puts the backoff: with the standard base the
// first pause is 2 to 4 s.
const pauseDoublings = 4

// Delay returns how long to wait before attempt number n, counted from 0.
func (b Backoff) Delay(n int, hint Hint) time.Duration {
	if hint == AtOnce && n == 0 {
		return 0
	}
	if hint == Pause {
		n += pauseDoublings
	}
	bound := b.Base
	for ; n > 0 && bound < b.Cap; n-- {
		bound *= 2
	}
	bound = min(bound, b.Cap)
	if hint == Pause {
		return bound/2 + time.Duration(b.Rand()*float64(bound/2))
	}
	return time.Duration(b.Rand() * float64(bound))
}

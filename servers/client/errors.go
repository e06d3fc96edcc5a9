package client

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"croupier/servers/wire"
)

var (
	// ErrClosed reports that the client was closed by its own program.
	ErrClosed = errors.New("the client is closed")

	// ErrNotConnected reports a request that was not sent because there is no connection now.
	ErrNotConnected = errors.New("not connected")

	// ErrUnknownOutcome reports a request that was sent and got no reply: the server may or may
	// not have acted on it.
	ErrUnknownOutcome = errors.New("the outcome is unknown")

	// ErrReplaced reports that the same user came back on a newer connection.
	ErrReplaced = errors.New("the same user has come back on a newer connection")

	// ErrUnauthorized reports that the server does not accept the token.
	ErrUnauthorized = errors.New("the server does not accept this token")

	// ErrGaveUp reports that Options.MaxAttempts attempts in a row failed.
	ErrGaveUp = errors.New("gave up connecting")

	// ErrSilent reports a connection on which the server answers nothing any more.
	ErrSilent = errors.New("the server has gone silent")

	// ErrSlowConsumer reports that the program did not take its events as fast as they came.
	ErrSlowConsumer = errors.New("events are not taken as fast as they come")

	// ErrMalformed reports that the server sent what is no message of the protocol.
	ErrMalformed = errors.New("the server sent a malformed message")

	// ErrNotGate reports that what answers at a gate's address does not speak HTTP.
	ErrNotGate = errors.New("this is not a gate")

	// ErrNotGame reports that what answers at a game server's address does not speak gRPC.
	ErrNotGame = errors.New("this is not a game server: it does not speak gRPC")

	// ErrTooBig reports that the server sent a message over MaxMessage.
	ErrTooBig = errors.New("the server sent a message that is too big")
)

// RefusedError is a server's "no" to a request.
type RefusedError struct {
	Op     wire.Command // the request; NONE where the server did not say which
	Code   wire.Code
	Desc   string
	Detail string // development servers only
}

func (e *RefusedError) Error() string {
	text := fmt.Sprintf("%s refused: %s", verb(e.Op), e.Desc)
	if e.Desc == "" {
		text += e.Code.String()
	}
	text += fmt.Sprintf(" (code %d)", e.Code)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// CloseError is a connection that the server closed with a code.
type CloseError struct {
	Code   wire.CloseCode
	Reason string
}

func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("the server closed the connection (%d)", e.Code)
	}
	return fmt.Sprintf("the server closed the connection: %s (%d)", e.Reason, e.Code)
}

// Is makes a replaced connection one error, however the server said it.
func (e *CloseError) Is(target error) bool {
	return target == ErrReplaced && e.Code == wire.CloseReplaced
}

// StreamError is a direct connection that ended with a gRPC status.
type StreamError struct {
	Code codes.Code
	Text string

	moved bool // the room is at another server, and the client knows its address
}

func (e *StreamError) Error() string { return fmt.Sprintf("the stream broke: %s (%s)", e.Text, e.Code) }

// DisconnectError is a connection that ends because the server sent DISCONNECT.
type DisconnectError struct {
	Reason wire.DisconnectReason
}

func (e *DisconnectError) Error() string {
	switch e.Reason {
	case wire.DisconnectReason_RETRY:
		return "the server asks to connect again"
	case wire.DisconnectReason_REPLACED:
		return ErrReplaced.Error()
	}
	return fmt.Sprintf("the server ended the connection with reason %d", e.Reason)
}

// Is makes a replaced connection one error, however the server said it.
func (e *DisconnectError) Is(target error) bool {
	return target == ErrReplaced && e.Reason == wire.DisconnectReason_REPLACED
}

// HandshakeError is a gate that answered the handshake with something else than a WebSocket.
type HandshakeError struct {
	Status     int           // of HTTP
	RetryAfter time.Duration // what the server asked for; 0: nothing
	Text       string        // the beginning of its answer
}

func (e *HandshakeError) Error() string {
	text := fmt.Sprintf("the gate answered with HTTP status %d", e.Status)
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// Is makes the statuses for a bad token one error.
func (e *HandshakeError) Is(target error) bool {
	return target == ErrUnauthorized && (e.Status == 401 || e.Status == 403)
}

// Fate decides from the end of a connection, or of an attempt at one, whether to come back and
// how soon: by the hint, and not before atLeast has passed.
func Fate(err error) (retry bool, hint Hint, atLeast time.Duration) {
	if errors.Is(err, ErrReplaced) || errors.Is(err, ErrUnauthorized) || errors.Is(err, errBadTarget) {
		return false, 0, 0
	}
	var closed *CloseError
	if errors.As(err, &closed) {
		switch {
		case !closed.Code.Retry():
			return false, 0, 0
		case closed.Code.Pause():
			return true, Pause, 0
		}
		switch closed.Code {
		case wire.CloseGoingAway, wire.CloseServerGone, wire.CloseIdle:
			return true, AtOnce, 0
		}
		return true, Jitter, 0
	}
	var handshake *HandshakeError
	if errors.As(err, &handshake) {
		if s := handshake.Status; s >= 400 && s < 500 && s != 408 && s != 425 && s != 429 {
			return false, 0, 0
		}
		return true, Jitter, handshake.RetryAfter
	}
	var stream *StreamError
	if errors.As(err, &stream) {
		if stream.moved {
			return true, AtOnce, 0
		}
		switch stream.Code {
		case codes.ResourceExhausted: // too slow, or too many requests
			return true, Pause, 0
		case codes.InvalidArgument, codes.PermissionDenied, codes.Unimplemented:
			return false, 0, 0
		}
		return true, Jitter, 0
	}
	var disconnect *DisconnectError
	switch {
	case errors.As(err, &disconnect) && disconnect.Reason == wire.DisconnectReason_RETRY:
		return true, AtOnce, 0
	case errors.Is(err, ErrMalformed), errors.Is(err, ErrTooBig), errors.Is(err, ErrSlowConsumer):
		return true, Pause, 0
	}
	return true, Jitter, 0
}

// errBadTarget reports an address at which nothing can ever answer.
var errBadTarget = errors.New("not a valid address")

// verb names a request in messages to people.
func verb(op wire.Command) string {
	switch op {
	case wire.Command_NONE:
		return "request"
	case wire.Command_SIT_DOWN:
		return "sit"
	case wire.Command_STAND_UP:
		return "stand up"
	case wire.Command_MOVE:
		return "move"
	case wire.Command_PRINT:
		return "print"
	case wire.Command_PING:
		return "ping"
	case wire.Command_DICE_SHAKE:
		return "shake"
	case wire.Command_COIN_CALL:
		return "call"
	}
	return fmt.Sprintf("request %d", op)
}

package wire

// CloseCode is a WebSocket close code as the gate uses it. It tells a client whether to come
// back, and when. Codes below 4000 keep the meaning that RFC 6455 and the IANA registry of close
// codes give them.
type CloseCode uint16

const (
	CloseNormal        CloseCode = 1000 // the client asked for it
	CloseGoingAway     CloseCode = 1001 // the gate shuts down: come back now, another gate answers
	CloseProtocolError CloseCode = 1002 // a frame that is no WebSocket frame: a bug of the client
	CloseUnsupported   CloseCode = 1003 // a text message: this protocol is binary
	CloseTooBig        CloseCode = 1009 // a message over MaxRequest bytes
	CloseInternal      CloseCode = 1011 // a fault of the gate: come back
	CloseServerGone    CloseCode = 1012 // the room's server is gone: come back now and sit down again
	CloseTooSlow       CloseCode = 1013 // the client does not read as fast as its room speaks, or said too much while the room moved: come back after a pause
	CloseBadMessage    CloseCode = 4000 // a message too short for an opcode: a bug of the client
	CloseReplaced      CloseCode = 4002 // the same user sat down in the same room on a newer connection
	CloseRateLimited   CloseCode = 4008 // far too many requests: come back after a pause, and slower
	CloseIdle          CloseCode = 4009 // no answer to pings: come back
	CloseTooMany       CloseCode = 4029 // the user has too many connections: close one, come back after a pause
)

// Retry says whether a client that was closed with this code does right to connect again. A code
// it does not know, such as 1006 for a lost connection, counts as a reason to come back.
func (c CloseCode) Retry() bool {
	switch c {
	case CloseNormal, CloseProtocolError, CloseUnsupported, CloseTooBig, CloseBadMessage, CloseReplaced:
		return false
	}
	return true
}

// Pause says whether a client should wait its full backoff before it connects again, instead of
// trying once at once.
func (c CloseCode) Pause() bool {
	return c == CloseTooSlow || c == CloseRateLimited || c == CloseTooMany
}

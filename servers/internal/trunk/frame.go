// Package trunk is what a gate and a game server share of the way between them: a gRPC stream that
// carries the frames of many sessions in batches. A player costs no connection, no stream and no
// goroutine of the trunk, and a busy trunk pays its system calls once a batch.
//
// # Lanes
//
// A lane is one player's way into one room. The gate numbers lanes from 1 and never uses a number
// twice on one trunk. A lane begins with the gate's Open, carries Data both ways, and ends with a
// Shut from either side; the gate answers a Shut of the server with a Shut of its own, after which
// neither side speaks on it. The server answers a Shut of the gate only where it has sent Moved on
// the lane (see below).
//
// The first frame of the server is Placed, as soon as it knows the room and before any message from
// it. A lane that leads into no room has none: Moved, or Shut with ReasonCordoned, ReasonAbsent or
// ReasonRefused (after an Error) comes first. The gate holds back what the player says until the
// server has said Placed, or any message; nothing but Open and Shut is on a lane before. Placed comes
// again where that room ended before the player was in it: the lane leads to the next one.
//
// A message that answers a request with a number is a Reply, anything else is Data. The gate keeps
// a copy of each numbered message until its Reply, or until the lane ends in another way than by
// Moved or with the trunk. A request that will have no other answer is answered with an Error.
//
// # Moved
//
// After Moved the server sends nothing on the lane but Back and, at last, Shut. It gives Back, in
// the order in which they came, all messages that it has not handled: those that waited, and every
// Data and Again that still arrives before the gate's Shut. That Shut it answers with
// Shut{ReasonMoved}. The gate sends it as soon as it has read Moved, so what it sent before is all
// that can come back. A Shut of the gate that crossed Moved counts as that Shut. What neither came
// back nor was answered before Moved is taken to be handled, unless Moved.lost.
//
// Moved goes also to a lane that has not heard Placed, or no answer to its SitDown yet. The gate
// then opens the same lane elsewhere: resume stays as it was, and the SitDown keeps its request.
// Where the SitDown was answered, or the Open had resume, the new Open has resume. An address is
// that of a server's trunk port, HOST:PORT; the gate resolves a HOST that is a name. Moved to an
// address that does not answer the gate, or that has sent it back, is no error: the gate waits a
// little and asks again, with the address in Open.dead where it does not answer.
//
// Where the gate does not hear Shut{ReasonMoved} for BackPatience, or the trunk is lost, requests
// without a reply go to the new owner as Again.
//
// # Beats
//
// The first batch on a trunk is empty, from either side, and so is one whenever a side had nothing
// to say for BeatEvery (Outbox.Live does both, and Pulse watches the other side). A side that has
// sent an empty batch is one that knows Reply, Placed, Moved, Back and Again; to another one, of an
// older build, only Open, Data and Shut are sent, and its silence means nothing. A side that beats
// and is not heard of for SilentAfter is dead to the other, which ends the trunk.
package trunk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"
)

// BackPatience is how long a gate waits for what comes back after Moved.
const BackPatience = time.Second

// MaxFrame is the largest payload of a frame, in bytes.
const MaxFrame = 1 << 20

// Kind is what a frame says about its lane. A kind that a side does not know comes from a newer
// version of the other side and is passed over.
type Kind uint8

const (
	KindOpen Kind = 1 // gate: an Open
	KindData Kind = 2 // both: a message as in the published format, opcode and body
	KindShut Kind = 3 // both: one byte, a Reason

	KindReply  Kind = 4 // server: uvarint, the number of the request that is answered; then as KindData
	KindPlaced Kind = 5 // server: a Placed, before anything else on the lane
	KindMoved  Kind = 6 // server: a Moved
	KindBack   Kind = 7 // server: a message that it has not handled, as it came; after KindMoved, in order
	KindAgain  Kind = 8 // gate: as KindData, but an earlier owner of the room may have handled it
)

// Reason is why a lane was shut.
type Reason uint8

const (
	ReasonLost      Reason = 1  // gate: the player's connection is gone or speaks to another room now
	ReasonStood     Reason = 2  // server: the player left the room
	ReasonDisbanded Reason = 3  // server: the room is closed
	ReasonReplaced  Reason = 4  // server: the same user came on another lane
	ReasonRetry     Reason = 5  // server: the room goes away from this server
	ReasonRefused   Reason = 6  // server: no entry; an Error was sent before
	ReasonCordoned  Reason = 7  // server: it takes no new room; ask another one, the player was told nothing
	ReasonMoved     Reason = 8  // server: after KindMoved and the gate's Shut: nothing more comes back
	ReasonAway      Reason = 10 // gate: it goes away, and the player comes again through another one; as where a gate dies
	ReasonAbsent    Reason = 9  // server: who wanted to resume is not in the room any more; the player was told nothing
)

// Frame is one frame of a batch. Payload shares the batch's memory.
type Frame struct {
	Lane    uint64
	Kind    Kind
	Payload []byte
}

// A frame is laid out as: lane (uvarint), kind (1 byte), length of the payload (uvarint), payload.

// AppendFrame appends a frame whose payload is the given parts, one after the other.
func AppendFrame(b []byte, lane uint64, kind Kind, parts ...[]byte) []byte {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	b = binary.AppendUvarint(b, lane)
	b = append(b, byte(kind))
	b = binary.AppendUvarint(b, uint64(size))
	for _, part := range parts {
		b = append(b, part...)
	}
	return b
}

// ErrMalformed reports bytes that are no batch of frames. The trunk that sent them is broken.
var ErrMalformed = errors.New("malformed trunk frame")

// Frames yields the frames of a batch in order. It yields an error, once and last, where the
// batch is malformed; the frames before it are good.
func Frames(batch []byte) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		for len(batch) > 0 {
			f, rest, err := next(batch)
			if !yield(f, err) || err != nil {
				return
			}
			batch = rest
		}
	}
}

func next(b []byte) (Frame, []byte, error) {
	lane, n := binary.Uvarint(b)
	if n <= 0 || lane == 0 {
		return Frame{}, nil, fmt.Errorf("%w: bad lane", ErrMalformed)
	}
	b = b[n:]
	if len(b) == 0 {
		return Frame{}, nil, fmt.Errorf("%w: no kind", ErrMalformed)
	}
	kind := Kind(b[0])
	size, n := binary.Uvarint(b[1:])
	if n <= 0 || size > MaxFrame || size > uint64(len(b)-1-n) {
		return Frame{}, nil, fmt.Errorf("%w: bad length", ErrMalformed)
	}
	b = b[1+n:]
	return Frame{Lane: lane, Kind: kind, Payload: b[:size:size]}, b[size:], nil
}

// Package trunk is what a gate and a game server share of the way between them: a gRPC stream
// that carries the frames of many sessions in batches. A player costs no connection, no stream
// and no goroutine of the trunk, and a busy trunk pays its system calls once a batch.
//
// A lane is one player's way into one room. The gate numbers lanes from 1 and never uses a number
// twice on one trunk. A lane begins with the gate's Open, carries Data both ways, and ends with a
// Shut from either side; the gate answers a Shut of the server with a Shut of its own, after
// which neither side speaks on it.
package trunk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
)

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
	ReasonLost      Reason = 1 // gate: the player's connection is gone or speaks to another room now
	ReasonStood     Reason = 2 // server: the player left the room
	ReasonDisbanded Reason = 3 // server: the room is closed
	ReasonReplaced  Reason = 4 // server: the same user came on another lane
	ReasonRetry     Reason = 5 // server: the room goes away from this server
	ReasonRefused   Reason = 6 // server: no entry; an Error was sent before
	ReasonCordoned  Reason = 7 // server: it takes no new room; ask another one, the player was told nothing
	ReasonMoved     Reason = 8 // server: after KindMoved and the gate's Shut: nothing more comes back
	ReasonAbsent    Reason = 9 // server: who wanted to resume is not in the room any more; the player was told nothing
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

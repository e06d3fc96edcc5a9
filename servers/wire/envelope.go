// Package wire is the published protocol between a player's program and Croupier's servers: the
// messages (wire.proto beside its generated code), the envelope that carries them in a WebSocket
// message, and the codes with which a WebSocket is closed.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// OpcodeSize is the length in bytes of the big-endian opcode before a message.
const OpcodeSize = 4

// MaxRequest is how many bytes a server accepts of one message of a client, opcode included.
// The largest honest request is a SitDown of some 60 bytes.
const MaxRequest = 4 << 10

// ErrShort reports a message too short to hold an opcode.
var ErrShort = errors.New("message is shorter than its 4-byte opcode")

// Split takes a message apart into its opcode and its payload, which shares b's memory.
func Split(b []byte) (Command, []byte, error) {
	if len(b) < OpcodeSize {
		return 0, nil, fmt.Errorf("%w: %d bytes", ErrShort, len(b))
	}
	return Command(binary.BigEndian.Uint32(b)), b[OpcodeSize:], nil
}

// AppendOpcode begins a message in b.
func AppendOpcode(b []byte, op Command) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(op))
}

// Append appends a whole message to b: opcode and payload. It fails only for a message that holds
// a string which is not UTF-8.
func Append(b []byte, op Command, m proto.Message) ([]byte, error) {
	return proto.MarshalOptions{}.MarshalAppend(AppendOpcode(b, op), m)
}

// metaField is the number of the Meta field in every message.
const metaField = 15

// AppendMeta appends a Meta field to an encoded payload that has none. Fields of a protobuf
// message may stand in any order, so a payload encoded once serves many receivers, each with a
// Meta of its own. A Meta of zeros appends nothing.
func AppendMeta(b []byte, epoch, seq, request uint64) []byte {
	return AppendMetaOf(b, "", 0, epoch, seq, request)
}

// AppendMetaOf is AppendMeta with what only the first message on a new way to a room carries: the
// version of the game server, which must be UTF-8, and the room's number.
func AppendMetaOf(b []byte, server string, room int64, epoch, seq, request uint64) []byte {
	size := 0
	if server != "" {
		size = 1 + protowire.SizeBytes(len(server))
	}
	if room != 0 {
		size += 1 + protowire.SizeVarint(uint64(room))
	}
	for _, v := range [...]uint64{epoch, seq, request} {
		if v != 0 {
			size += 1 + protowire.SizeVarint(v)
		}
	}
	if size == 0 {
		return b
	}
	b = protowire.AppendTag(b, metaField, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	for i, v := range [...]uint64{epoch, seq, request} {
		if v != 0 {
			b = protowire.AppendTag(b, protowire.Number(i+1), protowire.VarintType)
			b = protowire.AppendVarint(b, v)
		}
	}
	if server != "" {
		b = protowire.AppendTag(b, 4, protowire.BytesType)
		b = protowire.AppendString(b, server)
	}
	if room != 0 {
		b = protowire.AppendTag(b, 5, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(room))
	}
	return b
}

// MustMarshal encodes a message that a server made itself. It panics for a string that is not
// UTF-8, which no server makes: what comes from outside was checked when it was decoded.
func MustMarshal(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("wire: encode %T: %v", m, err))
	}
	return b
}

package link

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"

	"github.com/gobwas/ws"
)

// frame is a WebSocket frame of a server (RFC 6455, section 5.2).
type frame struct {
	final   bool
	op      ws.OpCode
	payload []byte // shares memory with the bytes it was parsed from
}

var (
	errIncomplete = errors.New("the frame is not complete yet")
	errBadFrame   = errors.New("not a WebSocket frame of a server")
	errTooBig     = errors.New("the frame is too big")
)

// parseFrame takes the first frame off b and returns how many bytes it took. The library's reader
// would need a buffer for each connection; a test compares the two on arbitrary bytes.
func parseFrame(b []byte, limit int) (frame, int, error) {
	if len(b) < 2 {
		return frame{}, 0, errIncomplete
	}
	f := frame{final: b[0]&0x80 != 0, op: ws.OpCode(b[0] & 0x0f)}
	masked, size, at := b[1]&0x80 != 0, uint64(b[1]&0x7f), 2
	switch {
	case b[0]&0x70 != 0, masked, f.op.IsReserved(): // no extension was agreed on; servers must not mask
		return frame{}, 0, errBadFrame
	case f.op.IsControl() && (!f.final || size > 125):
		return frame{}, 0, errBadFrame
	}
	switch size {
	case 126:
		if len(b) < 4 {
			return frame{}, 0, errIncomplete
		}
		size, at = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		if len(b) < 10 {
			return frame{}, 0, errIncomplete
		}
		size, at = binary.BigEndian.Uint64(b[2:]), 10
		if size>>63 != 0 {
			return frame{}, 0, errBadFrame
		}
	}
	if size > uint64(limit) {
		return frame{}, 0, errTooBig
	}
	end := at + int(size)
	if len(b) < end {
		return frame{}, 0, errIncomplete
	}
	f.payload = b[at:end:end]
	return f, end, nil
}

// appendFrame appends a final frame of a client, masked. The payload is shorter than 64 KiB: bots say
// nothing longer.
func appendFrame(b []byte, op ws.OpCode, payload []byte) []byte {
	b = append(b, 0x80|byte(op))
	if len(payload) < 126 {
		b = append(b, 0x80|byte(len(payload)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(payload)))
	}
	var mask [4]byte
	binary.LittleEndian.PutUint32(mask[:], rand.Uint32())
	b = append(b, mask[:]...)
	from := len(b)
	b = append(b, payload...)
	ws.Cipher(b[from:], mask, 0)
	return b
}

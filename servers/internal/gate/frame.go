package gate

import (
	"encoding/binary"
	"errors"

	"github.com/gobwas/ws"
)

// frame is a WebSocket frame of a client, unmasked (RFC 6455, section 5.2).
type frame struct {
	final   bool
	op      ws.OpCode
	payload []byte // shares memory with the bytes it was parsed from
}

var (
	errIncomplete = errors.New("the frame is not complete yet")
	errBadFrame   = errors.New("not a WebSocket frame of a client")
	errTooBig     = errors.New("the frame is too big")
)

// maxHeader is the longest header of a frame: 2 bytes, 8 of length, 4 of mask.
const maxHeader = 14

// parseFrame takes the first frame off b, unmasking it in place, and returns how many bytes it
// took. The parser is our own because the library's reads from an io.Reader, which costs an
// allocation a frame and an extra copy; a test compares the two on arbitrary bytes.
func parseFrame(b []byte, limit int) (frame, int, error) {
	if len(b) < 2 {
		return frame{}, 0, errIncomplete
	}
	f := frame{final: b[0]&0x80 != 0, op: ws.OpCode(b[0] & 0x0f)}
	masked, size, at := b[1]&0x80 != 0, uint64(b[1]&0x7f), 2
	switch {
	case b[0]&0x70 != 0, !masked: // no extension was agreed on; clients must mask
		return frame{}, 0, errBadFrame
	case f.op.IsReserved():
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
	end := at + 4 + int(size)
	if len(b) < end {
		return frame{}, 0, errIncomplete
	}
	mask := [4]byte(b[at:])
	f.payload = b[at+4 : end : end]
	ws.Cipher(f.payload, mask, 0)
	return f, end, nil
}

// appendHeader appends the header of a server's final frame.
func appendHeader(b []byte, op ws.OpCode, size int) []byte {
	b = append(b, 0x80|byte(op))
	switch {
	case size < 126:
		return append(b, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(b, 127), uint64(size))
}

package link

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"testing"

	"github.com/gobwas/ws"
)

// parseFrame takes and refuses the same frames as the library's reader and checker, byte for byte.
func FuzzParseFrame(f *testing.F) {
	const limit = 1 << 16
	for _, seed := range [][]byte{
		{}, {0x82}, {0x82, 0x00}, {0x82, 0x03, 1, 2, 3, 0x82}, {0x02, 0x01, 1}, {0x80, 0x00}, {0x89, 0x01, 7}, {0x8a, 0x00},
		{0x88, 0x02, 0x03, 0xe8}, {0x82, 0x83, 1, 2, 3, 4, 5, 6, 7}, {0xc2, 0x00}, {0x83, 0x00}, {0x09, 0x00}, {0x89, 0x7e, 0, 126},
		append([]byte{0x82, 0x7e, 0, 130}, make([]byte, 130)...), {0x82, 0x7e, 0, 1, 9}, {0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0, 1, 9},
		{0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 1}, {0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 1}, {0x82, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, n, err := parseFrame(b, limit)
		r := bytes.NewReader(b)
		h, bad := ws.ReadHeader(r)
		whole := bad == nil
		if whole {
			state := ws.StateClientSide
			if h.OpCode == ws.OpContinuation {
				state |= ws.StateFragmented
			}
			bad = ws.CheckHeader(h, state)
		}
		switch {
		case err == nil:
			if bad != nil {
				t.Fatalf("taken, where the library says %v", bad)
			}
			payload := make([]byte, h.Length)
			if _, err := io.ReadFull(r, payload); err != nil || !bytes.Equal(payload, got.payload) {
				t.Errorf("the payload is %x, not %x (%v)", got.payload, payload, err)
			}
			if got.final != h.Fin || got.op != h.OpCode || n != len(b)-r.Len() {
				t.Errorf("%+v of %d bytes, not %+v of %d", got, n, h, len(b)-r.Len())
			}
			if cap(got.payload) != len(got.payload) {
				t.Error("who appends to the payload writes over what comes next")
			}
		case errors.Is(err, errIncomplete):
			if whole && (bad != nil || h.Length <= int64(r.Len())) {
				t.Errorf("incomplete, where the library has read %+v (%v)", h, bad)
			}
		case errors.Is(err, errTooBig):
			if !whole || bad != nil || h.Length <= limit {
				t.Errorf("too big, where the library has read %+v (%v)", h, bad)
			}
		default: // which a control frame is, too, that takes more bytes for its length than it needs
			if lavish := len(b) > 1 && b[1]&0x7f > 125 && h.OpCode.IsControl(); whole && bad == nil && !lavish {
				t.Errorf("refused, where the library has read %+v", h)
			}
		}
	})
}

// The library reads what bots say.
func TestAppendFrame(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 127, 200, 4096, 65535} {
		payload := make([]byte, size)
		rand.Read(payload) //nolint:errcheck // it never fails
		said := bytes.Clone(payload)
		b := appendFrame([]byte("before"), ws.OpBinary, payload)
		r := bytes.NewReader(b[len("before"):])
		frame, err := ws.ReadFrame(r)
		if err != nil || !frame.Header.Masked || !frame.Header.Fin || frame.Header.OpCode != ws.OpBinary || r.Len() > 0 {
			t.Fatalf("%d bytes: %+v %v", size, frame.Header, err)
		}
		if frame = ws.UnmaskFrame(frame); !bytes.Equal(frame.Payload, said) || !bytes.Equal(payload, said) {
			t.Errorf("%d bytes come as others", size)
		}
	}
}

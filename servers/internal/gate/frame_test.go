package gate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/gobwas/ws"

	"croupier/servers/wire"
)

// masked makes a client's frame.
func masked(first byte, payload []byte) []byte {
	b := []byte{first}
	switch size := len(payload); {
	case size < 126:
		b = append(b, 0x80|byte(size))
	case size < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(size))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(size))
	}
	mask := [4]byte{0x12, 0x34, 0x56, 0x78}
	b = append(b, mask[:]...)
	for i, c := range payload {
		b = append(b, c^mask[i%4])
	}
	return b
}

func TestParseFrame(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 127, wire.MaxRequest} {
		payload := bytes.Repeat([]byte{0xa5}, size)
		whole := append(masked(0x82, payload), "next"...)
		f, n, err := parseFrame(bytes.Clone(whole), wire.MaxRequest)
		if err != nil || n != len(whole)-4 || !f.final || f.op != ws.OpBinary || !bytes.Equal(f.payload, payload) {
			t.Errorf("%d bytes: took %d, %v %v, %v", size, n, f.final, f.op, err)
		}
		for cut := range len(whole) - 4 {
			if _, n, err := parseFrame(bytes.Clone(whole[:cut]), wire.MaxRequest); !errors.Is(err, errIncomplete) || n != 0 {
				t.Fatalf("%d bytes, cut to %d: took %d, %v", size, cut, n, err)
			}
		}
	}
}

func TestParseFrameRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		bytes []byte
		want  error
	}{
		"unmasked":            {[]byte{0x82, 4, 0, 0, 0, 6}, errBadFrame},
		"reserved bit":        {masked(0xc2, []byte{1}), errBadFrame},
		"reserved opcode":     {masked(0x83, nil), errBadFrame},
		"reserved control":    {masked(0x8b, nil), errBadFrame},
		"fragmented ping":     {masked(0x09, nil), errBadFrame},
		"long ping":           {masked(0x89, make([]byte, 126)), errBadFrame},
		"too big by one":      {masked(0x82, make([]byte, wire.MaxRequest+1)), errTooBig},
		"too big, head alone": {[]byte{0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0}, errTooBig},
		"negative length":     {[]byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0}, errBadFrame},
	} {
		if _, n, err := parseFrame(c.bytes, wire.MaxRequest); !errors.Is(err, c.want) || n != 0 {
			t.Errorf("%s: took %d, %v, want %v", name, n, err, c.want)
		}
	}
}

// FuzzParseFrame compares the parser with the library's on arbitrary bytes.
func FuzzParseFrame(f *testing.F) {
	f.Add(masked(0x82, []byte{0, 0, 0, 6}))
	f.Add(masked(0x02, make([]byte, 200)))
	f.Add(masked(0x89, []byte("ping"))[:5])
	f.Add([]byte{0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4})
	f.Add([]byte{0x88, 0xfe, 0, 2, 1, 2, 3, 4, 5, 6})
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 300
		got, n, err := parseFrame(bytes.Clone(b), limit)
		want, wantErr := byLibrary(b, limit)
		switch {
		case errors.Is(wantErr, errIncomplete) && err != nil:
			// Ours may know from the first bytes already that the rest can't help.
		case !errors.Is(err, wantErr):
			t.Fatalf("%x: %v, the library says %v", b, err, wantErr)
		case err == nil && (got.final != want.final || got.op != want.op || !bytes.Equal(got.payload, want.payload)):
			t.Fatalf("%x: %v, the library says %v", b, got, want)
		case (err == nil) != (n > 0) || n > len(b):
			t.Fatalf("%x: took %d of %d bytes, %v", b, n, len(b), err)
		}
	})
}

// byLibrary parses a frame with github.com/gobwas/ws and says the same in our words.
func byLibrary(b []byte, limit int64) (frame, error) {
	r := bytes.NewReader(b)
	h, err := ws.ReadHeader(r)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return frame{}, errIncomplete
	case err != nil:
		return frame{}, errBadFrame
	}
	state := ws.StateServerSide
	if h.OpCode == ws.OpContinuation {
		state = state.Set(ws.StateFragmented)
	}
	switch {
	case ws.CheckHeader(h, state) != nil:
		return frame{}, errBadFrame
	case h.OpCode.IsControl() && b[1]&0x7f > 125:
		return frame{}, errBadFrame // a length that is longer than it need be; the library does not mind
	case h.Length > limit:
		return frame{}, errTooBig
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return frame{}, errIncomplete
	}
	ws.Cipher(payload, h.Mask, 0)
	return frame{final: h.Fin, op: h.OpCode, payload: payload}, nil
}

func TestAppendHeaderIsReadByTheLibrary(t *testing.T) {
	for _, size := range []int{0, 125, 126, 1<<16 - 1, 1 << 16} {
		b := appendHeader(nil, ws.OpBinary, size)
		h, err := ws.ReadHeader(bytes.NewReader(b))
		if err != nil || h.Length != int64(size) || !h.Fin || h.Masked || h.OpCode != ws.OpBinary {
			t.Errorf("%d: %+v %v", size, h, err)
		}
		if len(b) != ws.HeaderSize(h) {
			t.Errorf("%d: a header of %d bytes, %d would do", size, len(b), ws.HeaderSize(h))
		}
	}
}

func BenchmarkParseFrame(b *testing.B) {
	original := masked(0x82, make([]byte, 60))
	buffer := make([]byte, len(original))
	b.ReportAllocs()
	for b.Loop() {
		copy(buffer, original)
		if _, _, err := parseFrame(buffer, wire.MaxRequest); err != nil {
			b.Fatal(err)
		}
	}
}

package trunk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"
)

// collect reads a batch to its end or its error.
func collect(batch []byte) (frames []Frame, err error) {
	for f, failed := range Frames(batch) {
		if failed != nil {
			return frames, failed
		}
		frames = append(frames, f)
	}
	return frames, nil
}

func TestFramesRoundTrip(t *testing.T) {
	big := bytes.Repeat([]byte{7}, MaxFrame)
	batch := AppendFrame(nil, 1, KindOpen)
	batch = AppendFrame(batch, math.MaxUint64, KindData, []byte("one"), nil, []byte("two"))
	batch = AppendFrame(batch, 300, KindShut, []byte{byte(ReasonLost)})
	batch = AppendFrame(batch, 2, Kind(250), big)
	frames, err := collect(batch)
	if err != nil || len(frames) != 4 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	for i, want := range []Frame{
		{1, KindOpen, []byte{}}, {math.MaxUint64, KindData, []byte("onetwo")},
		{300, KindShut, []byte{byte(ReasonLost)}}, {2, Kind(250), big},
	} {
		if got := frames[i]; got.Lane != want.Lane || got.Kind != want.Kind || !bytes.Equal(got.Payload, want.Payload) {
			t.Errorf("frame %d: lane %d kind %d, %d bytes", i, got.Lane, got.Kind, len(got.Payload))
		}
	}
	// An append to one payload must not write into the next frame.
	_ = append(frames[1].Payload, "overwritten"...)
	if again, err := collect(batch); err != nil || again[2].Lane != 300 {
		t.Errorf("a payload reaches into the next frame: %v %v", again, err)
	}
}

func TestMalformedFrames(t *testing.T) {
	good := AppendFrame(nil, 9, KindData, []byte("good"))
	huge := binary.AppendUvarint([]byte{1, byte(KindData)}, MaxFrame+1)
	for name, bad := range map[string][]byte{
		"lane 0":             {0, byte(KindData), 0},
		"endless lane":       bytes.Repeat([]byte{0xff}, 20),
		"no kind":            {1},
		"no length":          {1, byte(KindData)},
		"endless length":     append([]byte{1, byte(KindData)}, bytes.Repeat([]byte{0xff}, 20)...),
		"more than there is": {1, byte(KindData), 2, 'x'},
		"length of 2^64-1":   binary.AppendUvarint([]byte{1, byte(KindData)}, math.MaxUint64),
		"over MaxFrame":      append(huge, make([]byte, MaxFrame+1)...),
	} {
		frames, err := collect(append(bytes.Clone(good), bad...))
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
		if len(frames) != 1 || string(frames[0].Payload) != "good" {
			t.Errorf("%s: the good frame before it is lost: %v", name, frames)
		}
	}
}

func TestFramesCanBeLeftEarly(t *testing.T) {
	batch := AppendFrame(AppendFrame(nil, 1, KindData), 2, KindData)
	for f := range Frames(batch) {
		if f.Lane != 1 {
			t.Fatalf("lane %d after the loop was left", f.Lane)
		}
		break
	}
}

// FuzzFrames: no bytes make the parser panic or read beyond them; what it takes has one form.
func FuzzFrames(f *testing.F) {
	f.Add(AppendFrame(AppendFrame(nil, 1, KindOpen, []byte{8, 1}), 1<<40, KindShut, []byte{1}))
	f.Add([]byte{1, 2, 3})
	f.Add(bytes.Repeat([]byte{0x80}, 30))
	f.Fuzz(func(t *testing.T, batch []byte) {
		frames, err := collect(batch)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		var again []byte
		total := 0
		for _, f := range frames {
			again = AppendFrame(again, f.Lane, f.Kind, f.Payload)
			total += len(f.Payload)
		}
		if total > len(batch) || len(again) > len(batch) {
			t.Fatalf("%d bytes became %d", len(batch), len(again))
		}
		same, err := collect(again)
		if err != nil || len(same) != len(frames) {
			t.Fatalf("%d frames became %d: %v", len(frames), len(same), err)
		}
	})
}

func BenchmarkFrames(b *testing.B) {
	body := make([]byte, 60)
	var batch []byte
	for lane := range uint64(50) {
		batch = AppendFrame(batch, lane+1000, KindData, body)
	}
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		out := make([]byte, 0, len(batch))
		for b.Loop() {
			out = out[:0]
			for lane := range uint64(50) {
				out = AppendFrame(out, lane+1000, KindData, body)
			}
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, err := range Frames(batch) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

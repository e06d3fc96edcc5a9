package dice

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"croupier/servers/wire"
)

func TestDecodeShake(t *testing.T) {
	for _, test := range []struct {
		name string
		body []byte
		want int32
		ok   bool
	}{
		{"empty", nil, 0, true},
		{"a preset", []byte{0x08, 6}, 6, true},
		{"with a request's number", []byte{0x08, 3, 0x7a, 2, 0x18, 9}, 3, true},
		{"a field to come", []byte{0x08, 3, 0x10, 1}, 3, true},
		{"cut", []byte{0x08}, 0, false},
		{"noise", []byte{0xff, 0xff}, 0, false},
	} {
		got, err := decodeShake(test.body)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%s: %d, %v; want %d, no error %v", test.name, got, err, test.want, test.ok)
		}
	}
}

// FuzzDecodeShake: any bytes are read as protobuf would have them, or refused.
func FuzzDecodeShake(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte{0x08, 6})
	f.Add([]byte{0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add(shake(3).Body)
	f.Fuzz(func(t *testing.T, body []byte) {
		points, err := decodeShake(body)
		if err != nil {
			if points != 0 {
				t.Errorf("%x is refused, and read as %d", body, points)
			}
			return
		}
		again, err := proto.Marshal(&wire.Int32{Value: points})
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := decodeShake(again); err != nil || twice != points {
			t.Errorf("%x is read as %d, and written and read again as %d, %v", body, points, twice, err)
		}
	})
}

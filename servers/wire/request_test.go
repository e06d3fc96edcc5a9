package wire

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// FuzzRequestID: whatever the decoder takes has the number that the decoder finds.
func FuzzRequestID(f *testing.F) {
	f.Add(AppendMeta(MustMarshal(&Int32{Value: 3}), 1, 2, 3))
	f.Add([]byte{0x7a, 2, 0x18, 9, 0x7a, 0})
	f.Add([]byte{0x7a, 4, 0x18, 9, 0x18, 8})
	f.Fuzz(func(t *testing.T, payload []byte) {
		id := RequestID(payload)
		var m Empty
		if proto.Unmarshal(payload, &m) != nil {
			return
		}
		if metas := countMetas(payload); metas == 1 && id != m.GetMeta().GetRequest() || metas == 0 && id != 0 {
			t.Fatalf("%x: request %d, the decoder finds %d", payload, id, m.GetMeta().GetRequest())
		}
	})
}

// countMetas counts Meta fields: of several, which a decoder merges, RequestID reads the first.
func countMetas(payload []byte) int {
	n := 0
	for {
		rest, found := find(payload, metaField, 2)
		if !found {
			return n
		}
		n++
		_, size := protowire.ConsumeBytes(rest)
		payload = rest[size:] // it was decoded: there is that much
	}
}

func BenchmarkRequestID(b *testing.B) {
	payload := AppendMeta(MustMarshal(&Int32{Value: 3}), 0, 0, 12345)
	b.ReportAllocs()
	for b.Loop() {
		if RequestID(payload) != 12345 {
			b.Fatal("not found")
		}
	}
}

package wire

import "google.golang.org/protobuf/encoding/protowire"

// RequestID reads the client's request number from an encoded payload of any type without
// decoding the rest; 0 where there is none or the payload is malformed. It allocates nothing: a gate
// and a game server ask for the number of every message.
func RequestID(payload []byte) uint64 {
	meta, found := find(payload, metaField, protowire.BytesType)
	if !found {
		return 0
	}
	body, n := protowire.ConsumeBytes(meta)
	if n < 0 {
		return 0
	}
	// The last one counts, as everywhere in protobuf, and a Meta that ends in rubbish is none.
	var request uint64
	for len(body) > 0 {
		number, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return 0
		}
		body = body[n:]
		if number == requestField && kind == protowire.VarintType {
			request, n = protowire.ConsumeVarint(body)
		} else {
			n = protowire.ConsumeFieldValue(number, kind, body)
		}
		if n < 0 {
			return 0
		}
		body = body[n:]
	}
	return request
}

// requestField is the number of the request in Meta.
const requestField = 3

// find returns what stands behind the tag of the first field of that number and kind.
func find(payload []byte, field protowire.Number, of protowire.Type) ([]byte, bool) {
	for len(payload) > 0 {
		number, kind, n := protowire.ConsumeTag(payload)
		if n < 0 {
			return nil, false
		}
		payload = payload[n:]
		if number == field && kind == of {
			return payload, true
		}
		if n = protowire.ConsumeFieldValue(number, kind, payload); n < 0 {
			return nil, false
		}
		payload = payload[n:]
	}
	return nil, false
}

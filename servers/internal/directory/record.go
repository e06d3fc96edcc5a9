package directory

import (
	"encoding/binary"
	"fmt"
)

// A record of a journal:
//
//	byte      format, 1
//	then, for each room that is saved:
//	uvarint   length of its key, then the key
//	8 bytes   claim of its owner
//	uvarint   turn
//	uvarint   length of the snapshot, then the snapshot
//
// The first record of a journal saves nothing. An empty one is a seal, which a server adds that takes rooms over.
const recordFormat = 1

// A save is one room's part of a record.
type save struct {
	name     string
	claim    claimID
	turn     uint64
	snapshot []byte // part of the record
}

func appendSave(b []byte, name string, claim claimID, turn uint64, snapshot []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(name)))
	b = append(b, name...)
	b = append(b, claim[:]...)
	b = binary.AppendUvarint(b, turn)
	b = binary.AppendUvarint(b, uint64(len(snapshot)))
	return append(b, snapshot...)
}

// parseRecord calls visit for every save in a record. ErrNewer: it has a format that this program does not know.
func parseRecord(record []byte, visit func(save)) error {
	switch {
	case len(record) == 0:
		return nil // a seal
	case record[0] > recordFormat:
		return fmt.Errorf("a record of the journal has format %d, and this program reads up to %d: %w", record[0], recordFormat, ErrNewer)
	case record[0] != recordFormat:
		return errMangled
	}
	for rest := record[1:]; len(rest) > 0; {
		var s save
		name, after, ok := cutBytes(rest)
		if !ok || len(after) < len(s.claim) {
			return errMangled
		}
		s.name, s.claim = string(name), claimID(after[:len(s.claim)])
		turn, w := binary.Uvarint(after[len(s.claim):])
		if w <= 0 {
			return errMangled
		}
		s.turn = turn
		if s.snapshot, rest, ok = cutBytes(after[len(s.claim)+w:]); !ok {
			return errMangled
		}
		visit(s)
	}
	return nil
}

// cutBytes cuts off a length and as many bytes.
func cutBytes(b []byte) (bytes, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	return b[w : w+int(n)], b[w+int(n):], true
}

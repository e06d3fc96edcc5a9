package directory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
)

// The value of an entry:
//
//	byte      format, 1
//	8 bytes   claim: drawn at random for each claim, so that its owner knows its own writes again
//	8 bytes   epoch, big endian; 0 in the write that makes the claim, where it is not known yet
//	8 bytes   fingerprint of the snapshot that the owner began with
//	8 bytes   turn of the snapshot, big endian: counts the owner's saves
//	4 times   length (uvarint), bytes: server ID, address, version, journal
//	the rest  snapshot
//
// A server that finds a larger format must leave the entry to a server that knows it.
const entryFormat = 1

const (
	claimAt, epochAt, beganAt, turnAt, textsAt = 1, 9, 17, 25, 33

	maxText    = 256
	maxJournal = 3*maxID + 20 // a server ID as a token, and a number
)

type claimID [8]byte

// fingerprint knows a snapshot again. Nobody forges snapshots here; it only has to be the same in every process.
func fingerprint(snapshot []byte) uint64 {
	h := fnv.New64a()
	h.Write(snapshot)
	return h.Sum64()
}

// BeganWith says whether the owner began from exactly this snapshot. Whoever offered a room to a server, and heard no answer,
// learns by it whether that server took what it was offered, or took the room over from what was stored before: as another
// owner, which knows nothing of what the snapshot added.
func (e Entry) BeganWith(snapshot []byte) bool { return e.began == fingerprint(snapshot) }

// appendEntry writes everything but the snapshot, which follows.
func appendEntry(b []byte, claim claimID, e *Entry) []byte {
	b = append(b, entryFormat)
	b = append(b, claim[:]...)
	b = binary.BigEndian.AppendUint64(b, e.Epoch)
	b = binary.BigEndian.AppendUint64(b, e.began)
	b = binary.BigEndian.AppendUint64(b, e.turn)
	for _, s := range [...]string{e.Server, e.Address, e.Version, e.journal} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

var errMangled = errors.New("it is not what a server writes there")

// parseEntry reads the value at a key. born is when the bucket was made: the epoch of a claiming write is born plus its revision.
func parseEntry(it item, born uint64) (Entry, error) {
	key, err := parseKey(it.key)
	if err != nil {
		return Entry{}, err
	}
	v := it.value
	if len(v) > 0 && v[0] > entryFormat {
		return Entry{}, fmt.Errorf("the entry of room %d of %q has format %d, and this program reads up to %d: %w",
			key.Room, key.Game, v[0], entryFormat, ErrNewer)
	}
	if len(v) < textsAt || v[0] != entryFormat {
		return Entry{}, fmt.Errorf("room %d of %q: %w", key.Room, key.Game, errMangled)
	}
	e := Entry{Key: key, claim: claimID(v[claimAt:epochAt]), Epoch: binary.BigEndian.Uint64(v[epochAt:]), Revision: it.revision}
	if e.Epoch == 0 {
		e.Epoch = born + it.revision
	}
	e.began = binary.BigEndian.Uint64(v[beganAt:])
	e.turn = binary.BigEndian.Uint64(v[turnAt:])
	rest := v[textsAt:]
	for _, s := range [...]*string{&e.Server, &e.Address, &e.Version, &e.journal} {
		n, w := binary.Uvarint(rest)
		if w <= 0 || n > maxJournal || n > uint64(len(rest)-w) {
			return Entry{}, fmt.Errorf("room %d of %q: %w", key.Room, key.Game, errMangled)
		}
		*s, rest = string(rest[w:w+int(n)]), rest[w+int(n):]
	}
	e.Snapshot = slices.Clone(rest)
	return e, nil
}

// claimOf is the cheap part of parseEntry: whose claim a value is of.
func claimOf(v []byte) (claimID, bool) {
	var claim claimID
	if len(v) < textsAt || v[0] != entryFormat {
		return claim, false
	}
	copy(claim[:], v[claimAt:])
	return claim, true
}

// claimed says whether a value is that of a claiming write, whose epoch is not written in it.
func claimed(v []byte) bool {
	return len(v) >= textsAt && v[0] == entryFormat && binary.BigEndian.Uint64(v[epochAt:]) == 0
}

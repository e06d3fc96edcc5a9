package room

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// A snapshot is one JSON object, laid out as type stored says. It is read by encoding/json and
// written by hand: a room writes one after each change, and encoding/json would cost as much as
// all the rest.
//
// How the format may grow: what a server of the version before may ignore becomes a new field, which
// is left out where it is zero. What it may not ignore needs a new snapshotVersion; then a server
// reads both, and it writes the old one until no server runs any more that reads no other.
// Fields are never renamed or used for something else.

// snapshotVersion is the version of the core's part of a snapshot. A server that reads a version
// it does not know refuses the room and leaves it to one that does.
const snapshotVersion = 1

// stored is a room as it is stored.
type stored struct {
	Version int            `json:"version"`
	ID      int64          `json:"id"`
	Seats   int            `json:"seats"`
	Bench   int            `json:"bench"`
	Seq     uint64         `json:"seq"`
	Players []storedPlayer `json:"players"` // in order of arrival
	Game    []byte         `json:"game"`    // the bytes of Game.Snapshot, as a base64 string
}

type storedPlayer struct {
	ID      int64         `json:"id"`
	Seat    int           `json:"seat"`
	Online  bool          `json:"online,omitempty"`  // or awaited
	Missed  bool          `json:"missed,omitempty"`  // awaited, and was not sent all that was said meanwhile; in a room that is given away only
	Away    time.Duration `json:"away_ns,omitempty"` // how long a severed player still keeps the seat
	Replies []storedReply `json:"replies,omitempty"` // oldest first
}

type storedReply struct {
	Request uint64 `json:"request"`
	Op      uint32 `json:"op"`
	Body    []byte `json:"body"`
}

// Snapshot encodes the room with everything that Restore needs. Call it by Room.Do.
func (t *Table) Snapshot() ([]byte, error) { return t.encodeSnapshot(nil, false) }

// encodeSnapshot appends the encoded room to b. given says that it is for another server that goes on with it.
func (t *Table) encodeSnapshot(b []byte, given bool) ([]byte, error) {
	game, err := t.game.Snapshot(t)
	if err != nil {
		return nil, fmt.Errorf("snapshot of room %d: game: %w", t.id, err)
	}
	b = slices.Grow(b, t.storedSize+16)
	b = strconv.AppendInt(append(b, `{"version":`...), snapshotVersion, 10)
	b = strconv.AppendInt(append(b, `,"id":`...), t.id, 10)
	b = strconv.AppendInt(append(b, `,"seats":`...), int64(len(t.seats)), 10)
	b = strconv.AppendInt(append(b, `,"bench":`...), int64(t.bench), 10)
	b = strconv.AppendUint(append(b, `,"seq":`...), t.seq, 10)
	b = append(b, `,"players":[`...)
	for i, p := range t.present {
		if i > 0 {
			b = append(b, ',')
		}
		b = t.appendPlayer(b, p, given)
	}
	b = append(b, `],"game":"`...)
	b = append(base64.StdEncoding.AppendEncode(b, game), `"}`...)
	t.storedSize = len(b)
	return b, nil
}

func (t *Table) appendPlayer(b []byte, p *Player, given bool) []byte {
	b = strconv.AppendInt(append(b, `{"id":`...), p.id, 10)
	b = strconv.AppendInt(append(b, `,"seat":`...), int64(p.seat), 10)
	if p.Online() {
		b = append(b, `,"online":true`...)
	}
	if given && p.awaited && (p.missed || len(p.kept) > 0) {
		b = append(b, `,"missed":true`...)
	}
	if !p.away.IsZero() {
		b = strconv.AppendInt(append(b, `,"away_ns":`...), int64(max(1, time.Until(p.away))), 10)
	}
	for i, r := range p.replies {
		if i == 0 {
			b = append(b, `,"replies":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, r.stored...)
	}
	if len(p.replies) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

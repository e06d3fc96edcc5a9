package load

import (
	"sync"
	"time"
)

// skew knows for each room who heard first of the last settlement.
type skew struct {
	first int64
	rooms []settled
}

// settled is the last settlement that was heard of in a room.
type settled struct {
	mu    sync.Mutex
	epoch uint64
	seq   uint64
	at    time.Duration
}

func newSkew(first int64, rooms int) *skew { return &skew{first, make([]settled, rooms)} }

// heard returns how long after the first a bot hears of a settlement. It is not known of the first, and
// of a bot that comes so late that others have heard of the next.
func (k *skew) heard(room int64, epoch, seq uint64, at time.Duration) (after time.Duration, known bool) {
	if room < k.first || room-k.first >= int64(len(k.rooms)) {
		return 0, false
	}
	r := &k.rooms[room-k.first]
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.epoch == epoch && r.seq == seq:
		return max(at-r.at, 0), true
	case epoch > r.epoch || epoch == r.epoch && seq > r.seq:
		r.epoch, r.seq, r.at = epoch, seq, at
	}
	return 0, false
}

package gate

import "sync"

const (
	// keptMessages and keptBytes bound the copies of one session's unanswered requests. Beyond them the
	// oldest is forgotten: should its server die now, the player's program has to ask again.
	keptMessages = 16
	keptBytes    = 4 << 10
)

// kept are copies of the requests of one session that have no reply yet, oldest first: the next
// owner of the room is asked again where the one who was asked is lost. A session without such a
// request has none of this; the copies live in buffers that are lent.
type kept struct {
	bytes []byte
	live  int // bytes of the copies that still count
	n     int
	list  [keptMessages]copied
}

// copied is one request in kept.bytes.
type copied struct {
	request   uint64
	from, end int32
	again     bool // an earlier owner of the room may have handled it
}

var keepers = sync.Pool{New: func() any { return &kept{bytes: make([]byte, 0, 256)} }}

// release gives the buffer back.
func (k *kept) release() {
	k.bytes, k.live, k.n = k.bytes[:0], 0, 0
	keepers.Put(k)
}

// all lists the copies.
func (k *kept) all() []copied {
	if k == nil {
		return nil
	}
	return k.list[:k.n]
}

func (k *kept) message(c copied) []byte { return k.bytes[c.from:c.end:c.end] }

// add takes a copy. A message is never longer than keptBytes.
func (k *kept) add(request uint64, message []byte, again bool) {
	if k.n == keptMessages {
		k.remove(0)
	}
	for k.n > 0 && k.live+len(message) > keptBytes {
		k.remove(0)
	}
	if len(k.bytes)+len(message) > keptBytes {
		k.compact()
	}
	from := len(k.bytes)
	k.bytes = append(k.bytes, message...)
	k.list[k.n] = copied{request: request, from: int32(from), end: int32(len(k.bytes)), again: again}
	k.n++
	k.live += len(message)
}

// find returns the place of the oldest copy with that number, or -1.
func (k *kept) find(request uint64) int {
	for i := range k.all() {
		if k.list[i].request == request {
			return i
		}
	}
	return -1
}

func (k *kept) remove(i int) {
	k.live -= int(k.list[i].end - k.list[i].from)
	copy(k.list[i:k.n], k.list[i+1:k.n])
	k.n--
	if k.n == 0 {
		k.bytes = k.bytes[:0]
	}
}

// compact moves the copies together.
func (k *kept) compact() {
	end := int32(0)
	for i := range k.list[:k.n] {
		c := &k.list[i]
		n := int32(copy(k.bytes[end:], k.bytes[c.from:c.end]))
		c.from, c.end = end, end+n
		end += n
	}
	k.bytes = k.bytes[:end]
}

// keep takes a copy of a request that is about to be sent. It needs s.placing.
func (s *session) keep(request uint64, message []byte, again bool) {
	if s.kept == nil {
		s.kept = keepers.Get().(*kept)
	}
	s.kept.add(request, message, again)
}

// answered drops the copy of a request that has its reply. It needs s.placing.
func (s *session) answered(request uint64) {
	if s.kept == nil {
		return
	}
	if i := s.kept.find(request); i >= 0 {
		s.kept.remove(i)
		if s.kept.n == 0 {
			s.unkeep()
		}
	}
}

// unkeep drops all copies. It needs s.placing.
func (s *session) unkeep() {
	if s.kept != nil {
		s.kept.release()
		s.kept = nil
	}
}

package gate

import "sync"

// table holds all sessions, by user. It is split into shards so that walks over it never hold up
// a player for long.
type table struct {
	shards [64]shard
}

type shard struct {
	mu    sync.Mutex
	users map[int64]*session // the first of the user's sessions, linked by session.next
	count int
}

func newTable() *table {
	t := &table{}
	for i := range t.shards {
		t.shards[i].users = make(map[int64]*session)
	}
	return t
}

func (t *table) shard(user int64) *shard { return &t.shards[uint64(user)%uint64(len(t.shards))] }

// add takes a session in unless its user has most sessions already.
func (t *table) add(s *session, most int) bool {
	sh := t.shard(s.user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	first := sh.users[s.user]
	n := 0
	for other := first; other != nil; other = other.next {
		n++
	}
	if n >= most {
		return false
	}
	s.next = first
	sh.users[s.user] = s
	sh.count++
	return true
}

func (t *table) remove(s *session) {
	sh := t.shard(s.user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	var before *session
	for other := sh.users[s.user]; other != nil; before, other = other, other.next {
		if other != s {
			continue
		}
		switch {
		case before != nil:
			before.next = s.next
		case s.next != nil:
			sh.users[s.user] = s.next
		default:
			delete(sh.users, s.user)
		}
		s.next = nil
		sh.count--
		return
	}
}

// of calls f for every session of a user, as each does.
func (t *table) of(user int64, f func(*session)) {
	var some [4]*session // enough for nearly everyone
	all := some[:0]
	sh := t.shard(user)
	sh.mu.Lock()
	for s := sh.users[user]; s != nil; s = s.next {
		all = append(all, s)
	}
	sh.mu.Unlock()
	for _, s := range all {
		f(s)
	}
}

// each calls f for every session, some of which may be ending. f may block; no lock is held.
func (t *table) each(f func(*session)) {
	var some []*session
	for i := range t.shards {
		sh := &t.shards[i]
		sh.mu.Lock()
		some = some[:0]
		for _, s := range sh.users {
			for ; s != nil; s = s.next {
				some = append(some, s)
			}
		}
		sh.mu.Unlock()
		for _, s := range some {
			f(s)
		}
	}
}

// len counts the sessions.
func (t *table) len() int {
	n := 0
	for i := range t.shards {
		sh := &t.shards[i]
		sh.mu.Lock()
		n += sh.count
		sh.mu.Unlock()
	}
	return n
}

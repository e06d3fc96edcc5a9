package directory

import (
	"cmp"
	"slices"
	"time"
)

// A view is what one observer knows of the servers. It has no clock and no lock of its own; times are the observer's
// monotonic clock, so no other machine's clock matters.
//
// The observer judges others only while it can see itself: its own renewals must come back to it, and be acknowledged by the
// store, without a gap of a second. After a gap (the store was away, this process was stopped) everybody gets Lapse anew.
type view struct {
	self  string
	acked time.Time // when the store last acknowledged a renewal of ours
	heard time.Time // when one last came back to us
	since time.Time // the view is good since then; zero: it is not
	own   peer
	peers map[string]*peer
}

type peer struct {
	lease
	seen time.Time
	dead bool
	past bool // another server ID has its address: dead for good
}

const (
	blind  = time.Second      // how long an observer may be without news of itself
	forget = 60 * time.Second // how long a dead server is remembered
)

func newView(self string) *view { return &view{self: self, peers: map[string]*peer{}} }

// beat takes a renewal, and returns who is dead because of it: a server whose address another one announces now.
func (v *view) beat(now time.Time, l lease) []Server {
	p := v.peers[l.Server.ID]
	if l.Server.ID == v.self {
		v.news(now, &v.heard)
		p = &v.own
	}
	if l.Joined == 0 {
		return nil // it has not joined yet
	}
	switch {
	case p == nil:
		p = &peer{}
		v.peers[l.Server.ID] = p
	case l.Beat <= p.Beat:
		return nil
	}
	p.lease, p.seen = l, now
	if !p.past {
		p.dead = false
	}
	return v.supersede(p)
}

// supersede: of two servers with one address the one that joined first is dead, for the later one listens there.
func (v *view) supersede(p *peer) []Server {
	var died []Server
	check := func(q *peer) {
		if q == p || p.past || q.past || q.Joined == 0 || q.Server.Address != p.Server.Address || p.Server.Address == "" {
			return
		}
		older := q
		if p.Joined < q.Joined {
			older = p
		}
		if older == &v.own {
			return
		}
		if !older.dead {
			died = append(died, older.Server)
		}
		older.dead, older.past = true, true
	}
	check(&v.own)
	for _, q := range v.peers {
		check(q)
	}
	return died
}

// ack: the store acknowledged a renewal of ours.
func (v *view) ack(now time.Time) { v.news(now, &v.acked) }

// news notes good news at *at, and after a gap gives everybody time anew: what they said in between may still wait behind it.
func (v *view) news(now time.Time, at *time.Time) {
	if now.Sub(*at) > blind && !v.since.IsZero() {
		v.since = time.Time{}
	}
	*at = now
	if v.since.IsZero() && v.good(now) {
		v.since = now
		for _, p := range v.peers {
			p.seen = now
		}
	}
}

func (v *view) good(now time.Time) bool {
	return now.Sub(v.acked) <= blind && now.Sub(v.heard) <= blind
}

// tick returns whose lease has lapsed since the last call.
func (v *view) tick(now time.Time) []Server {
	if !v.good(now) {
		v.since = time.Time{}
	}
	if v.since.IsZero() {
		return nil
	}
	var died []Server
	for id, p := range v.peers {
		switch silent := now.Sub(p.seen); {
		case !p.dead && silent > Lapse:
			p.dead = true
			died = append(died, p.Server)
		case p.dead && silent > forget:
			delete(v.peers, id)
		}
	}
	slices.SortFunc(died, func(a, b Server) int { return cmp.Compare(a.ID, b.ID) })
	return died
}

// gone: the server gave its lease up. It is dead from now on, not merely unknown; should one of its name join again, its
// renewals revive it.
func (v *view) gone(now time.Time, id string) []Server {
	p := v.peers[id]
	if p == nil {
		v.peers[id] = &peer{seen: now, dead: true}
		return nil
	}
	left, known := p.Server, !p.dead
	*p = peer{seen: now, dead: true}
	if !known {
		return nil
	}
	return []Server{left}
}

// kill: somebody knows that the server is dead. A later renewal revives it.
func (v *view) kill(id string) []Server {
	p := v.peers[id]
	if p == nil || p.dead {
		return nil
	}
	p.dead = true
	return []Server{p.Server}
}

// alive says what is known. A server that was never heard of is dead once the view has settled.
func (v *view) alive(now time.Time, id string) bool {
	if id == v.self {
		return true
	}
	if p := v.peers[id]; p != nil {
		return !p.dead
	}
	return !v.settled(now)
}

// settled says whether the view has been good for long enough to have heard of everybody who lives.
func (v *view) settled(now time.Time) bool {
	return !v.since.IsZero() && now.Sub(v.since) > Lapse
}

// live lists the servers that live, without this one.
func (v *view) live() []Server {
	list := make([]Server, 0, len(v.peers)+1)
	for _, p := range v.peers {
		if !p.dead {
			list = append(list, p.Server)
		}
	}
	return list
}

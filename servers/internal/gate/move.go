package gate

import (
	"time"

	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// Why a way to a room broke, for the metrics.
const (
	whyMoved  = "moved"
	whyLost   = "lost"
	whyFenced = "fenced"
)

// depart begins the passage of a session whose lane leads to its room no more. It needs s.placing.
func (s *session) depart(b *binding, why string) *passage {
	to := b.where()
	p := &passage{place: to, request: b.request, resume: b.answered, why: why, began: time.Now()}
	if p.resume {
		p.place.Seat, p.request = -1, 0
	}
	s.at.Store(nil)
	s.pass = p
	s.gate.metrics.moves.WithLabelValues(why).Inc()
	return p
}

// placed handles the news of where a lane leads, and who the owner of the room is. It may come again:
// where the room ended before the player was in it, the lane leads to the next one.
func (s *session) placed(b *binding, payload []byte) {
	var m trunk.Placed
	unmarshal(payload, &m)
	to := roomKey{game: b.place.Game, id: m.GetRoom()}
	if to.id == 0 {
		to.id = b.place.Room
	}
	r := s.gate.placement.remember(to, b.up.addr, m.GetEpoch())
	s.placing.Lock()
	if b.moved {
		s.placing.Unlock()
		return
	}
	b.placed = true
	if epoch := m.GetEpoch(); epoch != 0 {
		b.epoch = epoch
	}
	b.room.Store(r)
	fenced := b.stale() && s.fence(b)
	if fenced {
		s.gate.metrics.fenced.Inc()
	} else {
		s.here(b)
	}
	s.placing.Unlock()
	if fenced {
		drop(b)
	}
}

// here notes that the server at the end of a passage has spoken. It needs s.placing.
func (s *session) here(b *binding) {
	p := s.pass
	if p == nil || p.lane != b || p.here {
		return
	}
	p.here = true
	p.place = b.where()
	s.at.Store(b)
	s.arrive(p)
}

// hears decides on a reply to a request, the copy of which it drops; and on a message from another lane than the one on which
// the session was last heard and answered. False: it is not for the player.
func (s *session) hears(b *binding, kind trunk.Kind, request uint64, message []byte) bool {
	op, _, _ := wire.Split(message)
	s.placing.Lock()
	if b.moved || b.stale() {
		stale := b.stale()
		fenced := stale && s.fence(b)
		s.placing.Unlock()
		if stale {
			s.gate.metrics.fenced.Inc()
		}
		if fenced {
			drop(b)
		}
		return false
	}
	defer s.placing.Unlock()
	if kind == trunk.KindReply {
		s.answered(request)
		if op == wire.Command_ERROR && s.stand != nil && request != 0 && s.stand.request == request {
			s.unstand() // refused
		}
	}
	if p := s.pass; p != nil && p.lane == b && !p.here {
		if op == wire.Command_ERROR && b.resume {
			return false // a server that can't have the room says why; the next one is asked
		}
		if op != wire.Command_ERROR && b.room.Load() == nil { // a build that does not say Placed
			b.room.Store(s.gate.placement.remember(key(b.place), b.up.addr, 0))
		}
		if op != wire.Command_ERROR {
			s.here(b)
		}
	}
	if !b.answered && (kind == trunk.KindReply || op != wire.Command_NOTICE) {
		b.answered = true
	}
	if op == wire.Command_DISCONNECT && s.at.Load() != b {
		return false // the session itself has taken the place of this lane
	}
	return true
}

// fence moves a session on whose lane leads to a server that is not the room's owner any more. What
// that server says is not delivered, and where the lane was not on its way out already the caller
// drops it. It needs s.placing.
func (s *session) fence(b *binding) bool {
	if b.moved {
		return false
	}
	b.moved = true
	p := s.pass
	switch {
	case p != nil && p.lane == b:
		s.searchOn(p, b, p.nextRound())
	case p == nil && s.at.Load() == b:
		p = s.depart(b, whyFenced)
		p.lost = true
		s.gate.movers.add(s.gate.ctx, s, p, 0)
	default:
		return true
	}
	if r := b.room.Load(); r != nil {
		if addr := s.gate.placement.where(r); addr.IsValid() && addr != b.up.addr {
			p.to = addr.String()
		}
	}
	return true
}

// moved leads a session on as its server says.
func (s *session) moved(b *binding, payload []byte) {
	var m trunk.Moved
	unmarshal(payload, &m)
	s.placing.Lock()
	if b.moved {
		s.placing.Unlock()
		return
	}
	b.moved = true
	p := s.pass
	empty := false
	switch {
	case p != nil && p.lane == b:
		empty = true
		p.lost = p.lost || m.GetLost()
		p.sendTo(m.GetRoom())
		s.searchOn(p, b, p.sendOn(b.up.addr, m.GetAddress()))
	case p != nil && s.at.Load() == b: // it sits down again, on another lane or about to have one
		b.up.out.Put(b.lane, trunk.KindShut, []byte{byte(trunk.ReasonLost)}) //nolint:errcheck // a lost trunk has no lanes
		s.at.Store(nil)
		p.why = whyMoved
		p.wait(b, s.gate.config.backPatience)
		s.gate.movers.add(s.gate.ctx, s, p, s.gate.config.backPatience)
	case p == nil && s.at.Load() == b:
		b.up.out.Put(b.lane, trunk.KindShut, []byte{byte(trunk.ReasonLost)}) //nolint:errcheck // a lost trunk has no lanes
		p = s.depart(b, whyMoved)
		p.lost = m.GetLost()
		if p.sendTo(m.GetRoom()) {
			p.resume, p.request = false, b.request
		}
		p.wait(b, s.gate.config.backPatience)
		pause := p.sendOn(b.up.addr, m.GetAddress())
		s.gate.movers.add(s.gate.ctx, s, p, pause)
		s.gate.movers.add(s.gate.ctx, s, p, s.gate.config.backPatience)
	}
	s.placing.Unlock()
	if empty { // nothing was said on it, so nothing comes back
		drop(b)
	}
}

// sendTo makes a passage lead to another room, if it is one.
func (p *passage) sendTo(room int64) bool {
	if room == 0 || room == p.place.Room {
		return false
	}
	if p.place.Room != 0 {
		p.place.Seat = -1 // the one asked for was in the other room
	}
	p.place.Room = room
	return true
}

// wait makes a passage wait for what comes back on a lane.
func (p *passage) wait(b *binding, patience time.Duration) {
	p.old, p.oldTill = b, time.Now().Add(patience)
}

// cameBack takes a message that the old owner of a room has not handled.
func (s *session) cameBack(b *binding, message []byte) {
	_, body, err := wire.Split(message)
	if err != nil {
		return
	}
	s.placing.Lock()
	taken := true
	request := wire.RequestID(body)
	at := s.at.Load()
	switch {
	case s.pass != nil:
		if s.pass.why == "" { // it sits down again in a room that has moved
			s.pass.why, s.pass.lost = whyMoved, true
		}
		taken = s.pass.back.add(message, backMessages, backBytes)
	case at == nil || at == b || key(at.where()) != key(b.where()):
	default: // of a lane that another one into the same room has replaced
		s.answered(request)
		s.say(at, trunk.KindData, request, message)
	}
	s.placing.Unlock()
	if !taken {
		s.tooMuch()
	}
}

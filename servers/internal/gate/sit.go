package gate

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// roomCost is how many messages a SitDown in another room counts for: a room outlives its only
// player for a while, and nobody may open thousands.
const roomCost = 10

// sit handles a SitDown. Sitting down in another room leaves the first one, by that game's rule for
// a player who goes away. False: the session is over.
func (g *Gate) sit(s *session, message, body []byte) bool {
	request := wire.RequestID(body)
	var m wire.SitDown
	if err := proto.Unmarshal(body, &m); err != nil {
		s.refuse(wire.Code_FAIL, "malformed message", request)
		return true
	}
	to, err := wire.ParsePlace(m.GetPlace())
	if err == nil && !g.placement.plays(to.Game) {
		err = errors.New("unknown game: this gate leads to " + g.games)
	}
	if err != nil {
		s.refuse(wire.Code_FAIL, err.Error(), request)
		return true
	}
	s.placing.Lock()
	s.stood()
	p, at := s.pass, s.at.Load()
	switch {
	case p != nil && same(p.place, to):
		// The room will hear of it: to sit down twice is to sit down once.
		held := p.hold(message)
		s.placing.Unlock()
		return held || s.tooMuch()
	case p == nil && at != nil && same(at.where(), to):
		// On a new lane all the same: the room may be about to shut this one, and then a request on it
		// would be lost.
		to.Room = at.where().Room
		s.pass = &passage{place: to, request: request, began: time.Now(), to: at.up.addr.String()}
		g.movers.add(g.ctx, s, s.pass, 0)
		s.placing.Unlock()
		return true
	}
	s.placing.Unlock()
	if !s.allow(min(roomCost, g.config.Burst/20)) {
		return s.close(wire.CloseRateLimited, "too many rooms at once")
	}
	s.leave()
	s.placing.Lock()
	defer s.placing.Unlock()
	s.pass = &passage{place: to, request: request, began: time.Now()}
	g.movers.add(g.ctx, s, s.pass, 0)
	return true
}

// same says whether a player who is at a place, or on the way there, means that one again. Who wants
// any room of a game is content with the one at hand.
func same(at, to wire.Place) bool {
	return at.Game == to.Game && (at.Room == to.Room || to.Room == 0)
}

// step takes a passage on: a mover calls it when there is something to do, perhaps more often.
func (g *Gate) step(s *session, p *passage) {
	s.placing.Lock()
	if s.pass != p {
		s.placing.Unlock()
		return
	}
	var late *binding
	if p.old != nil && !time.Now().Before(p.oldTill) {
		late, p.old, p.lost = p.old, nil, true
		s.arrive(p)
	}
	search := s.pass == p && p.lane == nil && !p.searching
	if search {
		p.searching = true
	}
	overdue := s.pass == p && p.overdue()
	s.placing.Unlock()
	drop(late)
	switch {
	case overdue:
		g.giveUp(s, p, "no server of this game answers: try again")
	case search:
		g.search(s, p)
	}
}

// search opens a lane to the next server that may have the room. Where there is none left, all are
// asked again after a pause.
func (g *Gate) search(s *session, p *passage) {
	var to netip.AddrPort
	if p.to != "" {
		to, _ = g.placement.lookUp(g.ctx, p.to) // a name that is not known leads nowhere: others are asked
	}
	candidates, err := g.placement.candidates(g.ctx, key(p.place), s.user)
	for _, addr := range p.order(to, candidates) {
		opened, failed := g.openAt(addr, s, p)
		if opened {
			return
		}
		err = failed
		g.passedOver(addr, failed)
		g.placement.forget(key(p.place), addr)
		p.tried = append(p.tried, addr)
		if !slices.Contains(p.dead, addr) {
			p.dead = append(p.dead, addr)
		}
	}
	pause := p.nextRound()
	s.placing.Lock()
	p.searching = false
	overdue := p.overdue()
	s.placing.Unlock()
	if overdue {
		why := "no server of this game answers: try again"
		if len(p.dead) == 0 { // all that were asked have answered
			why = "no server takes new rooms of " + p.place.Game + " now: try again"
		}
		if err != nil && len(candidates) == 0 {
			why = err.Error()
		}
		g.giveUp(s, p, why)
		return
	}
	g.movers.add(g.ctx, s, p, pause)
}

// openAt opens a lane to a server, over a new trunk if the one that stood is lost: its server may
// have been replaced by another one at the same address. True: there is a lane, or nobody who wants
// one any more.
func (g *Gate) openAt(addr netip.AddrPort, s *session, p *passage) (bool, error) {
	patience := g.config.dialPatience
	if slices.Contains(p.dead, addr) {
		patience = 0 // it has had its time
	}
	for first := true; ; first = false {
		up, err := g.upstream(addr, patience)
		if err != nil {
			return false, err
		}
		if err = up.open(s, p); err == nil {
			return true, nil
		}
		if !first {
			return false, err
		}
		g.forgetUpstream(up)
	}
}

// giveUp ends a passage that leads nowhere. Who only wanted to sit down is told so; who had a seat,
// or may have one, comes again.
func (g *Gate) giveUp(s *session, p *passage, why string) {
	s.placing.Lock()
	if s.pass != p {
		s.placing.Unlock()
		return
	}
	if p.why == "" && !p.resume && p.losses == 0 && s.at.Load() == nil {
		s.pass = nil
		s.unstand()
		s.placing.Unlock()
		drop(p.lane)
		s.unavailable(why, p.request)
		s.refuseHeld(p, false)
		return
	}
	s.placing.Unlock()
	g.metrics.failed.Inc()
	s.comeAgain("the room's server is gone: come again")
}

// refuseHeld answers what has waited on a passage that ended without a room; but for a StandUp where
// the session stood up so.
func (s *session) refuseHeld(p *passage, stood bool) {
	for _, message := range p.held.messages {
		if op, body, _ := wire.Split(message); !stood || op != wire.Command_STAND_UP {
			s.refuse(wire.Code_STATUS_MISMATCH, noRoom, wire.RequestID(body))
		}
	}
}

const noRoom = "you are in no room: sit down first"

// absent handles the news that a player who was to resume is not in the room any more: perhaps the
// StandUp was heard.
func (s *session) absent(p *passage) {
	s.placing.Lock()
	if s.pass != p {
		s.placing.Unlock()
		return
	}
	st := s.stand
	if st == nil {
		s.placing.Unlock()
		s.gate.metrics.failed.Inc()
		s.comeAgain("the seat is gone: come again")
		return
	}
	s.pass = nil
	s.at.Store(nil)
	s.unkeep()
	s.placing.Unlock()
	drop(p.lane)
	drop(p.old)
	s.tell(wire.Command_STAND_UP, &wire.Int64{Value: s.user}, st.request)
	s.refuseHeld(p, true)
	s.placing.Lock()
	s.unstand()
	s.placing.Unlock()
}

// comeAgain ends a session whose room can't be reached.
func (s *session) comeAgain(why string) {
	s.tell(wire.Command_DISCONNECT, &wire.Int32{Value: int32(wire.DisconnectReason_RETRY)}, 0)
	s.close(wire.CloseServerGone, why)
	s.leave()
}

// passedOver logs that a server does not take players: once in a while for each server, not for
// each of the thousands who may want to sit down there.
func (g *Gate) passedOver(addr netip.AddrPort, err error) {
	g.mu.Lock()
	quiet := time.Since(g.complained[addr]) < complainEvery
	if !quiet {
		if len(g.complained) >= mostComplained { // servers come and go, with new addresses
			clear(g.complained)
		}
		g.complained[addr] = time.Now()
	}
	g.mu.Unlock()
	if !quiet {
		g.log.Warn("game server passed over", "server", addr, "err", err)
	}
}

const (
	complainEvery  = 10 * time.Second
	mostComplained = 1000
)

// open is the Open of a passage. It needs s.placing.
func (p *passage) open(user int64, session uint64) ([]byte, error) {
	open := &trunk.Open{
		User: user, Game: p.place.Game, Room: p.place.Room, Seat: int32(p.place.Seat), Request: p.request, Resume: p.resume, Missed: p.resume && p.lost, Session: session,
	}
	for _, addr := range p.dead {
		open.Dead = append(open.Dead, addr.String())
	}
	b, err := proto.Marshal(open)
	if err != nil {
		return nil, fmt.Errorf("encode open: %w", err)
	}
	return b, nil
}

package gate

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// errUpstreamLost reports that the trunk to a game server is gone.
var errUpstreamLost = errors.New("the trunk to the game server is lost")

// upstream is the trunk to one game server, and the lanes on it.
type upstream struct {
	gate  *Gate
	addr  netip.AddrPort
	dial  *dial // that led to it
	out   *trunk.Outbox
	pulse trunk.Pulse

	mu    sync.Mutex
	lanes map[uint64]*binding // nil: lost
	last  uint64              // number of the newest lane
}

// receive hands what the server sends to the sessions it is for. What one batch brings for one
// player leaves in one write.
func (up *upstream) receive(stream trunk.Trunk_AttachClient) error {
	var touched []*session
	for {
		batch, err := stream.Recv()
		if err != nil {
			return err
		}
		up.pulse.Heard(batch.GetFrames())
		touched, err = up.take(batch.GetFrames(), touched)
		for _, s := range touched {
			s.out.flush()
		}
		clear(touched)
		touched = touched[:0]
		if err != nil {
			return err
		}
	}
}

// take handles a batch, and appends the sessions for which something was queued.
func (up *upstream) take(batch []byte, touched []*session) ([]*session, error) {
	n := 0
	for frame, err := range trunk.Frames(batch) {
		if err != nil {
			return touched, err
		}
		n++
		up.mu.Lock()
		b := up.lanes[frame.Lane]
		up.mu.Unlock()
		if b == nil {
			continue // shut by this side; the server did not know yet
		}
		s, message := b.session, frame.Payload
		switch frame.Kind {
		case trunk.KindReply, trunk.KindData:
			var request uint64
			if frame.Kind == trunk.KindReply {
				var size int
				if request, size = binary.Uvarint(message); size <= 0 {
					return touched, errBadReply
				}
				message = message[size:]
			}
			if frame.Kind == trunk.KindReply || s.at.Load() != b || !b.answered || b.stale() {
				if !s.hears(b, frame.Kind, request, message) {
					continue
				}
			}
			if op, body, _ := wire.Split(message); op == wire.Command_ERROR {
				s.complainOf(body)
			}
			s.deliver(message)
			if len(touched) == 0 || touched[len(touched)-1] != s {
				touched = append(touched, s)
			}
		case trunk.KindShut:
			// Before the flush: a player who is told "no" may ask again at once, and must not be
			// taken to sit where this lane led.
			up.ended(b, message)
			s.out.flush()
		case trunk.KindPlaced:
			s.placed(b, message)
		case trunk.KindMoved:
			s.moved(b, message)
		case trunk.KindBack:
			s.cameBack(b, message)
		}
	}
	up.gate.metrics.sent.Add(float64(n))
	up.gate.metrics.batches.Inc()
	return touched, nil
}

var errBadReply = errors.New("malformed trunk frame: a reply without a request")

// open opens a lane for a session that is on its way. Where nobody wants it any more no lane is
// left, and that is no error.
func (up *upstream) open(s *session, p *passage) error {
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.lanes == nil {
		return errUpstreamLost
	}
	s.placing.Lock()
	defer s.placing.Unlock()
	if s.pass != p {
		return nil // called off, by a newer SitDown or by the session's end
	}
	if s.ending.Load() || s.gone() {
		// Its client may have come back on another connection, and sit already: an Open that comes late
		// would take that for the older one, and replace it. A client closes before it comes back, and
		// up.mu keeps the order of what is seen here. The session is about to end, and the passage with it.
		return nil
	}
	p.dead = slices.DeleteFunc(p.dead, func(a netip.AddrPort) bool { return a == up.addr }) // it lives
	open, err := p.open(s.user, s.number)
	if err != nil {
		return err
	}
	lane := up.last + 1
	if err := up.out.Put(lane, trunk.KindOpen, open); err != nil {
		return err
	}
	up.last = lane
	b := &binding{
		session: s, up: up, lane: lane, place: p.place, request: p.request, resume: p.resume,
		epoch: noEpoch, answered: p.resume,
	}
	up.lanes[lane] = b
	p.lane, p.searching = b, false
	if at := s.at.Load(); at != nil {
		// The session's lane into the same room before. The server shuts it, now that it has seen the
		// new one. Until then what it says there counts.
		at.up.out.Put(at.lane, trunk.KindShut, []byte{byte(trunk.ReasonLost)}) //nolint:errcheck // a lost trunk has no lanes
	}
	return nil
}

// shut ends a lane from this side, or answers the server's shut.
func (up *upstream) shut(lane uint64) {
	up.mu.Lock()
	_, open := up.lanes[lane]
	delete(up.lanes, lane)
	up.mu.Unlock()
	if open {
		reason := trunk.ReasonLost
		if up.gate.draining.Load() {
			reason = trunk.ReasonAway // no player's fault: the seat waits for them
		}
		up.out.Put(lane, trunk.KindShut, []byte{byte(reason)}) //nolint:errcheck // a lost trunk has no lanes
	}
}

// ended handles a lane that the server has shut.
func (up *upstream) ended(b *binding, payload []byte) {
	up.shut(b.lane)
	var reason trunk.Reason
	if len(payload) > 0 {
		reason = trunk.Reason(payload[0])
	}
	s := b.session
	s.placing.Lock()
	p := s.pass
	switch {
	case p != nil && p.old == b: // all has come back that will
		p.old = nil
		p.lost = p.lost || reason != trunk.ReasonMoved
		s.arrive(p)
		s.placing.Unlock()
	case p != nil && p.lane == b:
		s.placing.Unlock()
		s.turnedAway(p, b, reason)
	case s.at.Load() == b:
		s.at.Store(nil)
		if p != nil { // it sits down here again, on another lane
			s.placing.Unlock()
			return
		}
		s.unkeep()
		s.unstand()
		s.placing.Unlock()
		switch reason {
		case trunk.ReasonReplaced:
			s.close(wire.CloseReplaced, replaced)
		case trunk.ReasonRetry:
			up.gate.placement.forget(key(b.where()), up.addr)
			s.close(wire.CloseServerGone, "the room's server goes away: come again")
		case trunk.ReasonDisbanded:
			up.gate.placement.forget(key(b.where()), up.addr)
		}
	default:
		s.placing.Unlock() // the player has moved on already
	}
}

const replaced = "a newer connection of the same user sits in the room"

// turnedAway handles a lane that the server has shut before the passage on it was complete.
func (s *session) turnedAway(p *passage, b *binding, reason trunk.Reason) {
	g := s.gate
	switch reason {
	case trunk.ReasonReplaced:
		s.close(wire.CloseReplaced, replaced)
		s.leave()
	case trunk.ReasonAbsent:
		s.absent(p)
	case trunk.ReasonRefused, trunk.ReasonStood, trunk.ReasonDisbanded:
		s.placing.Lock()
		if s.pass != p {
			s.placing.Unlock()
			return
		}
		if b.resume && !p.here { // one that can't have the room says nothing about the others
			s.searchOn(p, b, 0)
			s.placing.Unlock()
			return
		}
		next := p.again()
		s.pass = next
		s.at.Store(nil)
		s.unkeep()
		if next == nil || !next.holds(wire.Command_STAND_UP) {
			s.unstand()
		}
		s.placing.Unlock()
		drop(p.old)
		s.refuseHeld(p, false)
		if next != nil {
			g.movers.add(g.ctx, s, next, 0)
		}
	default: // ReasonCordoned, ReasonRetry, and what a newer build may say
		g.placement.forget(key(p.place), b.up.addr)
		s.placing.Lock()
		if s.pass == p {
			s.searchOn(p, b, 0)
		}
		s.placing.Unlock()
	}
}

// searchOn makes a passage look for another lane than b, which led nowhere. It needs s.placing.
func (s *session) searchOn(p *passage, b *binding, pause time.Duration) {
	if at := s.at.Swap(nil); at != nil && at != b {
		// The lane into the room before this one is shut, or leads nowhere either.
		p.lost = true
		if p.why == "" {
			p.why = whyMoved
		}
	}
	if !slices.Contains(p.tried, b.up.addr) {
		p.tried = append(p.tried, b.up.addr)
	}
	if p.to == b.up.addr.String() {
		p.to = ""
	}
	p.lane, p.here = nil, false
	s.gate.movers.add(s.gate.ctx, s, p, pause)
}

// lose leads every session on whose room was behind this trunk. Where the server was of a build
// whose rooms do not survive it, they come again.
func (up *upstream) lose(why error) {
	up.gate.forgetUpstream(up)
	up.mu.Lock()
	lanes := up.lanes
	up.lanes = nil
	up.mu.Unlock()
	up.out.Fail(errUpstreamLost)
	if len(lanes) > 0 && up.gate.ctx.Err() == nil { // else it is the gate that ends
		up.gate.log.Warn("game server lost", "server", up.addr, "sessions", len(lanes), "err", why)
	}
	silent := errors.Is(why, trunk.ErrSilent)
	for _, b := range lanes {
		b.session.lost(b, silent)
	}
}

// lost leads a session on whose lane is lost with its trunk.
func (s *session) lost(b *binding, silent bool) {
	s.placing.Lock()
	p := s.pass
	at := s.at.Load()
	switch {
	case p != nil && p.lane == b:
		p.losses++
		p.lost = p.lost || p.here
		if p.losses > mostLost && p.why == "" {
			s.placing.Unlock()
			s.comeAgain("the room's server is gone: come again")
			return
		}
		pause := time.Duration(0)
		if p.losses > 1 {
			pause = p.nextRound()
		}
		s.searchOn(p, b, pause)
		p.tried = p.tried[:0] // another one may answer there already
		p.deadIf(silent, b.up.addr)
	case p != nil && p.old == b:
		p.old, p.lost = nil, true
		s.arrive(p)
	case at == b && p != nil: // it sits down again
		s.at.Store(nil)
		p.lost = true
		if p.why == "" {
			p.why = whyLost
		}
	case at == b && !b.placed:
		s.placing.Unlock()
		s.gate.placement.forget(key(b.where()), b.up.addr)
		s.comeAgain("the room's server is gone: come again")
		return
	case at == b:
		p := s.depart(b, whyLost)
		p.lost = true
		p.deadIf(silent, b.up.addr)
		s.gate.movers.add(s.gate.ctx, s, p, 0)
	}
	s.placing.Unlock()
}

// deadIf notes that a server does not answer.
func (p *passage) deadIf(silent bool, addr netip.AddrPort) {
	if silent && !slices.Contains(p.dead, addr) {
		p.dead = append(p.dead, addr)
	}
}

func key(p wire.Place) roomKey { return roomKey{game: p.Game, id: p.Room} }

// unmarshal decodes a payload of a frame; one that is malformed counts as an empty one.
func unmarshal(payload []byte, into proto.Message) {
	if proto.Unmarshal(payload, into) != nil {
		proto.Reset(into)
	}
}

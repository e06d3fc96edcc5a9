package gate

import (
	"math"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

const (
	// heldMessages and heldBytes bound what a player says while on the way to a room. Who says more is
	// closed with wire.CloseTooSlow.
	heldMessages = 64
	heldBytes    = 16 << 10
	// backMessages and backBytes bound what comes back from an old owner: more than a player may
	// say at once by default. Who has more under way is closed with wire.CloseTooSlow.
	backMessages = 256
	backBytes    = 64 << 10
	// moveLimit is how long a player who has a seat, or was sent on by a server, or whose server is at
	// work on it, is led on at most. Then the player is told to come again.
	moveLimit = 10 * time.Second
	// sitLimit is the same for who is to sit down and finds no server that takes the player.
	sitLimit = 2 * time.Second
	// firstPause and lastPause are the times between two rounds of questions to all servers of a game.
	firstPause = 50 * time.Millisecond
	lastPause  = 500 * time.Millisecond
	// mostLost is how many lanes to servers that let players in and die at once a SitDown survives.
	mostLost = 3
)

// passage is a session's way to a room while it is not complete: from a SitDown, or from the
// loss or the move of the room, until the room's server has spoken. The player's messages wait in it.
//
// It is guarded by session.placing, but for what a mover alone uses: that is how far it has
// searched, while lane is nil.
type passage struct {
	place   wire.Place
	request uint64 // of the SitDown, while that has no answer
	resume  bool   // the player is in the room already
	why     string // for the metrics: "" for a SitDown, else what broke the last way
	began   time.Time
	waits   time.Time // when the first message began to wait; zero: none does

	lane *binding // opened; nil: a server is searched for
	here bool     // lane's server has spoken; only old is waited for

	old     *binding // a lane that moved, from which messages still come back; nil: none
	oldTill time.Time
	lost    bool // nobody knows what the old owner has handled: unanswered requests are asked again

	back batch // came back, to be said first
	held batch // waits, to be said last

	// How far it has searched.
	to        string           // where a server has sent the player on to; "": nowhere
	tried     []netip.AddrPort // asked in this round
	dead      []netip.AddrPort // do not answer this gate
	pause     time.Duration    // before the next round
	sentOn    bool             // a server has sent the player on
	losses    int              // lanes lost before an answer
	searching bool             // a mover is at it
}

// batch is a bounded row of messages.
type batch struct {
	messages [][]byte
	bytes    int
}

// add takes a copy. False: there is no room for it.
func (b *batch) add(message []byte, messages, bytes int) bool {
	if len(b.messages) >= messages || b.bytes+len(message) > bytes {
		return false
	}
	b.messages = append(b.messages, slices.Clone(message))
	b.bytes += len(message)
	return true
}

// hold takes a message that has to wait. False: too much waits already. It needs s.placing.
func (p *passage) hold(message []byte) bool {
	if p.waits.IsZero() {
		p.waits = time.Now()
	}
	return p.held.add(message, heldMessages, heldBytes)
}

// again makes the passage that follows one whose player was refused, where a SitDown has waited on it:
// whoever is told "no" may ask again before the gate has heard that the lane is shut. What was said
// before that SitDown stays behind. nil: there is none. It needs s.placing.
func (p *passage) again() *passage {
	i := slices.IndexFunc(p.held.messages, func(m []byte) bool {
		op, _, _ := wire.Split(m)
		return op == wire.Command_SIT_DOWN
	})
	if i < 0 {
		return nil
	}
	_, body, _ := wire.Split(p.held.messages[i])
	var m wire.SitDown
	unmarshal(body, &m)
	to, err := wire.ParsePlace(m.GetPlace())
	if err != nil {
		return nil
	}
	next := &passage{place: to, request: wire.RequestID(body), began: time.Now()}
	for _, message := range p.held.messages[i+1:] {
		next.hold(message)
	}
	p.held.messages = p.held.messages[:i]
	return next
}

// limit is how long it may take.
func (p *passage) limit() time.Duration {
	if p.resume || p.sentOn || p.why != "" || p.lane != nil {
		return moveLimit
	}
	return sitLimit
}

// overdue says whether it takes too long.
func (p *passage) overdue() bool { return !p.here && time.Since(p.began) > p.limit() }

// sendOn notes that a server has sent the player on. It returns how long to wait before the next
// question: nothing, unless the way leads back to where it has been.
func (p *passage) sendOn(from netip.AddrPort, to string) time.Duration {
	p.sentOn = true
	p.tried = append(p.tried, from)
	p.to = to
	if to == "" {
		return 0
	}
	addr, err := netip.ParseAddrPort(to)
	if err == nil && !slices.Contains(p.tried, addr) && !slices.Contains(p.dead, addr) {
		return 0
	}
	if err != nil && len(p.tried) < 2 {
		return 0
	}
	return p.nextRound()
}

// nextRound lets all servers be asked again, after the pause that it returns.
func (p *passage) nextRound() time.Duration {
	p.tried = p.tried[:0]
	p.pause = min(max(2*p.pause, firstPause), lastPause)
	return p.pause
}

// order puts the servers into the order in which they are asked: first where another server sends
// the player, those that do not answer last.
func (p *passage) order(to netip.AddrPort, candidates []netip.AddrPort) []netip.AddrPort {
	var good, bad []netip.AddrPort
	if to.IsValid() && !slices.Contains(p.tried, to) {
		good = append(good, to)
	}
	for _, addr := range candidates {
		switch {
		case addr == to || slices.Contains(p.tried, addr):
		case slices.Contains(p.dead, addr):
			bad = append(bad, addr)
		default:
			good = append(good, addr)
		}
	}
	return append(good, bad...)
}

// binding is a lane that leads, or led, to a session's room.
type binding struct {
	session *session
	up      *upstream
	lane    uint64
	place   wire.Place // as asked for
	request uint64     // of the SitDown; 0 where it has none, and for who resumes
	resume  bool

	room atomic.Pointer[route] // where it leads; nil: not known yet

	// Written by the goroutine that reads from up, under session.placing; so that goroutine reads
	// without the lock; but for moved, which others write, too.
	epoch    uint64 // of the room's owner; above all others for one of a build without epochs
	placed   bool   // the server is of a build whose rooms move
	answered bool   // the SitDown has its answer, or needs none
	moved    bool   // only Back and Shut count on it
}

const noEpoch = math.MaxUint64

// where is the place that the lane leads to, as far as it is known.
func (b *binding) where() wire.Place {
	to := b.place
	if r := b.room.Load(); r != nil {
		to.Room = r.key.id
	}
	return to
}

// stale says whether the lane's server is the room's owner no more.
func (b *binding) stale() bool {
	r := b.room.Load()
	return r != nil && r.epoch.Load() > b.epoch
}

// stand is a StandUp without an answer.
type stand struct {
	request uint64
	message []byte
	over    chan struct{} // closed when it has one, or never will
}

// A StandUp is said again to the next owner even where it has no number.
func (st *stand) again() []byte {
	if st == nil || st.request != 0 {
		return nil
	}
	return st.message
}

// say sends a message on a lane. It needs s.placing.
func (s *session) say(b *binding, kind trunk.Kind, request uint64, message []byte) {
	if request != 0 && b.placed {
		s.keep(request, message, kind == trunk.KindAgain)
	}
	b.up.out.Put(b.lane, kind, message) //nolint:errcheck // a lost trunk leads its sessions on by itself
}

// arrive completes a passage where nothing is waited for any more: what came back is said, then
// what is to be said again, then what has waited. It needs s.placing.
func (s *session) arrive(p *passage) {
	if s.pass != p || !p.here || p.old != nil {
		return
	}
	b := p.lane
	s.pass = nil
	again := 0
	if p.why != "" {
		again = s.repeat(b, p)
	}
	for _, message := range p.held.messages {
		_, body, _ := wire.Split(message)
		s.say(b, trunk.KindData, wire.RequestID(body), message)
	}
	s.gate.metrics.arrived(p, again)
}

// repeat says to the new owner of a room what the old one has not handled, or may not have. It
// returns how many requests it asked again. It needs s.placing.
func (s *session) repeat(b *binding, p *passage) (again int) {
	before := s.kept
	s.kept = nil
	came := make(map[uint64]bool) // requests that came back
	stood := p.holds(wire.Command_STAND_UP)
	for _, message := range p.back.messages {
		op, body, _ := wire.Split(message)
		request := wire.RequestID(body)
		kind := trunk.KindData
		if i := before.find(request); request != 0 && i >= 0 {
			came[request] = true
			if before.list[i].again {
				kind = trunk.KindAgain
			}
		}
		stood = stood || op == wire.Command_STAND_UP
		s.say(b, kind, request, message)
	}
	if p.lost {
		for _, c := range before.all() {
			if !came[c.request] {
				again++
				s.say(b, trunk.KindAgain, c.request, before.message(c))
			}
		}
		if message := s.stand.again(); message != nil && !stood {
			s.say(b, trunk.KindData, 0, message)
		}
	}
	if before != nil {
		before.release()
	}
	return again
}

func (p *passage) holds(op wire.Command) bool {
	return slices.ContainsFunc(p.held.messages, func(m []byte) bool {
		held, _, _ := wire.Split(m)
		return held == op
	})
}

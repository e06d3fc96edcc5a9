package stub

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"croupier/servers/wire"
)

// room is one table.
type room struct {
	server *Server
	mu     sync.Mutex
	seq    uint64
	people []*person
	round  uint64
	runs   bool
	last   map[int64]int32 // the dice of the last settlement
	ends   time.Time
	clock  *time.Timer
	closed bool
}

// person is who is in a room.
type person struct {
	user    int64
	seat    int32    // -1: a spectator
	session *session // nil: offline
	points  int32    // rolled in this round; 0: not
}

func newRoom(s *Server) *room {
	r := &room{server: s}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.start()
	return r
}

func (r *room) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.clock.Stop()
}

// message makes a frame as of the last event.
func (r *room) message(op wire.Command, body wire.WithMeta) []byte {
	m := append(wire.AppendOpcode(nil, op), wire.MustMarshal(body)...)
	return frame(ws.OpBinary, wire.AppendMeta(m, r.server.epoch, r.seq, 0))
}

// tell tells everybody of a new event, the roller of a roll excepted: see shake.
func (r *room) tell(op wire.Command, body wire.WithMeta) {
	r.seq++
	b := r.message(op, body)
	for _, p := range r.people {
		if p.session != nil {
			p.session.write(b)
		}
	}
}

func (r *room) find(user int64) *person {
	for _, p := range r.people {
		if p.user == user {
			return p
		}
	}
	return nil
}

// free is the first free seat; -1: none.
func (r *room) free(wish int32) int32 {
	taken := func(seat int32) bool {
		return slices.ContainsFunc(r.people, func(p *person) bool { return p.seat == seat })
	}
	if wish >= 0 && !taken(wish) {
		return wish
	}
	for seat := range int32(r.server.config.Seats) {
		if !taken(seat) {
			return seat
		}
	}
	return -1
}

func (r *room) sit(s *session, wish int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.find(s.user)
	others := make([][]byte, 0, len(r.people))
	for _, other := range r.people {
		if other != p {
			others = append(others, r.message(wire.Command_SIT_DOWN, user(other)))
		}
	}
	if p == nil {
		p = &person{user: s.user, seat: r.free(int32(wish)), session: s}
		r.tell(wire.Command_SIT_DOWN, user(p)) // before the newcomer is there
		r.people = append(r.people, p)
	} else {
		p.session = nil
		r.tell(wire.Command_ONLINE, &wire.Int64{Value: p.user})
		p.session = s
	}
	for _, other := range others {
		s.write(other)
	}
	s.write(r.message(wire.Command_SIT_DOWN, user(p)))
	s.write(r.message(wire.Command_DICE_SCENE, r.scene(p)))
}

func user(p *person) *wire.User {
	return &wire.User{Id: p.user, Seat: p.seat, Online: p.session != nil}
}

func (r *room) scene(to *person) *wire.DiceScene {
	scene := &wire.DiceScene{InRound: r.runs, LeftMs: time.Until(r.ends).Milliseconds(), Round: r.round, Dice: make(map[int64]int32)}
	if !r.runs {
		scene.Dice = r.last
		return scene
	}
	for _, p := range r.people {
		if p.points != 0 {
			scene.Dice[p.user] = p.points
			if p != to {
				scene.Dice[p.user] = 0
			}
		}
	}
	return scene
}

func (r *room) stand(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.find(s.user); p != nil && p.session == s {
		if p.points != 0 && r.runs { // as for one who is lost: the seat stays to the end of the round
			s.write(r.message(wire.Command_STAND_UP, &wire.Int64{Value: p.user}))
			r.offline(p)
			return
		}
		r.tell(wire.Command_STAND_UP, &wire.Int64{Value: p.user})
		r.remove(p)
	}
}

func (r *room) lose(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.find(s.user)
	switch {
	case p == nil || p.session != s:
	case p.points != 0 && r.runs:
		r.offline(p)
	default:
		r.remove(p)
		r.tell(wire.Command_STAND_UP, &wire.Int64{Value: p.user})
	}
}

func (r *room) offline(p *person) {
	p.session = nil
	r.tell(wire.Command_ONLINE, &wire.Int64{Value: -p.user})
}

func (r *room) remove(p *person) {
	r.people = slices.DeleteFunc(r.people, func(other *person) bool { return other == p })
}

func (r *room) shake(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.find(s.user)
	if p == nil || p.session != s || p.seat < 0 || !r.runs || p.points != 0 {
		return
	}
	p.points = 1 + rand.Int32N(6)
	p.session = nil
	r.tell(wire.Command_DICE_SHAKE, &wire.DiceShake{User: p.user, Round: r.round})
	p.session = s
	s.write(r.message(wire.Command_DICE_SHAKE, &wire.DiceShake{User: p.user, Points: p.points, Round: r.round}))
	rolled := 0
	for _, p := range r.people {
		if p.points != 0 {
			rolled++
		} else if p.seat >= 0 {
			return
		}
	}
	if rolled > 1 {
		r.settle()
	}
}

func (r *room) start() {
	r.round++
	r.runs, r.ends = true, time.Now().Add(r.server.config.Round)
	for _, p := range r.people {
		p.points = 0
	}
	r.tell(wire.Command_DICE_START, &wire.DiceStart{LengthMs: r.server.config.Round.Milliseconds(), Round: r.round})
	r.after(r.server.config.Round, r.settle)
}

func (r *room) settle() {
	settlement := &wire.DiceSettlement{IdleMs: r.server.config.Idle.Milliseconds(), Round: r.round, Dice: make(map[int64]int32)}
	var best int32
	for _, p := range r.people {
		if p.points == 0 {
			continue
		}
		settlement.Dice[p.user] = p.points
		if p.points > best {
			best, settlement.Winners = p.points, nil
		}
		if p.points == best {
			settlement.Winners = append(settlement.Winners, p.user)
		}
	}
	r.runs, r.last = false, settlement.Dice
	r.tell(wire.Command_DICE_SETTLEMENT, settlement)
	for _, p := range slices.Clone(r.people) {
		if p.session == nil {
			r.remove(p)
			r.tell(wire.Command_STAND_UP, &wire.Int64{Value: p.user})
		}
	}
	r.after(r.server.config.Idle, r.start)
}

// after does what is next in the round, unless something else has become next meanwhile.
func (r *room) after(in time.Duration, next func()) {
	if r.clock != nil {
		r.clock.Stop()
	}
	var mine *time.Timer
	mine = time.AfterFunc(in, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.clock == mine && !r.closed {
			next()
		}
	})
	r.clock = mine
}

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
	number int64
	mu     sync.Mutex
	epoch  uint64
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
	fresh   bool     // what is said next is the first on a new way
}

// hear sends a message as of the last event to somebody who is there.
func (p *person) hear(r *room, op wire.Command, body wire.WithMeta, request uint64) {
	if p.session != nil {
		p.session.write(r.message(op, body, p.greeting(r), request))
	}
}

// greeting is what a message carries that is the first on a new way: the room's number; 0: it is not.
func (p *person) greeting(r *room) int64 {
	if !p.fresh {
		return 0
	}
	p.fresh = false
	return r.number
}

func newRoom(s *Server, number int64) *room {
	r := &room{server: s, number: number, epoch: s.epoch}
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
func (r *room) message(op wire.Command, body wire.WithMeta, greeting int64, request uint64) []byte {
	m := append(wire.AppendOpcode(nil, op), wire.MustMarshal(body)...)
	server := ""
	if greeting != 0 {
		server = "stub"
	}
	return frame(ws.OpBinary, wire.AppendMetaOf(m, server, greeting, r.epoch, r.seq, request))
}

// tell tells everybody of a new event.
func (r *room) tell(op wire.Command, body wire.WithMeta) { r.tellBut(nil, op, body) }

// tellBut tells everybody but one of a new event. Who asked for it is told with an answer.
func (r *room) tellBut(one *person, op wire.Command, body wire.WithMeta) {
	r.seq++
	b := r.message(op, body, 0, 0)
	for _, p := range r.people {
		switch {
		case p.session == nil || p == one:
		case p.fresh:
			p.hear(r, op, body, 0)
		default:
			p.session.write(b)
		}
	}
}

// refuse says no.
func (r *room) refuse(p *person, request uint64) {
	p.hear(r, wire.Command_ERROR, &wire.Error{Code: wire.Code_STATUS_MISMATCH, Desc: "not now"}, request)
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

func (r *room) sit(s *session, wish int, request uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.find(s.user)
	if p == nil {
		p = &person{user: s.user, seat: r.free(int32(wish)), fresh: true}
		r.introduce(p, s)
		r.people = append(r.people, p)
		r.tellBut(p, wire.Command_SIT_DOWN, user(p))
	} else {
		p.fresh = true
		r.introduce(p, s)
		r.tellBut(p, wire.Command_ONLINE, &wire.Int64{Value: p.user})
	}
	p.hear(r, wire.Command_SIT_DOWN, user(p), request)
	p.hear(r, wire.Command_DICE_SCENE, r.scene(p), 0)
}

// introduce gives somebody a session, and says who else is there.
func (r *room) introduce(p *person, s *session) {
	p.session = s
	for _, other := range r.people {
		if other != p {
			p.hear(r, wire.Command_SIT_DOWN, user(other), 0)
		}
	}
}

// move changes somebody's seat.
func (r *room) move(s *session, seat int32, request uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.find(s.user)
	switch {
	case p == nil || p.session != s:
	case p.points != 0 && r.runs, p.seat == seat, seat >= 0 && r.free(seat) != seat:
		r.refuse(p, request)
	default:
		p.seat = seat
		r.tellBut(p, wire.Command_SIT_DOWN, user(p))
		p.hear(r, wire.Command_SIT_DOWN, user(p), request)
		p.hear(r, wire.Command_DICE_SCENE, r.scene(p), 0)
	}
}

// echo answers a ping.
func (r *room) echo(s *session, value int64, request uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.find(s.user); p != nil && p.session == s {
		p.hear(r, wire.Command_PING, &wire.Int64{Value: value}, request)
	}
}

// handOver gives the room a new owner, who goes on.
func (r *room) handOver() {
	r.epoch++
	for _, p := range r.people {
		p.fresh = true
	}
}

// takeOver gives the room a new owner, who shows it anew.
func (r *room) takeOver() {
	r.handOver()
	for _, p := range r.people {
		if p.session != nil {
			r.introduce(p, p.session)
			p.hear(r, wire.Command_SIT_DOWN, user(p), 0)
			p.hear(r, wire.Command_DICE_SCENE, r.scene(p), 0)
		}
	}
}

func user(p *person) *wire.User {
	return &wire.User{Id: p.user, Seat: p.seat, Online: p.session != nil}
}

func (r *room) scene(to *person) *wire.DiceScene {
	scene := &wire.DiceScene{InRound: r.runs, LeftMs: time.Until(r.ends).Milliseconds(), Round: r.round, Seats: int32(r.server.config.Seats), Dice: make(map[int64]int32)}
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

func (r *room) stand(s *session, request uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.find(s.user); p != nil && p.session == s {
		if p.points != 0 && r.runs { // as for one who is lost: the seat stays to the end of the round
			p.hear(r, wire.Command_STAND_UP, &wire.Int64{Value: p.user}, request)
			r.offline(p)
			return
		}
		r.tellBut(p, wire.Command_STAND_UP, &wire.Int64{Value: p.user})
		p.hear(r, wire.Command_STAND_UP, &wire.Int64{Value: p.user}, request)
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

func (r *room) shake(s *session, request uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.find(s.user)
	switch {
	case p == nil || p.session != s:
		return
	case p.seat < 0 || !r.runs || p.points != 0:
		r.refuse(p, request)
		return
	}
	p.points = 1 + rand.Int32N(6)
	r.tellBut(p, wire.Command_DICE_SHAKE, &wire.DiceShake{User: p.user, Round: r.round})
	p.hear(r, wire.Command_DICE_SHAKE, &wire.DiceShake{User: p.user, Points: p.points, Round: r.round}, request)
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

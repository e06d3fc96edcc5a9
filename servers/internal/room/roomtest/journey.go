package roomtest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"croupier/servers/internal/room"
)

// movesOn: a room that moves between servers in the middle of everything is one room for its players.
func movesOn(tb testing.TB, g Game) {
	for seed := range uint64(10) {
		Journey(tb, g, seed, 60, false)
	}
}

// livesOn: what a player has heard outlives the server, and what a player asked for is done once.
func livesOn(tb testing.TB, g Game) {
	for seed := range uint64(10) {
		Journey(tb, g, seed, 60, true)
	}
}

// Journey is a random walk through a room that is handed from server to server, or lost by them
// where crashes says so, with saves that are fast, slow, and too slow. Every player must see one room:
// events without gap or repeat, the same seats, each request answered, none done twice.
func Journey(tb testing.TB, g Game, seed uint64, steps int, crashes bool) {
	tb.Helper()
	j := &journey{tb: tb, g: g, rng: source(seed), crashes: crashes}
	j.open()
	for range steps {
		j.step()
	}
	j.r.close()
}

// journey is a walk under way.
type journey struct {
	tb      testing.TB
	g       Game
	rng     *rand.Rand
	crashes bool
	epoch   uint64
	request uint64

	r      *Room
	offers chan offer // of r, when it is time
	next   *Room      // where the room has gone, once it has
	acts   []act      // everything that was sent, by the number that is its Raw
	parted []*Session
	unread map[*Session][]room.Unread // of parted
	anew   map[*Session]bool          // of parted: whose room was lost
}

// offer is a room that waits to be given away.
type offer struct {
	snapshot []byte
	answer   func(room.Outcome)
}

// act is something that a player does.
type act struct {
	request  uint64
	post     func(r *Room, s *Session, in room.Input) error
	kept     bool // the room remembers the answer, unless it is a refusal
	answered bool
	answer   room.Message
	repeats  int // how often it was asked again after it was answered, and is not answered again
}

func (j *journey) config(epoch uint64, record *Record) room.Config {
	return room.Config{Seats: j.g.Seats, Bench: 3, Epoch: epoch, Record: record}
}

func (j *journey) open() {
	j.epoch++
	j.r = Open(j.tb, j.config(j.epoch, NewRecord(nil)), j.g.New())
	j.offers = make(chan offer, 1)
	j.parted, j.unread, j.anew = nil, make(map[*Session][]room.Unread), make(map[*Session]bool)
}

// restore opens the room's successor.
func (j *journey) restore(snapshot []byte, seamless bool) *Room {
	j.epoch++
	c := j.config(j.epoch, NewRecord(snapshot))
	c.Seamless = seamless
	return Restore(j.tb, c, j.g.New(), snapshot)
}

// step does several things at once, lets the room come to rest, and looks at it.
func (j *journey) step() {
	record := j.r.record
	record.Delay([]time.Duration{0, time.Millisecond, 200 * time.Millisecond, 700 * time.Millisecond}[j.rng.IntN(4)])
	for range 1 + j.rng.IntN(5) {
		j.something()
	}
	lost := j.crashes && j.rng.IntN(6) == 0
	if lost {
		j.crash()
	} else if j.rng.IntN(5) == 0 {
		j.handOver()
	}
	for range j.rng.IntN(4) {
		j.something()
	}
	record.Delay(0)
	time.Sleep(2 * time.Second)
	j.follow()
	time.Sleep(time.Duration(j.rng.Int64N(int64(8 * time.Second))))
	j.follow()
	j.r.Check()
	j.answers()
}

// something is one thing that a player does, or that happens to one.
func (j *journey) something() {
	live := j.live()
	if len(live) == 0 || j.rng.IntN(5) == 0 {
		s := NewSession(1 + j.rng.Int64N(int64(j.g.Seats)+3))
		s.record = j.r.record
		if j.r.Enter(s, j.rng.IntN(j.g.Seats+4)-2, 0) == nil {
			j.r.sessions = append(j.r.sessions, s)
		}
		return
	}
	s := live[j.rng.IntN(len(live))]
	seat := j.rng.IntN(j.g.Seats+2) - 1
	switch m := j.g.Act(j.rng); j.rng.IntN(12) {
	case 0:
		j.r.watch.lose(s)
		j.r.Leave(s)
	case 1, 2:
		j.r.watch.lose(s)
		j.r.Sever(s)
	case 3:
		j.act(s, false, func(r *Room, s *Session, in room.Input) error { return r.Stand(s, in) })
	case 4:
		j.act(s, true, func(r *Room, s *Session, in room.Input) error { return r.Change(s, seat, in) })
	case 5:
		j.act(s, false, func(r *Room, s *Session, in room.Input) error { return r.Print(s, in) })
	default:
		j.act(s, true, func(r *Room, s *Session, in room.Input) error { return r.Play(s, m.Op, m.Body, in) })
	}
}

// live are the sessions of the room that have no end yet.
func (j *journey) live() (live []*Session) {
	for _, s := range j.r.sessions {
		if _, ended := s.Ended(); !ended && !j.r.watch.lost[s] {
			live = append(live, s)
		}
	}
	return live
}

// act posts something, and remembers it until it is answered.
func (j *journey) act(s *Session, kept bool, post func(*Room, *Session, room.Input) error) {
	j.request++
	a := act{request: j.request, post: post, kept: kept}
	raw := fmt.Append(nil, len(j.acts))
	j.acts = append(j.acts, a)
	s.mu.Lock()
	s.asked = append(s.asked, a)
	s.mu.Unlock()
	if err := post(j.r, s, room.Input{Request: a.request, Raw: raw}); err != nil {
		j.unread[s] = append(j.unread[s], room.Unread{Session: s, Raw: raw}) // it has ended: this comes after what it gives back
	}
}

// handOver gives the room away: it is taken, or not, or taken without anybody knowing.
func (j *journey) handOver() {
	by := time.Duration(j.rng.Int64N(2)) * 5 * time.Second
	offers := j.offers
	j.r.Handover(by, func(snapshot []byte, answer func(room.Outcome)) { offers <- offer{snapshot, answer} })
}

// transfer answers the offer of the room, if there is one.
func (j *journey) transfer() (offered bool) {
	j.r.Wait()
	var o offer
	select {
	case o = <-j.offers:
	default:
		return false
	}
	outcome := []room.Outcome{room.Given, room.Given, room.Given, room.Kept, room.Taken}[j.rng.IntN(5)]
	switch {
	case j.next != nil: // it was lost meanwhile
		outcome = room.Taken
	case outcome == room.Taken && !j.crashes:
		outcome = room.Given
	}
	if outcome != room.Kept && j.next == nil {
		j.next = j.restore(o.snapshot, outcome == room.Given)
	}
	time.Sleep(time.Duration(j.rng.Int64N(int64(300 * time.Millisecond))))
	o.answer(outcome)
	j.r.Wait()
	j.settle()
	return true
}

// crash has another server take the room from what is stored.
func (j *journey) crash() {
	snapshot := j.r.record.Sever(room.ErrLost)
	if snapshot != nil {
		j.next = j.restore(snapshot, false)
	}
	j.r.Settle(room.Retry)
}

// follow lets everyone go on where the room has gone, and waits until it stays there.
func (j *journey) follow() {
	for j.transfer() || j.settle() {
		for len(j.parted) > 0 {
			j.r.record.Delay(time.Duration(j.rng.Int64N(2)) * 300 * time.Millisecond)
			s := j.parted[0]
			j.parted = j.parted[1:]
			if j.rejoin(s) {
				j.something()
			}
			j.settle() // a room that nobody is in any more has ended
		}
		j.r.record.Delay(0)
		time.Sleep(time.Second)
	}
}

// settle goes where the room has gone, if it has: there those go on who came too late, and what was
// not handled waits for those who resume.
func (j *journey) settle() (gone bool) {
	if !j.r.Over() && j.next != nil {
		time.Sleep(3 * time.Second) // it is on its way
		if !j.r.Over() {
			j.tb.Fatalf("the room has been taken, and goes on where it was")
		}
	}
	if !j.r.Over() {
		return false
	}
	before := j.r
	before.close()
	late, unread := before.Late()
	if j.next == nil {
		j.open()
		return true
	}
	j.r, j.next, j.offers = j.next, nil, make(chan offer, 1)
	for _, s := range before.sessions {
		if why, ended := s.Ended(); ended && !before.watch.lost[s] && (why == room.Moved || why == room.Lost) {
			j.parted = append(j.parted, s)
			j.anew[s] = why == room.Lost
		}
	}
	given := make(map[*Session][]room.Unread)
	for _, u := range unread {
		s := u.Session.(*Session)
		given[s] = append(given[s], u)
	}
	for s, after := range j.unread {
		given[s] = append(given[s], after...)
	}
	j.unread = given
	j.rng.Shuffle(len(j.parted), func(a, b int) { j.parted[a], j.parted[b] = j.parted[b], j.parted[a] })
	for _, e := range late {
		s := e.Session.(*Session)
		s.record = j.r.record
		err := error(nil)
		if e.Resume {
			err = j.r.Resume(s, false)
		} else {
			err = j.r.Enter(s, e.Seat, e.Request)
		}
		if err == nil { // else the next room has ended already, and the player gives up
			j.r.sessions = append(j.r.sessions, s)
			j.deliver(s, s)
		}
	}
	j.settle() // it may have ended there, too
	return true
}

// rejoin lets a player go on. What was not handled is sent again: after a loss everything that was
// not answered, and something that was.
func (j *journey) rejoin(s *Session) bool {
	var awaited bool
	err := j.r.Do(j.tb.Context(), func(t *room.Table) {
		p := t.Player(s.user)
		awaited = p != nil && p.Online()
	})
	if err != nil {
		return false // the room is over
	}
	j.note(s)
	next := j.r.Rejoin(s, awaited && !j.anew[s])
	if !j.anew[s] {
		j.deliver(s, next)
		return true
	}
	if awaited { // else a newer connection has come and gone meanwhile, and with it what was remembered
		j.repeat(next)
	}
	for _, a := range next.asked {
		if !a.answered {
			j.r.post(a.post(j.r, next, room.Input{Request: a.request, Again: true}))
		}
	}
	j.r.Wait()
	return true
}

// repeat asks again for the last thing that was answered, and wants the same answer.
func (j *journey) repeat(s *Session) {
	var last *act
	for i := range s.asked {
		if s.asked[i].kept && s.asked[i].answered {
			last = &s.asked[i]
		}
	}
	if _, ended := s.Ended(); last == nil || ended {
		return
	}
	j.r.post(last.post(j.r, s, room.Input{Request: last.request, Again: true}))
	last.repeats++
}

// deliver sends what a room left unread of s.
func (j *journey) deliver(s, on *Session) {
	for _, u := range j.unread[s] {
		var n int
		if _, err := fmt.Sscan(string(u.Raw), &n); err != nil {
			j.tb.Fatalf("what is given back was never sent: %q", u.Raw)
		}
		j.r.post(j.acts[n].post(j.r, on, room.Input{Request: j.acts[n].request, Again: u.Again, Raw: u.Raw}))
	}
	delete(j.unread, s)
}

// note finds the answers to what a player has asked for.
func (j *journey) note(s *Session) {
	sent := s.Take()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.asked {
		a := &s.asked[i]
		for _, m := range sent {
			if m.Request != a.request {
				continue
			}
			switch {
			case !a.answered:
				a.answered, a.answer = true, m.Message
				a.kept = a.kept && m.Code() == 0
			case a.repeats == 0:
				s.fault("request %d is answered twice", a.request)
			case m.Op != a.answer.Op || string(m.Body) != string(a.answer.Body):
				s.fault("request %d was answered %v, and after the room was lost %v", a.request, Sent{Message: a.answer}, m)
			default:
				a.repeats--
			}
		}
	}
}

// answers checks that everyone who is here still was answered.
func (j *journey) answers() {
	for _, s := range j.live() {
		j.note(s)
		open := s.asked[:0:0]
		for _, a := range s.asked {
			if !a.answered {
				j.tb.Errorf("user %d is not answered request %d", s.user, a.request)
			}
			open = append(open, a)
		}
		if len(open) > 1 {
			open = open[len(open)-1:] // the room remembers the last few only
		}
		s.asked = open
	}
}

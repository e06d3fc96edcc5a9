package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing/synctest"
	"time"
)

// A world is everything that takes part. Only the test's goroutine changes it; what happens elsewhere is posted.
type world struct {
	bytes []byte
	flaw  flaw
	log   func(string, ...any)
	wrong error // the first check that failed

	stage  *stage
	nodes  [2]*node
	made   int // servers that ever were
	change int // changes that players ever made
	takes  []*take

	acked  map[int]int // changes that a player has heard of, and in which life of the room
	epochs map[uint64]string
}

// A node is a game server.
type node struct {
	d       *Directory
	ctx     context.Context
	cancel  context.CancelFunc
	ballast *Tenure // another room, of this server alone: it shares the journal
	loading bool
	rooms   []*inPlay // usually one; a server may find itself with an old one that does not know yet
}

// A inPlay is a room in play on a server: it follows the rule "a room saves before it speaks".
type inPlay struct {
	n      *node
	ten    *Tenure
	state  []int
	unsaid []int // changes whose answers wait for a save that is not begun yet
	saving bool
	frozen bool // it is being moved
	ending bool // it is being closed
	over   bool
	wanted *node // where it is to be moved, once its save is answered
	doubt  *take // a move that was not answered; the save under way tells
}

// A take is the message by which a room is moved, or the answer to it.
type take struct {
	from     *inPlay
	to       *node
	revision uint64
	snapshot string
	held     []int // what is to be said by the old owner, once the new one has it
	answer   bool
	taken    bool
	claimed  writing
}

func newWorld(bytes []byte, f flaw, log func(string, ...any)) *world {
	w := &world{bytes: bytes, flaw: f, log: log, acked: map[int]int{}, epochs: map[uint64]string{}}
	w.stage = newStage(w)
	for i := range w.nodes {
		w.start(i)
	}
	return w
}

func (w *world) start(i int) {
	w.made++
	n := &node{}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.d = newDirectory(w.stage.way(), Server{ID: fmt.Sprint("s", w.made), Address: "x:1"}, quiet())
	n.d.packAt, n.d.sweepAge = 40, 0
	n.d.view.since = time.Now().Add(-time.Hour) // it sees, and takes every other one for dead
	n.d.openJournal()
	key := dice(int64(100 + w.made))
	go func() {
		ten, err := n.d.Claim(n.ctx, key, 0, nil)
		w.stage.post(n.d.id, func() {
			if err == nil {
				n.ballast = ten
			}
		})
	}()
	w.nodes[i] = n
}

func (w *world) fail(format string, args ...any) {
	if w.wrong == nil {
		w.wrong = fmt.Errorf(format, args...)
	}
}

func (w *world) say(format string, args ...any) {
	if w.log != nil {
		w.log(format, args...)
	}
}

// pick draws a number below n from the schedule.
func (w *world) pick(n int) int {
	if len(w.bytes) == 0 || n <= 1 {
		return 0
	}
	b := w.bytes[0]
	w.bytes = w.bytes[1:]
	return int(b) % n
}

func (w *world) run() {
	for len(w.bytes) > 0 && w.wrong == nil {
		w.step()
		w.settle()
	}
	if w.wrong == nil {
		w.end()
	}
	for _, n := range w.nodes {
		n.cancel()
		n.d.Sever()
	}
	synctest.Wait()
}

// settle lets everything happen that can, and checks.
func (w *world) settle() {
	for {
		synctest.Wait()
		if w.stage.calm && w.stage.oldest() {
			continue
		}
		events := w.stage.take()
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			e()
		}
	}
	w.check()
}

func (w *world) step() {
	i := w.pick(2)
	n := w.nodes[i]
	var p *inPlay
	if len(n.rooms) > 0 {
		p = n.rooms[w.pick(len(n.rooms))]
	}
	switch what := w.pick(16); {
	case what < 4: // a player does something
		if p != nil && !p.frozen && !p.ending {
			w.change++
			w.say("change %d at %s", w.change, n.d.id)
			p.state, p.unsaid = append(p.state, w.change), append(p.unsaid, w.change)
			w.save(p)
		}
	case what < 9:
		w.stage.step()
	case what == 9:
		wait := time.Duration(1+w.pick(64)) * 10 * time.Millisecond
		w.say("%v pass", wait)
		time.Sleep(wait)
	case what == 10:
		w.takeOver(n, nil)
	case what == 11 && p != nil && !p.frozen && !p.ending:
		p.wanted = w.nodes[1-i]
		if !p.saving {
			w.offer(p)
		}
	case what == 13 && n.ballast != nil && w.pick(2) == 0:
		w.say("%s saves its other room, and all goes well meanwhile", n.d.id)
		w.stage.calm = true
		for range 2 + w.pick(3) {
			w.settle()
			if n.ballast == nil || n.loading {
				break
			}
			n.loading = true
			n.ballast.Save([]byte("some ballast for the journal"), func(err error) {
				w.stage.post(n.d.id, func() {
					n.loading = false
					if err != nil {
						n.ballast = nil
					}
				})
			})
			w.settle()
			time.Sleep(time.Duration(1+w.pick(64)) * time.Millisecond)
			w.settle()
		}
		w.stage.calm = false
	case what == 12 || what == 13:
		if len(w.takes) > 0 {
			at := w.pick(len(w.takes))
			m := w.takes[at]
			w.takes = slices.Delete(w.takes, at, at+1)
			w.deliver(m, w.pick(4) == 0)
		}
	case what == 14 && w.pick(2) == 0:
		w.say("%s looks for orphans", n.d.id)
		go n.d.Orphans(n.ctx) //nolint:errcheck // what it sweeps away counts
	case what == 14:
		w.say("crash of %s", n.d.id)
		n.cancel()
		n.d.Sever()
		for _, p := range n.rooms {
			p.over = true
		}
		w.start(i)
	case what == 15 && p != nil && !p.frozen && !p.ending && w.pick(4) == 0:
		w.say("close by %s", n.d.id)
		p.ending = true
		p.ten.Close(func(error) { w.stage.post(n.d.id, func() { w.stop(p) }) })
	}
}

// offer stops the room, and offers it to another server with all that is not saved yet.
func (w *world) offer(p *inPlay) {
	w.say("move from %s to %s at revision %d, unsaved: %v", p.n.d.id, p.wanted.d.id, p.ten.revision, p.unsaid)
	revision := p.ten.Offer()
	if w.flaw == undirected {
		p.ten.direct = false
	}
	w.takes = append(w.takes, &take{from: p, to: p.wanted, revision: revision, snapshot: encodeState(p.state), held: p.unsaid})
	p.frozen, p.unsaid, p.wanted = true, nil, nil
}

// save is the room's rule: one save at a time, the next one takes all that came meanwhile.
func (w *world) save(p *inPlay) {
	if p.saving || p.over || p.ending {
		return
	}
	p.saving = true
	cover, snapshot := p.unsaid, encodeState(p.state)
	p.unsaid = nil
	stale := w.stage.owner() != p.ten.claim
	if w.flaw == earlyAnswer {
		for _, c := range cover {
			w.hear(c, p, writing{})
		}
	}
	answers := 0
	p.ten.Save([]byte(snapshot), func(err error) {
		this := writing{p.ten.claim, p.ten.turn}
		w.stage.post(p.n.d.id, func() {
			if answers++; answers > 1 {
				w.fail("a save was answered twice")
			}
			if p.over {
				return // its process died before it saw this
			}
			p.saving = false
			switch {
			case err == nil:
				p.doubt = nil
				if stale {
					w.fail("%s saved turn %d, though it had lost the room before it began", p.n.d.id, this.turn)
				}
				if made, ok := w.stage.written[this]; !ok || made.snapshot != snapshot {
					w.fail("%s was told that turn %d is stored, and it is not", p.n.d.id, this.turn)
				}
				for _, c := range cover {
					w.hear(c, p, this)
				}
				switch {
				case p.wanted != nil && !p.ending:
					w.offer(p)
				case len(p.unsaid) > 0:
					w.save(p)
				}
			case errors.Is(err, ErrLost):
				w.say("%s lost the room: %v", p.n.d.id, err)
				if m := p.doubt; m != nil {
					// The entry is read, and read truly here; a late read is another owner's, and says no.
					e, ok := w.stage.entry()
					if ok && (e.BeganWith([]byte(m.snapshot)) || w.flaw == trustful && e.Server == m.to.d.id) {
						for _, c := range m.held {
							w.hear(c, p, writing{})
						}
					}
				}
				w.stop(p)
			default:
				w.fail("save: %v", err)
			}
		})
	})
}

// hear: the gate passes on the answer to a change. From now on it must never be forgotten.
func (w *world) hear(c int, p *inPlay, by writing) {
	w.say("change %d is acknowledged by %s", c, p.n.d.id)
	if who, ok := w.epochs[p.ten.Epoch()]; ok && who != string(p.ten.claim[:]) {
		w.fail("two owners speak with epoch %d", p.ten.Epoch())
	}
	w.epochs[p.ten.Epoch()] = string(p.ten.claim[:])
	w.acked[c] = w.stage.life
	if made, ok := w.stage.written[by]; ok {
		w.acked[c] = made.life // the room may have been closed since, by a later owner
	}
}

func (w *world) stop(p *inPlay) {
	p.over, p.saving = true, false
	p.n.rooms = slices.DeleteFunc(p.n.rooms, func(q *inPlay) bool { return q == p })
}

// takeOver takes the room: from whoever has it, or where there is none; for a move, from a certain revision.
func (w *world) takeOver(n *node, m *take) {
	go func() {
		var ten *Tenure
		var err error
		var snapshot string
		if m != nil {
			snapshot = m.snapshot
			ten, err = n.d.Claim(n.ctx, dice(1), m.revision, []byte(snapshot))
		} else {
			var e Entry
			if e, err = n.d.Look(n.ctx, dice(1)); err == nil || errors.Is(err, ErrNone) {
				if e, err = n.d.Inherit(n.ctx, e); err == nil {
					snapshot = string(e.Snapshot)
					ten, err = n.d.Claim(n.ctx, dice(1), e.Revision, e.Snapshot)
				}
			}
		}
		w.stage.post(n.d.id, func() {
			if err == nil && w.nodes[0] != n && w.nodes[1] != n {
				return // it died meanwhile
			}
			if err == nil {
				w.say("%s owns the room at revision %d, epoch %d: %q", n.d.id, ten.revision, ten.Epoch(), snapshot)
				n.rooms = append(n.rooms, &inPlay{n: n, ten: ten, state: decodeState(snapshot)})
			} else {
				w.say("%s did not get the room: %v", n.d.id, err)
			}
			if m != nil {
				answer := *m
				answer.answer, answer.taken = true, err == nil
				if err == nil {
					answer.claimed = writing{claim: ten.claim}
				}
				w.takes = append(w.takes, &answer)
			}
		})
	}()
}

// deliver delivers a message of a move, or loses it.
func (w *world) deliver(m *take, lose bool) {
	dead := func(n *node) bool { return w.nodes[0] != n && w.nodes[1] != n }
	switch {
	case !m.answer && !lose && !dead(m.to):
		w.say("%s is asked to take", m.to.d.id)
		w.takeOver(m.to, m)
	case m.from.over:
	case m.answer && !lose && m.taken:
		w.say("%s hears that the room was taken", m.from.n.d.id)
		for _, c := range m.held {
			w.hear(c, m.from, m.claimed)
		}
		m.from.ten.Abandon()
		w.stop(m.from)
	default: // refused, or unknown: the next save tells
		w.say("%s goes on", m.from.n.d.id)
		m.from.frozen = false
		m.from.unsaid = append(m.held, m.from.unsaid...)
		m.from.doubt = m
		w.save(m.from)
	}
}

// check is called when nothing moves: what a player heard of is in the entry.
func (w *world) check() {
	entry, ok := w.stage.entry()
	if !ok {
		return
	}
	state := decodeState(string(entry.Snapshot))
	for _, c := range slices.Sorted(maps.Keys(w.acked)) {
		if w.acked[c] == w.stage.life && !slices.Contains(state, c) {
			w.fail("change %d was acknowledged, and is not in the entry: %q of %s", c, entry.Snapshot, entry.Server)
		}
	}
}

// end lets the store work as it should, and sees that the room can still be had, by one server.
func (w *world) end() {
	for _, a := range w.stage.late {
		a.carry()
	}
	w.settle()
	w.stage.late, w.stage.calm = nil, true
	for _, m := range w.takes {
		w.deliver(m, true)
	}
	for range 20 {
		w.settle()
		time.Sleep(time.Second)
	}
	w.settle()
	w.takeOver(w.nodes[0], nil)
	w.settle()
	time.Sleep(10 * time.Second)
	w.settle()
	if w.wrong != nil {
		return
	}
	rooms := w.nodes[0].rooms
	if len(rooms) == 0 || w.stage.owner() != rooms[len(rooms)-1].ten.claim {
		w.fail("nobody can have the room any more")
		return
	}
	for _, c := range slices.Sorted(maps.Keys(w.acked)) {
		if w.acked[c] == w.stage.life && !slices.Contains(rooms[len(rooms)-1].state, c) {
			w.fail("the last owner does not know change %d", c)
		}
	}
	for _, n := range w.nodes {
		for _, p := range n.rooms {
			p.frozen = false
			w.change++
			p.state, p.unsaid = append(p.state, w.change), append(p.unsaid, w.change)
			w.save(p)
		}
	}
	w.settle()
	time.Sleep(10 * time.Second)
	w.settle()
	if left := len(w.nodes[0].rooms) + len(w.nodes[1].rooms); left != 1 && w.wrong == nil {
		w.fail("%d servers own the room in the end", left)
	}
}

func encodeState(list []int) string {
	var b strings.Builder
	for _, c := range list {
		fmt.Fprint(&b, c, " ")
	}
	return b.String()
}

func decodeState(s string) []int {
	var list []int
	for _, f := range strings.Fields(s) {
		c, _ := strconv.Atoi(f)
		list = append(list, c)
	}
	return list
}

package roomtest

import (
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"croupier/servers/internal/room"
)

// watched is a game between a room and the game under test. It checks that both keep to the
// contract of room.Game.
type watched struct {
	room.Game
	lost map[*Session]bool // by Room.Lose; the test's goroutine only

	// What was handed to Ended; not to be read before Done.
	late    map[room.Session]bool
	entries []room.Entry
	unread  []room.Unread

	restless bool // AtRest changes something; the room's goroutine only

	mu     sync.Mutex
	faults []string
	yes    map[*room.Player]bool // the last answer of MayLeave
}

func (w *watched) lose(s *Session) {
	if w.lost == nil {
		w.lost = make(map[*Session]bool)
	}
	w.lost[s] = true
}

func (w *watched) ended(late []room.Entry, unread []room.Unread) {
	w.entries, w.unread = late, unread
	w.late = make(map[room.Session]bool, len(late))
	for _, e := range late {
		w.late[e.Session] = true
	}
}

func (w *watched) fault(format string, a ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, a...))
}

// found returns the faults so far, once.
func (w *watched) found() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	faults := w.faults
	w.faults = nil
	return faults
}

// panics notes a panic on its way through.
func (w *watched) panics(where string) {
	if fault := recover(); fault != nil {
		w.fault("the game panics in %s: %v\n%s", where, fault, debug.Stack())
		panic(fault)
	}
}

func (w *watched) Start(t *room.Table) error {
	defer w.panics("Start")
	return w.Game.Start(t)
}

func (w *watched) Enter(t *room.Table, p *room.Player) {
	defer w.panics("Enter")
	if t.Player(p.ID()) != p || !p.Online() {
		w.fault("Enter for user %d, who is not in the room", p.ID())
	}
	w.Game.Enter(t, p)
}

func (w *watched) Receive(t *room.Table, q room.Request) error {
	defer w.panics("Receive")
	if t.Player(q.From.ID()) != q.From || !q.From.Online() {
		w.fault("a message of user %d, who is not in the room", q.From.ID())
	}
	return w.Game.Receive(t, q)
}

func (w *watched) MayLeave(t *room.Table, p *room.Player) bool {
	defer w.panics("MayLeave")
	if t.Player(p.ID()) != p {
		w.fault("MayLeave for user %d, who is gone already", p.ID())
	}
	before := t.Seq()
	yes := w.Game.MayLeave(t, p)
	if again := w.Game.MayLeave(t, p); again != yes || t.Seq() != before {
		w.fault("MayLeave for user %d is a question, and changes something: %v, then %v", p.ID(), yes, again)
	}
	if w.yes == nil {
		w.yes = make(map[*room.Player]bool)
	}
	w.yes[p] = yes
	return yes
}

func (w *watched) AtRest(t *room.Table) bool {
	defer w.panics("AtRest")
	if w.restless {
		return false // it would be asked again after each change that it makes
	}
	before := t.Seq()
	yes := w.Game.AtRest(t)
	if again := w.Game.AtRest(t); again != yes || t.Seq() != before {
		w.restless = true
		w.fault("AtRest is a question, and changes something: %v, then %v", yes, again)
	}
	return yes
}

func (w *watched) Left(t *room.Table, p *room.Player) {
	defer w.panics("Left")
	if t.Player(p.ID()) == p || p.Online() {
		w.fault("Left for user %d, who is still in the room", p.ID())
	}
	if !w.yes[p] {
		w.fault("user %d left twice, or against the game's will", p.ID())
	}
	delete(w.yes, p)
	w.Game.Left(t, p)
}

func (w *watched) Settle(t *room.Table) {
	defer w.panics("Settle")
	w.Game.Settle(t)
	for _, p := range t.Players() {
		if !w.Game.MayLeave(t, p) {
			w.fault("after Settle, the game still holds user %d", p.ID())
		}
	}
}

func (w *watched) State(t *room.Table, reveal bool) string {
	defer w.panics("State")
	return w.Game.State(t, reveal)
}

func (w *watched) Snapshot(t *room.Table) ([]byte, error) {
	defer w.panics("Snapshot")
	return w.Game.Snapshot(t)
}

func (w *watched) Restore(t *room.Table, snapshot []byte) error {
	defer w.panics("Restore")
	return w.Game.Restore(t, slices.Clone(snapshot))
}

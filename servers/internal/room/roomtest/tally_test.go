package roomtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"croupier/servers/internal/room"
)

const (
	opAdd   uint32 = 301
	opScene uint32 = 302
	opSum   uint32 = 303

	tallyRound = 10 * time.Second
)

// tally is a correct game, but for the bug it is told to have: within a round every player may
// add a number, which nobody else knows before the sum is told.
type tally struct {
	bug     string
	clock   *room.Timer
	numbers map[int64]int
	leak    chan struct{}
}

type storedTally struct {
	Version int           `json:"version"`
	Numbers map[int64]int `json:"numbers"`
	Left    time.Duration `json:"left"`
}

func newTally(bug string, leak chan struct{}) *tally {
	return &tally{bug: bug, numbers: make(map[int64]int), leak: leak}
}

func add(n int) room.Message {
	return room.Message{Op: opAdd, Body: fmt.Appendf(nil, `{"n":%d}`, n)}
}

func randomAdd(rng *rand.Rand) room.Message { return add(rng.IntN(11)) }

func (g *tally) Start(t *room.Table) error {
	g.clock = t.NewTimer(func() { g.sum(t) })
	g.clock.Reset(tallyRound)
	if g.bug == "leaks a goroutine" {
		go func() { <-g.leak }()
	}
	return nil
}

func (g *tally) sum(t *room.Table) {
	total := 0
	for _, n := range g.numbers {
		total += n
	}
	clear(g.numbers)
	g.clock.Reset(tallyRound)
	t.Announce(room.Event{Message: room.Message{Op: opSum, Body: fmt.Append(nil, total)}})
	t.DismissAbsent()
	if t.Empty() && g.bug != "never ends" {
		t.Close()
	}
}

func (g *tally) Enter(t *room.Table, p *room.Player) {
	t.Tell(p, room.Message{Op: opScene, Body: fmt.Append(nil, len(g.numbers), g.clock.Left())}, 0)
	if g.bug == "shows secrets in the scene" {
		t.Tell(p, room.Message{Op: opScene, Body: fmt.Append(nil, g.numbers)}, 0)
	}
}

func (g *tally) Receive(t *room.Table, q room.Request) error {
	var m struct{ N int }
	if g.bug == "changes, then refuses" {
		g.clock.Reset(tallyRound)
	}
	switch {
	case q.Op != opAdd && g.bug == "ignores unknown opcodes":
		return nil
	case q.Op != opAdd:
		return room.Refuse(room.CodeUnknownCommand, "unknown")
	case g.bug == "panics on garbage" && q.Body[0] == 0xff:
		panic("garbage")
	case !q.From.Seated() && g.bug != "lets spectators act":
		return room.Refuse(room.CodeSpectator, "no seat")
	}
	if err := json.Unmarshal(q.Body, &m); err != nil {
		if g.bug == "takes garbage" {
			return nil
		}
		return fmt.Errorf("add: %w", err)
	}
	if m.N < 1 || m.N > 9 || g.numbers[q.From.ID()] != 0 {
		return room.Refuse(room.CodeStatusMismatch, "once, and 1 to 9")
	}
	g.numbers[q.From.ID()] = m.N
	e := room.Event{
		Message: room.Message{Op: opAdd, Body: fmt.Append(nil, q.From.ID())},
		Own:     q.From,
		OwnView: room.Message{Op: opAdd, Body: fmt.Append(nil, q.From.ID(), m.N)},
		Request: q.ID,
	}
	if g.bug == "forgets who asked" {
		e.Request = 0
	}
	if g.bug == "announces secrets" {
		e.Message = e.OwnView
	}
	t.Announce(e)
	return nil
}

func (g *tally) MayLeave(t *room.Table, p *room.Player) bool {
	if g.bug == "answers MayLeave with an event" {
		t.Announce(room.Event{})
	}
	return g.numbers[p.ID()] == 0
}

func (g *tally) Left(_ *room.Table, p *room.Player) {
	if g.bug == "panics when one leaves" {
		panic(fmt.Sprint("without ", p.ID()))
	}
}

func (g *tally) AtRest(t *room.Table) bool {
	if g.bug == "answers AtRest with an event" {
		t.Announce(room.Event{})
	}
	return len(g.numbers) == 0
}

func (g *tally) Settle(t *room.Table) {
	if g.bug != "settles nothing" {
		g.sum(t)
	}
}

func (g *tally) State(_ *room.Table, reveal bool) string {
	text := fmt.Sprint("tally ", g.clock.Left())
	for _, user := range slices.Sorted(maps.Keys(g.numbers)) {
		text += fmt.Sprint("\nuser ", user)
		if reveal || g.bug == "prints secrets" {
			text += fmt.Sprint(" ", g.numbers[user])
		}
	}
	return text
}

func (g *tally) Snapshot(*room.Table) ([]byte, error) {
	s := storedTally{Version: 1, Numbers: g.numbers, Left: g.clock.Left()}
	if g.bug == "stores no time" {
		s.Left = tallyRound
	}
	return json.Marshal(s)
}

func (g *tally) Restore(t *room.Table, snapshot []byte) error {
	var s storedTally
	if err := json.Unmarshal(snapshot, &s); err != nil && g.bug != "restores anything" {
		return fmt.Errorf("tally: %w", err)
	}
	if s.Version != 1 && g.bug != "restores any version" && g.bug != "restores anything" {
		return fmt.Errorf("tally: version %d", s.Version)
	}
	g.clock = t.NewTimer(func() { g.sum(t) })
	if g.bug != "forgets its clock" {
		g.clock.Reset(s.Left)
	}
	if g.bug != "forgets numbers" {
		maps.Copy(g.numbers, s.Numbers)
	}
	return nil
}

package dice

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"croupier/servers/internal/room"
)

// Config is how dice is played. Zero durations have the defaults named.
type Config struct {
	Round  time.Duration // length of a round; default 30 s
	Idle   time.Duration // pause between two rounds; default 5 s
	Preset bool          // players may choose their points: for development only
}

// Game is dice in one room.
type Game struct {
	config  Config
	clock   *room.Timer // of the round, or of the pause
	round   uint64      // from 1
	inRound bool
	rolls   Rolls
}

// New returns a game for a new room.
func New(c Config) *Game {
	if c.Round == 0 {
		c.Round = 30 * time.Second
	}
	if c.Idle == 0 {
		c.Idle = 5 * time.Second
	}
	return &Game{config: c}
}

// Start begins the first round.
func (g *Game) Start(t *room.Table) error {
	if err := g.prepare(t); err != nil {
		return err
	}
	g.begin(t)
	return nil
}

// prepare makes what both a new game and a restored one need.
func (g *Game) prepare(t *room.Table) error {
	if g.config.Round < 0 || g.config.Idle < 0 {
		return errors.New("dice: the length of a round and of the pause must not be negative")
	}
	g.clock = t.NewTimer(func() { g.turn(t) })
	return nil
}

// turn is what happens when the clock has run down.
func (g *Game) turn(t *room.Table) {
	if g.inRound {
		g.Settle(t)
	} else {
		g.begin(t)
	}
}

func (g *Game) begin(t *room.Table) {
	g.round++
	g.inRound, g.rolls = true, g.rolls[:0]
	g.clock.Reset(g.config.Round)
	t.Announce(room.Event{Message: encodeStart(g.config.Round, g.round)})
}

// Settle ends the round, pays no heed to who has not rolled, and closes a room that nobody is in.
func (g *Game) Settle(t *room.Table) {
	if !g.inRound {
		return
	}
	g.inRound = false
	g.clock.Reset(g.config.Idle)
	t.Announce(room.Event{Message: encodeSettlement(g.config.Idle, g.rolls, g.round)})
	t.DismissAbsent()
	if t.Empty() {
		t.Close()
	}
}

// Enter shows the scene. A round that waited only for one who has gone to the bench settles.
func (g *Game) Enter(t *room.Table, p *room.Player) {
	t.Tell(p, encodeScene(g.inRound, g.clock.Left(), g.rolls, p.ID(), g.round, t.Seats()), 0)
	g.settleIfComplete(t)
}

// MayLeave keeps everyone in the seat who has rolled in this round.
func (g *Game) MayLeave(_ *room.Table, p *room.Player) bool {
	return !g.inRound || g.rolls.Of(p.ID()) == 0
}

// Left lets the round settle if it waited only for the one who left.
func (g *Game) Left(t *room.Table, _ *room.Player) { g.settleIfComplete(t) }

func (g *Game) settleIfComplete(t *room.Table) {
	if !g.inRound {
		return
	}
	seated := make([]int64, 0, t.Seats())
	for _, p := range t.Players() {
		if p.Seated() {
			seated = append(seated, p.ID())
		}
	}
	if g.rolls.Complete(seated) {
		g.Settle(t)
	}
}

// AtRest says that the pause between two rounds is the time to move.
func (g *Game) AtRest(*room.Table) bool { return !g.inRound }

// Receive takes a roll. It is stored before anyone hears of it.
func (g *Game) Receive(t *room.Table, q room.Request) error {
	if q.Op != opShake {
		return &room.Refusal{Code: room.CodeUnknownCommand, Reason: "unknown command", Detail: fmt.Sprintf("dice knows no opcode %d", q.Op)}
	}
	preset, err := decodeShake(q.Body)
	switch {
	case err != nil:
		return &room.Refusal{Code: room.CodeFail, Reason: "malformed message", Detail: err.Error()}
	case !q.From.Seated():
		return room.Refuse(room.CodeSpectator, "spectators may not roll: sit down first")
	case !g.inRound:
		return room.Refuse(room.CodeStatusMismatch, "no round is being played: wait for the next start")
	case g.rolls.Of(q.From.ID()) != 0:
		return room.Refuse(codeAlreadyShaken, "you have rolled in this round already")
	case preset != 0 && !g.config.Preset:
		return room.Refuse(room.CodeFail, "points can be chosen on a development server only")
	case preset < 0 || preset > Faces:
		return room.Refuse(room.CodeFail, "points go from 1 to 6")
	}
	points := preset
	if points == 0 {
		points = rand.Int32N(Faces) + 1
	}
	g.rolls = append(g.rolls, Roll{User: q.From.ID(), Points: points})
	t.Announce(room.Event{
		Message: encodeShake(q.From.ID(), 0, g.round),
		Own:     q.From,
		OwnView: encodeShake(q.From.ID(), points, g.round),
		Request: q.ID,
	})
	g.settleIfComplete(t)
	return nil
}

// State describes the round.
func (g *Game) State(_ *room.Table, reveal bool) string {
	b := make([]byte, 0, 96)
	b = append(b, "dice round "...)
	b = strconv.AppendUint(b, g.round, 10)
	if g.inRound {
		b = append(b, " playing "...)
	} else {
		b = append(b, " settled "...)
	}
	b = strconv.AppendInt(b, g.clock.Left().Milliseconds(), 10)
	b = append(b, " ms left"...)
	for _, roll := range g.rolls {
		b = append(b, "\nuser "...)
		b = strconv.AppendInt(b, roll.User, 10)
		b = append(b, " rolled"...)
		if reveal || !g.inRound {
			b = append(b, ' ')
			b = strconv.AppendInt(b, int64(roll.Points), 10)
		}
	}
	return string(b)
}

// stored is a game in a snapshot. It is read by encoding/json, and written by hand, since a room
// writes one after each roll: see room/snapshot.go for how it may grow.
type stored struct {
	Version int           `json:"version"`
	Round   uint64        `json:"round"`
	InRound bool          `json:"in_round"`
	Left    time.Duration `json:"left_ns"`
	Rolls   Rolls         `json:"rolls"`
}

const storedVersion = 1

// Snapshot encodes the round, with the time left.
func (g *Game) Snapshot(*room.Table) ([]byte, error) {
	b := make([]byte, 0, 96+40*len(g.rolls))
	b = strconv.AppendInt(append(b, `{"version":`...), storedVersion, 10)
	b = strconv.AppendUint(append(b, `,"round":`...), g.round, 10)
	b = strconv.AppendBool(append(b, `,"in_round":`...), g.inRound)
	b = strconv.AppendInt(append(b, `,"left_ns":`...), int64(g.clock.Left()), 10)
	b = append(b, `,"rolls":[`...)
	for i, roll := range g.rolls {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"user":`...), roll.User, 10)
		b = strconv.AppendInt(append(b, `,"points":`...), int64(roll.Points), 10)
		b = append(b, '}')
	}
	return append(b, `]}`...), nil
}

// Restore goes on with a stored round.
func (g *Game) Restore(t *room.Table, snapshot []byte) error {
	var s stored
	if err := json.Unmarshal(snapshot, &s); err != nil {
		return fmt.Errorf("dice: %w", err)
	}
	if s.Version != storedVersion {
		return fmt.Errorf("dice: snapshot has version %d, this server reads %d", s.Version, storedVersion)
	}
	if err := s.check(t); err != nil {
		return err
	}
	if err := g.prepare(t); err != nil {
		return err
	}
	g.round, g.inRound, g.rolls = s.Round, s.InRound, s.Rolls
	g.clock.Reset(s.Left)
	return nil
}

// check refuses a round that can't have been played.
func (s stored) check(t *room.Table) error {
	if s.Round == 0 || s.Round > math.MaxInt64 || s.Left < 0 { // beyond that the count would begin anew
		return fmt.Errorf("dice: snapshot has round %d with %v left", s.Round, s.Left)
	}
	for i, roll := range s.Rolls {
		p := t.Player(roll.User)
		switch {
		case roll.Points < 1 || roll.Points > Faces:
			return fmt.Errorf("dice: snapshot has %d points for user %d", roll.Points, roll.User)
		case s.Rolls[:i].Of(roll.User) != 0:
			return fmt.Errorf("dice: snapshot has two rolls of user %d", roll.User)
		case s.InRound && (p == nil || !p.Seated()):
			return fmt.Errorf("dice: snapshot has a roll of user %d, who has no seat", roll.User)
		}
	}
	return nil
}

package room

import (
	"encoding/json"
	"fmt"
	"time"
)

// Restore starts a room from a snapshot, for the owner that c says. The number of the room, its
// seats and its bench come from the snapshot; the rest from c. Who was online is awaited: seated
// and online in everyone's eyes, until Config.Grace is over. While nobody is connected and somebody
// is awaited, the room stands still.
func Restore(c Config, game Game, data []byte) (*Room, error) {
	p, err := Prepare(c, game, data)
	if err != nil {
		return nil, err
	}
	return p.Run(c.Epoch, c.Record), nil
}

// Prepared is a restored room that does not run yet.
type Prepared struct {
	config Config
	table  *Table
}

// Prepare restores a room as Restore does, and does not run it: it has no goroutine, its clocks
// stand still, and it knows no owner yet.
func Prepare(c Config, game Game, data []byte) (*Prepared, error) {
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("restore room: %w", err)
	}
	if s.Version != snapshotVersion {
		return nil, fmt.Errorf("restore room %d: snapshot has version %d, this server reads %d: leave the room to a server that does", s.ID, s.Version, snapshotVersion)
	}
	if s.Seats < 1 || s.Bench < 1 {
		return nil, fmt.Errorf("restore room %d: %d seats and a bench for %d: a room has some of both", s.ID, s.Seats, s.Bench)
	}
	c.ID, c.Seats, c.Bench = s.ID, s.Seats, s.Bench
	t, err := newTable(c, game)
	if err != nil {
		return nil, err
	}
	t.halt(prepared)
	t.seq = s.Seq
	for _, stored := range s.Players {
		if err := t.reseat(stored, c.Seamless); err != nil {
			return nil, fmt.Errorf("restore room %d: %w", s.ID, err)
		}
	}
	if err := guard(func() error { return game.Restore(t, s.Game) }); err != nil {
		return nil, fmt.Errorf("restore room %d: game: %w", s.ID, err)
	}
	return &Prepared{config: c, table: t}, nil
}

// Players are the users in the room, spectators too.
func (p *Prepared) Players() []int64 {
	users := make([]int64, len(p.table.present))
	for i, player := range p.table.present {
		users[i] = player.id
	}
	return users
}

// ID is the room's number.
func (p *Prepared) ID() int64 { return p.table.id }

// Snapshot encodes the room as it was restored, for a trial of another build: nothing of it runs.
func (p *Prepared) Snapshot() (snapshot []byte, err error) {
	err = guard(func() error {
		snapshot, err = p.table.encodeSnapshot(nil, false)
		return err
	})
	return snapshot, err
}

// Run runs the room, for an owner of that epoch, who has it stored in record as it was restored.
// It is called once.
func (p *Prepared) Run(epoch uint64, record Record) *Room {
	t := p.table
	t.epoch = max(epoch, 1)
	t.record = record
	t.startGrace(orDefault(p.config.Grace, 30*time.Second))
	t.watchAway()
	t.lookForPlayers()
	t.goOn(prepared)
	return run(p.config, t)
}

// Drop gives the room up in place of Run.
func (p *Prepared) Drop() { p.table = nil }

// reseat puts a stored player back: awaited, severed or offline.
func (t *Table) reseat(s storedPlayer, seamless bool) error {
	p := &Player{id: s.ID, seat: s.Seat}
	switch {
	case p.id <= 0:
		return fmt.Errorf("user %d: users count from 1", p.id)
	case t.Player(p.id) != nil:
		return fmt.Errorf("user %d is there twice", p.id)
	case s.Away < 0 || s.Away > 0 && s.Online || s.Missed && !s.Online:
		return fmt.Errorf("user %d is online %v, away for another %v, missed what was said %v", p.id, s.Online, s.Away, s.Missed)
	case len(s.Replies) > maxReplies:
		return fmt.Errorf("user %d has %d replies, at most %d are remembered", p.id, len(s.Replies), maxReplies)
	case !p.Seated():
		if t.benchFull() {
			return fmt.Errorf("user %d: more spectators than the bench holds", p.id)
		}
	case p.seat < 0 || p.seat >= len(t.seats):
		return fmt.Errorf("user %d: there is no seat %d", p.id, p.seat)
	case t.seats[p.seat] != nil:
		return fmt.Errorf("user %d: seat %d is user %d's", p.id, p.seat, t.seats[p.seat].id)
	}
	p.awaited, p.missed = s.Online, s.Missed || !seamless
	if s.Away > 0 {
		p.away = time.Now().Add(s.Away)
	}
	for _, r := range s.Replies {
		p.replies = append(p.replies, newReply(r.Request, Message{Op: r.Op, Body: r.Body}))
	}
	t.present = append(t.present, p)
	t.place(p, p.seat)
	return nil
}

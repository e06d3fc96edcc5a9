package room

import (
	"encoding/json"
	"fmt"
	"time"
)

// Nothing stores snapshots yet: they are what moving a room to another server, and recovery from a
// crash, will be built on. Games have to get them right from the start, and roomtest sees to it.

// snapshotVersion is the version of the core's part of a snapshot. A server that reads a version
// it does not know refuses the room and leaves it to one that does.
const snapshotVersion = 1

// snapshot is a room as it is stored.
type snapshot struct {
	Version int            `json:"version"`
	ID      int64          `json:"id"`
	Seats   int            `json:"seats"`
	Bench   int            `json:"bench"`
	Seq     uint64         `json:"seq"`
	Players []storedPlayer `json:"players"`
	Game    []byte         `json:"game"` // the bytes of Game.Snapshot, as a base64 string
}

type storedPlayer struct {
	ID   int64 `json:"id"`
	Seat int   `json:"seat"`
}

// Snapshot encodes the room with everything that Restore needs. Call it by Room.Do.
func (t *Table) Snapshot() ([]byte, error) {
	game, err := t.game.Snapshot(t)
	if err != nil {
		return nil, fmt.Errorf("snapshot of room %d: game: %w", t.id, err)
	}
	s := snapshot{Version: snapshotVersion, ID: t.id, Seats: len(t.seats), Bench: t.bench, Seq: t.seq, Game: game}
	for _, p := range t.present {
		s.Players = append(s.Players, storedPlayer{ID: p.id, Seat: p.seat})
	}
	return json.Marshal(s)
}

// Restore starts a room from a snapshot. Everybody in it is offline until they enter again. The
// number of the room, its seats and its bench come from the snapshot; the rest from c.
func Restore(c Config, game Game, data []byte) (*Room, error) {
	var s snapshot
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
	t.seq = s.Seq
	for _, stored := range s.Players {
		if err := t.reseat(stored); err != nil {
			return nil, fmt.Errorf("restore room %d: %w", s.ID, err)
		}
	}
	if err := guard(func() error { return game.Restore(t, s.Game) }); err != nil {
		return nil, fmt.Errorf("restore room %d: game: %w", s.ID, err)
	}
	grace := c.Grace
	if grace == 0 {
		grace = time.Minute
	}
	t.startGrace(grace)
	return run(c, t), nil
}

// Prepared is a restored room that does not run yet.
type Prepared struct {
	config Config
	table  *Table
}

// Prepare restores a room and does not run it. It has no goroutine and its clocks stand still.
func Prepare(c Config, game Game, data []byte) (*Prepared, error) { return nil, nil }

// Players are the users in the room, spectators too.
func (p *Prepared) Players() []int64 { return nil }

// Run runs the room, for an owner of that epoch, who stores it in record. It is called once.
func (p *Prepared) Run(epoch uint64, record Record) *Room { return nil }

// Drop gives the room up in place of Run.
func (p *Prepared) Drop() {}

// reseat puts a stored player back, offline.
func (t *Table) reseat(stored storedPlayer) error {
	p := &Player{id: stored.ID, seat: stored.Seat}
	switch {
	case p.id <= 0:
		return fmt.Errorf("user %d: users count from 1", p.id)
	case t.Player(p.id) != nil:
		return fmt.Errorf("user %d is there twice", p.id)
	case !p.Seated():
		if len(t.present)-t.Seated() >= t.bench {
			return fmt.Errorf("user %d: more spectators than the bench holds", p.id)
		}
	case p.seat < 0 || p.seat >= len(t.seats):
		return fmt.Errorf("user %d: there is no seat %d", p.id, p.seat)
	case t.seats[p.seat] != nil:
		return fmt.Errorf("user %d: seat %d is user %d's", p.id, p.seat, t.seats[p.seat].id)
	default:
		t.seats[p.seat] = p
	}
	t.present = append(t.present, p)
	return nil
}

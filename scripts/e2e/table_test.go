//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"croupier/servers/client"
	"croupier/servers/token"
	"croupier/servers/wire"
)

// door is where players come in.
type door struct {
	url  string
	keys *token.Keys
	next int64 // the next player's number
}

// player is a client that remembers what it was told.
type player struct {
	*client.Client
	user  int64
	heard chan struct{} // closed when all events are read

	mu          sync.Mutex
	settlements []*wire.DiceSettlement
	breaks      []error                 // each time the connection was lost
	seats       []client.Resumed        // each time the player came back to a seat
	gone        time.Time               // when the connection was lost; zero: it is there
	away        time.Duration           // how long the longest return to a seat took
	partings    []wire.DisconnectReason // each time a server said so
	notices     []*wire.Notice
	news        chan struct{} // closed, and made anew, when something is added
}

func (d *door) player(t *testing.T) *player {
	t.Helper()
	d.next++
	text, err := d.keys.Sign(d.next, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, client.Gate(d.url, client.Static(text)), client.Options{})
	if err != nil {
		t.Fatalf("player %d cannot connect to %s: %v", d.next, d.url, err)
	}
	p := &player{Client: c, user: d.next, heard: make(chan struct{}), news: make(chan struct{})}
	go p.listen()
	return p
}

func (p *player) listen() {
	defer close(p.heard)
	for event := range p.Events() {
		p.mu.Lock()
		switch e := event.(type) {
		case client.Lost:
			p.breaks = append(p.breaks, e.Err)
			if p.gone.IsZero() {
				p.gone = time.Now()
			}
		case client.Resumed:
			p.seats = append(p.seats, e)
			p.away = max(p.away, time.Since(p.gone))
			p.gone = time.Time{}
		case client.Message:
			switch body := e.Body.(type) {
			case *wire.DiceSettlement:
				p.settlements = append(p.settlements, body)
			case *wire.Notice:
				p.notices = append(p.notices, body)
			case *wire.Int32:
				if e.Op == wire.Command_DISCONNECT {
					p.partings = append(p.partings, wire.DisconnectReason(body.Value))
				}
			}
		}
		close(p.news)
		p.news = make(chan struct{})
		p.mu.Unlock()
	}
}

// hears waits until something holds of what the player was told.
func (p *player) hears(ctx context.Context, what string, holds func() bool) error {
	for {
		p.mu.Lock()
		done, news := holds(), p.news
		p.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-news:
		case <-p.Done():
			return fmt.Errorf("player %d, waiting for %s, is out: %w", p.user, what, p.Err())
		case <-ctx.Done():
			return fmt.Errorf("player %d did not hear %s: %w", p.user, what, ctx.Err())
		}
	}
}

// settled waits for the settlement of a round among those that were told after the first known
// ones: a room that opens anew counts its rounds from 1 again.
func (p *player) settled(ctx context.Context, round uint64, known int) (found *wire.DiceSettlement, err error) {
	err = p.hears(ctx, fmt.Sprintf("how round %d ended", round), func() bool {
		later := p.settlements[known:]
		i := slices.IndexFunc(later, func(s *wire.DiceSettlement) bool { return s.Round == round })
		if i >= 0 {
			found = later[i]
		}
		return i >= 0
	})
	return found, err
}

// returns are the player's returns to a seat so far.
func (p *player) returns() []client.Resumed {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seats)
}

// longestAway is how long the longest return to a seat took.
func (b *table) longestAway() time.Duration {
	longest := time.Duration(0)
	for _, p := range b.players {
		p.mu.Lock()
		longest = max(longest, p.away)
		p.mu.Unlock()
	}
	return longest
}

// known is how many settlements the player was told of.
func (p *player) known() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.settlements)
}

// roll rolls in the round that runs, or in the next one during the pause, and returns the round.
func (p *player) roll(ctx context.Context) (round uint64, points int32, err error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		rolled, err := p.Shake(ctx, 0)
		var refused *client.RefusedError
		switch {
		case err == nil:
			return rolled.Round, rolled.Points, nil
		case !errors.As(err, &refused) || refused.Code != wire.Code_STATUS_MISMATCH:
			return 0, 0, fmt.Errorf("player %d rolls: %w", p.user, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, 0, fmt.Errorf("player %d rolls: %w: %w", p.user, ctx.Err(), err)
		}
	}
}

// table is a room and the players in it.
type table struct {
	room    int64
	game    string
	players []*player
}

// open seats new players in a room.
func (d *door) open(t *testing.T, room int64, players int) *table {
	t.Helper()
	b := &table{room: room, game: "dice"}
	for range players {
		p := d.player(t)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		me, err := p.Sit(ctx, client.Place{Game: b.game, Room: room, Seat: client.AnySeat})
		cancel()
		if err != nil {
			t.Fatalf("player %d sits down in room %d: %v", p.user, room, err)
		}
		if me.Seat < 0 {
			t.Fatalf("player %d became a spectator of room %d, which has free seats", p.user, room)
		}
		b.players = append(b.players, p)
	}
	return b
}

// round plays one round and checks its settlement: all rolls are in it as rolled, the highest
// win, everybody was told the same.
func (b *table) round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rolled := make(map[int64]int32)
	var number uint64
	known := make([]int, len(b.players))
	for i, p := range b.players {
		known[i] = p.known()
	}
	for _, p := range b.players {
		round, points, err := p.roll(ctx)
		if err != nil {
			return fmt.Errorf("room %d: %w", b.room, err)
		}
		if number != 0 && round != number {
			return fmt.Errorf("room %d: player %d rolled in round %d, the one before in round %d, which was not over", b.room, p.user, round, number)
		}
		number = round
		rolled[p.user] = points
	}
	highest := int32(0)
	for _, points := range rolled {
		highest = max(highest, points)
	}
	var first *wire.DiceSettlement
	for i, p := range b.players {
		s, err := p.settled(ctx, number, known[i])
		if err != nil {
			return fmt.Errorf("room %d: %w", b.room, err)
		}
		if first == nil {
			first = s
		}
		if !proto.Equal(first, s) {
			return fmt.Errorf("room %d, round %d: players were told different things: %v and %v", b.room, number, first, s)
		}
	}
	for user, points := range rolled {
		if first.Dice[user] != points {
			return fmt.Errorf("room %d, round %d: player %d rolled %d, settled as %d", b.room, number, user, points, first.Dice[user])
		}
		if won := slices.Contains(first.Winners, user); won != (points == highest) {
			return fmt.Errorf("room %d, round %d: the highest of %v win, not %v", b.room, number, rolled, first.Winners)
		}
	}
	return nil
}

// unbroken checks that no player's connection broke since the start.
func (b *table) unbroken() error {
	for _, p := range b.players {
		p.mu.Lock()
		breaks := p.breaks
		p.mu.Unlock()
		if len(breaks) > 0 {
			return fmt.Errorf("room %d: player %d lost the connection: %w", b.room, p.user, errors.Join(breaks...))
		}
	}
	return nil
}

// leave stands the players up and closes their connections.
func (b *table) leave(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	for _, p := range b.players {
		if err := p.Stand(ctx); err != nil {
			t.Errorf("player %d stands up: %v", p.user, err)
		}
		if err := p.Close(ctx); err != nil {
			t.Errorf("player %d leaves: %v", p.user, err)
		}
		<-p.heard
	}
	b.players = nil
}

// session is a table that plays round after round on its own.
type session struct {
	table *table
	quit  chan struct{}
	done  chan struct{}

	rounds atomic.Int64
	err    error // of the session's goroutine, until done is closed
}

func (b *table) keepPlaying(t *testing.T) *session {
	s := &session{table: b, quit: make(chan struct{}), done: make(chan struct{})}
	ctx := t.Context()
	go func() {
		defer close(s.done)
		for s.err == nil {
			select {
			case <-s.quit:
				return
			default:
			}
			if s.err = b.round(ctx); s.err == nil {
				s.rounds.Add(1)
			}
		}
	}()
	return s
}

// stop ends the play behind the round that runs, and checks that not a round and not a connection
// was lost.
func (s *session) stop(t *testing.T) {
	t.Helper()
	close(s.quit)
	<-s.done
	if err := errors.Join(s.err, s.table.unbroken()); err != nil {
		t.Fatalf("after %d rounds: %v", s.rounds.Load(), err)
	}
	if s.rounds.Load() == 0 {
		t.Fatalf("room %d played no round", s.table.room)
	}
	t.Logf("room %d played %d rounds meanwhile, unbroken", s.table.room, s.rounds.Load())
}

// Package gameserver is a game server: it holds rooms and lets players into them, over the trunks
// of gates (trunk.go) and over the direct service (direct.go) of the published format.
package gameserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"croupier/servers"
	"croupier/servers/internal/games"
	"croupier/servers/internal/room"
	"croupier/servers/token"
)

// Direct says who may use the direct service of the published format.
type Direct string

const (
	DirectOff   Direct = "off"   // nobody
	DirectToken Direct = "token" // a player with a token in the stream's metadata
	DirectOpen  Direct = "open"  // anyone who reaches the port, as any user: development, closed networks
)

// Config is what a game server is made of. Zero values have the defaults named.
type Config struct {
	Games        games.Register
	Keys         *token.Keys   // verifies gates and players; nil: everyone who reaches the port is believed
	Direct       Direct        // default off
	Dev          bool          // send details of errors to players
	MaxRooms     int           // default 100,000
	Rate         float64       // messages a second that a direct player may send on average, twice as many at once; default 100
	DrainTimeout time.Duration // how long a drain waits for players; 0: for ever
	NoticeEvery  time.Duration // how often a draining room is told; default 30 s
	Version      string        // that players are told of; default servers.Version
	Log          *slog.Logger
}

// mailbox is how many messages of players wait for a room at most: more than one player may send
// at once, or a flood of one would make the room busy for the others.
const mailbox = 512

// maxVersion is the length in bytes above which a version is cut short.
const maxVersion = 64

var (
	errCordoned = errors.New("this server takes no new rooms")
	errFull     = errors.New("this server holds as many rooms as it may")
)

// Server holds the rooms of one game server.
type Server struct {
	config  Config
	encode  encoder
	metrics *metrics
	drained chan struct{} // closed when the server is cordoned and holds no room
	// finished is closed when the server has no room and goes away: trunks end.
	finished chan struct{}
	streams  sync.WaitGroup // the goroutines that read from streams

	mu       sync.Mutex // guards what follows; never held while a room is waited for
	rooms    map[place]*room.Room
	cordoned bool
	epoch    uint64 // of the room that was opened last
}

// place names a room: numbers are given for each kind of game by itself.
type place struct {
	game string
	id   int64
}

// New returns a server without rooms.
func New(c Config) (*Server, error) {
	if len(c.Games) == 0 {
		return nil, errors.New("game server: no games to play")
	}
	if c.MaxRooms == 0 {
		c.MaxRooms = 100_000
	}
	if c.Rate == 0 {
		c.Rate = 100
	}
	if c.NoticeEvery == 0 {
		c.NoticeEvery = 30 * time.Second
	}
	if c.Version == "" {
		c.Version = servers.Version
	}
	c.Version = clip(strings.ToValidUTF8(c.Version, "?"), maxVersion) // a string on the wire is UTF-8, or no client can read it
	if c.Direct == "" {
		c.Direct = DirectOff
	}
	if c.Direct == DirectToken && c.Keys == nil {
		return nil, errors.New("game server: direct players need tokens, and there is no key to verify them: set JWT_KEY")
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &Server{
		config:   c,
		encode:   encoder{details: c.Dev},
		drained:  make(chan struct{}),
		finished: make(chan struct{}),
		rooms:    make(map[place]*room.Room),
	}
	s.metrics = newMetrics(s)
	return s, nil
}

// enter lets a member into its room, which is opened if need be. After an error the member was
// told nothing.
func (s *Server) enter(m member, seat int, request uint64) error {
	for {
		r, err := s.room(m.link().at)
		if err != nil {
			return err
		}
		m.link().aim(r)
		if err = r.Enter(m, seat, request); err == nil {
			m.link().settle(r, m)
			return nil
		}
		<-r.Done() // it is about to be forgotten; then a new one opens
	}
}

// room finds or opens a room.
func (s *Server) room(at place) (*room.Room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, open := s.rooms[at]; open {
		return r, nil
	}
	kind, known := s.config.Games[at.game]
	switch {
	case !known:
		return nil, room.Refuse(room.CodeFail, fmt.Sprintf("unknown game %q: this server plays %s", clip(at.game, 32), s.config.Games))
	case at.id <= 0:
		return nil, room.Refuse(room.CodeFail, "room_id is a whole number from 1")
	case s.cordoned:
		return nil, errCordoned
	case len(s.rooms) >= s.config.MaxRooms:
		return nil, errFull
	}
	r, err := room.Open(room.Config{
		ID:      at.id,
		Seats:   kind.Seats,
		Mailbox: mailbox,
		Epoch:   s.nextEpoch(),
		Encoder: s.encode,
		Log:     s.config.Log.With("game", at.game),
		Ended:   func(late []room.Entry) { s.ended(at, late) },
	}, kind.New())
	if err != nil {
		s.config.Log.Error("room not opened", "game", at.game, "room", at.id, "err", err)
		return nil, room.Refuse(room.CodeFail, "the game could not be started")
	}
	s.rooms[at] = r
	s.metrics.opened.Inc()
	s.config.Log.Debug("room opened", "game", at.game, "room", at.id)
	return r, nil
}

// nextEpoch numbers the ownership of a room that opens, so that a room which was closed and is
// opened again, here or on another server, is not taken for the one before: it counts on, and
// never behind the clock. No server opens a room in each microsecond, so the number of one does not
// run ahead of the clock, and so not of that of another. It needs s.mu.
func (s *Server) nextEpoch() uint64 {
	s.epoch = max(s.epoch+1, uint64(time.Now().UnixMicro()))
	return s.epoch
}

// ended forgets a room, and lets those into a new one who came while it closed.
func (s *Server) ended(at place, late []room.Entry) {
	s.mu.Lock()
	delete(s.rooms, at)
	s.checkDrained()
	s.mu.Unlock()
	s.config.Log.Debug("room closed", "game", at.game, "room", at.id)
	for _, e := range late {
		m := e.Session.(member)
		if err := s.enter(m, e.Seat, e.Request); err != nil {
			s.turnAway(m, err, e.Request)
		}
	}
}

// turnAway ends a member who could not enter.
func (s *Server) turnAway(m member, err error, request uint64) {
	if errors.Is(err, errCordoned) {
		m.End(room.Retry)
		return
	}
	s.refuse(m, err, request)
	m.End(room.Refused)
}

// refuse sends a member an error from outside of a room.
func (s *Server) refuse(m member, err error, request uint64) {
	var refusal *room.Refusal
	switch {
	case errors.As(err, &refusal):
	case errors.Is(err, room.ErrBusy):
		refusal = &room.Refusal{Code: room.CodeFail, Reason: "the room is busy: try again"}
	default:
		refusal = &room.Refusal{Code: room.CodeFail, Reason: err.Error()}
	}
	message := s.encode.Refused(refusal)
	m.Send(message.Op, message.Body, room.Meta{Request: request})
}

// Cordon makes the server take no new rooms. Rooms that exist stay reachable, and everyone in
// them is told, now and again, that they will be closed. The channel is closed when no room is left.
func (s *Server) Cordon() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.cordoned {
		s.cordoned = true
		s.config.Log.Info("draining: no new rooms", "rooms", len(s.rooms))
		for _, r := range s.rooms {
			r.Warn("the server is being replaced: this room will be closed by the system", s.config.NoticeEvery)
		}
		s.checkDrained()
	}
	return s.drained
}

// checkDrained needs s.mu.
func (s *Server) checkDrained() {
	if s.cordoned && len(s.rooms) == 0 {
		select {
		case <-s.drained:
		default:
			close(s.drained)
		}
	}
}

// Cordoned says whether the server takes no new rooms.
func (s *Server) Cordoned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cordoned
}

// Players of rooms that are settled come again at once. So that they do not all come in the same
// moment, rooms are settled one after the other, settlePause apart, but all within settleSpread.
const (
	settlePause  = 2 * time.Millisecond
	settleSpread = 2 * time.Second
)

// Settle cordons, brings every round to its end, closes all rooms and waits until they are gone
// or ctx ends. Players are told to come again.
func (s *Server) Settle(ctx context.Context) error {
	drained := s.Cordon()
	rooms := s.open()
	pause := time.NewTicker(max(min(settlePause, settleSpread/time.Duration(len(rooms)+1)), time.Microsecond))
	defer pause.Stop()
	for _, r := range rooms {
		r.Settle(room.Retry)
		select {
		case <-pause.C:
		case <-drained:
		case <-ctx.Done():
		}
	}
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("settle: %d rooms did not close: %w", len(s.open()), ctx.Err())
	}
}

// open copies the list of rooms.
func (s *Server) open() map[place]*room.Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	rooms := make(map[place]*room.Room, len(s.rooms))
	for at, r := range s.rooms {
		rooms[at] = r
	}
	return rooms
}

// clip shortens text that came from outside before it is shown or logged.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return text[:n] + "..."
}

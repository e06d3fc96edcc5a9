// Package gameserver is a game server: it holds rooms and lets players into them, over the trunks
// of gates (trunk.go) and over the direct service (direct.go) of the published format.
//
//	server.go   what a server is, and what it tells players itself
//	member.go   a player's way into a room, and what is said on it
//	usher.go    how a player gets in: claims, redirects, the room
//	quick.go    which room a player gets who names none
//	berth.go    a room of this server: opened, taken over, given up
//	record.go   where a room is kept
//	peer.go     what game servers ask each other
//	move.go     rooms that go to another server
//	recover.go  rooms whose server has died
//	drain.go    the two stages of stopping
//	run.go      ports, the lease, and what operators see
package gameserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"croupier/servers"
	"croupier/servers/internal/directory"
	"croupier/servers/internal/fence"
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
	Keys         *token.Keys   // verifies gates, other game servers and players; nil: everyone who reaches the port is believed
	Direct       Direct        // default off
	Dev          bool          // send details of errors to players
	MaxRooms     int           // default 100,000
	Rate         float64       // messages a second that a direct player may send on average, twice as many at once; default 100
	DrainTimeout time.Duration // how long a drain waits for its rooms to move or end; 0: for ever
	MoveAfter    time.Duration // how long a draining room may wait for the end of its round before it moves in the middle of it; default 2 s
	NoticeEvery  time.Duration // how often a draining room is told; default 30 s
	// Store opens what all game servers keep their rooms in; it may wait, until ctx ends. nil: rooms are
	// kept in memory, and end with this server.
	Store   func(ctx context.Context) (directory.Store, error)
	Address string // HOST:PORT where gates and other game servers reach this one; needed with Store
	Name    string // the begin of the server's ID; default "game"
	Version string // that players are told of; default servers.Version
	Log     *slog.Logger
	// Tell, where set, tells gates of a room that was taken from a server that has died, or seems to have.
	Tell func(fence.Owner) error
	// Trace, where set, is told of each step of a move, before it is taken. It is for tests.
	Trace func(step Step, game string, room int64)
}

// mailbox is how many messages of players wait for a room at most: more than one player may send
// at once, or a flood of one would make the room busy for the others.
const mailbox = 512

// maxVersion is the length in bytes above which a version is cut short.
const maxVersion = 64

var (
	errCordoned = errors.New("this server takes no new rooms")
	errAway     = errors.New("this server does not reach the directory of rooms")
	errFull     = errors.New("this server holds as many rooms as it may")
	errLeft     = errors.New("the player has left again")
	errGone     = errors.New("the player is not in the room any more")
)

// Server holds the rooms of one game server.
type Server struct {
	config  Config
	id      string // of this process, in the directory
	encode  encoder
	metrics *metrics
	peers   *peers
	drained chan struct{} // closed when the server is cordoned and holds no room
	// finished is closed when the server has no room and goes away: trunks end.
	finished chan struct{}
	streams  sync.WaitGroup // the goroutines that read from streams

	ctx     context.Context // ends with the server: what is done for players and rooms stops
	cancel  context.CancelFunc
	work    sync.WaitGroup // what is done for players and rooms: see spawn
	asking  chan struct{}  // a slot for each player who may ask the directory at a time
	drawing chan struct{}  // a slot for who may open a room for somebody who named none

	joined chan struct{}        // closed when dir is set
	dir    *directory.Directory // set before the game port is open
	killed atomic.Bool
	// following counts the lanes that were sent after their rooms, until the gate has shut them.
	following atomic.Int64

	mu       sync.Mutex // guards what follows; never held while a room or the directory is waited for
	over     bool       // nothing is begun any more
	rooms    map[place]*berth
	vacant   map[string][]int64 // rooms with a free seat, some, by game
	filling  map[string]*berth  // the newest room that was opened for somebody who named none, by game
	assigned map[string]int     // rooms given to each server since its lease last said how many it has
	cordoned bool
	lost     int             // rooms that others have taken, not logged yet
	whyLost  error           // why one of them was
	logged   map[string]bool // what was logged as a warning, see firstTime
}

// place names a room: numbers are given for each kind of game by itself. Number 0 is any room.
type place struct {
	game string
	id   int64
}

func (p place) key() directory.Key { return directory.Key{Game: p.game, Room: p.id} }

// New returns a server without rooms.
func New(c Config) (*Server, error) {
	if err := c.setDefaults(); err != nil {
		return nil, fmt.Errorf("game server: %w", err)
	}
	s := &Server{
		config:   c,
		id:       newID(c.Name),
		encode:   encoder{details: c.Dev},
		peers:    newPeers(c.Keys),
		drained:  make(chan struct{}),
		finished: make(chan struct{}),
		joined:   make(chan struct{}),
		asking:   make(chan struct{}, mostAsking),
		drawing:  make(chan struct{}, 1),
		rooms:    make(map[place]*berth),
		vacant:   make(map[string][]int64),
		filling:  make(map[string]*berth),
		assigned: make(map[string]int),
		logged:   make(map[string]bool),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.metrics = newMetrics(s)
	return s, nil
}

func (c *Config) setDefaults() error {
	if len(c.Games) == 0 {
		return errors.New("no games to play")
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
	if c.MoveAfter == 0 {
		c.MoveAfter = 2 * time.Second
	}
	if c.Version == "" {
		c.Version = servers.Version
	}
	c.Version = clip(strings.ToValidUTF8(c.Version, "?"), maxVersion) // a string on the wire is UTF-8, or no client can read it
	if c.Direct == "" {
		c.Direct = DirectOff
	}
	if c.Direct == DirectToken && c.Keys == nil {
		return errors.New("direct players need tokens, and there is no key to verify them: set JWT_KEY")
	}
	if c.Store != nil && c.Address == "" {
		return errors.New("other servers must know where to reach this one: set its address")
	}
	if c.Name == "" {
		c.Name = "game"
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return nil
}

// turnAway ends a member who could not enter. The member was told nothing yet.
func (s *Server) turnAway(m member, err error, request uint64) {
	var to *redirect
	switch {
	case errors.Is(err, errLeft): // nobody listens
	case errors.As(err, &to):
		m.send(*to)
	case errors.Is(err, errCordoned), errors.Is(err, errUnreadable), errors.Is(err, directory.ErrNewer):
		m.elsewhere(err)
	case errors.Is(err, errGone):
		m.End(room.Absent)
	default:
		s.refuse(m, err, request)
		m.End(room.Refused)
	}
}

// refuse sends a member an error from outside of a room.
func (s *Server) refuse(m member, err error, request uint64) {
	var refusal *room.Refusal
	switch {
	case errors.As(err, &refusal):
	case errors.Is(err, room.ErrBusy):
		refusal = &room.Refusal{Code: room.CodeFail, Reason: "the room is busy: try again"}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, directory.ErrAway):
		refusal = &room.Refusal{Code: room.CodeFail, Reason: "the directory of rooms does not answer: try again", Detail: err.Error()}
	default:
		refusal = &room.Refusal{Code: room.CodeFail, Reason: "the request failed: try again", Detail: err.Error()}
	}
	message := s.encode.Refused(refusal)
	m.Send(message.Op, message.Body, room.Meta{Request: request})
}

// open copies the list of rooms that run.
func (s *Server) open() []*berth {
	s.mu.Lock()
	defer s.mu.Unlock()
	running := make([]*berth, 0, len(s.rooms))
	for _, b := range s.rooms {
		if b.room != nil {
			running = append(running, b)
		}
	}
	return running
}

// clip shortens text that came from outside before it is shown or logged.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return text[:n] + "..."
}

// spawn does something for players or rooms, beside all else, unless the server ends.
func (s *Server) spawn(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.work.Go(f)
	}
}

// mostLogged is how many things are remembered to have been logged.
const mostLogged = 256

// firstTime is at what level something is logged that may happen to a thousand rooms at once: a
// warning the first time, and for those who look closely after that.
func (s *Server) firstTime(what string) slog.Level {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logged[what] {
		return slog.LevelDebug
	}
	if len(s.logged) >= mostLogged {
		clear(s.logged)
	}
	s.logged[what] = true
	return slog.LevelWarn
}

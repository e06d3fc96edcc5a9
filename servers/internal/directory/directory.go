package directory

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// ErrNone: the room has no entry.
var ErrNone = errors.New("the directory has no entry for this room")

// ErrConflict: somebody else changed the entry first; look again.
var ErrConflict = errors.New("the entry was changed by somebody else")

// ErrLost: the room has another owner now, or its entry is gone. Whoever held it must stop, and drop what was not yet saved.
var ErrLost = errors.New("the room is owned by somebody else now")

// ErrAway: the store does not answer. Nothing is known of what was asked; ask again later.
var ErrAway = errors.New("the directory's store does not answer")

// Limits and times. They are liveness only: no safety hangs on a clock.
const (
	// Renewal is how often a server says that it lives.
	Renewal = 500 * time.Millisecond
	// Lapse is how long a server may be silent before others take its rooms.
	Lapse = 2 * time.Second
	// MaxSnapshot is the largest snapshot of a room, in bytes. A NATS server takes messages up to 1 MiB by default.
	MaxSnapshot = 512 << 10
	// MaxGame is the longest name of a game, in bytes.
	MaxGame = 64
)

// A Key names a room of a game.
type Key struct {
	Game string
	Room int64
}

// An Entry says who owns a room, and what was saved of it last.
type Entry struct {
	Key
	Server, Address, Version string // the owner: server ID, where gates and peers reach it, the version of its program
	Epoch                    uint64 // grows with each change of owner
	Revision                 uint64 // of the last write; what a compare-and-set has to name
	Snapshot                 []byte
}

// A Server is what a game server tells of itself with every renewal of its lease.
type Server struct {
	ID       string // this incarnation: a restarted server has another one
	Address  string
	Version  string
	Games    []string
	Cordoned bool // takes no new rooms
	Rooms    int
	Vacant   map[string][]int64 // game -> up to 8 rooms with a free seat
}

// A Store keeps the three buckets of the directory: rooms, players, servers. It may be shared by several Directories.
// There are two: OpenNATS and NewMemory.
type Store interface {
	store()
}

// A Directory is one game server's view of who owns which room, and its own part in it.
type Directory struct{}

// Join announces self, and returns once the other servers' leases are known. The lease is renewed until Close or Sever.
func Join(ctx context.Context, store Store, self Server, log *slog.Logger) (*Directory, error) {
	return nil, errors.ErrUnsupported
}

// Look reads the entry of a room: ErrNone, ErrAway.
func (d *Directory) Look(ctx context.Context, key Key) (Entry, error) {
	return Entry{}, errors.ErrUnsupported
}

// Claim takes a room by compare-and-set: revision is what Look said, or 0 where there must be no entry. On success this
// server owns the room under a new epoch, with this snapshot saved. ErrConflict: somebody was faster, look again.
// ErrAway: the outcome is not known; the entry may yet turn out to be this server's (Entry.Server), and may then be
// claimed again at its revision by this same server.
func (d *Directory) Claim(ctx context.Context, key Key, revision uint64, snapshot []byte) (*Tenure, error) {
	return nil, errors.ErrUnsupported
}

// Owned lists the entries that name this server ID as owner.
func (d *Directory) Owned(ctx context.Context, serverID string) ([]Entry, error) {
	return nil, errors.ErrUnsupported
}

// Orphans lists the entries whose owner is not alive, and those in this server's own name that it holds no tenure of.
func (d *Directory) Orphans(ctx context.Context) ([]Entry, error) {
	return nil, errors.ErrUnsupported
}

// Sit claims the user for a room, before the room lets them in. held == room: done. held != room: the user is in that
// room, and nothing was written; with instead != 0 a claim on that room is replaced.
func (d *Directory) Sit(ctx context.Context, game string, user, room, instead int64) (held int64, err error) {
	return 0, errors.ErrUnsupported
}

// Seat says which room of the game the user is in: 0 is none.
func (d *Directory) Seat(ctx context.Context, game string, user int64) (room int64, err error) {
	return 0, errors.ErrUnsupported
}

// Rise gives up the claim of a user on a room, where it is still that claim. It never blocks; it is retried until it is
// done.
func (d *Directory) Rise(game string, user, room int64) {}

// Update changes what this server tells of itself; it is announced at once, though at most every 50 ms.
func (d *Directory) Update(change func(*Server)) {}

// Servers lists the live servers, this one among them, sorted by ID. The caller must not change what it gets.
func (d *Directory) Servers() []Server { return nil }

// Alive says whether the server's lease is good, as far as this observer can tell.
func (d *Directory) Alive(serverID string) bool { return false }

// Dead tells the directory that a server is dead: its address refuses connections. A later renewal revives it.
func (d *Directory) Dead(serverID string) {}

// Lapsed yields each server whose lease lapsed or was given up. It holds 64; a lapse that does not fit is found by Orphans.
func (d *Directory) Lapsed() <-chan Server { return nil }

// Healthy is nil while the store answers; otherwise the error (ErrAway) says since when it does not.
func (d *Directory) Healthy() error { return nil }

// Close gives the lease up and ends what is under way. The rooms must have been closed, given away or abandoned.
func (d *Directory) Close(ctx context.Context) error { return nil }

// Sever is for tests and the demo: from now on it is as if this process had been killed. Nothing is written any more, no
// lease is given up, and no pending Save is ever answered.
func (d *Directory) Sever() {}

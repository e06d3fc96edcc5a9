package directory

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrNone: the room has no entry.
var ErrNone = errors.New("the directory has no entry for this room")

// ErrConflict: somebody else changed the entry first; look again.
var ErrConflict = errors.New("the entry was changed by somebody else")

// ErrLost: the room has another owner now, or its entry is gone. Whoever held it must stop, and drop what was not yet saved.
var ErrLost = errors.New("the room is owned by somebody else now")

// ErrAway: the store does not answer, or has no space left. Nothing is known of what was asked; ask again later.
var ErrAway = errors.New("the directory's store does not answer")

// ErrNewer: what is stored was written in a format that this program does not know. A newer server can read it.
var ErrNewer = errors.New("leave it to a newer server")

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

	began   uint64  // see BeganWith
	claim   claimID // of the owner
	journal string  // where newer snapshots may be; "": nowhere
	turn    uint64  // of the snapshot
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

// A Directory is one game server's view of who owns which room, and its own part in it. All methods may be called from
// any goroutine.
type Directory struct {
	store   Store
	log     *slog.Logger
	address string // self's, and the next two: what its entries say
	version string
	id      string
	lapsed  chan Server
	stop    chan struct{} // closed by Close and Sever
	loop    sync.WaitGroup
	unwatch func()
	severed atomic.Bool
	sighted chan struct{} // closed when the view is good for the first time
	once    sync.Once
	wake    chan struct{} // one slot: Update has something to announce
	pending atomic.Int32  // renewals that are not answered
	health  health
	timers  timers
	journal atomic.Pointer[journal] // where rooms are saved now; nil: there is none

	packAt   uint64 // as the constants, but in tests
	sweepAge time.Duration

	mu       sync.Mutex
	self     Server
	beat     uint64
	joined   uint64
	changed  bool // self was, since the last renewal
	view     *view
	tenures  map[Key]*Tenure
	doubtful map[Key]doubt // tenures that have ended, perhaps wrongly: see Tenure.lose
	journals int           // how many journals this server has made
	estates  map[string]*estate
	unnamed  map[string]time.Time // see sweep
	claiming map[Key]int
	sits     map[string]sit
	rising   map[string]*rise
	ended    bool
}

// Join announces self, and returns once the other servers' leases are known. The lease is renewed until Close or Sever.
// While the store is away it tries again until ctx ends.
func Join(ctx context.Context, store Store, self Server, log *slog.Logger) (*Directory, error) {
	key, err := serverKey(self.ID)
	if err != nil {
		return nil, err
	}
	if len(self.Address) > maxText || len(self.Version) > maxText {
		return nil, fmt.Errorf("join the directory: the address and the version may have %d bytes at most", maxText)
	}
	if err := store.open(); err != nil {
		return nil, fmt.Errorf("join the directory: %w", err)
	}
	d := newDirectory(store, self, log)
	if err := d.join(ctx, key); err != nil {
		d.unwatch()
		store.shut()
		return nil, fmt.Errorf("join the directory: %w", err)
	}
	d.openJournal()
	d.loop.Go(func() { d.run(key) })
	return d, nil
}

// newDirectory is a directory that has not joined.
func newDirectory(store Store, self Server, log *slog.Logger) *Directory {
	return &Directory{
		store: store, log: log, id: self.ID, address: self.Address, version: self.Version, self: cloneServer(self),
		lapsed: make(chan Server, 64), stop: make(chan struct{}), wake: make(chan struct{}, 1), sighted: make(chan struct{}),
		unwatch: func() {}, health: health{log: log}, view: newView(self.ID), packAt: packAt, sweepAge: sweepAge,
		tenures: map[Key]*Tenure{}, doubtful: map[Key]doubt{}, estates: map[string]*estate{}, unnamed: map[string]time.Time{}, claiming: map[Key]int{}, sits: map[string]sit{}, rising: map[string]*rise{},
	}
}

// Look reads the entry of a room: ErrNone; ErrAway where ctx ended before the store answered.
func (d *Directory) Look(ctx context.Context, key Key) (Entry, error) {
	name, err := gameKey(key.Game, key.Room)
	if err != nil {
		return Entry{}, err
	}
	it, err := d.read(ctx, rooms, name)
	if err != nil {
		return Entry{}, fmt.Errorf("look for room %d of %q: %w", key.Room, key.Game, err)
	}
	if it.value == nil {
		return Entry{}, ErrNone
	}
	var born uint64
	if claimed(it.value) {
		if born, err = d.store.born(ctx, rooms); err != nil {
			return Entry{}, fmt.Errorf("look for room %d of %q: %w", key.Room, key.Game, err)
		}
	}
	return parseEntry(it, born)
}

// Claim takes a room by compare-and-set: revision is what Look said, or 0 where there must be no entry. On success this
// server owns the room under a new epoch, with this snapshot saved. ErrConflict: somebody was faster, look again.
// ErrAway, where ctx ended first: the outcome is not known; the entry may yet turn out to be this server's (Entry.Server),
// and may then be claimed again at its revision by this same server. Orphans finds it, too.
func (d *Directory) Claim(ctx context.Context, key Key, revision uint64, snapshot []byte) (*Tenure, error) {
	name, err := gameKey(key.Game, key.Room)
	if err != nil {
		return nil, err
	}
	if len(snapshot) > MaxSnapshot {
		return nil, tooLarge(key, len(snapshot))
	}
	t := &Tenure{d: d, name: name, naming: d.journal.Load()}
	rand.Read(t.claim[:])
	t.entry = Entry{Key: key, Server: d.id, Address: d.address, Version: d.version, began: fingerprint(snapshot)}
	e := t.entry
	e.journal = t.naming.named()
	value := append(appendEntry(nil, t.claim, &e), snapshot...)

	d.mu.Lock()
	d.claiming[key]++
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		if d.claiming[key]--; d.claiming[key] == 0 {
			delete(d.claiming, key)
		}
		d.mu.Unlock()
	}()

	revision, err = d.take(ctx, t, value, revision)
	var born uint64
	if err == nil {
		// Asked after the write: where the bucket was lost and made anew before it, this is the new one's birth.
		born, err = d.store.born(ctx, rooms)
	}
	if err != nil {
		return nil, fmt.Errorf("claim room %d of %q: %w", key.Room, key.Game, err)
	}
	t.entry.Epoch = born + revision
	t.storedAt(revision)

	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return nil, fmt.Errorf("claim room %d of %q: %w", key.Room, key.Game, errClosed)
	}
	d.tenures[key] = t
	delete(d.doubtful, key)
	return t, nil
}

// take writes the claim, until it is known whether it was written.
func (d *Directory) take(ctx context.Context, t *Tenure, value []byte, expect uint64) (uint64, error) {
	create := expect == 0
	for tries := 0; ; tries++ {
		revision, err := d.write(ctx, rooms, t.name, value, expect)
		switch {
		case err == nil:
			return revision, nil
		case errors.Is(err, errMismatch):
			// Perhaps by an earlier try of this claim, whose answer was lost.
			it, err := d.read(ctx, rooms, t.name)
			if err != nil {
				return 0, err
			}
			if claim, ok := claimOf(it.value); ok && claim == t.claim {
				return it.revision, nil
			}
			if it.value != nil || !create || it.revision == expect && tries > 3 {
				return 0, ErrConflict
			}
			expect = it.revision // of a removal
		case !errors.Is(err, ErrAway):
			return 0, err
		}
		if err := d.pause(ctx, t.entry.Room, tries); err != nil {
			return 0, err
		}
	}
}

// Owned lists the entries that name this server ID as owner. What replicas answer may be some moments old: a claim on
// what is listed tells. Of this server's own rooms the list is true: those that seem to be missing are looked at.
func (d *Directory) Owned(ctx context.Context, serverID string) ([]Entry, error) {
	list, _, err := d.list(ctx, func(e *Entry) bool { return e.Server == serverID })
	if err != nil || serverID != d.id {
		return list, err
	}
	epochs := make(map[Key]uint64, len(list))
	for _, e := range list {
		epochs[e.Key] = e.Epoch
	}
	d.mu.Lock()
	var unsure []Key
	for key, t := range d.tenures {
		if epochs[key] != t.entry.Epoch {
			unsure = append(unsure, key)
		}
	}
	d.mu.Unlock()
	for _, key := range unsure {
		list = slices.DeleteFunc(list, func(e Entry) bool { return e.Key == key })
		switch e, err := d.Look(ctx, key); {
		case err == nil && e.Server == d.id:
			list = append(list, e)
		case errors.Is(err, ErrAway): // else it is gone, or in a format that this program did not write
			return nil, err
		}
	}
	slices.SortFunc(list, byKey)
	return list, nil
}

func byKey(a, b Entry) int { return cmp.Or(cmp.Compare(a.Game, b.Game), cmp.Compare(a.Room, b.Room)) }

// Orphans lists the entries whose owner is not alive, and those in this server's own name that it holds no tenure of.
// The list may lack some where the server was not Settled before.
func (d *Directory) Orphans(ctx context.Context) ([]Entry, error) {
	began := time.Now()
	s := newSurvey(d.id)
	list, whole, err := d.list(ctx, func(e *Entry) bool {
		s.see(e)
		d.mu.Lock()
		defer d.mu.Unlock()
		if e.Server == d.id {
			return d.tenures[e.Key] == nil && d.claiming[e.Key] == 0
		}
		return !d.view.alive(time.Now(), e.Server)
	})
	if err == nil && whole {
		d.sweep(ctx, began, s)
	}
	return list, err
}

// list reads all entries and keeps some. Those that this program cannot read are left to others. whole says that keep has seen every
// entry that names a journal.
func (d *Directory) list(ctx context.Context, keep func(*Entry) bool) (list []Entry, whole bool, err error) {
	if d.severed.Load() {
		return nil, false, errUnsent
	}
	born, err := d.store.born(ctx, rooms)
	found := map[Key]Entry{}
	newer, mangled := 0, 0
	if err == nil {
		whole, err = d.store.scan(ctx, rooms, func(it item) {
			e, err := parseEntry(it, born)
			switch {
			case errors.Is(err, ErrNewer):
				newer++
			case err != nil:
				mangled++
			case keep(&e):
				found[e.Key] = e
			default:
				delete(found, e.Key)
			}
		})
	}
	if ctx.Err() == nil {
		d.noteRead(err)
	}
	if err != nil {
		return nil, false, fmt.Errorf("list the directory's rooms: %w", err)
	}
	if newer+mangled > 0 {
		d.log.Warn("entries of the directory that this program cannot read; they are left to newer servers", "newer", newer, "mangled", mangled)
	}
	return slices.SortedFunc(maps.Values(found), byKey), whole && newer == 0, nil
}

// Healthy is nil while the store takes what is written; otherwise the error (ErrAway) says since when it does not.
func (d *Directory) Healthy() error { return d.health.err() }

// Close gives the lease up and ends what is under way; it waits for unfinished Rises until ctx ends. The rooms must have
// been closed, given away or abandoned: what is left of them is for others to take.
func (d *Directory) Close(ctx context.Context) error {
	if d.severed.Load() {
		return nil
	}
	err := d.risen(ctx)
	d.mu.Lock()
	if d.ended {
		d.mu.Unlock()
		return nil
	}
	d.ended = true
	left := slices.Collect(maps.Values(d.tenures))
	clean := len(left) == 0 && len(d.doubtful) == 0
	d.mu.Unlock()
	close(d.stop)
	d.loop.Wait()
	for _, t := range left {
		t.end(errClosed)
	}
	d.timers.end()
	if j := d.journal.Load(); j != nil && clean {
		d.discard(ctx, j)
	}
	lease := d.giveUp(ctx)
	d.unwatch()
	d.store.shut()
	if err = errors.Join(err, lease); err != nil {
		return fmt.Errorf("leave the directory: %w (others will notice in %v)", err, Lapse)
	}
	return nil
}

// discard removes a journal that no entry names any more. Where it fails, another server does so: see sweep.
func (d *Directory) discard(ctx context.Context, j *journal) {
	ctx, cancel := context.WithTimeout(ctx, Lapse)
	defer cancel()
	_, _ = await(ctx, func(done func(struct{}, error)) {
		d.purge(j.name, whatever, func(err error) { done(struct{}{}, err) })
	})
}

// giveUp removes the own lease. It tries for as long as that is of use: then the lease has lapsed.
func (d *Directory) giveUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Lapse)
	defer cancel()
	key, _ := serverKey(d.id) // was checked by Join
	for tries := 1; ; tries++ {
		_, err := await(ctx, func(done func(struct{}, error)) {
			d.store.remove(servers, key, whatever, func(err error) { done(struct{}{}, err) })
		})
		if !errors.Is(err, ErrAway) {
			return err
		}
		select {
		case <-time.After(delay(0, tries)):
		case <-ctx.Done():
			return err
		}
	}
}

var errClosed = errors.New("the directory was closed")

// Sever is for tests and the demo: from now on it is as if this process had been killed. Nothing is written any more, no
// lease is given up, and no pending Save is ever answered.
func (d *Directory) Sever() {
	d.mu.Lock()
	if d.ended {
		d.mu.Unlock()
		return
	}
	d.ended = true
	d.severed.Store(true)
	d.mu.Unlock()
	close(d.stop)
	d.loop.Wait()
	d.timers.end()
	d.unwatch()
	d.store.shut()
}

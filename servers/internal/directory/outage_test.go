package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"croupier/servers/internal/bus"

	"github.com/nats-io/nats.go"
)

// A saver saves numbers to a room, one after the other, and knows which was acknowledged last.
type saver struct {
	ten   *Tenure
	key   Key
	acked atomic.Int64
	sent  int64
	lost  atomic.Pointer[error]
	twice atomic.Bool
	stop  atomic.Bool
	over  chan struct{}
}

func startSaver(ten *Tenure) *saver {
	s := &saver{ten: ten, key: ten.Key(), over: make(chan struct{})}
	go func() {
		defer close(s.over)
		answers := make(chan error, 2)
		for !s.stop.Load() {
			s.sent++
			var calls atomic.Int32
			ten.Save(fmt.Appendf(nil, "%d", s.sent), func(err error) {
				if calls.Add(1) > 1 {
					s.twice.Store(true)
				}
				answers <- err
			})
			if err := <-answers; err != nil {
				s.lost.Store(&err)
				return
			}
			s.acked.Store(s.sent)
		}
	}()
	return s
}

// Saves go on through restarts of the NATS server: none is lost, none is answered twice, no room loses its owner.
func TestSavesSurviveRestarts(t *testing.T) {
	t.Run("nothing is kept for later", func(t *testing.T) { restarts(t, dial) })
	// Here the last writes of an outage come late, after they were given up.
	t.Run("what was published is kept", func(t *testing.T) {
		restarts(t, func(t testing.TB, url string) *nats.Conn {
			conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(conn.Close)
			return conn
		})
	})
}

func restarts(t *testing.T, dial func(testing.TB, string) *nats.Conn) {
	dir := t.TempDir()
	e, err := bus.Embed(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	port, token := split(t, e.URL())
	a := join(t, openAt(t, dial(t, e.URL())), "a", "a:1")
	b := join(t, openAt(t, dial(t, e.URL())), "b", "b:1")
	var savers []*saver
	for i := range 20 {
		ten, err := a.Claim(soon(t), dice(int64(i)), 0, []byte("0"))
		if err != nil {
			t.Fatal(err)
		}
		savers = append(savers, startSaver(ten))
	}
	for round := range 3 {
		before := savers[0].acked.Load()
		until(t, "saves", func() bool { return savers[0].acked.Load() > before+20 })
		e.Close()
		until(t, "the outage to be noticed", func() bool { return a.Healthy() != nil && b.Healthy() != nil })
		if err := a.Healthy(); !errors.Is(err, ErrAway) || !strings.Contains(err.Error(), "for ") {
			t.Fatalf("healthy: %v", err)
		}
		b.Rise("dice", int64(round), 1)
		short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		if _, err := b.Look(short, dice(0)); !errors.Is(err, ErrAway) {
			t.Fatalf("a look while the store is away: %v", err)
		}
		if _, err := b.Claim(short, dice(99), 0, nil); !errors.Is(err, ErrAway) {
			t.Fatalf("a claim while the store is away: %v", err)
		}
		cancel()
		if !a.Alive("b") || !b.Alive("a") {
			t.Error("somebody was declared dead by an observer that was cut off itself")
		}
		// A Look and a Sit that wait get their answers afterwards.
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := b.Look(soon(t), dice(0)); err != nil {
				t.Errorf("a look across the outage: %v", err)
			}
		})
		wg.Go(func() {
			if held, err := b.Sit(soon(t), "coin", int64(round), 4, 0); err != nil || held != 4 {
				t.Errorf("a sit across the outage: %d %v", held, err)
			}
		})
		if e, err = bus.EmbedAt(dir, port, token); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		until(t, "the store to answer", func() bool { return a.Healthy() == nil && b.Healthy() == nil })
	}
	for _, s := range savers {
		s.stop.Store(true)
	}
	for _, s := range savers {
		<-s.over
		if err := s.lost.Load(); err != nil {
			t.Fatalf("room %d: %v", s.key.Room, *err)
		}
		if s.twice.Load() {
			t.Errorf("room %d: a save was answered twice", s.key.Room)
		}
		entry, err := latest(t, b, s.key)
		if err != nil || string(entry.Snapshot) != fmt.Sprint(s.acked.Load()) || entry.Epoch != s.ten.Epoch() {
			t.Errorf("room %d: acknowledged %d, entry %+v %v", s.key.Room, s.acked.Load(), entry, err)
		}
	}
	select {
	case s := <-a.Lapsed():
		t.Errorf("lapsed: %+v", s)
	case s := <-b.Lapsed():
		t.Errorf("lapsed: %+v", s)
	default:
	}
}

// A store that was lost is made anew: the old owners learn that their entries are gone, and epochs still grow.
func TestStoreLost(t *testing.T) {
	e, err := bus.Embed(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	port, token := split(t, e.URL())
	a := join(t, openAt(t, dial(t, e.URL())), "a", "a:1")
	var old *Tenure
	for i := range 5 {
		if old, err = a.Claim(soon(t), dice(int64(i)), 0, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if held, err := a.Sit(soon(t), "dice", 1, 1, 0); err != nil || held != 1 {
		t.Fatal(held, err)
	}
	e.Close()
	if e, err = bus.EmbedAt(t.TempDir(), port, token); err != nil {
		t.Fatal(err)
	}
	if err := saved(t, old, "y"); !errors.Is(err, ErrLost) {
		t.Fatalf("saved to a store that has lost the room: %v", err)
	}
	ten, err := a.Claim(soon(t), dice(4), 0, []byte("z"))
	if err != nil || ten.Epoch() <= old.Epoch() {
		t.Fatalf("claim in the new store: %v, epoch %d after %d", err, ten.Epoch(), old.Epoch())
	}
	a.Rise("dice", 1, 1)
	if held, err := a.Sit(soon(t), "dice", 1, 2, 0); err != nil || held != 2 {
		t.Fatal(held, err)
	}
}

// The same where no room has anything to save: the servers make the buckets anew all the same, and see each other.
func TestStoreLostWhileIdle(t *testing.T) {
	e, err := bus.Embed(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	port, token := split(t, e.URL())
	a, b := join(t, openAt(t, dial(t, e.URL())), "a", "a:1"), join(t, openAt(t, dial(t, e.URL())), "b", "b:1")
	until(t, "the journal", func() bool { return a.journal.Load() != nil }) // nothing is under way any more
	e.Close()
	until(t, "the outage to be noticed", func() bool { return a.Healthy() != nil && b.Healthy() != nil })
	if e, err = bus.EmbedAt(t.TempDir(), port, token); err != nil {
		t.Fatal(err)
	}
	until(t, "the store to answer", func() bool { return a.Healthy() == nil && b.Healthy() == nil && a.Alive("b") && b.Alive("a") })
}

// A server that is cut off from NATS alone loses its rooms to the others, and learns it when it comes back.
func TestPartition(t *testing.T) {
	e, err := bus.Embed("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	line := newLine(t, e.URL())
	b := join(t, openAt(t, dial(t, e.URL())), "b", "b:1")
	a := join(t, openAt(t, dial(t, line.url)), "a", "a:1")
	ten, err := a.Claim(soon(t), dice(1), 0, []byte("0"))
	if err != nil {
		t.Fatal(err)
	}
	s := startSaver(ten)
	until(t, "saves", func() bool { return s.acked.Load() > 20 })
	line.cut()
	if dead := <-b.Lapsed(); dead.ID != "a" {
		t.Fatalf("lapsed: %+v", dead)
	}
	list, err := b.Orphans(soon(t))
	if err != nil || len(list) != 1 {
		t.Fatalf("orphans: %+v %v", list, err)
	}
	last, err := b.Inherit(soon(t), list[0])
	if err != nil {
		t.Fatal(err)
	}
	var saw int64
	if _, err := fmt.Sscan(string(last.Snapshot), &saw); err != nil || saw < s.acked.Load() {
		t.Fatalf("what was saved last is %q, and %d was acknowledged", last.Snapshot, s.acked.Load())
	}
	next, err := b.Claim(soon(t), dice(1), last.Revision, last.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if err := saved(t, next, "next"); err != nil {
		t.Fatal(err)
	}
	until(t, "a to see that it is cut off", func() bool { return a.Healthy() != nil })
	if !a.Alive("b") {
		t.Error("the one that is cut off believes that the other one is dead")
	}
	line.mend()
	<-s.over
	if err := s.lost.Load(); err == nil || !errors.Is(*err, ErrLost) {
		t.Fatalf("the old owner: %v", err)
	}
	if s.acked.Load() > saw {
		t.Errorf("the old owner acknowledged %d after the room was taken at %d", s.acked.Load(), saw)
	}
	until(t, "a to be back", func() bool { return a.Healthy() == nil && b.Alive("a") })
	if entry, err := latest(t, a, dice(1)); err != nil || string(entry.Snapshot) != "next" {
		t.Fatalf("%+v %v", entry, err)
	}
}

// split takes a server's URL apart.
func split(t *testing.T, url string) (port int, token string) {
	t.Helper()
	token, host, _ := strings.Cut(strings.TrimPrefix(url, "nats://"), "@")
	if _, err := fmt.Sscanf(host, "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	return port, token
}

// A line carries a connection to NATS, and can be cut without a word to either end, as a partition does.
type line struct {
	url string
	mu  sync.Mutex
	off chan struct{} // closed: open to traffic
	all []net.Conn
	wg  sync.WaitGroup
}

func newLine(t *testing.T, url string) *line {
	port, token := split(t, url)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{url: fmt.Sprintf("nats://%s@%s", token, listener.Addr()), off: make(chan struct{})}
	close(l.off)
	l.wg.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				in.Close()
				continue
			}
			l.mu.Lock()
			l.all = append(l.all, in, out)
			l.mu.Unlock()
			l.wg.Go(func() { l.carry(in, out) })
			l.wg.Go(func() { l.carry(out, in) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		l.mend()
		l.mu.Lock()
		for _, c := range l.all {
			c.Close()
		}
		l.mu.Unlock()
		l.wg.Wait()
	})
	return l
}

func (l *line) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		l.mu.Lock()
		off := l.off
		l.mu.Unlock()
		<-off // what is on its way waits, and comes late
		if _, err := io.Copy(to, strings.NewReader(string(buf[:n]))); err != nil {
			return
		}
	}
}

func (l *line) cut() {
	l.mu.Lock()
	l.off = make(chan struct{})
	l.mu.Unlock()
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.off:
	default:
		close(l.off)
	}
}

// No room waits for a socket that is full: its goroutine has other things to do, like telling its players.
func TestSaveNeverBlocks(t *testing.T) {
	e, err := bus.Embed("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	line := newLine(t, e.URL())
	a := join(t, openAt(t, dial(t, line.url)), "a", "a:1")
	const rooms = 200
	var tenures []*Tenure
	for i := range rooms {
		ten, err := a.Claim(soon(t), dice(int64(i)), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		tenures = append(tenures, ten)
	}
	line.cut()
	snapshot := make([]byte, 128<<10) // 25 MB in all, more than sockets hold
	answers := make(chan error, 2*rooms)
	for _, ten := range tenures {
		began := time.Now()
		ten.Save(snapshot, func(err error) { answers <- err })
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("a Save took %v", took)
		}
	}
	until(t, "the outage to be noticed", func() bool { return a.Healthy() != nil })
	line.mend()
	for range rooms {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
}

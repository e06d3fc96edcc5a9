package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The buckets are JetStream key-value buckets in all that the nats command can see; they are made and written here rather
// than by the client library's key-value part, because of these facts:
//
//   - The library's buckets allow direct gets, which any replica answers, also one that is hours behind
//     (nats-server issues 4162 and 4710, ADR-53). With AllowDirect off the leader answers. A leader that was just
//     replaced and does not know it yet can still be behind (nats-server issue 6557), so no decision here hangs on a
//     read alone: a compare-and-set follows, or the revision is compared with what is known.
//   - The library's Update waits, a goroutine for each; its asynchronous publish counts callers that wait as
//     if they were sent, can stall under its own limit (nats.go issue 1612), and tells a
//     disconnect from a time-out only by the error's text. Here a map of calls does: a call is sent, answered, timed out, or cut off.
//   - Compare-and-set is safe in a cluster since nats-server 2.9.21 (issue 4320). Since then a write can be refused while
//     another one of the same key is on its way (error 10164), also where that one then fails: a mismatch
//     means "read it", not "lost".
//   - No message ID is sent, so the stream's window of duplicates never swallows a second try; the expected revision is
//     what makes a second try harmless.
//   - Requests for a read go through the server's API queue, which is emptied (all of it) when it holds 10,000
//     (nats-server pull request 5900). So few reads are under way at a time; writes do not go through it.
//   - A publish is acknowledged before it is on the disk: the file is synced every two minutes by default
//     (nats-server issue 7564, Jepsen's report on 2.12.1). See package bus and doc.go.
const (
	maxWrites = 4096        // under way at a time; more wait in line, at most one for each room and player that changes
	maxReads  = 128         //
	patience  = time.Second // after that an answer is taken for lost: a stream that changes its leader swallows what is on its way

	// A removed key leaves a marker, which carries the revision. It has to outlive every write that is still under way.
	markerTTL = "60s"
)

// The API's error codes that mean something here.
const (
	codeMismatch  = 10071 // wrong last sequence: N
	codeInProcess = 10164 // wrong last sequence, as another write of the key is on its way
	codeNoMessage = 10037
	codeTooLarge  = 10054
	codeNoStream  = 10059
	codeNoAccount = 10002 // what the account may store is reached
	codeNoSpace   = 10023 // max_file_store is reached
	codeNoStorage = 10047
	codeNotStored = 10077 // the stream's own limits are reached ("maximum bytes exceeded"), or its store failed
)

var bucketNames = [...]string{rooms: "croupier_rooms", players: "croupier_players", servers: "croupier_servers"}

func (b bucket) stream() string          { return "KV_" + bucketNames[b] }
func (b bucket) subject(k string) string { return "$KV." + bucketNames[b] + "." + k }

const (
	journalStream  = "croupier_journals"
	journalSubject = "croupier.journal." // then the journal's name
)

type natsStore struct {
	conn     *nats.Conn
	js       jetstream.JetStream
	replicas int
	births   [3]births

	wake    chan struct{} // one slot, see nudge
	mu      sync.Mutex
	users   int
	inbox   string
	next    uint64
	flying  map[uint64]*call
	leases  lane // renewals of leases, and their ends
	writes  lane // all other writes
	reads   lane
	healed  time.Time // when missing streams were made last
	healing bool
	ctx     context.Context // from the first open to the last shut
	cancel  context.CancelFunc
	back    sync.WaitGroup
	sub     *nats.Subscription
}

// OpenNATS opens the buckets in JetStream, and makes those that are missing. The connection stays the caller's; it must not
// be closed before the Directories that use the store. The NATS server must be 2.11 or later (for markers that end by themselves).
// The connection should be one of bus.Dial: one that keeps what is
// published while it is lost makes every outage's last writes come late, which is harmless but slow.
func OpenNATS(ctx context.Context, conn *nats.Conn, replicas int) (Store, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("open the directory in NATS: %w", err)
	}
	n := &natsStore{conn: conn, js: js, replicas: max(replicas, 1), flying: map[uint64]*call{}, wake: make(chan struct{}, 1)}
	n.leases.limit, n.writes.limit, n.reads.limit = maxWrites, maxWrites, maxReads
	if err := n.make(ctx); err != nil {
		return nil, fmt.Errorf("open the directory in NATS: %w (the NATS server must have JetStream enabled, and room for the replicas)", err)
	}
	return n, nil
}

// make makes the streams that are missing.
func (n *natsStore) make(ctx context.Context) error {
	for b, name := range bucketNames {
		b := bucket(b)
		want := jetstream.StreamConfig{
			Name:              b.stream(),
			Description:       "the game servers' directory: " + strings.TrimPrefix(name, "croupier_"),
			Subjects:          []string{b.subject(">")},
			MaxMsgsPerSubject: 1,
			MaxMsgSize:        MaxSnapshot + 4096,
			Discard:           jetstream.DiscardNew,
			Storage:           jetstream.FileStorage,
			Replicas:          n.replicas,
			AllowRollup:       true,
			DenyDelete:        true,
			AllowMsgTTL:       true,
			Duplicates:        time.Second,
		}
		if b == servers {
			want.MaxAge = leaseTTL
		}
		if err := n.makeStream(ctx, want); err != nil {
			return err
		}
	}
	return n.makeStream(ctx, jetstream.StreamConfig{
		Name:        journalStream,
		Description: "the game servers' journals: what rooms saved since their entries were written",
		Subjects:    []string{journalSubject + ">"},
		MaxMsgSize:  MaxSnapshot + 4096,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		Replicas:    n.replicas,
		DenyDelete:  true,
		Duplicates:  time.Second,
	})
}

func (n *natsStore) makeStream(ctx context.Context, want jetstream.StreamConfig) error {
	_, err := n.js.CreateStream(ctx, want)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		// It exists with other settings: an operator's, which stay, where they do not break the protocol.
		var s jetstream.Stream
		if s, err = n.js.Stream(ctx, want.Name); err == nil {
			err = fits(s.CachedInfo().Config, want)
		}
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", want.Name, err)
	}
	return nil
}

func fits(has, want jetstream.StreamConfig) error {
	switch {
	case has.AllowDirect:
		return fmt.Errorf("it allows direct gets, which replicas answer with old values: switch allow_direct off")
	case want.MaxMsgsPerSubject == 1 && has.MaxMsgsPerSubject != 1:
		return fmt.Errorf("it keeps %d values of a key: set max_msgs_per_subject to 1", has.MaxMsgsPerSubject)
	case want.MaxMsgsPerSubject <= 0 && (has.MaxMsgsPerSubject > 0 || has.MaxMsgs > 0):
		return errors.New("it drops records: set max_msgs and max_msgs_per_subject to -1")
	case has.Discard != want.Discard:
		return errors.New("it drops old values where it is full: set discard to new")
	case len(has.Subjects) != 1 || has.Subjects[0] != want.Subjects[0]:
		return fmt.Errorf("its subjects are %q: set them to %q", has.Subjects, want.Subjects)
	case want.MaxAge == 0 && has.MaxAge != 0:
		return fmt.Errorf("it drops values after %v: set max_age to 0", has.MaxAge)
	}
	return nil
}

func (n *natsStore) open() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.users++; n.users > 1 {
		return nil
	}
	n.inbox = n.conn.NewInbox() + "."
	sub, err := n.conn.Subscribe(n.inbox+"*", n.answered)
	if err == nil {
		err = sub.SetPendingLimits(4*(2*maxWrites+maxReads), -1)
	}
	if err != nil {
		n.users--
		return fmt.Errorf("subscribe to the store's answers: %w", err)
	}
	n.sub = sub
	n.ctx, n.cancel = context.WithCancel(context.Background())
	status := n.conn.StatusChanged(nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	ctx := n.ctx
	n.back.Go(func() { n.send(ctx) })
	n.back.Go(func() {
		defer n.conn.RemoveStatusListener(status)
		tick := time.NewTicker(patience / 8)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-status:
				// What was sent may have arrived, and its answer is lost with the connection.
				n.cutOff(time.Now())
			case now := <-tick.C:
				n.cutOff(now.Add(-patience))
			}
		}
	})
	return nil
}

func (n *natsStore) shut() {
	n.mu.Lock()
	if n.users--; n.users > 0 {
		n.mu.Unlock()
		return
	}
	sub := n.sub
	n.cancel()
	n.mu.Unlock()
	n.back.Wait()
	_ = sub.Unsubscribe() // fails only where the connection is closed already
	n.cutOff(time.Now())
}

func (n *natsStore) put(b bucket, key string, value []byte, expect uint64, done func(uint64, error)) {
	n.submit(n.writing(b), &call{subject: b.subject(key), header: condition(expect), data: value, done: func(m *nats.Msg, err error) {
		if err != nil {
			done(0, err)
			return
		}
		revision, err := n.parseAck(m.Data)
		done(revision, err)
	}})
}

func (n *natsStore) remove(b bucket, key string, expect uint64, done func(error)) {
	n.mark(b, key, expect, func(_ uint64, err error) { done(err) })
}

// mark writes the marker of a removed key.
func (n *natsStore) mark(b bucket, key string, expect uint64, done func(uint64, error)) {
	header := condition(expect)
	if header == nil {
		header = nats.Header{}
	}
	header["KV-Operation"] = []string{"DEL"}
	header["Nats-TTL"] = []string{markerTTL}
	n.submit(n.writing(b), &call{subject: b.subject(key), header: header, done: func(m *nats.Msg, err error) {
		if err != nil {
			done(0, err)
			return
		}
		revision, err := n.parseAck(m.Data)
		done(revision, err)
	}})
}

// writing is the lane of a bucket's writes. Leases have one of their own: a server that has much to save is alive.
func (n *natsStore) writing(b bucket) *lane {
	if b == servers {
		return &n.leases
	}
	return &n.writes
}

func condition(expect uint64) nats.Header {
	if expect == whatever {
		return nil
	}
	return nats.Header{"Nats-Expected-Last-Subject-Sequence": []string{strconv.FormatUint(expect, 10)}}
}

func (n *natsStore) get(b bucket, key string, done func(item, error)) {
	body, _ := json.Marshal(map[string]string{"last_by_subj": b.subject(key)}) // strings cannot fail
	n.submit(&n.reads, &call{subject: "$JS.API.STREAM.MSG.GET." + b.stream(), data: body, done: func(m *nats.Msg, err error) {
		if err != nil {
			done(item{}, err)
			return
		}
		it, err := parseGot(key, m.Data)
		done(it, n.judge(err))
	}})
}

func (n *natsStore) watch(b bucket, heard func(string, []byte)) (func(), error) {
	// A plain subscription, no JetStream consumer: consumers have to be made anew after a server's restart, and
	// clients have got that wrong for years (nats.go issues 1094 and 1370). What a plain subscription loses while
	// the connection is away, the next renewals tell again.
	prefix := b.subject("")
	sub, err := n.conn.Subscribe(b.subject(">"), func(m *nats.Msg) {
		value := m.Data
		if len(m.Header["KV-Operation"]) > 0 || len(value) == 0 {
			value = nil
		}
		heard(strings.TrimPrefix(m.Subject, prefix), value)
	})
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", b.stream(), err)
	}
	return func() { _ = sub.Unsubscribe() }, nil // fails only where the connection is closed already
}

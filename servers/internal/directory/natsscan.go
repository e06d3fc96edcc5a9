package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// scan reads the last message of every subject with one consumer: for 10,000 rooms that is some tens of requests, not 10,000.
// In a cluster the consumer reads what its own server has of the stream, which may be behind. So a marker is written first, as of a
// removed key: a scan that brings it, or a later one, brings all that was written before.
func (n *natsStore) scan(ctx context.Context, b bucket, visit func(item)) (whole bool, err error) {
	var from, reached uint64
	if b == rooms {
		from, err = await(ctx, func(done func(uint64, error)) { n.mark(b, "scan", whatever, done) })
	}
	if err == nil {
		reached, err = n.scanOnce(ctx, b, visit)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, nats.ErrNoResponders) {
		n.heal()
	}
	if err != nil {
		return false, fmt.Errorf("%w: read all of %s: %w", ErrAway, b.stream(), err)
	}
	return from != 0 && reached >= from, nil
}

func (n *natsStore) scanOnce(ctx context.Context, b bucket, visit func(item)) (reached uint64, err error) {
	prefix := b.subject("")
	err = n.consume(ctx, b.stream(), jetstream.ConsumerConfig{
		FilterSubject: b.subject(">"),
		DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
	}, func(m jetstream.Msg, revision uint64) {
		reached = max(reached, revision)
		if len(m.Headers()["KV-Operation"]) == 0 && len(m.Data()) > 0 {
			visit(item{key: strings.TrimPrefix(m.Subject(), prefix), value: m.Data(), revision: revision})
		}
	}, func() bool { return true })
	return reached, err
}

// consume reads messages of a stream with a consumer of its own, until there is none left and enough says that it may end.
func (n *natsStore) consume(ctx context.Context, stream string, config jetstream.ConsumerConfig, visit func(jetstream.Msg, uint64), enough func() bool) error {
	const batch = 256
	config.AckPolicy = jetstream.AckNonePolicy
	config.MemoryStorage = true
	config.Replicas = 1
	config.InactiveThreshold = 10 * time.Second // where this process dies here
	consumer, err := n.js.CreateConsumer(ctx, stream, config)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = n.js.DeleteConsumer(ctx, stream, consumer.CachedInfo().Name) // it ends by itself, only later
	}()
	var last uint64
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		msgs, err := consumer.FetchNoWait(batch)
		if err != nil {
			return err
		}
		count := 0
		var broken error
		for m := range msgs.Messages() {
			count++
			meta, err := m.Metadata()
			if err == nil && meta.Sequence.Consumer != last+1 {
				err = fmt.Errorf("message %d came after %d", meta.Sequence.Consumer, last)
			}
			if err != nil {
				broken = err
				continue
			}
			last++
			visit(m, meta.Sequence.Stream)
		}
		switch err := errors.Join(broken, msgs.Error()); {
		case err != nil:
			return err
		case count == 0 && enough():
			return nil
		case count == 0: // this server has not all of it yet
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// births asks when a bucket was made. Those who ask while a question is under way share the next one, which begins after they
// asked: a drain claims a thousand rooms at once.
type births struct {
	mu        sync.Mutex
	now, next *birth
}

type birth struct {
	done chan struct{}
	at   uint64
	err  error
}

func (n *natsStore) born(ctx context.Context, b bucket) (uint64, error) {
	q := &n.births[b]
	for {
		q.mu.Lock()
		f := q.next
		switch {
		case q.now == nil:
			f = &birth{done: make(chan struct{})}
			q.now = f
			q.mu.Unlock()
			n.ask(b, f)
		case f == nil:
			f = &birth{done: make(chan struct{})}
			q.next = f
			q.mu.Unlock()
		default:
			q.mu.Unlock()
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %w", ErrAway, ctx.Err())
		}
		if f.err == nil || !errors.Is(f.err, ErrAway) {
			return f.at, f.err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return 0, f.err
		}
	}
}

func (n *natsStore) ask(b bucket, f *birth) {
	n.submit(&n.reads, &call{subject: "$JS.API.STREAM.INFO." + b.stream(), done: func(m *nats.Msg, err error) {
		if err == nil {
			f.at, err = parseBorn(m.Data)
		}
		f.err = n.judge(err)
		close(f.done)
		q := &n.births[b]
		q.mu.Lock()
		next := q.next
		q.now, q.next = next, nil
		q.mu.Unlock()
		if next != nil {
			n.ask(b, next)
		}
	}})
}

func parseBorn(data []byte) (uint64, error) {
	var info struct {
		Error   *apiError `json:"error"`
		Created time.Time `json:"created"`
	}
	switch err := json.Unmarshal(data, &info); {
	case err != nil:
		return 0, fmt.Errorf("%w: its answer cannot be read: %w", errUnknown, err)
	case info.Error != nil:
		return 0, info.Error
	case info.Created.UnixMicro() <= 0:
		return 0, fmt.Errorf("%w: its answer does not say when the bucket was made", errUnknown)
	}
	return uint64(info.Created.UnixMicro()), nil
}

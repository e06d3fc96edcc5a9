package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// A call is a request to JetStream whose answer comes by the store's one inbox.
type call struct {
	lane    *lane
	subject string
	header  nats.Header
	data    []byte
	done    func(*nats.Msg, error)
	sent    time.Time
}

// maxFlight is how many bytes of a kind of calls are under way, or one call. What waits in a socket grows old there: after an outage
// that left 25 MB to be saved, a slow machine gave up what it had just sent, and sent it again, for minutes.
const maxFlight = 2 << 20

// A lane bounds how many calls of a kind are under way. Those that wait are bounded by who calls: a Tenure has one at a time,
// so has a Rise, a Sit, a Claim.
type lane struct {
	limit, busy int
	bytes       int // of the calls under way
	queue       []*call
}

func (n *natsStore) submit(l *lane, c *call) {
	c.lane = l
	n.mu.Lock()
	if n.users == 0 {
		n.mu.Unlock()
		c.done(nil, errUnsent)
		return
	}
	l.queue = append(l.queue, c)
	n.mu.Unlock()
	n.nudge()
}

// nudge wakes the sender: something waits, or a place is free.
func (n *natsStore) nudge() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// linger is the shortest time between two batches of calls, and so the longest that a call waits for company.
const linger = 2 * time.Millisecond

// send sends calls until ctx ends. A goroutine of its own: publishing blocks where the socket is full, as it is in a partition, and
// no room may wait for that.
func (n *natsStore) send(ctx context.Context) {
	var last time.Time // when the last batch was sent
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
			if early := linger - time.Since(last); early > 0 {
				time.Sleep(early)
			}
			last = time.Now()
			n.pump(&n.leases)
			n.pump(&n.writes)
			n.pump(&n.reads)
		}
	}
}

// pump sends what waits and has a place.
func (n *natsStore) pump(l *lane) {
	for {
		n.mu.Lock()
		if len(l.queue) == 0 || l.busy >= l.limit || l.busy > 0 && l.bytes+len(l.queue[0].data) > maxFlight {
			n.mu.Unlock()
			return
		}
		c := l.queue[0]
		l.queue[0] = nil
		if l.queue = l.queue[1:]; len(l.queue) == 0 {
			l.queue = nil
		}
		n.next++
		id := n.next
		c.sent = time.Now()
		n.flying[id] = c
		l.busy++
		l.bytes += len(c.data)
		n.mu.Unlock()

		err := n.conn.PublishMsg(&nats.Msg{Subject: c.subject, Reply: n.inbox + strconv.FormatUint(id, 36), Header: c.header, Data: c.data})
		if err != nil {
			n.settle(id, nil, refused(err))
		}
	}
}

// refused tells what a failed publish means.
func refused(err error) error {
	switch {
	case errors.Is(err, nats.ErrReconnectBufExceeded): // nothing is kept for later
		return fmt.Errorf("%w: there is no connection to NATS", errUnsent)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining):
		return fmt.Errorf("%w: %w", errUnsent, err)
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("larger than the NATS server takes: raise its max_payload: %w", err)
	default:
		return fmt.Errorf("%w: %w", errUnknown, err) // part of it may have been written to the socket
	}
}

// settle ends a call, once.
func (n *natsStore) settle(id uint64, m *nats.Msg, err error) {
	n.mu.Lock()
	c := n.flying[id]
	if c == nil {
		n.mu.Unlock()
		return
	}
	delete(n.flying, id)
	c.lane.busy--
	c.lane.bytes -= len(c.data)
	next := len(c.lane.queue) > 0
	n.mu.Unlock()
	if next {
		n.nudge()
	}
	c.done(m, err)
}

// answered takes an answer from JetStream.
func (n *natsStore) answered(m *nats.Msg) {
	id, err := strconv.ParseUint(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], 36, 64)
	if err != nil {
		return
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		// Nobody listens there: JetStream is not up yet, the stream has no leader, or it is gone.
		n.heal()
		m, err = nil, fmt.Errorf("%w: no stream takes it", errUnsent)
	}
	n.settle(id, m, err)
}

// cutOff gives up the calls that were sent before a time; their outcome is unknown.
func (n *natsStore) cutOff(before time.Time) {
	n.mu.Lock()
	var ids []uint64
	for id, c := range n.flying {
		if !c.sent.After(before) {
			ids = append(ids, id)
		}
	}
	var waiting []*call
	if n.users == 0 {
		for _, l := range []*lane{&n.leases, &n.writes, &n.reads} {
			waiting = append(waiting, l.queue...)
			l.queue = nil
		}
	}
	n.mu.Unlock()
	if len(ids) > 0 {
		n.heal() // a missing stream is not always told: who watches its subjects counts as somebody who listens
	}
	for _, id := range ids {
		n.settle(id, nil, errUnknown)
	}
	for _, c := range waiting {
		c.done(nil, errUnsent)
	}
}

// heal makes streams that are missing, in the background, at most once a second.
func (n *natsStore) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.users == 0 || n.healing || time.Since(n.healed) < time.Second {
		return
	}
	n.healing = true
	open := n.ctx
	n.back.Go(func() {
		ctx, cancel := context.WithTimeout(open, 5*time.Second)
		defer cancel()
		_ = n.make(ctx) // asked for again by the next call that finds nobody
		n.mu.Lock()
		n.healed, n.healing = time.Now(), false
		n.mu.Unlock()
	})
}

// An apiError is what JetStream says where it refuses.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.ErrCode) }

// judge turns JetStream's refusal into what the Store's contract knows.
func (n *natsStore) judge(err error) error {
	var api *apiError
	if !errors.As(err, &api) {
		return err
	}
	switch api.ErrCode {
	case codeMismatch, codeInProcess:
		return errMismatch
	case codeTooLarge:
		return api
	case codeNoStream:
		n.heal()
		return fmt.Errorf("%w: %w", errUnsent, api)
	case codeNoAccount, codeNoSpace, codeNoStorage:
		return fullError{"raise its max_file_store, or give it a larger disk", api}
	case codeNotStored:
		if strings.HasPrefix(api.Description, "maximum ") {
			return fullError{"raise the limits of the stream, max_bytes and max_msgs", api}
		}
		return fmt.Errorf("%w: %w", errUnknown, api)
	default:
		return fmt.Errorf("%w: %w", errUnknown, api)
	}
}

var seqField = []byte(`"seq":`)

// parseAck reads {"stream":"KV_...","seq":N}, or an error. The usual answer is read without the JSON package.
func (n *natsStore) parseAck(data []byte) (uint64, error) {
	seq, err := readAck(data)
	return seq, n.judge(err)
}

func readAck(data []byte) (uint64, error) {
	if at := bytes.Index(data, seqField); at > 0 && bytes.HasPrefix(data, []byte(`{"stream":"KV_croupier_`)) {
		var seq uint64
		rest := data[at+len(seqField):]
		for i, c := range rest {
			if c >= '0' && c <= '9' && i < 19 {
				seq = seq*10 + uint64(c-'0')
			} else if i > 0 && (c == '}' || c == ',') {
				return seq, nil
			} else {
				break
			}
		}
	}
	var ack struct {
		Seq   uint64    `json:"seq"`
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(data, &ack); err != nil {
		return 0, fmt.Errorf("%w: its answer cannot be read: %w", errUnknown, err)
	}
	if ack.Error != nil {
		return 0, ack.Error
	}
	if ack.Seq == 0 {
		return 0, fmt.Errorf("%w: its answer names no revision", errUnknown)
	}
	return ack.Seq, nil
}

// parseGot reads the answer to a request for the last message of a subject.
func parseGot(key string, data []byte) (item, error) {
	var got struct {
		Error   *apiError `json:"error"`
		Message *struct {
			Seq  uint64 `json:"seq"`
			Hdrs []byte `json:"hdrs"`
			Data []byte `json:"data"`
		} `json:"message"`
	}
	err := json.Unmarshal(data, &got)
	switch {
	case err != nil:
		return item{}, fmt.Errorf("%w: its answer cannot be read: %w", errUnknown, err)
	case got.Error != nil && got.Error.ErrCode == codeNoMessage:
		return item{key: key}, nil
	case got.Error != nil:
		return item{}, got.Error
	case got.Message == nil || got.Message.Seq == 0:
		return item{}, fmt.Errorf("%w: its answer names no message", errUnknown)
	}
	it := item{key: key, value: got.Message.Data, revision: got.Message.Seq}
	if len(it.value) == 0 || bytes.Contains(got.Message.Hdrs, []byte("\r\nKV-Operation:")) {
		it.value = nil
	}
	return it, nil
}

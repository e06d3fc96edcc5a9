package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"croupier/loadgen/internal/link"
	"croupier/loadgen/result"
	"croupier/servers/client"
	"croupier/servers/wire"
)

// maxTroubles bounds how many different troubles are told apart.
const maxTroubles = 200

// troubles counts what goes wrong.
type troubles struct {
	mu           sync.Mutex
	kinds        map[string]uint64
	all          uint64
	unauthorized uint64 // times that a bot's token, or its lack of one, was refused
}

func (t *troubles) add(err error, unauthorized bool) {
	text := describe(err)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds = make(map[string]uint64)
	}
	if _, known := t.kinds[text]; !known && len(t.kinds) >= maxTroubles {
		text = "something else"
	}
	t.kinds[text]++
	t.all++
	if unauthorized {
		t.unauthorized++
	}
}

// count returns how many there were, and how many of them were about tokens.
func (t *troubles) count() (all, unauthorized uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all, t.unauthorized
}

// list returns them, the most frequent first.
func (t *troubles) list() []result.Trouble {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]result.Trouble, 0, len(t.kinds))
	for _, text := range slices.Sorted(maps.Keys(t.kinds)) {
		list = append(list, result.Trouble{Text: text, Count: t.kinds[text]})
	}
	slices.SortStableFunc(list, func(a, b result.Trouble) int { return int(b.Count) - int(a.Count) })
	return list
}

// first are the two most frequent, in words.
func (t *troubles) first() string {
	list := t.list()
	if len(list) == 0 {
		return "the target takes connections and answers nothing"
	}
	texts := make([]string, 0, 2)
	for _, one := range list[:min(len(list), 2)] {
		texts = append(texts, one.Text)
	}
	return strings.Join(texts, "; ")
}

// ephemeral are the parts of an error that differ each time: our own side of a connection.
var ephemeral = regexp.MustCompile(`(read|write) tcp \S+->\S+: `)

// describe is an error without what differs from bot to bot, so that it can be counted.
func describe(err error) string {
	if errors.Is(err, client.ErrReplaced) {
		return result.Taken
	}
	var refused *client.RefusedError
	if errors.As(err, &refused) {
		return fmt.Sprintf("refused: %s (code %d)", strings.TrimPrefix(refused.Desc, "error: "), refused.Code)
	}
	return ephemeral.ReplaceAllString(err.Error(), "")
}

// probeTimeout bounds the first connection.
const probeTimeout = 6 * time.Second

// Probe makes one connection and ends it, so that a wrong target is known before any bot starts.
func Probe(ctx context.Context, target link.Target, user int64) error {
	probing, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	p := probe{up: make(chan link.Link, 1), down: make(chan error, 1)}
	target.Open(probing, user, p)
	var err error
	select {
	case l := <-p.up:
		l.Close()
		<-p.down
		return nil
	case err = <-p.down:
	}
	if speaksFirst(probing, target, err) {
		err = fmt.Errorf("connect to %v: %w", target, client.ErrNotGate)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("interrupted while connecting to %v", target)
	}
	return fmt.Errorf("%w: %s", err, advice(err))
}

// speaksFirst says whether what closed the connection to a gate's address speaks before it is spoken to,
// as a gRPC server does, and no WebSocket server.
func speaksFirst(ctx context.Context, target link.Target, err error) bool {
	u, bad := url.Parse(target.Gate)
	if bad != nil || !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)) //nolint:errcheck // a conn without deadlines is no conn
	n, _ := conn.Read(make([]byte, 1))
	return n > 0
}

// probe is the link.Handler of one connection.
type probe struct {
	up   chan link.Link
	down chan error
}

func (p probe) Up(l link.Link, _ time.Time)          { p.up <- l }
func (p probe) Told(wire.Command, []byte, time.Time) {}
func (p probe) Down(err error)                       { p.down <- err }

// advice is the next step after a failed probe.
func advice(err error) string {
	var handshake *client.HandshakeError
	var address *url.Error
	switch {
	case errors.Is(err, client.ErrUnauthorized):
		return "is JWT_KEY the key of the gate?"
	case errors.As(err, &handshake):
		return "is that the gate's address for players?"
	case errors.Is(err, client.ErrNotGate):
		return "is it the game server's port? then use --direct"
	case errors.Is(err, link.ErrSilent):
		return "is the address right?"
	case errors.As(err, &address):
		return "is the gate running, and the address right?"
	}
	return "is the server running, and the address right?"
}

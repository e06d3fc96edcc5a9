package push

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"croupier/servers/internal/bus"
)

// connect starts a NATS server and returns what dials it.
func connect(t *testing.T) func() *nats.Conn {
	t.Helper()
	server, err := bus.Embed("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return func() *nats.Conn {
		t.Helper()
		conn, err := bus.Dial(t.Context(), server.URL(), t.Name(), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		conn.SetClosedHandler(func(*nats.Conn) { close(closed) })
		t.Cleanup(func() {
			conn.Close()
			<-closed
		})
		return conn
	}
}

// ear is a gate's end, with sessions.
type ear struct {
	name     string
	sessions map[int64]int

	mu      sync.Mutex
	took    []string
	refused []error
}

func (e *ear) deliver(user int64, message []byte) Count {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.took = append(e.took, fmt.Sprintf("%d %x", user, message))
	n := e.sessions[user]
	if user == 0 {
		for _, more := range e.sessions {
			n += more
		}
	}
	return Count{Gate: e.name, Sessions: n}
}

func (e *ear) refuse(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused = append(e.refused, err)
}

func TestPublish(t *testing.T) {
	dial := connect(t)
	message := []byte{0, 0, 0, 7, 0x12, 2, 'h', 'i'}
	publisher := dial()
	if r, err := Publish(t.Context(), publisher, Target{Users: []int64{7, 8}}, message); err != nil || r.Gates != 0 || !slices.Equal(r.Offline, []int64{7, 8}) {
		t.Errorf("no gate: %+v %v", r, err)
	}
	a := &ear{name: "a", sessions: map[int64]int{7: 2, 9: 1}}
	b := &ear{name: "b", sessions: map[int64]int{7: 1, 8: 1}}
	for _, e := range []*ear{a, b} {
		conn := dial()
		s, err := Subscribe(conn, e.deliver, e.refuse)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		if err := conn.FlushTimeout(20 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	const quiet = time.Second // a busy machine lets the second gate answer later than one that is well
	r, err := publish(t.Context(), publisher, Target{Users: []int64{8, 7, 10, 7, 9}}, message, quiet)
	if err != nil || r.Gates != 2 || r.Sessions != 5 || !slices.Equal(r.Reached, []int64{7, 8, 9}) || !slices.Equal(r.Offline, []int64{10}) {
		t.Errorf("%+v %v", r, err)
	}
	r, err = publish(t.Context(), publisher, Target{All: true}, message, quiet)
	if err != nil || r.Gates != 2 || r.Sessions != 5 || len(r.Reached)+len(r.Offline) != 0 {
		t.Errorf("all: %+v %v", r, err)
	}
	if len(a.took) != 5 || !slices.Contains(a.took, fmt.Sprintf("7 %x", message)) || !slices.Contains(a.took, fmt.Sprintf("0 %x", message)) {
		t.Errorf("delivered: %v", a.took)
	}

	// Nonsense is refused by the publisher, and by the gate where somebody else publishes it.
	if _, err := Publish(t.Context(), publisher, Target{All: true}, []byte{0}); err == nil {
		t.Error("a malformed message is sent")
	}
	for subject, data := range map[string][]byte{"croupier.push.user.0": message, "croupier.push.user.x": message, "croupier.push.all": {1}, "croupier.push.user.7": bytes.Repeat([]byte{1}, MaxPayload+1)} {
		if err := publisher.Publish(subject, data); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := publish(t.Context(), publisher, Target{Users: []int64{7}}, message, quiet); err != nil || r.Sessions != 3 {
		t.Errorf("after nonsense: %+v %v", r, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.took) != 6 {
		t.Errorf("delivered: %v", a.took)
	}
}

// NATS is away: whoever pushes is told, at once.
func TestPublishWithoutNATS(t *testing.T) {
	server, err := bus.Embed("")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := bus.Dial(t.Context(), server.URL(), t.Name(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	conn.SetClosedHandler(func(*nats.Conn) { close(closed) })
	server.Close()
	if _, err := Publish(t.Context(), conn, Target{All: true}, []byte{0, 0, 0, 7}); err == nil {
		t.Error("pushed into the void")
	}
	conn.Close()
	<-closed
}

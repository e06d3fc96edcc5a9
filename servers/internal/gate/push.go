package gate

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/gobwas/ws"
	"github.com/nats-io/nats.go"

	"croupier/servers/internal/fence"
	"croupier/servers/internal/push"
	"croupier/servers/wire"
)

// maxPush is how many bytes a request to push has at most: the longest message in base64, and the
// most users.
const maxPush = 256 << 10

// newName makes a name by which gates that answer a push are told apart.
func newName() string { return rand.Text()[:12] }

// deliverPush hands a message to the sessions of a user, or to all sessions where user is 0. A
// player whose backlog is full misses it, and keeps the connection: nothing depends on it.
func (g *Gate) deliverPush(user int64, message []byte) push.Count {
	count := push.Count{Gate: g.name}
	give := func(s *session) {
		if s.ending.Load() {
			return
		}
		if !s.out.put(ws.OpBinary, message) {
			count.Dropped++
			return
		}
		s.out.flush()
		count.Sessions++
	}
	if user == 0 {
		g.table.each(give)
	} else {
		g.table.of(user, give)
	}
	g.metrics.pushed.Add(float64(count.Sessions))
	g.metrics.unpushed.WithLabelValues("slow").Add(float64(count.Dropped))
	return count
}

func (g *Gate) refusePush(err error) {
	g.metrics.unpushed.WithLabelValues("malformed").Inc()
	g.log.Warn("push refused", "err", err)
}

// Join makes a gate take pushes and news of rooms' owners from a bus, and bring its own pushes there. Config.Bus does it from the
// start; a gate whose bus is away when it starts does without until then. Whoever made the connection
// closes it after Run.
func (g *Gate) Join(conn *nats.Conn) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ear != nil || g.deaf {
		return errors.New("gate: it has a bus already, or has ended")
	}
	s, err := push.Subscribe(conn, g.deliverPush, g.refusePush)
	if err != nil {
		return fmt.Errorf("gate: %w", err)
	}
	owners, err := fence.Subscribe(conn, g.ownerIs, func(err error) { g.log.Warn("news of a room refused", "err", err) })
	if err != nil {
		s.Close()
		return fmt.Errorf("gate: %w", err)
	}
	g.ear, g.owners, g.bus = s, owners, conn
	return nil
}

// leaveBus ends what Join has begun.
func (g *Gate) leaveBus() {
	g.mu.Lock()
	s, owners := g.ear, g.owners
	g.deaf = true
	g.mu.Unlock()
	if s != nil {
		s.Close()
		owners.Close()
	}
}

// theBus is where pushes go; nil: nowhere.
func (g *Gate) theBus() *nats.Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bus
}

// overflowed counts what waited for this gate's delivery of pushes and did not fit.
func (g *Gate) overflowed() float64 {
	g.mu.Lock()
	s := g.ear
	g.mu.Unlock()
	if s == nil {
		return 0
	}
	return float64(s.Overflowed())
}

// pushRequest is the body of POST /push. A text is sent as a notice; any other message has an
// opcode and, in base64, its data.
type pushRequest struct {
	Users  []int64 `json:"users"`
	All    bool    `json:"all"`
	Text   string  `json:"text"`
	Opcode uint32  `json:"opcode"`
	Data   []byte  `json:"data"`
}

// readPush reads a request to push.
func readPush(body io.Reader) (push.Target, []byte, error) {
	var r pushRequest
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return push.Target{}, nil, fmt.Errorf(`%w: write {"users":[7],"text":"hello"}`, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return push.Target{}, nil, errors.New("something follows the request: push one message at a time")
	}
	to := push.Target{All: r.All, Users: r.Users}
	if err := to.Check(); err != nil {
		return push.Target{}, nil, err
	}
	if (r.Text != "") == (r.Opcode != 0) || r.Text != "" && len(r.Data) > 0 {
		return push.Target{}, nil, errors.New("which message: give text, or opcode and data, one of them")
	}
	message := append(wire.AppendOpcode(nil, wire.Command(r.Opcode)), r.Data...)
	if r.Text != "" {
		var err error
		if message, err = push.Text(r.Text); err != nil {
			return push.Target{}, nil, err
		}
	}
	return to, message, push.Check(message)
}

// servePush is POST /push: through the bus to all gates where there is one, else to the players of
// this gate. Only JSON is taken, which no web page can send here without being asked first.
func (g *Gate) servePush(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "send JSON: Content-Type: application/json", http.StatusUnsupportedMediaType)
		return
	}
	to, message, err := readPush(http.MaxBytesReader(w, r.Body, maxPush))
	if err != nil {
		http.Error(w, "push: "+err.Error(), http.StatusBadRequest)
		return
	}
	var result push.Result
	if bus := g.theBus(); bus != nil {
		if result, err = push.Publish(r.Context(), bus, to, message); err != nil {
			http.Error(w, err.Error()+": try again when NATS answers", http.StatusServiceUnavailable)
			return
		}
	} else {
		result = g.pushHere(to, message)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(result) //nolint:errcheck // the client is gone
}

// pushHere delivers to the players of this gate.
func (g *Gate) pushHere(to push.Target, message []byte) push.Result {
	r := push.Result{Gates: 1}
	took := make(map[int64]int)
	users := slices.Compact(slices.Sorted(slices.Values(to.Users)))
	for _, user := range append(users, 0) {
		if user == 0 && !to.All {
			break
		}
		c := g.deliverPush(user, message)
		took[user] = c.Sessions
		r.Sessions += c.Sessions
		r.Dropped += c.Dropped
	}
	r.Reached, r.Offline = push.Sort(users, func(user int64) bool { return took[user] > 0 })
	return r
}

package load

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	"croupier/servers/wire"
)

// frame is one message on its way to a bot.
type frame struct {
	op   wire.Command
	body wire.WithMeta
}

// mutant stands between bots and a gate and falsifies what the servers say. tamper is called for
// each message to each bot, one at a time, and returns what the bot is told in its place.
type mutant struct {
	gate string
	mu   sync.Mutex
	work sync.WaitGroup

	tamper func(bot string, f frame) []frame
}

// start serves the mutant and returns its address.
func (m *mutant) start(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.work.Add(1)
		defer m.work.Done()
		m.serve(ctx, w, r)
	}))
	t.Cleanup(func() {
		cancel()
		server.CloseClientConnections()
		server.Close()
		m.work.Wait()
	})
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

func (m *mutant) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	token := r.Header.Get("Authorization")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	up, response, err := websocket.Dial(ctx, m.gate, &websocket.DialOptions{
		HTTPClient: client, HTTPHeader: http.Header{"Authorization": {token}},
	})
	if err != nil {
		status := http.StatusBadGateway
		if response != nil {
			status = response.StatusCode
		}
		w.WriteHeader(status)
		return
	}
	defer up.CloseNow()
	down, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer down.CloseNow()
	ctx, cancel := context.WithCancel(ctx)
	var requests sync.WaitGroup
	requests.Go(func() {
		defer cancel()
		for {
			kind, b, err := down.Read(ctx)
			if err != nil || up.Write(ctx, kind, b) != nil {
				return
			}
		}
	})
	defer requests.Wait()
	defer cancel()
	for {
		_, b, err := up.Read(ctx)
		if err != nil {
			if code := websocket.CloseStatus(err); code > 0 {
				down.Close(code, "")
			}
			return
		}
		for _, said := range m.falsify(token, b) {
			if down.Write(ctx, websocket.MessageBinary, said) != nil {
				return
			}
		}
	}
}

func (m *mutant) falsify(bot string, b []byte) [][]byte {
	op, payload, err := wire.Split(b)
	if err != nil {
		return [][]byte{b}
	}
	body, err := wire.Decode(op, payload)
	if err != nil {
		return [][]byte{b}
	}
	m.mu.Lock()
	said := m.tamper(bot, frame{op, proto.Clone(body).(wire.WithMeta)})
	m.mu.Unlock()
	frames := make([][]byte, 0, len(said))
	for _, f := range said {
		if b, err := wire.Append(nil, f.op, f.body); err == nil {
			frames = append(frames, b)
		}
	}
	return frames
}

// nowAndThen applies change to every seventh message of one kind.
func nowAndThen(op wire.Command, change func(f frame) []frame) func(string, frame) []frame {
	seen := 0
	return func(_ string, f frame) []frame {
		if f.op != op {
			return []frame{f}
		}
		if seen++; seen%7 != 0 {
			return []frame{f}
		}
		return change(f)
	}
}

// late holds every seventh message of one kind back until the next message to the same bot.
func late(op wire.Command) func(string, frame) []frame {
	seen, held := 0, make(map[string]frame)
	return func(bot string, f frame) []frame {
		if before, waits := held[bot]; waits {
			delete(held, bot)
			return []frame{f, before}
		}
		if f.op == op {
			if seen++; seen%7 == 0 {
				held[bot] = f
				return nil
			}
		}
		return []frame{f}
	}
}

package stack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"croupier/servers/internal/games"
	"croupier/servers/internal/games/dice"
	"croupier/servers/internal/gameserver"
	"croupier/servers/internal/gate"
	"croupier/servers/internal/lifecycle"
	"croupier/servers/token"
)

// A goroutine that outlives every test is a leak.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 40 * time.Second

// house is a gate and a game server of which a test can set everything, and whose log it reads.
type house struct {
	t        *testing.T
	key      string
	keys     *token.Keys
	gate     string // ws://HOST:PORT
	game     string // HOST:PORT
	gateOps  string
	gameOps  string
	log      *logbook
	wires    *tenancy // of the game server, whose connections a test can cut
	gateNext func()
	gameNext func()
	gateDone chan error
	gameDone chan error
	users    int // that the test has used up
}

// settings are what a test may change before the house opens.
type settings struct {
	gate gate.Config
	game gameserver.Config
	dice dice.Config
}

func openHouse(t *testing.T, change ...func(*settings)) *house {
	t.Helper()
	quay, err := openBerth(anyPort)
	if err != nil {
		t.Fatal(err)
	}
	return openHouseAt(t, quay, change...)
}

// openHouseAt is openHouse with the game server at a given address.
func openHouseAt(t *testing.T, quay *berth, change ...func(*settings)) *house {
	t.Helper()
	t.Cleanup(quay.close)
	h := &house{t: t, key: token.NewKey(), log: newLogbook(), users: 1000, gateDone: make(chan error, 1), gameDone: make(chan error, 1)}
	var err error
	if h.keys, err = token.ParseKeys(h.key); err != nil {
		t.Fatal(err)
	}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	players, gateOps, gameOps := listen(), listen(), listen()
	h.wires = quay.let()
	h.gate, h.game = "ws://"+players.Addr().String(), quay.String()
	h.gateOps, h.gameOps = "http://"+gateOps.Addr().String(), "http://"+gameOps.Addr().String()

	log := slog.New(slog.NewTextHandler(h.log, nil))
	c := settings{
		gate: gate.Config{Keys: h.keys, Services: map[string]string{"dice": h.game, "coin": h.game}, Log: log},
		game: gameserver.Config{Keys: h.keys, Direct: gameserver.DirectToken, Log: log},
		dice: dice.Config{Round: time.Minute},
	}
	for _, f := range change {
		f(&c)
	}
	if c.game.Games == nil {
		c.game.Games = games.Builtin(c.dice, 4)
	}
	server, err := gameserver.New(c.game)
	if err != nil {
		t.Fatal(err)
	}
	front, err := gate.New(c.gate)
	if err != nil {
		t.Fatal(err)
	}
	gateStages, gateNext, gateRelease := lifecycle.Manual(context.Background())
	gameStages, gameNext, gameRelease := lifecycle.Manual(context.Background())
	h.gateNext, h.gameNext = gateNext, gameNext
	go func() { h.gateDone <- front.Run(gateStages, players, gateOps) }()
	go func() { h.gameDone <- server.Run(gameStages, h.wires, gameOps) }()
	t.Cleanup(func() {
		gateRelease()
		gameRelease()
		for name, done := range map[string]chan error{"gate": h.gateDone, "game": h.gameDone} {
			if err := within(t, name+" to end", done); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			done <- err
		}
		http.DefaultClient.CloseIdleConnections()
		h.discreet()
	})
	return h
}

// within waits for a value, with patience.
func within[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case value := <-from:
		return value
	case <-timer.C:
		t.Fatalf("waited %v for %s", patience, what)
		panic("unreachable")
	}
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !yes(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// newUser returns a user that the test has not used yet.
func (h *house) newUser() int { h.users++; return h.users }

func (h *house) token(user int) string { return jwt(h.t, h.key, user) }

func (h *house) dial(user int) *socket { h.t.Helper(); return dialSocket(h.t, h.gate, h.token(user)) }

// sitting returns a new player in a seat of a room.
func (h *house) sitting(user int, room string) *socket {
	h.t.Helper()
	s := h.dial(user)
	s.send(3, sitDown(room, "-1")...)
	s.until(3, func(f fields) bool { return f.numbers[1] == int64(user) })
	return s
}

// stillPlays lets a well-behaved player play on the same servers.
func (h *house) stillPlays() {
	h.t.Helper()
	user := h.newUser()
	s := h.sitting(user, fmt.Sprint(user))
	s.send(103)
	if f := s.until(103, value(int64(user))); f.numbers[2] < 1 || f.numbers[2] > 6 {
		h.t.Errorf("a well-behaved player rolled %d", f.numbers[2])
	}
	s.send(6)
	s.until(6, nil)
	s.send(4)
	s.until(4, nil)
	s.conn.Close()
}

// get returns what a page of an ops port says.
func (h *house) get(url string) (status int, body string) {
	h.t.Helper()
	r, err := http.Get(url)
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// metric returns a metric's value as text, "" where there is none.
func (h *house) metric(ops, name string) string {
	h.t.Helper()
	_, page := h.get(ops + "/metrics")
	for line := range strings.Lines(page) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// discreet checks that the log holds neither the key nor a token.
func (h *house) discreet() {
	h.t.Helper()
	for _, line := range h.log.lines() {
		if strings.Contains(line, h.key) || strings.Contains(line, "eyJ") || strings.Contains(line, "token=ey") {
			h.t.Errorf("a secret in the log: %s", line)
		}
	}
}

// oneLine waits for a log line that says all of the words, checks with a well-behaved player that
// nobody else was harmed, and that it was the only line since the last call.
func (h *house) oneLine(words ...string) {
	h.t.Helper()
	eventually(h.t, fmt.Sprintf("a log line that says %q; there are %q", words, h.log.lines()), func() bool { return len(h.log.lines()) > 0 })
	h.stillPlays()
	lines := h.log.clear()
	if len(lines) != 1 {
		h.t.Errorf("%d log lines, want one: %s", len(lines), strings.Join(lines, ""))
		return
	}
	for _, word := range words {
		if !strings.Contains(lines[0], word) {
			h.t.Errorf("the log line does not say %q: %s", word, lines[0])
		}
	}
}

// logbook is a log that a test reads.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func newLogbook() *logbook { return new(logbook) }

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return split(l.text.String())
}

func (l *logbook) clear() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return split(l.text.String())
}

func split(text string) (lines []string) {
	for line := range strings.Lines(text) {
		lines = append(lines, line)
	}
	return lines
}

package stack

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// open starts a stack that ends with the test.
func openStack(t *testing.T, c Config) *Stack {
	t.Helper()
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// sitsIn sits down in a room of dice and returns the version of the server that the room is on.
func (s *socket) sitsIn(room int) string {
	s.t.Helper()
	s.send(3, sitDown(fmt.Sprint(room), "-1")...)
	op, f := s.receive()
	if op != 3 {
		s.t.Fatalf("sitting down in room %d is answered by opcode %d: %x", room, op, f.bytes)
	}
	return f.server(s.t)
}

// Rooms are spread over all game servers; each of them is replaced under play, its rounds are
// settled, and its players find a seat again through the same gate.
func TestRestartOfEveryGameServer(t *testing.T) {
	const servers, rooms = 3, 12
	s := openStack(t, Config{Games: servers, Version: "v1", Round: time.Minute})
	if len(s.Games) != servers || s.Games[0] != s.Game {
		t.Fatalf("game servers %v, the first %s", s.Games, s.Game)
	}
	players := make([]*socket, rooms)
	sit := func(i int) string {
		players[i] = dialSocket(t, s.Gate, jwt(t, s.Key, i+1))
		return players[i].sitsIn(i + 1)
	}
	for i := range players {
		if version := sit(i); version != "v1" {
			t.Fatalf("room %d is on a server of version %q", i+1, version)
		}
		players[i].send(103)
		players[i].until(103, nil)
	}
	moves := 0
	for i := range servers {
		restarted := make(chan error, 1)
		go func() {
			restarted <- s.Restart(t.Context(), i, Change{Version: "v2", Grace: 20 * time.Millisecond})
		}()
		if err := within(t, "the restart", restarted); err != nil {
			t.Fatal(err)
		}
		for n, p := range players {
			p.send(6)
			op, f := p.receive()
			for ; op != 6 && op != 104 && op != 2; op, f = p.receive() { // a notice
			}
			if op == 6 {
				continue
			}
			if op != 104 { // the roll of before is settled
				t.Fatalf("room %d ends with opcode %d %v", n+1, op, f)
			}
			p.until(2, value(0))
			if code := p.closeCode(); code != 1012 {
				t.Errorf("close code %d, want 1012", code)
			}
			sit(n)
			players[n].send(103)
			players[n].until(103, nil)
			moves++
		}
	}
	if moves < rooms {
		t.Errorf("%d rooms went to another server, want each of the %d at least once", moves, rooms)
	}
	for room := range rooms {
		p := dialSocket(t, s.Gate, jwt(t, s.Key, 100+room))
		if version := p.sitsIn(room + 1); version != "v2" {
			t.Errorf("room %d is on a server of version %q", room+1, version)
		}
	}
}

// Without a grace time a restart waits for the last room; it can be called off, and then be taken
// up again.
func TestRestartWaitsForPlayers(t *testing.T) {
	s := openStack(t, Config{Version: "v1", Round: time.Minute})
	p := dialSocket(t, s.Gate, jwt(t, s.Key, 1))
	p.sitsIn(1)
	ctx, cancel := context.WithCancel(t.Context())
	restarted := make(chan error, 1)
	go func() { restarted <- s.Restart(ctx, 0, Change{Version: "v2"}) }()
	p.until(7, nil) // the notice that the room will be closed
	if err := s.Restart(ctx, 0, Change{}); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("two restarts at once: %v", err)
	}
	cancel()
	if err := within(t, "the restart", restarted); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("a restart that was called off: %v", err)
	}
	p.send(6) // still there
	p.until(6, nil)
	p.send(4)
	p.until(4, nil)
	if err := s.Restart(t.Context(), 0, Change{Version: "v2"}); err != nil {
		t.Fatal(err)
	}
	if version := p.sitsIn(1); version != "v2" {
		t.Errorf("version %q", version)
	}
}

// A killed server settles nothing: its players see their connections lost. Another takes its
// place, at the same address.
func TestKillAndRestart(t *testing.T) {
	s := openStack(t, Config{Version: "v1", Round: time.Minute})
	p, d := dialSocket(t, s.Gate, jwt(t, s.Key, 1)), direct(t, s.Game, 2, "1", "-1")
	p.sitsIn(1)
	d.until(101, nil)
	p.send(103)
	p.until(103, nil)
	s.Kill(0)
	for {
		op, _ := p.receive()
		if op == 104 {
			t.Error("a killed server settled a round")
		}
		if op == 2 {
			break
		}
	}
	p.closeCode()
	if code := d.ends().String(); code != "Unavailable" {
		t.Errorf("the direct stream ends with %s", code)
	}
	conn, err := net.Dial("tcp", s.Game)
	if err == nil {
		conn.SetDeadline(time.Now().Add(patience))
		if n, err := conn.Read(make([]byte, 1)); err == nil || n > 0 {
			t.Error("something answers at a dead server's port")
		}
		conn.Close()
	}
	p = dialSocket(t, s.Gate, jwt(t, s.Key, 1))
	p.send(3, sitDown("1", "-1")...)
	if f := p.until(1, nil); !strings.Contains(string(f.bytes[2][0]), "try again") {
		t.Errorf("no server: %q", f.bytes[2])
	}
	if err := s.Restart(t.Context(), 0, Change{}); err != nil {
		t.Fatal(err)
	}
	if version := p.sitsIn(1); version != "v1" {
		t.Errorf("version %q", version)
	}
}

// The gate is replaced: its players are sent away and come back through the next one.
func TestRestartOfTheGate(t *testing.T) {
	s := openStack(t, Config{Version: "v1", Spread: time.Millisecond, Round: time.Minute})
	p := dialSocket(t, s.Gate, jwt(t, s.Key, 1))
	p.sitsIn(1)
	p.send(103)
	roll := p.until(103, nil).numbers[2]
	restarted := make(chan error, 1)
	go func() { restarted <- s.RestartGate(t.Context(), 0, Change{Version: "v2"}) }()
	if code := p.closeCode(); code != 1001 {
		t.Errorf("close code %d, want 1001", code)
	}
	if err := within(t, "the restart", restarted); err != nil {
		t.Fatal(err)
	}
	p = dialSocket(t, s.Gate, jwt(t, s.Key, 1))
	p.sitsIn(1)
	if scene := p.until(101, nil); len(scene.bytes[3]) != 1 || int64(scene.bytes[3][0][3]) != roll {
		t.Errorf("the roll of %d is gone: dice %x", roll, scene.bytes[3])
	}
}

// A restart under way does not outlive the stack.
func TestCloseDuringARestart(t *testing.T) {
	s, err := Start(Config{Round: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	p := dialSocket(t, s.Gate, jwt(t, s.Key, 1))
	p.sitsIn(1)
	restarted := make(chan error, 1)
	go func() { restarted <- s.Restart(context.Background(), 0, Change{Grace: time.Hour, Away: time.Hour}) }()
	p.until(7, nil)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := within(t, "the restart", restarted); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("restart in a closed stack: %v", err)
	}
}

package gate

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"croupier/servers/internal/bus"
	"croupier/servers/internal/push"
	"croupier/servers/wire"
)

// pushes asks a gate's ops port.
func (c *court) pushes(body string) (int, push.Result, string) {
	c.t.Helper()
	r, err := http.Post(c.ops+"/push", "application/json", strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	var result push.Result
	if r.StatusCode == http.StatusOK {
		if err := json.Unmarshal(answer, &result); err != nil {
			c.t.Fatal(err)
		}
	}
	return r.StatusCode, result, string(answer)
}

// Without a bus a push reaches the players of this gate, all sessions of a user, in a room or not.
func TestPushWithoutBus(t *testing.T) {
	f := newFake(t)
	c := newCourt(t, nil, f)
	first, second, other := c.player(7), c.player(7), c.player(8)
	c.eventually("all to be in", func() bool { return c.gate.table.len() == 3 })
	status, r, answer := c.pushes(`{"users":[7,9,7],"text":"Your prize is here"}`)
	if status != 200 || r.Sessions != 2 || !slices.Equal(r.Reached, []int64{7}) || !slices.Equal(r.Offline, []int64{9}) || r.Gates != 1 {
		t.Errorf("%d %s", status, answer)
	}
	for _, p := range []*player{first, second} {
		op, body, err := wire.Split(p.next())
		if err != nil {
			t.Fatal(err)
		}
		if m, err := wire.Decode(op, body); err != nil || m.(*wire.Notice).GetText() != "Your prize is here" {
			t.Errorf("%v %v", m, err)
		}
	}
	if status, r, answer := c.pushes(`{"all":true,"opcode":900,"data":"CAE="}`); status != 200 || r.Sessions != 3 {
		t.Errorf("%d %s", status, answer)
	}
	for _, p := range []*player{first, second, other} {
		p.hears("900 1")
	}
	for _, bad := range []string{"", "{}", `{"all":true}`, `{"users":[7]}`, `{"users":[0],"text":"x"}`, `{"all":true,"users":[7],"text":"x"}`,
		`{"all":true,"text":"x","opcode":3}`, `{"all":true,"opcode":3,"data":"CA=="}`, `{"all":true,"text":"x","more":1}`, `{"all":true,"text":"x"} {}`, `{"all":true,"text":"x"}}`, `{"all":true,"text":"x"}]`,
		`{"all":true,"opcode":3,"data":"` + strings.Repeat("A", 23_000) + `"}`, `{"all":true,"text":"` + strings.Repeat("x", maxPush) + `"}`} {
		if status, _, answer := c.pushes(bad); status != http.StatusBadRequest || strings.Count(answer, "\n") != 1 {
			t.Errorf("%.60s: %d %.200s", bad, status, answer)
		}
	}
	r2, err := http.Post(c.ops+"/push", "text/plain", strings.NewReader(`{"all":true,"text":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	r2.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if r2.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("a web page may push: %d", r2.StatusCode)
	}
}

// A push at one gate reaches the players of all.
func TestPushThroughNATS(t *testing.T) {
	server, err := bus.Embed("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	f := newFake(t)
	var courts []*court
	for range 2 {
		conn := attach(t, server.URL())
		courts = append(courts, newCourt(t, func(c *Config) { c.Bus = conn }, f))
	}
	here, there := courts[0].player(7), courts[1].player(7)
	for _, c := range courts {
		c.eventually("the player to be in", func() bool { return c.gate.table.len() == 1 })
		c.eventually("the gate to listen", func() bool { return c.gate.theBus() != nil })
	}
	courts[1].eventually("both gates to be known", func() bool {
		_, r, _ := courts[0].pushes(`{"users":[1000],"text":"is anybody there?"}`)
		return r.Gates == 2
	})
	var status int
	var r push.Result
	var answer string
	courts[1].eventually("both gates to answer in time", func() bool {
		status, r, answer = courts[0].pushes(`{"users":[7,9],"opcode":900}`)
		return status != 200 || r.Gates == 2
	})
	if status != 200 || r.Gates != 2 || r.Sessions != 2 || !slices.Equal(r.Reached, []int64{7}) || !slices.Equal(r.Offline, []int64{9}) {
		t.Errorf("%d %s", status, answer)
	}
	here.hears("900")
	there.hears("900")
	server.Close()
	courts[0].eventually("NATS to be missed", func() bool {
		status, _, answer := courts[0].pushes(`{"all":true,"text":"x"}`)
		return status == http.StatusServiceUnavailable && strings.Contains(answer, "try again")
	})
}

// A player who does not read misses a push, and keeps the connection.
func TestPushToASlowPlayer(t *testing.T) {
	f := newFake(t)
	c := newCourt(t, nil, f)
	c.player(7)
	c.eventually("the player to be in", func() bool { return c.gate.table.len() == 1 })
	message := append([]byte{0, 0, 3, 132, 0x0a, 0x80, 0x40}, make([]byte, 8192)...)
	if err := push.Check(message); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		if count := c.gate.deliverPush(7, message); count.Dropped == 1 {
			break
		}
		if n > 10_000 {
			t.Fatal("a player who does not read takes pushes without end")
		}
	}
	if s := c.session(7); s.ending.Load() {
		t.Error("the player was closed for a push")
	}
}

// FuzzReadPush: the body of a request is bytes from outside.
func FuzzReadPush(f *testing.F) {
	f.Add(`{"users":[7],"text":"hello"}`)
	f.Add(`{"all":true,"opcode":900,"data":"CAE="}`)
	f.Fuzz(func(t *testing.T, body string) {
		to, message, err := readPush(strings.NewReader(body))
		if err != nil {
			return
		}
		if to.Check() != nil || push.Check(message) != nil {
			t.Fatalf("%q is taken: %v %x", body, to, message)
		}
	})
}

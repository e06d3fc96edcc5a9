package stack

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"croupier/servers/token"
)

const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// ask sends a request by hand and returns the answer. Unless it is an upgrade, the gate must close
// the connection after it.
func (h *house) ask(target, headers string) *http.Response {
	h.t.Helper()
	s := h.plug()
	fmt.Fprintf(s.conn, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", target, s.conn.RemoteAddr(), headers)
	r, err := http.ReadResponse(s.r, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if r.StatusCode != http.StatusSwitchingProtocols {
		s.ended()
	}
	return r
}

// plug opens a TCP connection to the gate that says nothing yet.
func (h *house) plug() *socket {
	h.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.gate, "ws://"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &socket{t: h.t, conn: conn, r: bufio.NewReader(conn)}
}

// The token is checked first: nothing is upgraded, and no session counts.
func TestTokenComesBeforeTheUpgrade(t *testing.T) {
	h := openHouse(t)
	other := token.NewKey()
	expired, _ := h.keys.Sign(7, time.Nanosecond)
	trunk, _ := h.keys.SignTrunk(time.Minute)
	none := "eyJhbGciOiJub25lIn0.eyJpZCI6N30."
	for name, request := range map[string][2]string{
		"no token":                    {"/", upgrade},
		"no token, no upgrade":        {"/", ""},
		"empty token":                 {"/?token=", upgrade},
		"rubbish":                     {"/?token=rubbish", upgrade},
		"none algorithm":              {"/?token=" + none, upgrade},
		"wrong key":                   {"/?token=" + jwt(t, other, 7), upgrade},
		"expired":                     {"/?token=" + expired, upgrade},
		"a trunk's token":             {"/?token=" + trunk, upgrade},
		"rubbish bearer, good query":  {"/?token=" + h.token(7), "Authorization: Bearer rubbish\r\n" + upgrade},
		"huge":                        {"/?token=" + strings.Repeat("x", 5000), upgrade},
		"wrong key in a bad upgrade":  {"/?token=" + jwt(t, other, 7), "Upgrade: websocket\r\n"},
		"semicolons hide the rest":    {"/?a;token=" + jwt(t, other, 7), upgrade},
		"the first of two must count": {"/?token=rubbish&token=" + h.token(7), upgrade},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			r := h.ask(request[0], request[1])
			if r.StatusCode != 401 || r.Header.Get("Sec-WebSocket-Accept") != "" || r.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %v, want 401 and nothing upgraded", r.Status, r.Header)
			}
			if opened := h.metric(h.gateOps, "croupier_gate_sessions"); opened != "0" {
				t.Errorf("%s sessions were opened", opened)
			}
			eventually(t, "the log line", func() bool { return len(h.log.lines()) > 0 })
			if lines := h.log.clear(); len(lines) != 1 || !strings.Contains(lines[0], "player refused") || len(lines[0]) > 400 {
				t.Errorf("logged: %q", lines)
			}
		})
		h.t = t
	}
	if opened := h.metric(h.gateOps, "croupier_gate_sessions_opened_total"); opened != "0" {
		t.Errorf("%s sessions were opened", opened)
	}
	h.stillPlays()
	if r := h.ask("/", "Authorization: bearer "+h.token(7)+"\r\n"+upgrade); r.StatusCode != 101 {
		t.Errorf("token in the header: %s", r.Status)
	}
}

func TestBadHandshakes(t *testing.T) {
	h := openHouse(t)
	target := "/?token=" + h.token(7)
	for name, c := range map[string]struct {
		target, headers string
		status          int
	}{
		"another path":      {"/else?token=" + h.token(7), upgrade, 404},
		"no upgrade":        {target, "", 426},
		"old version":       {target, strings.Replace(upgrade, "13", "8", 1), 426},
		"no key":            {target, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", 400},
		"upgrade to else":   {target, strings.Replace(upgrade, "websocket", "h2c", 1), 426},
		"huge header":       {target, "X: " + strings.Repeat("x", 20<<10) + "\r\n" + upgrade, 431},
		"a foreign origin":  {target, "Origin: https://evil.example\r\n" + upgrade, 403},
		"origin null":       {target, "Origin: null\r\n" + upgrade, 403},
		"origin that fools": {target, "Origin: https://" + strings.TrimPrefix(h.gate, "ws://") + ".evil.example\r\n" + upgrade, 403},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			if r := h.ask(c.target, c.headers); r.StatusCode != c.status {
				t.Errorf("%s, want %d", r.Status, c.status)
			}
			h.stillPlays()
		})
		h.t = t
	}
	if r := h.ask(target, "Origin: http://"+strings.TrimPrefix(h.gate, "ws://")+"\r\n"+upgrade); r.StatusCode != 101 {
		t.Errorf("the gate's own origin: %s", r.Status)
	}
}

func TestAllowedOrigins(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.gate.Origins = []string{"https://play.example"} })
	target := "/?token=" + h.token(7)
	for origin, status := range map[string]int{"https://play.example": 101, "http://play.example": 403, "https://play.example.evil": 403} {
		if r := h.ask(target, "Origin: "+origin+"\r\n"+upgrade); r.StatusCode != status {
			t.Errorf("origin %s: %s, want %d", origin, r.Status, status)
		}
	}
}

// Who does not finish the handshake is let go, and holds nothing meanwhile.
func TestHalfOpenHandshakes(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.gate.HandshakeTimeout = 2 * time.Second })
	halves := make(map[string]*socket)
	for name, begin := range map[string]string{
		"says nothing":   "",
		"half a line":    "GET /?tok",
		"endless header": "GET /?token=" + h.token(7) + " HTTP/1.1\r\nHost: x\r\nX-A: ",
		"a body to come": "POST /?token=" + h.token(7) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n" + upgrade + "\r\n",
	} {
		halves[name] = h.plug()
		fmt.Fprint(halves[name].conn, begin)
	}
	for name, s := range halves {
		t.Run(name, func(t *testing.T) {
			h.t, s.t = t, t
			s.ended()
			h.stillPlays()
		})
		h.t = t
	}
}

// Messages that come in one packet with the request are not lost.
func TestMessagesBehindTheHandshake(t *testing.T) {
	h := openHouse(t)
	s := h.plug()
	request := fmt.Sprintf("GET /?token=%s HTTP/1.1\r\nHost: x\r\n%s\r\n", h.token(7), upgrade)
	early := append(message(3, sitDown("1", "-1")...), message(6)...)
	s.raw(append([]byte(request), early[:len(early)-3]...))
	if r, err := http.ReadResponse(s.r, nil); err != nil || r.StatusCode != 101 {
		t.Fatal(r, err)
	}
	s.until(3, user1(7))
	s.raw(early[len(early)-3:])
	s.until(6, nil)
}

// A silent player is pinged, then closed; one that answers stays.
func TestSilentPlayers(t *testing.T) {
	h := openHouse(t, func(c *settings) { c.gate.PingEvery, c.gate.IdleTimeout = time.Second, 5*time.Second })
	dead, alive := h.sitting(1, "1"), h.dial(2)
	kept := make(chan error, 1)
	go func() {
		for pings := 0; pings < 4; pings++ {
			first, payload, err := alive.frame()
			if err != nil || first != 0x89 {
				kept <- fmt.Errorf("frame %x, %v; want a ping", first, err)
				return
			}
			alive.raw(masked(0x8a, payload))
		}
		kept <- nil
	}()
	pinged := false
	for {
		first, payload, err := dead.frame()
		if err != nil {
			t.Fatal(err)
		}
		pinged = pinged || first == 0x89
		if first == 0x88 {
			if code := int(payload[0])<<8 | int(payload[1]); code != 4009 || !pinged {
				t.Errorf("close code %d, want 4009; pinged before: %v", code, pinged)
			}
			break
		}
	}
	dead.ended()
	if err := within(t, "pings", kept); err != nil {
		t.Error(err)
	}
	h.oneLine("session closed", "code=4009")
}

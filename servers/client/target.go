package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// TokenSource gives the token that says who the player is. It is asked before every connection,
// so that a fresh one can replace one that expired.
type TokenSource func(ctx context.Context) (string, error)

// Static is the source of a token that never changes.
func Static(token string) TokenSource {
	return func(context.Context) (string, error) { return token, nil }
}

// Target is where to play: Gate, Gates, Direct or Directs makes one.
type Target struct {
	addresses []string
	direct    bool
	user      int64
	token     TokenSource
	first     int // of the addresses, counted from 1; 0: any
}

// Gate is the way through a gate: the URL of its WebSocket (ws:// or wss://). The token travels
// in the Authorization header, never in the URL, so that no access log holds it.
func Gate(url string, token TokenSource) Target { return Gates([]string{url}, token) }

// Gates is the way through one of several gates of the same servers. A client begins with any of
// them, and goes on to the next one when it loses one or can't connect to it.
func Gates(urls []string, token TokenSource) Target {
	return Target{addresses: slices.Clone(urls), token: token}
}

// GateURLs reads what people give for Gates: URLs with commas between, where host:port stands for ws://host:port.
func GateURLs(text string) []string {
	urls := strings.Split(text, ",")
	for i, u := range urls {
		if !strings.Contains(u, "://") {
			urls[i] = "ws://" + u
		}
	}
	return urls
}

// Direct is the way straight to a game server: the host:port of its gRPC service. The token may
// be nil where the server asks for none.
func Direct(address string, user int64, token TokenSource) Target {
	return Directs([]string{address}, user, token)
}

// Directs is the way straight to one of several game servers. A client begins with any of them. A
// server that does not own the room says who does: the client goes there, if that address is among
// these, and else tries the next one.
func Directs(addresses []string, user int64, token TokenSource) Target {
	return Target{addresses: slices.Clone(addresses), direct: true, user: user, token: token}
}

// StartAt is the target with the address that a client begins with, counted from 0 and on beyond the last.
func (t Target) StartAt(n int) Target {
	if len(t.addresses) > 0 {
		t.first = 1 + n%len(t.addresses)
	}
	return t
}

// at is the target with one of its addresses only, counted on beyond the last.
func (t Target) at(n int) Target {
	if len(t.addresses) > 1 {
		n %= len(t.addresses)
		t.addresses = t.addresses[n : n+1]
	}
	return t
}

// address is the first one.
func (t Target) address() string {
	if len(t.addresses) == 0 {
		return ""
	}
	return t.addresses[0]
}

// String names the target in messages; it holds no secret.
func (t Target) String() string {
	names := make([]string, len(t.addresses))
	for i, address := range t.addresses {
		names[i], _, _ = strings.Cut(address, "?") // a token somebody put there is nobody's business
	}
	what := "gate"
	if t.direct {
		what = "game server"
	}
	if len(names) > 1 {
		what += "s"
	}
	return what + " " + strings.Join(names, ", ")
}

// Check tells which of the target's addresses can never answer, whoever listens, and what one looks like.
func (t Target) Check() error {
	check := checkGate
	if t.direct {
		check = checkGame
	}
	for _, address := range t.addresses {
		if err := check(address); err != nil {
			shown, _, _ := strings.Cut(address, "?")
			return fmt.Errorf("%q: %w", shown, err)
		}
	}
	return nil
}

func checkGate(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "ws" && u.Scheme != "wss" || u.Port() != "" && !isPort(u.Port()) {
		return fmt.Errorf("%w: a gate's address looks like ws://host:60006", errBadTarget)
	}
	return nil
}

func checkGame(address string) error {
	if host, port, err := net.SplitHostPort(address); err != nil || host == "" || !isPort(port) {
		return fmt.Errorf("%w: a game server's address looks like host:60001", errBadTarget)
	}
	return nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

func (t Target) fetchToken(ctx context.Context) (string, error) {
	if t.token == nil {
		return "", nil
	}
	return t.token(ctx)
}

// UserOf reads the user's number from a token without verifying it: the client only needs to
// recognize itself. It returns 0 for anything that is no such token.
func UserOf(token string) int64 {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return 0
	}
	var claims struct {
		ID int64 `json:"id"`
	}
	if json.Unmarshal(body, &claims) != nil {
		return 0
	}
	return claims.ID
}

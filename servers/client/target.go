package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// TokenSource gives the token that says who the player is. It is asked before every connection,
// so that a fresh one can replace one that expired.
type TokenSource func(ctx context.Context) (string, error)

// Static is the source of a token that never changes.
func Static(token string) TokenSource {
	return func(context.Context) (string, error) { return token, nil }
}

// Target is where to play: Gate or Direct makes one.
type Target struct {
	address string
	direct  bool
	user    int64
	token   TokenSource
}

// Gate is the way through a gate: the URL of its WebSocket (ws:// or wss://). The token travels
// in the Authorization header, never in the URL, so that no access log holds it.
func Gate(url string, token TokenSource) Target {
	return Target{address: url, token: token}
}

// Direct is the way straight to a game server: the host:port of its gRPC service. The token may
// be nil where the server asks for none.
func Direct(address string, user int64, token TokenSource) Target {
	return Target{address: address, direct: true, user: user, token: token}
}

// String names the target in messages; it holds no secret.
func (t Target) String() string {
	if t.direct {
		return "game server " + t.address
	}
	url, _, _ := strings.Cut(t.address, "?") // a token somebody put there is nobody's business
	return "gate " + url
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

// Package token signs and verifies the tokens that say who a player is: JWT with an HMAC
// (HS256; HS384 and HS512 are accepted too), the claim "id" being the user's number.
package token

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MinKey is the length in bytes below which a key is refused: an HMAC-SHA256 key shorter than
// its hash weakens it (RFC 7518, section 3.2).
const MinKey = 32

// MaxLength is the length in bytes above which a token is refused unread.
const MaxLength = 4 << 10

// ErrNoKey reports that no key was given.
var ErrNoKey = errors.New("no signing key")

// Claims is what a token says.
type Claims struct {
	User    int64     // positive
	Expires time.Time // zero: never
}

// Keys verifies tokens with any of several keys, and signs with the first.
type Keys struct {
	signing key
	byID    map[string]key
	all     []key
	parser  *jwt.Parser
}

type key struct {
	id     string
	secret []byte
}

// NewKey returns a fresh random key in the form that ParseKeys reads.
func NewKey() string {
	secret := make([]byte, MinKey)
	rand.Read(secret) // never fails: crypto/rand.Read crashes the program instead
	return base64.StdEncoding.EncodeToString(secret)
}

// ParseKeys reads keys as the environment variable JWT_KEY holds them: one key in base64, or
// several separated by commas, each as KID:BASE64. The first signs; all verify. To rotate, put
// the new key first and drop the old one when its last token has expired. Errors never quote a key.
func ParseKeys(text string) (*Keys, error) {
	keys := &Keys{
		byID:   make(map[string]key),
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"HS256", "HS384", "HS512"})),
	}
	for i, field := range strings.Split(strings.TrimSpace(text), ",") {
		id, encoded, named := strings.Cut(strings.TrimSpace(field), ":")
		if !named {
			id, encoded = "", id
		}
		if encoded == "" && !named {
			if i == 0 && text == "" {
				return nil, fmt.Errorf("%w: make one with `croupier token key`", ErrNoKey)
			}
			return nil, fmt.Errorf("key %d is empty: make one with `croupier token key`", i+1)
		}
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("key %d is not standard base64: make one with `croupier token key`", i+1)
		}
		if len(secret) < MinKey {
			return nil, fmt.Errorf("key %d has %d bytes, at least %d are needed: make one with `croupier token key`", i+1, len(secret), MinKey)
		}
		if _, twice := keys.byID[id]; twice {
			return nil, fmt.Errorf("key %d has the same id %q as one before it: write KID:BASE64 with distinct ids", i+1, id)
		}
		k := key{id: id, secret: secret}
		keys.byID[id] = k
		keys.all = append(keys.all, k)
	}
	keys.signing = keys.all[0]
	return keys, nil
}

// claims is the wire form. "id" alone is ours; the rest is registered by RFC 7519.
type claims struct {
	ID int64 `json:"id"`
	jwt.RegisteredClaims
}

// audienceTrunk marks a token by which a gate proves itself to a game server. A player's token
// never carries an audience.
const audienceTrunk = "croupier-trunk"

// Sign returns a token for a user that is valid from now for ttl; ttl 0 means for ever.
func (k *Keys) Sign(user int64, ttl time.Duration) (string, error) {
	if user <= 0 {
		return "", fmt.Errorf("sign token for user %d: a user id is a positive number", user)
	}
	return k.sign(claims{ID: user}, ttl)
}

// SignTrunk returns a token by which a gate proves to a game server that it holds the same key.
func (k *Keys) SignTrunk(ttl time.Duration) (string, error) {
	return k.sign(claims{RegisteredClaims: jwt.RegisteredClaims{Audience: jwt.ClaimStrings{audienceTrunk}}}, ttl)
}

func (k *Keys) sign(c claims, ttl time.Duration) (string, error) {
	now := time.Now()
	c.IssuedAt = jwt.NewNumericDate(now)
	if ttl > 0 {
		c.ExpiresAt = jwt.NewNumericDate(now.Add(ttl))
	}
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, c)
	if k.signing.id != "" {
		t.Header["kid"] = k.signing.id
	}
	signed, err := t.SignedString(k.signing.secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}

// Verify checks a player's token: its signature by one of the keys (by the one its kid names,
// where it names one that is known), an HMAC algorithm, exp and nbf. Errors never quote the token.
func (k *Keys) Verify(text string) (Claims, error) {
	c, err := k.verify(text)
	if err != nil {
		return Claims{}, fmt.Errorf("verify token: %w", err)
	}
	if len(c.Audience) > 0 {
		return Claims{}, errors.New("verify token: it is meant for a server, not for a player")
	}
	if c.ID <= 0 {
		return Claims{}, errors.New(`verify token: the claim "id" is missing or not a positive number`)
	}
	verified := Claims{User: c.ID}
	if c.ExpiresAt != nil {
		verified.Expires = c.ExpiresAt.Time
	}
	return verified, nil
}

// VerifyTrunk checks a token made by SignTrunk.
func (k *Keys) VerifyTrunk(text string) error {
	c, err := k.verify(text)
	if err != nil {
		return fmt.Errorf("verify trunk token: %w", err)
	}
	if len(c.Audience) != 1 || c.Audience[0] != audienceTrunk {
		return errors.New("verify trunk token: it is a player's token, not a gate's")
	}
	return nil
}

func (k *Keys) verify(text string) (*claims, error) {
	if text == "" {
		return nil, errors.New("there is none: send one as ?token= or as Authorization: Bearer")
	}
	if len(text) > MaxLength {
		return nil, fmt.Errorf("%d bytes are too long for a token", len(text))
	}
	var c claims
	_, err := k.parser.ParseWithClaims(text, &c, func(t *jwt.Token) (any, error) {
		if id, named := t.Header["kid"].(string); named {
			if known, ok := k.byID[id]; ok {
				return known.secret, nil
			}
			return nil, errUnknownKid
		}
		set := jwt.VerificationKeySet{}
		for _, one := range k.all {
			set.Keys = append(set.Keys, one.secret)
		}
		return set, nil
	})
	if err != nil {
		return nil, reason(err)
	}
	return &c, nil
}

var errUnknownKid = errors.New("its kid names no known key")

// reason says in fixed words why a token was refused. The library's words quote parts of the token,
// and they end up in logs and in answers.
func reason(err error) error {
	for _, known := range []struct {
		is   error
		text string
	}{
		{jwt.ErrTokenExpired, "it has expired: get a new one"},
		{jwt.ErrTokenNotValidYet, "it is not valid yet: compare the clocks"},
		{errUnknownKid, errUnknownKid.Error()},
		{jwt.ErrTokenSignatureInvalid, "its signature is not by one of our keys, with HS256, HS384 or HS512"},
	} {
		if errors.Is(err, known.is) {
			return errors.New(known.text)
		}
	}
	return errors.New("it is not a well-formed JWT")
}

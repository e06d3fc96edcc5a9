package token

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const header = `{"alg":"HS256","typ":"JWT"}`

// secret is a key's bytes from its text.
func secret(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// forge makes a token by hand, signed with HMAC-SHA256 whatever its header says.
func forge(key []byte, header, claims string) string {
	enc := base64.RawURLEncoding
	signed := enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return signed + "." + enc.EncodeToString(mac.Sum(nil))
}

func parse(t testing.TB, text string) *Keys {
	t.Helper()
	keys, err := ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestSignedTokensVerify(t *testing.T) {
	keys := parse(t, NewKey())
	text, err := keys.Sign(1<<53+1, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c, err := keys.Verify(text)
	if err != nil || c.User != 1<<53+1 {
		t.Fatalf("Verify: %v %v", c, err)
	}
	if left := time.Until(c.Expires); left > time.Hour || left < 59*time.Minute {
		t.Errorf("the token lives %v", left)
	}
	text, _ = keys.Sign(1, 0)
	if c, err = keys.Verify(text); err != nil || !c.Expires.IsZero() {
		t.Errorf("a token for ever: %v %v", c, err)
	}
	for _, user := range []int64{0, -1} {
		if _, err := keys.Sign(user, 0); err == nil {
			t.Errorf("signed for user %d", user)
		}
	}
}

func TestPublishedTokenVerifies(t *testing.T) {
	text := NewKey()
	c, err := parse(t, text).Verify(forge(secret(t, text), header, `{"id":11}`))
	if err != nil || c.User != 11 || !c.Expires.IsZero() {
		t.Fatalf("Verify: %v %v", c, err)
	}
}

func TestBadTokensAreRefused(t *testing.T) {
	text := NewKey()
	key := secret(t, text)
	keys := parse(t, text)
	good := forge(key, header, `{"id":11}`)
	parts := strings.Split(good, ".")
	enc := base64.RawURLEncoding
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rs := enc.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + parts[1]
	sum := sha256.Sum256([]byte(rs))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	for name, bad := range map[string]string{
		"empty":                  "",
		"rubbish":                "rubbish",
		"two parts":              parts[0] + "." + parts[1],
		"four parts":             good + ".x",
		"no signature":           parts[0] + "." + parts[1] + ".",
		"cut signature":          good[:len(good)-1],
		"other claims":           parts[0] + "." + enc.EncodeToString([]byte(`{"id":12}`)) + "." + parts[2],
		"none":                   enc.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		"None, signed":           forge(key, `{"alg":"None"}`, `{"id":11}`),
		"no algorithm":           forge(key, `{}`, `{"id":11}`),
		"algorithm not text":     forge(key, `{"alg":7}`, `{"id":11}`),
		"RS256":                  rs + "." + enc.EncodeToString(signature),
		"RS256 by our HMAC":      forge(key, `{"alg":"RS256"}`, `{"id":11}`),
		"wrong key":              forge(secret(t, NewKey()), header, `{"id":11}`),
		"empty key":              forge(nil, header, `{"id":11}`),
		"the key's text":         forge([]byte(text), header, `{"id":11}`),
		"unknown kid":            forge(key, `{"alg":"HS256","kid":"else"}`, `{"id":11}`),
		"expired":                forge(key, header, fmt.Sprintf(`{"id":11,"exp":%d}`, now-1)),
		"not valid yet":          forge(key, header, fmt.Sprintf(`{"id":11,"nbf":%d}`, now+60)),
		"exp is text":            forge(key, header, `{"id":11,"exp":"tomorrow"}`),
		"no id":                  forge(key, header, `{"sub":"11"}`),
		"id 0":                   forge(key, header, `{"id":0}`),
		"id negative":            forge(key, header, `{"id":-5}`),
		"id is text":             forge(key, header, `{"id":"11"}`),
		"id is a fraction":       forge(key, header, `{"id":1.5}`),
		"id too large":           forge(key, header, `{"id":9223372036854775808}`),
		"id is null":             forge(key, header, `{"id":null}`),
		"claims are a list":      forge(key, header, `[11]`),
		"claims are not JSON":    forge(key, header, `{"id":`),
		"header is not JSON":     forge(key, `{"alg":"HS256"`, `{"id":11}`),
		"huge":                   forge(key, header, `{"id":11,"x":"`+strings.Repeat("x", MaxLength)+`"}`),
		"line break in it":       good + "\nforged log line",
		"meant for another":      forge(key, header, `{"id":11,"aud":"elsewhere"}`),
		"a trunk's with a user":  forge(key, header, `{"id":11,"aud":["croupier-trunk"]}`),
		"algorithm of log lines": forge(key, `{"alg":"x\nlevel=INFO msg=forged"}`, `{"id":11}`),
	} {
		_, err := keys.Verify(bad)
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		discreet(t, name, err, bad, text)
		if err := keys.VerifyTrunk(bad); err == nil && name != "a trunk's with a user" {
			t.Errorf("%s: taken for a trunk", name)
		}
	}
}

// discreet checks that an error is short, on one line, and quotes neither token nor key.
func discreet(t *testing.T, name string, err error, token, key string) {
	t.Helper()
	text := err.Error()
	if len(text) > 140 || strings.ContainsAny(text, "\n\r") || strings.Contains(text, "forged") {
		t.Errorf("%s: %q", name, text)
	}
	for _, part := range append(strings.Split(token, "."), strings.Split(key, ":")...) {
		if len(part) > 7 && strings.Contains(text, part) {
			t.Errorf("%s: the error quotes a secret: %q", name, text)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	a, b := NewKey(), NewKey()
	before, during, after := parse(t, a), parse(t, "new:"+b+","+a), parse(t, "new:"+b)
	old, _ := before.Sign(1, time.Hour)
	fresh, _ := during.Sign(1, time.Hour)
	for _, step := range []struct {
		name  string
		keys  *Keys
		token string
		taken bool
	}{
		{"old token before", before, old, true}, {"fresh token before", before, fresh, false},
		{"old token during", during, old, true}, {"fresh token during", during, fresh, true},
		{"old token after", after, old, false}, {"fresh token after", after, fresh, true},
	} {
		if _, err := step.keys.Verify(step.token); (err == nil) != step.taken {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	// A kid chooses its key; it does not only hint at one.
	crossed := forge(secret(t, a), `{"alg":"HS256","kid":"new"}`, `{"id":1}`)
	if _, err := during.Verify(crossed); err == nil {
		t.Error("a token that names one key and is signed by another was taken")
	}
}

func TestTrunkTokens(t *testing.T) {
	keys := parse(t, NewKey())
	gate, err := keys.SignTrunk(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.VerifyTrunk(gate); err != nil {
		t.Error(err)
	}
	if _, err := keys.Verify(gate); err == nil {
		t.Error("a trunk's token was taken for a player's")
	}
	player, _ := keys.Sign(1, time.Minute)
	if err := keys.VerifyTrunk(player); err == nil {
		t.Error("a player's token was taken for a trunk's")
	}
	if err := parse(t, NewKey()).VerifyTrunk(gate); err == nil {
		t.Error("a trunk's token of another key was taken")
	}
}

func TestBadKeysAreRefused(t *testing.T) {
	key := NewKey()
	short := base64.StdEncoding.EncodeToString(make([]byte, MinKey-1))
	for name, bad := range map[string]string{
		"empty": "", "spaces": "  ", "not base64": "!" + key, "URL base64 with -_": strings.Repeat("-_", 22),
		"short": short, "short with kid": "a:" + short, "kid without key": "a:", "trailing comma": key + ",",
		"only commas": ",,", "same kid twice": "a:" + key + ",a:" + NewKey(), "two without kid": key + "," + NewKey(),
	} {
		_, err := ParseKeys(bad)
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		discreet(t, name, err, "", strings.ReplaceAll(bad, ",", ":"))
	}
	if _, err := ParseKeys(""); !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), "croupier token key") {
		t.Errorf("no key: %v, want ErrNoKey and the next step", err)
	}
	if _, err := ParseKeys(" a:" + key + " , b:" + NewKey() + "\n"); err != nil {
		t.Errorf("keys with spaces around: %v", err)
	}
}

func TestNewKeysDiffer(t *testing.T) {
	if a, b := NewKey(), NewKey(); a == b || len(secret(t, a)) != MinKey {
		t.Errorf("%d bytes, equal: %v", len(secret(t, a)), a == b)
	}
}

// FuzzVerify must take nothing but what it signed.
func FuzzVerify(f *testing.F) {
	text := base64.StdEncoding.EncodeToString(make([]byte, MinKey))
	keys := parse(f, text)
	f.Add(forge(make([]byte, MinKey), header, `{"id":11,"exp":1}`))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := keys.Verify(token)
		if err == nil && c.User <= 0 {
			t.Fatalf("took user %d", c.User)
		}
		if err != nil && len(err.Error()) > 140 {
			t.Fatalf("complains at length: %v", err)
		}
	})
}

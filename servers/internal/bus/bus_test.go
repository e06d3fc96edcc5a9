package bus

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

// A goroutine that outlives every test is a leak; so a server that was closed has to be gone.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func embedded(t *testing.T, dir string) *Embedded {
	t.Helper()
	e, err := Embed(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func TestEmbed(t *testing.T) {
	e := embedded(t, "")
	conn, err := Dial(soon(t), e.URL(), "test", quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	host, _, err := net.SplitHostPort(conn.ConnectedAddr())
	if err != nil || host != "127.0.0.1" {
		t.Errorf("it listens at %s", conn.ConnectedAddr())
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.CreateKeyValue(soon(t), jetstream.KeyValueConfig{Bucket: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(soon(t), "key", []byte("value")); err != nil {
		t.Fatal(err)
	}
	temp := e.temp
	if _, err := os.Stat(temp); err != nil {
		t.Fatal(err)
	}
	e.Close()
	e.Close()
	if _, err := os.Stat(temp); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its temporary directory is still there: %v", err)
	}
}

func TestEmbedKeepsItsFiles(t *testing.T) {
	dir := t.TempDir()
	for round := range 2 {
		e := embedded(t, dir)
		conn, err := Dial(soon(t), e.URL(), "test", quiet())
		if err != nil {
			t.Fatal(err)
		}
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		kv, err := js.CreateKeyValue(soon(t), jetstream.KeyValueConfig{Bucket: "b"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := kv.Get(soon(t), "key")
		if round == 0 && !errors.Is(err, jetstream.ErrKeyNotFound) || round == 1 && (err != nil || string(got.Value()) != "value") {
			t.Fatalf("round %d: %v %v", round, got, err)
		}
		if _, err := kv.Put(soon(t), "key", []byte("value")); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		e.Close()
	}
}

func TestEmbedRefuses(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err := Embed(file); err == nil {
		e.Close()
		t.Error("a file was taken for a directory")
	}
}

func TestDialNeedsTheToken(t *testing.T) {
	e := embedded(t, "")
	_, token, host := cut(e.URL())
	var log bytes.Buffer
	loud := slog.New(slog.NewTextHandler(&log, nil))
	for _, url := range []string{"nats://" + host, "nats://wrong-secret@" + host} {
		_, err := Dial(soon(t), url, "test", loud)
		if !errors.Is(err, nats.ErrAuthorization) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	t.Setenv("NATS_TOKEN", token)
	conn, err := Dial(soon(t), "nats://"+host, "test", loud)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	t.Setenv("NATS_CREDS", "/nowhere")
	if _, err := Dial(soon(t), "nats://"+host, "test", loud); err == nil || !strings.Contains(err.Error(), "unset") {
		t.Errorf("two credentials: %v", err)
	}
	t.Setenv("NATS_TOKEN", "")
	if _, err := Dial(soon(t), "nats://"+host, "test", loud); err == nil || !strings.Contains(err.Error(), "NATS_CREDS") {
		t.Errorf("credentials that are not there: %v", err)
	}
	if strings.Contains(log.String(), token) || strings.Contains(log.String(), "secret") {
		t.Errorf("a secret was logged: %s", log.String())
	}
}

// A refusal comes with every try to connect; it is said once, with the next step.
func TestARefusalIsSaidOnce(t *testing.T) {
	var log bytes.Buffer
	complain := complain(slog.New(slog.NewTextHandler(&log, nil)))
	for range 100 {
		complain(nil, nil, nats.ErrAuthorization)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "NATS_TOKEN") {
		t.Errorf("%d lines:\n%s", lines, log.String())
	}
	complain(nil, nil, nats.ErrSlowConsumer)
	complain(nil, &nats.Subscription{Subject: "news"}, nats.ErrSlowConsumer)
	if text := log.String(); strings.Count(text, "slow consumer") != 2 || !strings.Contains(text, "subject=news") {
		t.Errorf("other errors:\n%s", text)
	}
}

func TestDialWaitsAndReconnects(t *testing.T) {
	dir := t.TempDir()
	first := embedded(t, dir)
	_, token, host := cut(first.URL())
	port := first.server.Addr().(*net.TCPAddr).Port
	first.Close()
	short, cancel := context.WithTimeout(context.Background(), 150*time.Millisecond)
	defer cancel()
	if _, err := Dial(short, "nats://"+token+"@"+host, "test", quiet()); err == nil || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "--nats") {
		t.Fatalf("nobody is there: %v", err)
	}
	type dialed struct {
		conn *nats.Conn
		err  error
	}
	ch := make(chan dialed)
	go func() {
		conn, err := Dial(soon(t), first.URL(), "test", quiet())
		ch <- dialed{conn, err}
	}()
	second, err := EmbedAt(dir, port, token)
	if err != nil {
		t.Fatal(err)
	}
	d := <-ch
	if d.err != nil {
		t.Fatal(d.err)
	}
	defer d.conn.Close()
	lost := d.conn.StatusChanged(nats.RECONNECTING)
	back := d.conn.StatusChanged(nats.CONNECTED)
	second.Close()
	<-lost
	if err := d.conn.Publish("subject", nil); !errors.Is(err, nats.ErrReconnectBufExceeded) {
		t.Errorf("publish while the connection is lost: %v", err)
	}
	third, err := EmbedAt(dir, port, token)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	<-back
	if err := d.conn.FlushTimeout(5 * time.Second); err != nil {
		t.Error(err)
	}
}

// What a URL parser refuses is not quoted: the likeliest cause is a letter of a password.
func TestDialQuotesNoSecret(t *testing.T) {
	for _, url := range []string{
		"nats://secret%zz@127.0.0.1:1", "nats://user:secret /@127.0.0.1:1", "nats://user:secret/x@127.0.0.1:1", "nats://secret@[::1",
		"nats://127.0.0.1:1,nats://user:secret/x@127.0.0.1:1",
	} {
		if _, err := Dial(soon(t), url, "test", slog.New(slog.DiscardHandler)); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "no URL") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"nats://host:4222":                     "nats://host:4222",
		"nats://token@host:4222":               "nats://xxxxx@host:4222",
		"nats://u:p@ss@host:4222, tls://x@h:1": "nats://xxxxx@host:4222,tls://xxxxx@h:1",
		"token@host":                           "xxxxx@host",
		"nats://u:pass,word@host:4222":         "nats://xxxxx@host:4222",
		"nats://a:1,b:2, nats://t,o@c:3":       "nats://a:1,b:2,nats://xxxxx@c:3",
		"":                                     "",
	} {
		if got := Redact(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func cut(url string) (scheme, token, host string) {
	scheme, rest, _ := strings.Cut(url, "://")
	token, host, _ = strings.Cut(rest, "@")
	return scheme, token, host
}

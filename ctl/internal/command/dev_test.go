package command

import (
	"bytes"
	"context"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"croupier/servers/client"
	"croupier/servers/token"
)

// notice is a writer that tells when it has seen a text as often as it has to.
type notice struct {
	mu    sync.Mutex
	text  bytes.Buffer
	want  string
	times int // 0: once
	seen  chan struct{}
}

func (n *notice) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	enough := func() bool { return strings.Count(n.text.String(), n.want) >= max(n.times, 1) }
	before := enough()
	n.text.Write(p)
	if !before && enough() {
		close(n.seen)
	}
	return len(p), nil
}

func TestDevServesPlayersUntilItIsInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	out := &notice{want: "loadgen run", seen: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		ended <- RunDev{GateAddr: "127.0.0.1:0", GameAddr: "127.0.0.1:0", Round: time.Minute, Idle: time.Second, Seats: 4}.
			Run(ctx, Streams{In: strings.NewReader(""), Out: out, Err: io.Discard})
	}()
	select {
	case <-out.seen:
	case err := <-ended:
		t.Fatalf("dev ended at once: %v", err)
	}

	text := out.text.String()
	gate := regexp.MustCompile(`gate +(ws://\S+)`).FindStringSubmatch(text)
	key := regexp.MustCompile(`JWT_KEY=(\S+)`).FindStringSubmatch(text)
	if gate == nil || key == nil {
		t.Fatalf("dev does not say how to reach it:\n%s", text)
	}
	keys, err := token.ParseKeys(key[1])
	if err != nil {
		t.Fatal(err)
	}
	signed, err := keys.Sign(5, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	player, err := client.Dial(ctx, client.Gate(gate[1], client.Static(signed)), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := player.Sit(ctx, client.Place{Game: "dice", Room: 1, Seat: -1}); err != nil {
		t.Fatal(err)
	}
	shake, err := player.Shake(ctx, 6)
	if err != nil || shake.GetPoints() != 6 {
		t.Fatalf("shake: %v, %v", shake, err)
	}
	if err := player.Close(ctx); err != nil {
		t.Fatal(err)
	}

	interrupt()
	if err := <-ended; err != nil {
		t.Fatalf("dev: %v", err)
	}
}

func TestDevOnATakenPortSaysWhatToDo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = RunDev{GateAddr: l.Addr().String(), GameAddr: "127.0.0.1:0"}.Run(t.Context(), Streams{Out: io.Discard, Err: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "--gate 127.0.0.1:0") {
		t.Fatalf("error %v does not name the next step", err)
	}
}

func TestDevNamesTheVariableOfABadKey(t *testing.T) {
	err := RunDev{Key: "zzz"}.Run(t.Context(), Streams{Out: io.Discard, Err: io.Discard})
	if ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), "JWT_KEY") {
		t.Fatalf("code %d, %v", ExitCode(err), err)
	}
}

func TestTokenMintedAndVerified(t *testing.T) {
	key := token.NewKey()
	var minted, verified bytes.Buffer
	if err := (MintToken{Key: key, User: 42, TTL: time.Minute}).Run(t.Context(), Streams{Out: &minted}); err != nil {
		t.Fatal(err)
	}
	if err := (VerifyToken{Key: key}).Run(t.Context(), Streams{In: &minted, Out: &verified}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(verified.String(), "user 42, expires 20") {
		t.Fatalf("verify prints %q", verified.String())
	}
	err := (VerifyToken{Key: token.NewKey()}).Run(t.Context(), Streams{In: strings.NewReader(minted.String()), Out: io.Discard})
	if ExitCode(err) != ExitFailed {
		t.Fatalf("a token of another key: %v", err)
	}
	if err := (MintToken{User: 1}).Run(t.Context(), Streams{Out: io.Discard}); ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), "croupier token key") {
		t.Fatalf("no key: %v", err)
	}
}

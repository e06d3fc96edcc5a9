package directory

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// Where the store is full rooms wait, everybody says so, and nobody loses a room; they go on once there is space.
func TestFullStore(t *testing.T) {
	t.Parallel()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), JetStreamMaxMemory: 1 << 20, JetStreamMaxStore: 4 << 20,
		NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not start")
	}
	at := (&url.URL{Scheme: "nats", Host: s.Addr().String()}).String()
	a, b := join(t, openAt(t, dial(t, at)), "a", "a:1"), join(t, openAt(t, dial(t, at)), "b", "b:1")
	ten, err := a.Claim(soon(t), dice(1), 0, []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	until(t, "b to see a", func() bool { return len(b.Servers()) == 2 })

	js, err := jetstream.New(dial(t, at))
	if err != nil {
		t.Fatal(err)
	}
	filler, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "filler", Subjects: []string{"filler"}, MaxBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // the last one goes far beyond the limit, so that leases which expire free too little
		_, err = js.Publish(soon(t), "filler", make([]byte, 900_000))
	}
	if refusal := new(jetstream.APIError); !errors.As(err, &refusal) || refusal.ErrorCode != codeNoSpace {
		t.Fatal(err)
	}

	answers := make(chan error, 1)
	ten.Save([]byte("two"), func(err error) { answers <- err })
	full := func(d *Directory) bool {
		err := d.Healthy()
		return err != nil && strings.Contains(err.Error(), "max_file_store") && !strings.Contains(err.Error(), "not answer")
	}
	until(t, "both to say so", func() bool { return full(a) && full(b) })
	for began := time.Now(); time.Since(began) < Lapse+time.Second; time.Sleep(5 * time.Millisecond) {
		// That it can still be read is no sign that it is over, nor that it finds a revision wrong.
		if _, err := b.Look(soon(t), dice(1)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Claim(soon(t), dice(1), 1_000_000, nil); !errors.Is(err, ErrConflict) {
			t.Fatal(err)
		}
		if a.Healthy() == nil || b.Healthy() == nil || !a.Alive("b") || !b.Alive("a") || len(answers) > 0 {
			t.Fatalf("while it is full: %v, %v; alive: %v, %v; %d answers", a.Healthy(), b.Healthy(), a.Alive("b"), b.Alive("a"), len(answers))
		}
	}
	if err := filler.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-answers:
		if err != nil {
			t.Fatal(err)
		}
	case <-soon(t).Done():
		t.Fatal("there is space, and nothing is saved")
	}
	until(t, "both to be well", func() bool { return a.Healthy() == nil && b.Healthy() == nil })
	e, err := b.Look(soon(t), dice(1))
	if err != nil || e.Server != "a" {
		t.Fatalf("owner %q, %v", e.Server, err)
	}
}

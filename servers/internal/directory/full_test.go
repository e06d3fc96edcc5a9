package directory

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"croupier/servers/internal/bus"

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

// One stream can be full, by a limit that an operator gave it, while the others take what is written.
func TestFullStream(t *testing.T) {
	t.Parallel()
	e, err := bus.Embed("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	a := join(t, openAt(t, dial(t, e.URL())), "a", "a:1")
	js, err := jetstream.New(dial(t, e.URL()))
	if err != nil {
		t.Fatal(err)
	}
	limit := func(most int64) {
		t.Helper()
		s, err := js.Stream(t.Context(), rooms.stream())
		if err != nil {
			t.Fatal(err)
		}
		config := s.CachedInfo().Config
		config.MaxBytes = most
		if _, err := js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
	limit(1024)
	ctx, cancel := context.WithCancel(t.Context())
	claimed := make(chan error, 1)
	go func() {
		_, err := a.Claim(ctx, dice(1), 0, make([]byte, 4096))
		claimed <- err
	}()
	t.Cleanup(func() { cancel(); <-claimed })
	until(t, "it to say so", func() bool {
		err := a.Healthy()
		return err != nil && strings.Contains(err.Error(), "max_bytes")
	})
	limit(-1)
	if err := <-claimed; err != nil {
		t.Fatal(err)
	}
	claimed <- nil
	until(t, "it to be well", func() bool { return a.Healthy() == nil })
}

// That leases are still taken does not make it well.
func TestFullFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := health{log: quiet()}
		h.note(fullError{"mend it", errUnknown})
		for range 10 {
			time.Sleep(fullFor / 2)
			if h.note(nil); h.err() == nil {
				t.Fatal("it is well, though it has just refused a write")
			}
			h.note(fullError{"mend it", errUnknown})
		}
		time.Sleep(fullFor)
		if h.note(nil); h.err() != nil {
			t.Fatal(h.err())
		}
		h.note(errUnknown)
		if h.note(nil); h.err() != nil {
			t.Fatal(h.err())
		}
	})
}

package directory

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// A goroutine that outlives every test is a leak.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// soon is a context for one call in a test.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// join joins the directory, and leaves it at the end of the test.
func join(t testing.TB, store Store, id, address string) *Directory {
	t.Helper()
	d, err := Join(soon(t), store, Server{ID: id, Address: address, Version: "v1", Games: []string{"dice"}}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A store that is just choosing a leader may not answer; the lease lapses then.
		if err := d.Close(soon(t)); err != nil && !errors.Is(err, ErrAway) {
			t.Error(err)
		}
	})
	return d
}

// saved saves, and waits for the answer.
func saved(t testing.TB, tenure *Tenure, snapshot string) error {
	t.Helper()
	done := make(chan error, 2)
	tenure.Save([]byte(snapshot), func(err error) { done <- err })
	return <-done
}

// latest is what a successor would begin with.
func latest(t testing.TB, d *Directory, key Key) (Entry, error) {
	t.Helper()
	e, err := d.Look(soon(t), key)
	if err != nil {
		return e, err
	}
	return d.Inherit(soon(t), e)
}

func closed(t testing.TB, tenure *Tenure) error {
	t.Helper()
	done := make(chan error, 2)
	tenure.Close(func(err error) { done <- err })
	return <-done
}

// until waits for a condition that another goroutine brings about.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

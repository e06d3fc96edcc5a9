package gameserver

import (
	"log/slog"
	"testing"
	"time"

	"croupier/servers/internal/bus"
	"croupier/servers/internal/directory"
	"croupier/servers/internal/trunk"
)

// inNATS is a store that takes its time, as that of a cluster does.
func inNATS(t *testing.T) directory.Store {
	t.Helper()
	embedded, err := bus.Embed("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(embedded.Close)
	conn, err := bus.Dial(t.Context(), embedded.URL(), t.Name(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	store, err := directory.OpenNATS(t.Context(), conn, 1)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func quiet(c *Config) { c.Log = slog.New(slog.DiscardHandler) }

// A crowd that asks the wrong server for one room does not wait in line for the directory.
func TestCrowdAtTheWrongServer(t *testing.T) {
	store := inNATS(t)
	one, two := run(t, store, quiet), run(t, store, quiet)
	attach(t, one).sit(7, 1)
	g := attach(t, two)
	began := time.Now()
	const crowd = 1000
	for user := range int64(crowd) {
		g.open(&trunk.Open{User: 100 + user, Game: "dice", Room: 1, Seat: -1, Request: 1})
	}
	for range crowd {
		if h := g.next(); h.Kind != trunk.KindMoved || h.moved.GetAddress() != one.address {
			t.Fatalf("%+v, want the way to %s", h, one.address)
		}
	}
	t.Logf("%d were sent on in %v", crowd, time.Since(began))
}

// Those who keep asking a draining server for rooms do not keep it from its end.
func TestDrainUnderAStormOfSitDowns(t *testing.T) {
	store := inNATS(t)
	one := run(t, store, quiet)
	run(t, store, quiet)
	g, storm := attach(t, one), attach(t, one)
	g.sit(7, 1)
	go func() {
		for range storm.frames { // what they are told is of no interest
		}
	}()
	drained := one.Cordon()
	began := time.Now()
	for user := int64(1000); ; user++ {
		storm.open(&trunk.Open{User: user, Game: "dice", Room: 1_000_000 + user, Seat: -1})
		if user%32 > 0 {
			continue
		}
		select {
		case <-drained:
			return
		case <-time.After(time.Millisecond):
		}
		if time.Since(began) > patience {
			t.Fatalf("not drained in %v", patience)
		}
	}
}

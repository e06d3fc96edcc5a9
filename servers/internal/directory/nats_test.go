package directory

import (
	"testing"

	"croupier/servers/internal/bus"

	"github.com/nats-io/nats.go"
)

func TestNATS(t *testing.T) { conform(t, openNATS) }

// openNATS is a store on a NATS server of its own.
func openNATS(t *testing.T) Store {
	e, err := bus.Embed("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return openAt(t, dial(t, e.URL()))
}

func dial(t testing.TB, url string) *nats.Conn {
	t.Helper()
	conn, err := bus.Dial(soon(t), url, t.Name(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func openAt(t testing.TB, conn *nats.Conn) Store {
	t.Helper()
	store, err := OpenNATS(soon(t), conn, 1)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

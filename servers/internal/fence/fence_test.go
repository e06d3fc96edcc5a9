package fence

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"croupier/servers/internal/bus"
)

// A goroutine that outlives every test is a leak.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	conn, err := bus.Dial(t.Context(), url, t.Name(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	conn.SetClosedHandler(func(*nats.Conn) { close(closed) })
	t.Cleanup(func() {
		conn.Close()
		<-closed
	})
	return conn
}

func TestNews(t *testing.T) {
	server, err := bus.Embed("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	heard, refused := make(chan Owner, 10), make(chan error, 10)
	ear := connect(t, server.URL())
	s, err := Subscribe(ear, func(o Owner) { heard <- o }, func(err error) { refused <- err })
	if err != nil {
		t.Fatal(err)
	}
	if err := ear.FlushTimeout(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	mouth := connect(t, server.URL())
	want := Owner{Game: "dice", Room: 5, Epoch: 1 << 62, Address: "a:1"}
	for _, bad := range []string{"", "{}", "nonsense", strings.Repeat(" ", maxSize+1)} {
		if err := mouth.Publish(subject, []byte(bad)); err != nil {
			t.Fatal(err)
		}
	}
	if err := Publish(mouth, want); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != want {
		t.Errorf("heard %+v", got)
	}
	for range 4 {
		if err := <-refused; !errors.Is(err, ErrMalformed) {
			t.Error(err)
		}
	}
	for _, bad := range []Owner{{Room: 5, Epoch: 1, Address: "a:1"}, {Game: "dice", Epoch: 1, Address: "a:1"}, {Game: "dice", Room: 5, Address: "a:1"},
		{Game: "dice", Room: 5, Epoch: 1 << 63, Address: "a:1"}, {Game: "dice", Room: 5, Epoch: 1}} {
		if err := Publish(mouth, bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%+v is told: %v", bad, err)
		}
	}
	s.Close()
	if err := Publish(mouth, want); err != nil {
		t.Fatal(err)
	}
	if err := mouth.FlushTimeout(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	if err := ear.FlushTimeout(20 * time.Second); err != nil { // what was sent before has come
		t.Fatal(err)
	}
	if len(heard)+len(refused) != 0 {
		t.Error("it hears after its end")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"game":"dice","room":5,"epoch":7,"address":"a:1"}`))
	f.Add([]byte(`{"game":"dice","room":-5,"epoch":18446744073709551615}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parse(data)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Error(err)
		}
		if err == nil && (o.Game == "" || o.Room <= 0 || o.Epoch == 0 || o.Epoch > 1<<63-1 || o.Address == "") {
			t.Errorf("%+v", o)
		}
	})
}

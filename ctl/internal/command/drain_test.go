package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"croupier/ctl/internal/fleet"
)

// gameServer is an ops port whose rooms go away by twos once it drains, as
// often as it is asked.
func gameServer(t *testing.T, rooms int) string {
	t.Helper()
	var (
		mu    sync.Mutex
		house fleet.House
	)
	for i := range rooms {
		house.Rooms = append(house.Rooms, fleet.Room{ID: json.Number(fmt.Sprint(i + 1)), Players: 2})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /drain", func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		house.Cordoned = true
		mu.Unlock()
		fmt.Fprintln(rw, "draining")
		http.NewResponseController(rw).Flush()
		<-r.Context().Done() // as the server does while it has rooms
	})
	mux.HandleFunc("GET /rooms", func(rw http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		json.NewEncoder(rw).Encode(house)
		if house.Cordoned && len(house.Rooms) > 0 {
			house.Rooms = house.Rooms[min(2, len(house.Rooms)):]
			for i := range house.Rooms {
				house.Rooms[i].Still = i == 0
			}
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestDrainOfALocalServer(t *testing.T) {
	url := gameServer(t, 5)
	code, out, errs := line(t, "drain", "--ops", url, "--dry-run")
	want := "Drain the server at URL\n  1. cordon it: it takes no new rooms\n  2. move 5 rooms with 10 players to other servers, and wait until it holds none\nDry run: nothing was changed.\n"
	if got := strings.ReplaceAll(out, url, "URL"); code != ExitOK || got != want || errs != "" {
		t.Fatalf("dry run: code %d, %q, %q", code, got, errs)
	}
	code, out, errs = line(t, "drain", "--ops", url, "--yes")
	if code != ExitOK || !strings.Contains(out, url+" holds no room any more, after ") {
		t.Fatalf("code %d, %q, %q", code, out, errs)
	}
	progress := strings.ReplaceAll(errs, url, "URL")
	want = "URL: 5 rooms with 10 players left\nURL: 3 rooms with 6 players left, 1 standing still\nURL: 1 room with 2 players left, 1 standing still\nURL: no room left\n"
	if progress != want {
		t.Errorf("tells %q, want %q", progress, want)
	}
	code, out, _ = line(t, "drain", "--ops", url, "--yes")
	if code != ExitOK || !strings.Contains(out, "it takes no new rooms already") || !strings.Contains(out, "it has no room to move") {
		t.Errorf("once more: code %d, %q", code, out)
	}
}

// TestDrainGivesUp: a server whose rooms stay is waited for as long as asked.
func TestDrainGivesUp(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /drain", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /rooms", func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(rw, `{"cordoned":true,"rooms":[{"id":1,"players":3,"still":true}]}`)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	code, _, errs := line(t, "drain", "--ops", server.URL, "--yes", "--timeout", "300ms")
	if code != ExitTimeout || !strings.Contains(errs, "1 room with 3 players left, 1 standing still\nnext: it goes on draining") {
		t.Errorf("code %d, %q", code, errs)
	}
}

func TestDrainPlans(t *testing.T) {
	house := fleet.House{Rooms: []fleet.Room{{Players: 3}, {Players: 1}}}
	var out bytes.Buffer
	show := func(o DrainServer, house fleet.House, others int) {
		o.Pod = "dice-1"
		o.plan(there, house, others).write(Streams{Out: &out})
		out.WriteString("\n")
	}
	show(DrainServer{}, house, 2)
	show(DrainServer{Delete: true}, house, 2)
	show(DrainServer{}, house, 0)
	show(DrainServer{}, fleet.House{Cordoned: true}, 1)
	golden(t, "drain.txt", out.String())
}

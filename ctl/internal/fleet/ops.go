package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Ports of the HTTP operations interface.
const (
	GameOpsPort = 60011
	GateOpsPort = 60016
)

// Room is one room as a game server reports it.
type Room struct {
	ID         json.Number `json:"id"`
	Game       string      `json:"game"`
	Players    int         `json:"players"`
	Spectators int         `json:"spectators"`
	State      string      `json:"state"`
	Epoch      uint64      `json:"epoch"`
	Awaited    int         `json:"awaited"` // players, of those online, who are on their way here still
	Still      bool        `json:"still"`   // its clocks stand: it moves, its players are awaited, or the directory does not answer
}

// Ops is what a pod says about itself.
type Ops struct {
	House
	Reached bool
	Version string
	Problem string // why it could not be asked
}

// House is what a game server says about its rooms.
type House struct {
	Server   string `json:"server"` // its ID in the directory of rooms
	Cordoned bool   `json:"cordoned"`
	Rooms    []Room `json:"rooms"`
}

// Players counts who is in the rooms.
func (h House) Players() int {
	n := 0
	for _, r := range h.Rooms {
		n += r.Players
	}
	return n
}

// Still counts the rooms that stand still.
func (h House) Still() int {
	n := 0
	for _, r := range h.Rooms {
		if r.Still {
			n++
		}
	}
	return n
}

// Awaited counts the players who are on their way here still.
func (h House) Awaited() int {
	n := 0
	for _, r := range h.Rooms {
		n += r.Awaited
	}
	return n
}

// Ask asks every running pod of a workload at its operations port, through the
// API server, so that it works wherever kubectl does. A pod that does not
// answer in time is reported as not reached; that is never an error.
func (f *Fleet) Ask(ctx context.Context, w *Workload, timeout time.Duration) map[string]Ops {
	var (
		mu      sync.Mutex
		answers = make(map[string]Ops, len(w.PodList))
		wait    sync.WaitGroup
		slots   = make(chan struct{}, 8) // requests in flight
	)
	if w.Component != GameComponent && w.Component != GateComponent {
		return answers // NATS lets only game servers and gates in
	}
	for _, pod := range w.PodList {
		if pod.Status.Phase != corev1.PodRunning {
			continue
		}
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			answer := f.ask(ctx, w.Kind, pod.Name)
			mu.Lock()
			defer mu.Unlock()
			answers[pod.Name] = answer
		})
	}
	wait.Wait()
	return answers
}

func (f *Fleet) ask(ctx context.Context, kind, pod string) Ops {
	var o Ops
	port := GameOpsPort
	if kind == Deployment {
		port = GateOpsPort
	}
	var version struct {
		Version string `json:"version"`
	}
	if err := f.get(ctx, pod, port, "version", &version); err != nil {
		o.Problem = err.Error()
		return o
	}
	o.Reached, o.Version = true, version.Version
	if kind == Deployment {
		return o
	}
	house, err := AskRooms(ctx, f.Port(pod, port))
	if err != nil {
		o.Reached, o.Problem = false, err.Error()
		return o
	}
	o.House = house
	return o
}

// AskRooms asks a game server for its rooms.
func AskRooms(ctx context.Context, port Port) (House, error) {
	var house House
	answer, err := port.Do(ctx, http.MethodGet, "rooms", nil)
	if err != nil {
		return house, err
	}
	defer answer.Close()
	if err := json.NewDecoder(answer).Decode(&house); err != nil {
		return house, fmt.Errorf("read /rooms of %s: %w", port, err)
	}
	return house, nil
}

func (f *Fleet) get(ctx context.Context, pod string, port int, path string, into any) error {
	answer, err := f.Port(pod, port).Do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer answer.Close()
	if err := json.NewDecoder(answer).Decode(into); err != nil {
		return fmt.Errorf("read /%s of pod %s: %w", path, pod, err)
	}
	return nil
}

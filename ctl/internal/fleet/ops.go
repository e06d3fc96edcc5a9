package fleet

import (
	"context"
	"encoding/json"
	"fmt"
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
}

// Ops is what a pod says about itself.
type Ops struct {
	Reached  bool
	Version  string
	Cordoned bool
	Rooms    []Room
	Problem  string // why it could not be asked
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
	var rooms struct {
		Cordoned bool   `json:"cordoned"`
		Rooms    []Room `json:"rooms"`
	}
	if err := f.get(ctx, pod, port, "rooms", &rooms); err != nil {
		o.Reached, o.Problem = false, err.Error()
		return o
	}
	o.Cordoned, o.Rooms = rooms.Cordoned, rooms.Rooms
	return o
}

func (f *Fleet) get(ctx context.Context, pod string, port int, path string, into any) error {
	body, err := f.Kube.CoreV1().Pods(f.Namespace).ProxyGet("http", pod, fmt.Sprint(port), path, nil).DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("ask pod %s for /%s: %w", pod, path, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read /%s of pod %s: %w", path, pod, err)
	}
	return nil
}

package command

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"croupier/ctl/internal/fleet"

	"github.com/urfave/cli/v2"
	corev1 "k8s.io/api/core/v1"
)

// DrainServer makes one game server give its rooms away.
type DrainServer struct {
	Change
	Pod    string
	Ops    string // the server's ops port, instead of a pod
	Delete bool   // the pod, once it is empty
}

// Drain is the verb `drain`.
func Drain() *cli.Command {
	return &cli.Command{
		Name:      "drain",
		Category:  "Run",
		Usage:     "move the rooms of one game server to the others",
		UsageText: "croupier drain [--delete] POD\ncroupier drain --ops http://HOST:PORT",
		Description: `Cordons the server, so that it takes no new room, and waits until it holds none. Rooms
move between two rounds, or in the middle of one after the server's --move-after; their
players notice nothing. Where no other server of the game takes rooms, they play on
until their players leave. A drained server stays cordoned until its pod is made anew,
which --delete does at the end. Pods that are stopped (by an upgrade, croupier scale,
kubectl drain) do the same by themselves: this is for looking at one server in peace.

Examples:
  croupier drain dice-1
  croupier drain --delete --yes dice-1
  croupier drain --ops http://127.0.0.1:60011 --yes`,
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "delete", Usage: "then delete the pod, so that a fresh one takes its place"},
			&cli.StringFlag{Name: "ops", Usage: "drain the server with this ops `URL`, http://HOST:PORT, instead of a pod"},
		}, changeFlags()...),
		Action: func(c *cli.Context) error {
			o := DrainServer{Change: change(c), Delete: c.Bool("delete")}
			var err error
			if o.Ops, err = opsURL(c); err != nil {
				return err
			}
			switch {
			case o.Ops == "":
				if o.Pod, err = one(c, "pod, such as dice-1"); err != nil {
					return err
				}
				return run(c, o)
			case c.Args().Present() || o.Delete:
				return usage("drain: --ops is of a server without a pod: leave out %s", map[bool]string{true: "--delete", false: c.Args().First()}[o.Delete])
			}
			return o.drain(c.Context, nil, nil, streams(c))
		},
	}
}

// Run drains a pod.
func (o DrainServer) Run(ctx context.Context, f *fleet.Fleet, s Streams) error {
	w, pod, err := f.Pod(ctx, o.Pod)
	if err != nil {
		return err
	}
	if pod.DeletionTimestamp != nil {
		return refused("%s is stopping, and so draining, already: look with `croupier status -o wide %s`", o.Pod, w.Name)
	}
	if pod.Status.Phase != corev1.PodRunning {
		return refused("%s does not run (%s), so it has no room to drain", o.Pod, pod.Status.Phase)
	}
	return o.drain(ctx, f, w, s)
}

// drain plans, asks, cordons and waits. Without a pod, f and w are nil.
func (o DrainServer) drain(ctx context.Context, f *fleet.Fleet, w *fleet.Workload, s Streams) error {
	port, where := fleet.LocalPort(o.Ops), o.Ops
	if f != nil {
		port, where = f.Port(o.Pod, fleet.GameOpsPort), place(f)
	}
	house, err := ask(ctx, port)
	if err != nil {
		return err
	}
	others := 1 // nobody knows
	if f != nil {
		others = o.others(ctx, f, w)
	}
	if ok, err := o.confirm(ctx, s, o.plan(where, house, others)); !ok {
		return err
	}
	if err := o.cordon(ctx, port); err != nil {
		return err
	}
	begun := time.Now()
	if err := o.wait(ctx, f, port, s); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%s holds no room any more, after %.1f s\n", o.name(), time.Since(begun).Seconds())
	if !o.Delete {
		return nil
	}
	for _, p := range w.Pods {
		if p.Name == o.Pod {
			if err := f.DeletePod(ctx, p); err != nil {
				return err
			}
			fmt.Fprintf(s.Out, "deleted pod %s; %s makes it anew\n", o.Pod, w.Name)
		}
	}
	return nil
}

func (o DrainServer) name() string {
	if o.Pod != "" {
		return o.Pod
	}
	return o.Ops
}

// others counts the servers of the same game that take rooms.
func (o DrainServer) others(ctx context.Context, f *fleet.Fleet, w *fleet.Workload) int {
	n := 0
	answers := f.Ask(ctx, w, opsTimeout)
	for _, p := range w.Pods {
		answer := answers[p.Name]
		if p.Name != o.Pod && p.Ready && !p.Terminating && answer.Reached && !answer.Cordoned {
			n++
		}
	}
	return n
}

// plan describes; others are the servers of the game that could take the rooms.
func (o DrainServer) plan(where string, house fleet.House, others int) Plan {
	plan := Plan{Title: fmt.Sprintf("Drain %s in %s", o.name(), where)}
	if o.Pod == "" {
		plan.Title = "Drain the server at " + where
	}
	if house.Cordoned {
		plan.Add("nothing to cordon: it takes no new rooms already")
	} else {
		plan.Add("cordon it: it takes no new rooms")
	}
	rooms := plural(len(house.Rooms), "room", "rooms") + " with " + plural(house.Players(), "player", "players")
	switch {
	case len(house.Rooms) == 0:
		plan.Add("it has no room to move")
	case others == 0:
		plan.Add("wait until its rooms have ended: %s", rooms)
		plan.Note("no other server of the set takes rooms, so they play on until their players leave; `croupier scale` makes one")
	default:
		plan.Add("move %s to other servers, and wait until it holds none", rooms)
	}
	if o.Delete {
		plan.Add("delete the pod; its set makes a fresh one")
	} else if o.Pod != "" {
		plan.Note("it stays cordoned until the pod is made anew: `kubectl delete pod %s`, or --delete", o.Pod)
	}
	return plan
}

func ask(ctx context.Context, port fleet.Port) (fleet.House, error) {
	ctx, cancel := context.WithTimeout(ctx, opsTimeout)
	defer cancel()
	return fleet.AskRooms(ctx, port)
}

// cordon starts the drain, which goes on by itself when the request ends.
func (o DrainServer) cordon(ctx context.Context, port fleet.Port) error {
	ctx, cancel := context.WithTimeout(ctx, opsTimeout)
	defer cancel()
	answer, err := port.Do(ctx, http.MethodPost, "drain", nil)
	if err != nil {
		return fmt.Errorf("drain %s: %w", o.name(), err)
	}
	return answer.Close()
}

// drainEvery is how often the rooms are counted. Draining a few takes a second.
const drainEvery = 250 * time.Millisecond

// wait returns when no room is left, or the server is gone, and tells the progress.
func (o DrainServer) wait(ctx context.Context, f *fleet.Fleet, port fleet.Port, s Streams) error {
	timeout := o.patience(nil, 0)
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	line := ""
	for {
		house, err := ask(waiting, port)
		now := left(house)
		if err != nil {
			var missing fleet.NotFoundError
			if f != nil {
				if _, _, gone := f.Pod(waiting, o.Pod); errors.As(gone, &missing) {
					fmt.Fprintf(s.Err, "%s: the pod is gone\n", o.Pod)
					return nil
				}
			}
			now = err.Error()
		}
		if now != line && waiting.Err() == nil {
			fmt.Fprintf(s.Err, "%s: %s\n", o.name(), now)
			line = now
		}
		if err == nil && len(house.Rooms) == 0 {
			return nil
		}
		if pause(waiting, tick) {
			continue
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait for the drain of %s: %w (it goes on draining)", o.name(), ctx.Err())
		}
		return timedOut("%s still held rooms after %s: %s\nnext: it goes on draining; look at %s's rooms with `croupier status -o wide`, and make sure that another server takes rooms", o.name(), timeout, line, o.name())
	}
}

// left is one line about the rooms that a server still has.
func left(house fleet.House) string {
	if len(house.Rooms) == 0 {
		return "no room left"
	}
	text := plural(len(house.Rooms), "room", "rooms") + " with " + plural(house.Players(), "player", "players") + " left"
	if n := house.Still(); n > 0 {
		text += fmt.Sprintf(", %d standing still", n)
	}
	return text
}

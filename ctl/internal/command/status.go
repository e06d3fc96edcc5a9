package command

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"croupier/ctl/internal/fleet"
	"croupier/ctl/internal/output"

	"github.com/urfave/cli/v2"
)

// StatusOf shows what runs.
type StatusOf struct {
	Name   string // empty: everything
	Format output.Format
	Now    func() time.Time
}

// Status is the verb `status`.
func Status() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Category:  "Run",
		Usage:     "show games, gate, revisions, pods and their rooms",
		UsageText: "croupier status [-o wide|json|yaml] [NAME]",
		Description: `Pods are asked for their version and rooms through the API server; one that does not
answer shows "-". A room is still while its clocks stand: it moves, its players are
awaited after a move, or NATS does not answer.

Examples:
  croupier status
  croupier status -o wide dice
  croupier status -o json | jq '.workloads[].phase'`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FORMAT`: wide, json or yaml"},
		}, clusterFlags()...),
		Action: func(c *cli.Context) error {
			format, err := output.ParseFormat(c.String("output"))
			if err != nil {
				return usage("%s", err)
			}
			var name string
			if c.Args().Present() {
				if name, err = one(c, "game, or gate"); err != nil {
					return err
				}
			}
			return run(c, StatusOf{Name: name, Format: format, Now: time.Now})
		},
	}
}

// statusReport is what -o json and yaml print.
type statusReport struct {
	Namespace string           `json:"namespace"`
	Workloads []workloadReport `json:"workloads"`
}

type workloadReport struct {
	Name            string      `json:"name"`
	Kind            string      `json:"kind"`
	Group           string      `json:"group,omitempty"`
	Phase           string      `json:"phase"`
	Replicas        int         `json:"replicas"`
	Ready           int         `json:"ready"`
	Updated         int         `json:"updated"`
	Partition       *int        `json:"partition,omitempty"`
	CurrentRevision string      `json:"currentRevision"`
	UpdateRevision  string      `json:"updateRevision"`
	Previous        string      `json:"previousRevision,omitempty"`
	Image           string      `json:"image"`
	Selected        *bool       `json:"selected,omitempty"` // A/B: gets the new rooms
	Pods            []podReport `json:"pods"`
}

type podReport struct {
	Name     string    `json:"name"`
	Ready    bool      `json:"ready"`
	Stopping bool      `json:"stopping,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Revision string    `json:"revision"`
	Image    string    `json:"image"`
	Version  string    `json:"version,omitempty"`
	Cordoned *bool     `json:"cordoned,omitempty"`
	Rooms    *int      `json:"rooms,omitempty"`
	Still    int       `json:"still,omitempty"`   // of the rooms, those whose clocks stand
	Awaited  int       `json:"awaited,omitempty"` // of the players, those who are on their way here still
	Server   string    `json:"server,omitempty"`  // the process's ID in the directory of rooms
	Players  *int      `json:"players,omitempty"`
	Node     string    `json:"node,omitempty"`
	IP       string    `json:"ip,omitempty"`
	Restarts int       `json:"restarts"`
	Created  time.Time `json:"created"`
	Problem  string    `json:"problem,omitempty"` // why it could not be asked
}

// Run reads the cluster once and prints it.
func (o StatusOf) Run(ctx context.Context, f *fleet.Fleet, s Streams) error {
	report, err := o.report(ctx, f)
	if err != nil {
		return err
	}
	switch o.Format {
	case output.JSON, output.YAML:
		return output.Encode(s.Out, o.Format, report)
	}
	if len(report.Workloads) == 0 {
		fmt.Fprintf(s.Err, "Nothing of Croupier runs in namespace %s. Deploy it with: croupier deploy --namespace %s\n", f.Namespace, f.Namespace)
		return nil
	}
	return o.print(s, report)
}

func (o StatusOf) report(ctx context.Context, f *fleet.Fleet) (statusReport, error) {
	report := statusReport{Namespace: f.Namespace, Workloads: []workloadReport{}}
	var all []*fleet.Workload
	if o.Name != "" {
		w, err := f.Workload(ctx, o.Name)
		if err != nil {
			return report, err
		}
		all = append(all, w)
	} else {
		var err error
		if all, err = f.Workloads(ctx); err != nil {
			return report, err
		}
	}
	for _, w := range all {
		r := describe(w, f.Ask(ctx, w, opsTimeout))
		if w.Group != "" {
			if svc, err := f.Service(ctx, strings.TrimSuffix(w.Name, "-"+w.Group)); err == nil {
				selected := svc.Spec.Selector[fleet.GroupLabel] == w.Group
				r.Selected = &selected
			}
		}
		report.Workloads = append(report.Workloads, r)
	}
	return report, nil
}

func describe(w *fleet.Workload, ops map[string]fleet.Ops) workloadReport {
	r := workloadReport{
		Name: w.Name, Kind: w.Kind, Group: w.Group, Phase: string(w.Phase()), Replicas: w.Replicas,
		CurrentRevision: w.CurrentRevision, UpdateRevision: w.UpdateRevision, Previous: w.Previous,
		Image: w.Image, Pods: []podReport{},
	}
	if w.Partitioned {
		partition := w.Partition
		r.Partition = &partition
	}
	for i, p := range w.Pods {
		pod := w.PodList[i]
		line := podReport{
			Name: p.Name, Ready: p.Ready, Stopping: p.Terminating, Reason: p.Reason, Revision: p.Revision,
			Node: pod.Spec.NodeName, IP: pod.Status.PodIP, Created: pod.CreationTimestamp.Time,
		}
		for _, c := range pod.Spec.Containers {
			if c.Name == w.Container {
				line.Image = c.Image
			}
		}
		for _, c := range pod.Status.ContainerStatuses {
			line.Restarts += int(c.RestartCount)
		}
		if answer, asked := ops[p.Name]; asked {
			line.Version, line.Problem = answer.Version, answer.Problem
			if answer.Reached && w.IsGame() {
				rooms, players := len(answer.Rooms), answer.Players()
				line.Rooms, line.Players, line.Cordoned = &rooms, &players, &answer.Cordoned
				line.Server, line.Still, line.Awaited = answer.Server, answer.Still(), answer.Awaited()
			}
		}
		if p.Ready && !p.Terminating {
			r.Ready++
		}
		if p.Revision == w.UpdateRevision {
			r.Updated++
		}
		r.Pods = append(r.Pods, line)
	}
	return r
}

func (o StatusOf) print(s Streams, report statusReport) error {
	palette := output.NewPalette(s.Out, os.Getenv)
	wide := o.Format == output.Wide
	table := output.Table{Header: []string{"NAME", "PHASE", "READY", "UPDATED", "PARTITION", "CURRENT", "UPDATE", "IMAGE"}}
	for _, w := range report.Workloads {
		partition := ""
		if w.Partition != nil {
			partition = fmt.Sprint(*w.Partition)
		}
		name := w.Name
		if w.Selected != nil && *w.Selected {
			name += " *"
		}
		table.Add(name, w.Phase, fmt.Sprintf("%d/%d", w.Ready, w.Replicas), fmt.Sprintf("%d/%d", w.Updated, w.Replicas),
			partition, w.CurrentRevision, w.UpdateRevision, w.Image)
	}
	paint := func(column int, text string) string {
		switch {
		case column == 1 && text == "settled":
			return palette.Good(text)
		case column == 1:
			return palette.Warn(text)
		}
		return text
	}
	if err := table.Write(s.Out, paint); err != nil {
		return err
	}
	pods := output.Table{Header: []string{"POD", "STATE", "REVISION", "VERSION", "ROOMS", "PLAYERS", "RESTARTS", "AGE", "NODE"}}
	if wide {
		pods.Header = append(pods.Header, "IP", "IMAGE")
	}
	for _, w := range report.Workloads {
		for _, p := range w.Pods {
			row := []string{p.Name, p.state(), p.Revision, p.Version, p.rooms(), p.players(),
				fmt.Sprint(p.Restarts), age(o.Now().Sub(p.Created)), p.Node}
			if wide {
				row = append(row, p.IP, p.Image)
			}
			pods.Add(row...)
		}
	}
	if len(pods.Rows) == 0 {
		return nil
	}
	fmt.Fprintln(s.Out)
	paint = func(column int, text string) string {
		switch {
		case column == 1 && text == "ready":
			return palette.Good(text)
		case column == 1:
			return palette.Warn(text)
		}
		return text
	}
	if err := pods.Write(s.Out, paint); err != nil {
		return err
	}
	o.why(s, report, palette)
	return nil
}

// why tells below the tables what a column has no room for.
func (o StatusOf) why(s Streams, report statusReport, palette output.Palette) {
	for _, w := range report.Workloads {
		for _, p := range w.Pods {
			if p.Reason != "" {
				fmt.Fprintf(s.Out, "\n%s %s\n", palette.Bad(p.Name+":"), p.Reason)
			}
			if o.Format == output.Wide && p.Problem != "" {
				fmt.Fprintf(s.Out, "\n%s not asked: %s\n", p.Name, p.Problem)
			}
		}
		if w.Selected != nil && *w.Selected {
			fmt.Fprintf(s.Out, "\n* %s gets the new rooms\n", w.Name)
		}
	}
}

func (p podReport) state() string {
	switch {
	case p.Stopping:
		return "stopping"
	case p.Ready && p.Cordoned != nil && *p.Cordoned:
		return "cordoned"
	case p.Ready:
		return "ready"
	case p.Reason != "":
		reason, _, _ := strings.Cut(p.Reason, ":")
		reason, _, _ = strings.Cut(reason, ",")
		return reason
	}
	return "starting"
}

// rooms is how many there are, and how many of them stand still.
func (p podReport) rooms() string {
	if p.Still > 0 {
		return fmt.Sprintf("%d (%d still)", *p.Rooms, p.Still)
	}
	return number(p.Rooms)
}

// players is how many there are, and how many of them are still to come.
func (p podReport) players() string {
	if p.Awaited > 0 {
		return fmt.Sprintf("%d (%d awaited)", *p.Players, p.Awaited)
	}
	return number(p.Players)
}

func number(n *int) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

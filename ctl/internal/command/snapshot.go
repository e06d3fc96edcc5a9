package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"croupier/ctl/internal/fleet"
	"croupier/ctl/internal/output"
	"croupier/ctl/internal/snapshot"

	"github.com/urfave/cli/v2"
	corev1 "k8s.io/api/core/v1"
)

// SaveSnapshots writes down the rooms of a game's servers.
type SaveSnapshots struct {
	Name string // of the set
	Ops  string // one server's ops port, instead
	To   string // a file; empty: standard output
}

// Snapshot is the verb `snapshot` with `snapshot save` and `snapshot check`.
func Snapshot() *cli.Command {
	return &cli.Command{
		Name:      "snapshot",
		Category:  "Upgrade",
		Usage:     "save the rooms of a game, and try another version on them",
		UsageText: "croupier snapshot save GAME > rooms.jsonl\ncroupier snapshot check --old X --new Y --from rooms.jsonl",
		Description: `Examples:
  croupier snapshot save dice > rooms.jsonl
  croupier snapshot check --old pod/dice-0 --new ./game --from rooms.jsonl`,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownVerb(c, c.Command.Subcommands)
			}
			return usage("snapshot: save or check? (see `croupier snapshot --help`)")
		},
		Subcommands: []*cli.Command{
			{
				Name:      "save",
				Usage:     "write the snapshots of every room of a game, a line of JSON each",
				UsageText: "croupier snapshot save [--to FILE] GAME\ncroupier snapshot save --ops http://HOST:PORT",
				Description: `Asks each running server of the game. A snapshot holds what players must not see, such
as dice before the settlement: a file is made for its owner's eyes only.

Examples:
  croupier snapshot save dice > rooms.jsonl
  croupier snapshot save --to rooms.jsonl dice-a
  croupier snapshot save --ops http://127.0.0.1:60011`,
				Flags: append([]cli.Flag{
					&cli.StringFlag{Name: "to", Usage: "write to this `FILE` instead of standard output", TakesFile: true},
					&cli.StringFlag{Name: "ops", Usage: "ask the server with this ops `URL`, http://HOST:PORT, instead of a game's pods"},
				}, clusterFlags()...),
				Action: func(c *cli.Context) error {
					o := SaveSnapshots{To: c.String("to")}
					var err error
					if o.Ops, err = opsURL(c); err != nil {
						return err
					}
					if o.Ops != "" {
						if c.Args().Present() {
							return usage("snapshot save: --ops is of one server: leave out %s", c.Args().First())
						}
						return o.save(c.Context, []fleet.Port{fleet.LocalPort(o.Ops)}, streams(c))
					}
					if o.Name, err = one(c, "game"); err != nil {
						return err
					}
					return run(c, o)
				},
			},
			checkCommand(),
		},
	}
}

// Run asks every running pod of the game.
func (o SaveSnapshots) Run(ctx context.Context, f *fleet.Fleet, s Streams) error {
	w, err := f.Game(ctx, o.Name)
	if err != nil {
		return err
	}
	var ports []fleet.Port
	for _, pod := range w.PodList {
		if pod.Status.Phase == corev1.PodRunning {
			ports = append(ports, f.Port(pod.Name, fleet.GameOpsPort))
		}
	}
	if len(ports) == 0 {
		return refused("%s has no running pod, so there is no room to save", o.Name)
	}
	return o.save(ctx, ports, s)
}

// saveTimeout bounds the answer of one server: thousands of rooms take a second.
const saveTimeout = time.Minute

func (o SaveSnapshots) save(ctx context.Context, ports []fleet.Port, s Streams) (err error) {
	var lines []snapshot.Line
	for _, port := range ports {
		some, err := snapshotsOf(ctx, port)
		if err != nil {
			return err
		}
		lines = append(lines, some...)
	}
	unsaved := 0
	for _, l := range lines {
		if l.Error != "" {
			unsaved++
			fmt.Fprintf(s.Err, "room %d of %s was not saved: %s\n", l.Room, l.Game, l.Error)
		}
	}
	out, where := s.Out, ""
	if o.To != "" {
		file, failed := os.OpenFile(o.To, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if failed != nil {
			return fmt.Errorf("save the snapshots: %w", failed)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out, where = file, " to "+o.To
	}
	if err := snapshot.Write(out, lines); err != nil {
		return fmt.Errorf("save the snapshots: %w", err)
	}
	fmt.Fprintf(s.Err, "saved %s of %s%s\n", plural(len(lines)-unsaved, "room", "rooms"), plural(len(ports), "server", "servers"), where)
	if unsaved > 0 {
		return partly("%s not saved", plural(unsaved, "room was", "rooms were"))
	}
	return nil
}

func snapshotsOf(ctx context.Context, port fleet.Port) ([]snapshot.Line, error) {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	answer, err := port.Do(ctx, http.MethodGet, "snapshots", nil)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	lines, err := snapshot.Read(answer)
	if err != nil {
		return nil, fmt.Errorf("read the snapshots of %s: %w", port, err)
	}
	return lines, nil
}

// open opens a file of snapshots, or standard input for "-".
func openSnapshots(from string, s Streams) (io.ReadCloser, error) {
	if from != "-" {
		file, err := os.Open(from)
		if err != nil {
			return nil, fmt.Errorf("read the snapshots: %w (save some with `croupier snapshot save GAME > %s`)", err, from)
		}
		return file, nil
	}
	if output.IsTerminal(s.In) {
		return nil, usage("snapshot check: which snapshots? write --from FILE, or pipe those of `croupier snapshot save GAME` into it")
	}
	return io.NopCloser(s.In), nil
}

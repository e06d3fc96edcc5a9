package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"croupier/ctl/internal/fleet"
	"croupier/ctl/internal/output"
	"croupier/ctl/internal/snapshot"

	"github.com/urfave/cli/v2"
)

// CheckSnapshots replays saved snapshots through two versions of the game
// server, and back.
type CheckSnapshots struct {
	Old, New replayer
	From     string // a file, or - for standard input
	Format   output.Format
}

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "see whether rooms survive an upgrade, and the way back",
		UsageText: "croupier snapshot check --old PROGRAM|pod/NAME --new PROGRAM|pod/NAME [--from FILE|-]",
		Description: `Restores each saved room with the new version of the game server and snapshots it there,
then restores that with the old version: what an upgrade does, and a rollback. The
rooms are compared as the old version sees them, before and after; clocks (fields that
end in _ns, _us or _ms) may run on. Nothing of it touches a room in play.

A version is a game program of this machine, or pod/NAME to run the one in that pod.

Exit codes: 0 every room survives; 1 it could not be tried; 5 a room would be refused, or
come back another one.

Examples:
  croupier snapshot save dice > rooms.jsonl
  croupier snapshot check --old pod/dice-0 --new ./game --from rooms.jsonl
  croupier snapshot save dice | croupier snapshot check --old pod/dice-0 --new pod/dice-2
  croupier snapshot check --old ./game-v1 --new ./game-v2 -o json < rooms.jsonl`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "old", Usage: "the `VERSION` that runs"},
			&cli.StringFlag{Name: "new", Usage: "the `VERSION` to try"},
			&cli.StringFlag{Name: "from", Value: "-", Usage: "the `FILE` of snapshots; -: standard input", TakesFile: true},
			&cli.StringFlag{Name: "program", Value: "/game", Usage: "where the game program is in a pod: `PATH`"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FORMAT`: wide (rooms that survive, too), json or yaml"},
		}, clusterFlags()...),
		Action: func(c *cli.Context) error {
			o := CheckSnapshots{From: c.String("from")}
			var err error
			if o.Format, err = output.ParseFormat(c.String("output")); err != nil {
				return usage("%s", err)
			}
			if c.Args().Present() {
				return usage("snapshot check takes no argument, but got %q: write --from %s", c.Args().First(), c.Args().First())
			}
			var f *fleet.Fleet
			version := func(flag string) (replayer, error) {
				text := c.String(flag)
				if text == "" {
					return nil, usage("snapshot check: which versions? give --old and --new, each a game program or pod/NAME")
				}
				pod, inPod := strings.CutPrefix(text, "pod/")
				if !inPod {
					return localGame(text), nil
				}
				if f == nil {
					if f, err = fleet.Connect(target(c)); err != nil {
						return nil, err
					}
				}
				return podGame{fleet: f, pod: pod, program: c.String("program")}, nil
			}
			if o.Old, err = version("old"); err != nil {
				return err
			}
			if o.New, err = version("new"); err != nil {
				return err
			}
			err = o.Run(c.Context, streams(c))
			if f != nil {
				err = f.Explain(err)
			}
			return err
		},
	}
}

// replayer is a version of the game server that snapshots can be tried on.
type replayer interface {
	// replay runs `game snapshot replay` on lines of snapshots. It fails where
	// a room is refused, too: what it wrote then tells.
	replay(ctx context.Context, input []byte) (lines []byte, err error)
	fmt.Stringer
}

// replayVerb is what a game program is run with.
var replayVerb = []string{"snapshot", "replay"}

type localGame string

func (p localGame) String() string { return string(p) }

// unrunnable is a program that was not even started.
type unrunnable struct{ error }

func (p localGame) replay(ctx context.Context, input []byte) ([]byte, error) {
	var out, errs bytes.Buffer
	program := string(p)
	if !strings.Contains(program, "/") {
		if _, err := os.Stat(program); err == nil {
			program = "./" + program // a file here, not a program of the PATH
		}
	}
	cmd := exec.CommandContext(ctx, program, replayVerb...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &errs
	err := cmd.Run()
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, exec.ErrNotFound) {
		return nil, &unrunnable{fmt.Errorf("run `%s %s`: %w: name a game server's program of this machine, such as ./game, or pod/NAME", program, strings.Join(replayVerb, " "), err)}
	}
	if err != nil {
		return out.Bytes(), fmt.Errorf("run `%s %s`: %w %s", program, strings.Join(replayVerb, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), nil
}

type podGame struct {
	fleet        *fleet.Fleet
	pod, program string
}

func (p podGame) String() string { return "pod/" + p.pod }

func (p podGame) replay(ctx context.Context, input []byte) ([]byte, error) {
	w, _, err := p.fleet.Pod(ctx, p.pod)
	if err != nil {
		return nil, err
	}
	return p.fleet.Exec(ctx, p.pod, w.Container, append([]string{p.program}, replayVerb...), bytes.NewReader(input))
}

// Run tries every snapshot and tells which rooms would not survive.
func (o CheckSnapshots) Run(ctx context.Context, s Streams) error {
	originals, err := o.read(s)
	if err != nil {
		return err
	}
	if len(originals) == 0 {
		return refused("there is no snapshot in %s, so nothing was tried: save rooms in play with `croupier snapshot save GAME`", o.source())
	}
	through := func(version replayer, lines []snapshot.Line) ([]snapshot.Line, error) {
		fmt.Fprintf(s.Err, "replaying %s on %s\n", plural(len(lines), "room", "rooms"), version)
		return replay(ctx, version, lines)
	}
	before, err := through(o.Old, originals)
	if err != nil {
		return err
	}
	tried, err := through(o.New, originals)
	if err != nil {
		return err
	}
	after, err := through(o.Old, tried)
	if err != nil {
		return err
	}
	return o.report(s, snapshot.Judge(originals, before, tried, after))
}

func (o CheckSnapshots) source() string {
	if o.From == "-" {
		return "standard input"
	}
	return o.From
}

func (o CheckSnapshots) read(s Streams) ([]snapshot.Line, error) {
	file, err := openSnapshots(o.From, s)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines, err := snapshot.Read(file)
	if err != nil {
		return nil, fmt.Errorf("read the snapshots of %s: %w", o.source(), err)
	}
	return lines, nil
}

// replay has a version restore and snapshot the rooms that have a snapshot.
// That it ends with an error counts only where it left a room out: it does so
// where it refused one, too.
func replay(ctx context.Context, version replayer, lines []snapshot.Line) ([]snapshot.Line, error) {
	var input bytes.Buffer
	asked := make(map[snapshot.Key]bool)
	for _, l := range lines {
		if l.Error == "" {
			if err := snapshot.Write(&input, []snapshot.Line{l}); err != nil {
				return nil, err
			}
			asked[l.Key()] = true
		}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	out, failed := version.replay(ctx, input.Bytes())
	answers, err := snapshot.Read(bytes.NewReader(out))
	if err != nil {
		err = fmt.Errorf("read what %s makes of the snapshots: %w", version, err)
	}
	for _, l := range answers {
		delete(asked, l.Key())
	}
	var none *unrunnable
	switch {
	case len(asked) == 0 && err == nil:
		return answers, nil
	case errors.As(failed, &none):
		return nil, failed
	case failed != nil:
		return nil, fmt.Errorf("%w (a version from before `snapshot replay` cannot be tried)", failed)
	}
	return answers, err
}

// checkReport is what -o json and yaml print.
type checkReport struct {
	Old     string            `json:"old"`
	New     string            `json:"new"`
	Rooms   int               `json:"rooms"`
	Same    int               `json:"same"`
	Differs int               `json:"differs"`
	Refused int               `json:"refused"`
	Results []snapshot.Result `json:"results"`
}

func (o CheckSnapshots) report(s Streams, results []snapshot.Result) error {
	r := checkReport{Old: o.Old.String(), New: o.New.String(), Rooms: len(results), Results: results}
	for _, one := range results {
		switch one.Outcome {
		case snapshot.Same:
			r.Same++
		case snapshot.Differs:
			r.Differs++
		default:
			r.Refused++
		}
	}
	if err := o.print(s.Out, r); err != nil {
		return err
	}
	if bad := r.Differs + r.Refused; bad > 0 {
		return partly("%d of %s would not survive the way from %s to %s and back", bad, plural(r.Rooms, "room", "rooms"), r.Old, r.New)
	}
	return nil
}

func (o CheckSnapshots) print(w io.Writer, r checkReport) error {
	if o.Format == output.JSON || o.Format == output.YAML {
		return output.Encode(w, o.Format, r)
	}
	palette := output.NewPalette(w, os.Getenv)
	table := output.Table{Header: []string{"GAME", "ROOM", "OUTCOME", "WHY"}}
	for _, one := range r.Results {
		if one.Outcome == snapshot.Same && o.Format != output.Wide {
			continue
		}
		table.Add(one.Game, fmt.Sprint(one.Room), string(one.Outcome), one.String())
	}
	if len(table.Rows) > 0 {
		err := table.Write(w, func(column int, text string) string {
			switch {
			case column == 2 && text == string(snapshot.Same):
				return palette.Good(text)
			case column == 2:
				return palette.Bad(text)
			}
			return text
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintf(w, "%s: %d the same, %d different, %d refused (%s -> %s -> %s)\n",
		plural(r.Rooms, "room", "rooms"), r.Same, r.Differs, r.Refused, r.Old, r.New, r.Old)
	return err
}

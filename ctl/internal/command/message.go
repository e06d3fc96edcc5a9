package command

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"croupier/ctl/internal/fleet"
	"croupier/ctl/internal/output"

	"github.com/urfave/cli/v2"
)

// PushMessage sends a message to players, wherever they are connected.
type PushMessage struct {
	Change
	Ops    string  // a gate's ops port that this machine reaches; empty: through the cluster
	Users  []int64 // nobody: everyone who is connected
	Text   string
	Opcode uint32 // 0: the text
	Data   []byte
	Format output.Format
}

func pushMessage() *cli.Command {
	return &cli.Command{
		Name:      "message",
		Usage:     "send a message to players, wherever they are connected",
		UsageText: "croupier push message --user ID[,ID...]|--all --text TEXT\ncroupier push message --user ID[,ID...]|--all --opcode N --data BASE64|@FILE",
		Description: `One gate is asked, and NATS brings the message to all of them. A text arrives as a notice
(opcode 7); any other opcode carries DATA as it is, which clients have to know. Offline
users miss it: nothing is kept for them. Only --all asks before it sends. With --ops it is not
known how many gates there are, so that one that does not answer is not missed.

Exit codes: 0 every user named has it (or everyone online, with --all); 1 it was not sent;
5 it was sent, but a user is offline, or a gate did not answer.

Examples:
  croupier push message --user 7,8 --text "Your prize is here"
  croupier push message --all --text "The house closes at midnight" --yes
  croupier push message --user 7 --opcode 900 --data @gift.bin -o json
  croupier push message --ops http://127.0.0.1:60016 --all --text hello`,
		Flags: append([]cli.Flag{
			&cli.Int64SliceFlag{Name: "user", Aliases: []string{"u"}, Usage: "to these users: `ID`,ID..."},
			&cli.BoolFlag{Name: "all", Usage: "to everyone who is connected"},
			&cli.StringFlag{Name: "text", Usage: "a notice that says `TEXT`"},
			&cli.UintFlag{Name: "opcode", Usage: "a message of opcode `N`, with --data"},
			&cli.StringFlag{Name: "data", Usage: "what it carries: `BASE64`, or @FILE for the bytes of a file"},
			&cli.StringFlag{Name: "ops", Usage: "ask the gate with this ops `URL`, http://HOST:PORT, instead of one in the cluster"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FORMAT`: json or yaml"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask, go ahead"},
			&cli.BoolFlag{Name: "dry-run", Usage: "print the plan, send nothing"},
		}, clusterFlags()...),
		Action: func(c *cli.Context) error {
			o, err := readMessage(c)
			if err != nil {
				return err
			}
			if o.Ops != "" {
				return o.Run(c.Context, nil, streams(c))
			}
			return run(c, o)
		},
	}
}

// readMessage reads the command line.
func readMessage(c *cli.Context) (PushMessage, error) {
	o := PushMessage{Change: change(c), Users: c.Int64Slice("user"), Text: c.String("text")}
	var err error
	if o.Format, err = output.ParseFormat(c.String("output")); err != nil {
		return o, usage("%s", err)
	}
	if o.Ops, err = opsURL(c); err != nil {
		return o, err
	}
	slices.Sort(o.Users)
	o.Users = slices.Compact(o.Users)
	opcode, max := c.Uint("opcode"), uint(1<<32-1)
	switch {
	case c.Args().Present():
		return o, usage("push message takes no argument, but got %q: write the message as --text %q", c.Args().First(), strings.Join(c.Args().Slice(), " "))
	case c.Bool("all") == (len(o.Users) > 0):
		return o, usage("push message: to whom? give --user ID[,ID...] or --all, one of them")
	case len(o.Users) > 0 && o.Users[0] < 1:
		return o, usage("push message: --user %d: users count from 1", o.Users[0])
	case c.IsSet("text") == c.IsSet("opcode"):
		return o, usage("push message: which message? give --text TEXT, or --opcode N --data BASE64, one of them")
	case c.IsSet("text") && strings.TrimSpace(o.Text) == "":
		return o, usage("push message: --text is empty")
	case c.IsSet("text") && c.IsSet("data"):
		return o, usage("push message: --data goes with --opcode, not with --text")
	case c.IsSet("opcode") && (opcode < 1 || opcode > max):
		return o, usage("push message: --opcode %d: from 1 to %d", opcode, max)
	}
	o.Opcode = uint32(opcode)
	if c.IsSet("data") {
		if o.Data, err = payload(c.String("data")); err != nil {
			return o, err
		}
	}
	return o, nil
}

// payload reads --data.
func payload(text string) ([]byte, error) {
	if file, ok := strings.CutPrefix(text, "@"); ok {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, usage("push message: --data @FILE: %s", err)
		}
		return data, nil
	}
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, usage("push message: --data is not base64 (%s); for the bytes of a file write --data @FILE", err)
	}
	return data, nil
}

// pushRequest is what a gate's POST /push takes.
type pushRequest struct {
	Users  []int64 `json:"users,omitempty"`
	All    bool    `json:"all,omitempty"`
	Text   string  `json:"text,omitempty"`
	Opcode uint32  `json:"opcode,omitempty"`
	Data   []byte  `json:"data,omitempty"`
}

// pushResult is what it answers, and what -o json and yaml print.
type pushResult struct {
	Sessions int     `json:"sessions"` // that took the message
	Reached  []int64 `json:"reached"`  // users, of those that were named
	Offline  []int64 `json:"offline"`
	Gates    int     `json:"gates"`             // that answered
	Dropped  int     `json:"dropped,omitempty"` // sessions that were there, and had too much to read already
}

// Run sends the message by one gate and tells who got it.
func (o PushMessage) Run(ctx context.Context, f *fleet.Fleet, s Streams) error {
	gates := 1
	where := o.Ops
	var port fleet.Port
	if o.Ops != "" {
		port = fleet.LocalPort(o.Ops)
	} else {
		pods, err := f.Gates(ctx)
		if err != nil {
			return err
		}
		if len(pods) == 0 {
			return refused("no gate is ready in namespace %s, so nobody is connected: look with `croupier status gate`", f.Namespace)
		}
		gates, where = len(pods), place(f)
		port = f.Port(pods[0], fleet.GateOpsPort)
	}
	if plan, asked := o.plan(where), s; o.DryRun || len(o.Users) == 0 {
		if o.Format != output.Plain {
			asked.Out = s.Err // the answer alone is data
		}
		if ok, err := o.confirm(ctx, asked, plan); !ok {
			return err
		}
	}
	result, err := o.send(ctx, port)
	if err != nil {
		return err
	}
	return o.report(s, result, gates)
}

func (o PushMessage) plan(where string) Plan {
	to := "everyone who is connected"
	switch len(o.Users) {
	case 0:
	case 1:
		to = "user " + list(o.Users)
	default:
		to = "users " + list(o.Users)
	}
	plan := Plan{Title: "Push a message in " + where}
	if o.Opcode == 0 {
		plan.Add("to %s: the notice %q", to, o.Text)
	} else {
		plan.Add("to %s: opcode %d with %s", to, o.Opcode, plural(len(o.Data), "byte", "bytes"))
	}
	return plan
}

// sendTimeout bounds one push: a gate waits for the others at most a second or two.
const sendTimeout = 15 * time.Second

func (o PushMessage) send(ctx context.Context, port fleet.Port) (result pushResult, err error) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	body, err := json.Marshal(pushRequest{Users: o.Users, All: len(o.Users) == 0, Text: o.Text, Opcode: o.Opcode, Data: o.Data})
	if err != nil {
		return result, fmt.Errorf("write the message: %w", err)
	}
	answer, err := port.Do(ctx, http.MethodPost, "push", body)
	if err != nil {
		return result, fmt.Errorf("push the message: %w", err)
	}
	defer answer.Close()
	if err := json.NewDecoder(answer).Decode(&result); err != nil {
		return result, fmt.Errorf("read what %s says of the message: %w", port, err)
	}
	slices.Sort(result.Reached)
	slices.Sort(result.Offline)
	return result, nil
}

// report prints who got it; gates is how many there are.
func (o PushMessage) report(s Streams, result pushResult, gates int) error {
	if o.Format == output.JSON || o.Format == output.YAML {
		result.Reached, result.Offline = append([]int64{}, result.Reached...), append([]int64{}, result.Offline...)
		if err := output.Encode(s.Out, o.Format, result); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(s.Out, "%s took it, on %s\n", plural(result.Sessions, "session", "sessions"), plural(result.Gates, "gate", "gates"))
		if len(result.Reached) > 0 {
			fmt.Fprintf(s.Out, "reached: %s\n", list(result.Reached))
		}
		if result.Dropped > 0 {
			fmt.Fprintf(s.Out, "%s did not take it: too much waits for them already\n", plural(result.Dropped, "session", "sessions"))
		}
		if len(result.Offline) > 0 {
			fmt.Fprintf(s.Out, "offline: %s\n", list(result.Offline))
		}
	}
	switch {
	case result.Gates < gates:
		return partly("only %d of %d gates answered: who is connected to the others may have missed it; look with `croupier status`", result.Gates, gates)
	case len(result.Offline) > 0 && o.Ops != "": // how many gates there are is not known
		return partly("%s offline, or at a gate that did not answer", plural(len(result.Offline), "user is", "users are"))
	case len(result.Offline) > 0:
		return partly("%s offline and will not get it", plural(len(result.Offline), "user is", "users are"))
	}
	return nil
}

// list writes numbers as people do: 7, 8 and 9.
func list(numbers []int64) string {
	const most = 20
	var words []string
	for i, n := range numbers {
		if i == most {
			words = append(words, fmt.Sprintf("%d more", len(numbers)-most))
			break
		}
		words = append(words, fmt.Sprint(n))
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// opsURL reads --ops.
func opsURL(c *cli.Context) (string, error) {
	url := c.String("ops")
	if url != "" && !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return "", usage("%s: --ops %s is no URL: write --ops http://%s", verb(c), url, url)
	}
	return url, nil
}

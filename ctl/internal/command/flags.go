package command

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"croupier/ctl/internal/fleet"

	"github.com/urfave/cli/v2"
)

const (
	defaultNamespace = "croupier"
	clusterCategory  = "Cluster:"
)

// globalFlags may stand before the verb or after it, as with kubectl.
func globalFlags() []cli.Flag { return clusterFlags() }

func clusterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "kubeconfig", Category: clusterCategory, Usage: "read the cluster's address and credentials from `FILE` (default: $KUBECONFIG, else ~/.kube/config)", TakesFile: true},
		&cli.StringFlag{Name: "context", Category: clusterCategory, Usage: "use this `CONTEXT` of the kubeconfig"},
		&cli.StringFlag{Name: "namespace", Aliases: []string{"n"}, Category: clusterCategory, Usage: "work in this `NAMESPACE` (default: " + defaultNamespace + ")"},
	}
}

func changeFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask, go ahead"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print the plan, have the API server check it, change nothing"},
		&cli.DurationFlag{Name: "timeout", DefaultText: "5m, or longer if the pods may need it to drain", Usage: "give up waiting after this `TIME`, with exit code 4"},
	}, clusterFlags()...)
}

// target reads the cluster flags from wherever they were given.
func target(c *cli.Context) fleet.Target {
	t := fleet.Target{
		Kubeconfig: inherited(c, "kubeconfig"),
		Context:    inherited(c, "context"),
		Namespace:  inherited(c, "namespace"),
	}
	if t.Namespace == "" {
		t.Namespace = defaultNamespace
	}
	return t
}

// inherited reads a string flag that may have been given to the verb or to a
// context above it. The verb's own unset flag must not hide the other.
func inherited(c *cli.Context, name string) string {
	for _, level := range c.Lineage() {
		if level.Command != nil && slices.Contains(level.LocalFlagNames(), name) {
			return level.String(name)
		}
	}
	return ""
}

// Change is how a changing verb goes about it.
type Change struct {
	Yes     bool
	DryRun  bool
	Timeout time.Duration // 0: as long as the pods may need
}

func change(c *cli.Context) Change {
	return Change{Yes: c.Bool("yes"), DryRun: c.Bool("dry-run"), Timeout: c.Duration("timeout")}
}

func streams(c *cli.Context) Streams {
	return Streams{In: c.App.Reader, Out: c.App.Writer, Err: c.App.ErrWriter}
}

// one returns the single argument of a verb.
func one(c *cli.Context, what string) (string, error) {
	switch c.Args().Len() {
	case 1:
		return c.Args().First(), nil
	case 0:
		return "", usage("%s: name the %s (see `%s --help`)", verb(c), what, c.Command.HelpName)
	}
	return "", usage("%s takes one %s, not %d: %s", verb(c), what, c.Args().Len(), strings.Join(c.Args().Slice(), " "))
}

// verb is a verb's name below the program's: "canary promote".
func verb(c *cli.Context) string { return strings.TrimPrefix(c.Command.HelpName, c.App.Name+" ") }

// runner is a verb with its options filled in.
type runner interface {
	Run(ctx context.Context, f *fleet.Fleet, s Streams) error
}

// onCluster is the action of a verb that works on one named thing in the
// cluster. The command line is read, and found wrong, before the kubeconfig.
func onCluster(what string, read func(c *cli.Context, name string) (runner, error)) cli.ActionFunc {
	return func(c *cli.Context) error {
		name, err := one(c, what)
		if err != nil {
			return err
		}
		options, err := read(c, name)
		if err != nil {
			return err
		}
		return run(c, options)
	}
}

// run runs a verb on the cluster that the command line names.
func run(c *cli.Context, options runner) error {
	f, err := fleet.Connect(target(c))
	if err != nil {
		return err
	}
	return f.Explain(options.Run(c.Context, f, streams(c)))
}

// checkLine refuses a flag where it would not be read: urfave/cli stops
// reading flags at the first argument, so in `scale dice --dry-run` the flag
// would be taken for an argument, and a flag given to `canary` before its
// subcommand is read by `canary` alone.
func checkLine(c *cli.Context) error {
	args := c.Args().Slice()
	for i, arg := range args {
		if i > 0 && strings.HasPrefix(arg, "-") && arg != "-" {
			return usage("the flag %s stands after the argument %q and would not be read: write `%s`",
				arg, args[0], correctedLine(c))
		}
	}
	lineage := c.Lineage()
	for _, level := range lineage[1:] {
		if level.Command == nil || level.Command == lineage[len(lineage)-1].Command {
			continue
		}
		if level.App != nil && level.Command.Name == level.App.Name {
			continue
		}
		for _, name := range level.LocalFlagNames() {
			if isCluster(name) {
				continue
			}
			return usage("the flag --%s stands before %q and would not be read: write `%s --%s ...`",
				name, c.Command.Name, c.Command.HelpName, name)
		}
	}
	return nil
}

// correctedLine puts the flags that were found after an argument before it.
func correctedLine(c *cli.Context) string {
	line := []string{c.Command.HelpName}
	for _, name := range []string{"kubeconfig", "context", "namespace"} {
		if value := inherited(c, name); value != "" {
			line = append(line, "--"+name, value) // given before the verb, perhaps
		}
	}
	for _, name := range c.LocalFlagNames() {
		if !isCluster(name) {
			line = append(line, given(c, name)...)
		}
	}
	var arguments []string
	args := c.Args().Slice()
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") {
			arguments = append(arguments, arg)
			continue
		}
		line = append(line, arg)
		if !strings.Contains(arg, "=") && !isBool(c, strings.TrimLeft(arg, "-")) && i+1 < len(args) {
			i++
			line = append(line, args[i])
		}
	}
	return strings.Join(append(line, arguments...), " ")
}

// given writes a flag again as it was set; aliases are written once.
func given(c *cli.Context, name string) []string {
	for _, f := range c.Command.Flags {
		if f.Names()[0] != name {
			continue
		}
		switch v := c.Value(name).(type) {
		case bool:
			if v {
				return []string{"--" + name}
			}
			return []string{"--" + name + "=false"}
		case cli.StringSlice:
			var out []string
			for _, s := range v.Value() {
				out = append(out, "--"+name, s)
			}
			return out
		case cli.Int64Slice:
			var out []string
			for _, n := range v.Value() {
				out = append(out, "--"+name, strconv.FormatInt(n, 10))
			}
			return out
		case time.Duration:
			return []string{"--" + name, v.String()}
		default:
			return []string{"--" + name, c.String(name)}
		}
	}
	return nil
}

func isCluster(name string) bool {
	return slices.Contains([]string{"kubeconfig", "context", "namespace", "n"}, name)
}

func isBool(c *cli.Context, name string) bool {
	for _, f := range c.Command.Flags {
		if _, ok := f.(*cli.BoolFlag); ok && slices.Contains(f.Names(), name) {
			return true
		}
	}
	return name == "help" || name == "h"
}

package command

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// checkLine refuses a flag where it would not be read: urfave/cli stops reading flags at the first
// argument, so in `run storm --bots 3` the flag would be taken for an argument.
func checkLine(c *cli.Context) error {
	args := c.Args().Slice()
	for i, arg := range args {
		if i > 0 && strings.HasPrefix(arg, "-") && arg != "-" {
			return usage("the flag %s stands after the argument%s and would not be read: write `%s`",
				flagName(arg), quoted(args[0]), correctedLine(c))
		}
	}
	return nil
}

// flagName is a flag without its value, which may be a secret.
func flagName(arg string) string {
	name, _, _ := strings.Cut(arg, "=")
	return name
}

// correctedLine puts the flags that were found after an argument before it.
func correctedLine(c *cli.Context) string {
	line := []string{c.Command.HelpName}
	for _, f := range c.Command.Flags {
		if name := f.Names()[0]; c.IsSet(name) {
			line = append(line, given(c, f, name)...)
		}
	}
	var arguments []string
	args := c.Args().Slice()
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			arguments = append(arguments, arg)
			continue
		}
		name := flagName(arg)
		if isSecret(name) {
			line = append(line, name, "...")
		} else {
			line = append(line, arg)
		}
		if !strings.Contains(arg, "=") && !isBool(c, strings.TrimLeft(arg, "-")) && i+1 < len(args) {
			i++
			if !isSecret(name) {
				line = append(line, args[i])
			}
		}
	}
	return strings.Join(append(line, arguments...), " ")
}

// given writes a flag again as it was set; aliases are written once.
func given(c *cli.Context, f cli.Flag, name string) []string {
	switch f.(type) {
	case *cli.BoolFlag:
		if c.Bool(name) {
			return []string{"--" + name}
		}
		return []string{"--" + name + "=false"}
	case *cli.StringSliceFlag:
		var out []string
		for _, s := range c.StringSlice(name) {
			out = append(out, "--"+name, s)
		}
		return out
	case *cli.DurationFlag:
		return []string{"--" + name, c.Duration(name).String()}
	}
	if isSecret("--" + name) {
		return []string{"--" + name, "..."}
	}
	return []string{"--" + name, c.String(name)}
}

func isSecret(name string) bool { return strings.TrimLeft(name, "-") == "key" }

func isBool(c *cli.Context, name string) bool {
	for _, f := range c.Command.Flags {
		if _, ok := f.(*cli.BoolFlag); ok && slices.Contains(f.Names(), name) {
			return true
		}
	}
	return false
}

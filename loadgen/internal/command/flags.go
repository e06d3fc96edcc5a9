package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"croupier/loadgen/scenario"
)

// scenarioFlags are one for each field of a scenario, but for those that are left out.
func scenarioFlags(without ...string) []cli.Flag {
	var flags []cli.Flag
	for _, f := range scenario.Fields() {
		if slices.Contains(without, f.Name) {
			continue
		}
		text := "`" + f.Unit + "`: " + f.Usage
		var aliases []string
		if f.Short != "" {
			aliases = []string{f.Short}
		}
		if f.Repeats() {
			flags = append(flags, &cli.StringSliceFlag{Name: f.Name, Category: f.Group, Usage: text})
			continue
		}
		flags = append(flags, &cli.StringFlag{Name: f.Name, Aliases: aliases, Category: f.Group, Usage: text, DefaultText: f.Default()})
	}
	return flags
}

// readScenario puts a scenario together: the defaults, a preset or a file over them, flags over
// that.
func readScenario(c *cli.Context) (scenario.Scenario, error) {
	d := scenario.NewDraft()
	named, err := scenarioArgument(c)
	if err == nil && named != "" {
		err = takeScenario(d, named)
	}
	if err != nil {
		return scenario.Scenario{}, err
	}
	for _, f := range scenario.Fields() {
		if !slices.Contains(flagNames(c.Command.Flags), f.Name) || !c.IsSet(f.Name) {
			continue
		}
		texts := []string{c.String(f.Name)}
		if f.Repeats() {
			texts = c.StringSlice(f.Name)
		}
		for _, text := range texts {
			if err := d.Flag(f.Name, text); err != nil {
				return scenario.Scenario{}, usage("%w", err)
			}
		}
	}
	s, err := d.Scenario()
	if err != nil {
		return s, usage("%w", err)
	}
	if s.Name == "" && named != "" {
		s.Name = strings.TrimSuffix(filepath.Base(named), filepath.Ext(named))
	}
	return s, nil
}

// scenarioArgument is the one scenario that a command line names; empty: none.
func scenarioArgument(c *cli.Context) (string, error) {
	flag := c.String("scenario")
	switch n := c.Args().Len(); {
	case n > 1:
		return "", usage("%s takes one scenario, not %d (see `%s --help`)", c.Command.Name, n, c.Command.HelpName)
	case n == 1 && flag != "":
		return "", usage("%s takes one scenario: give it as the argument or with --scenario", c.Command.Name)
	case n == 1 && strings.Contains(c.Args().First(), "://"):
		return "", usage("%s takes a scenario as its argument; the gate's address goes behind --gate", c.Command.Name)
	case n == 1:
		return c.Args().First(), nil
	}
	return flag, nil
}

// takeScenario reads a preset or a file. What has a separator or ends like YAML is a file.
func takeScenario(d *scenario.Draft, named string) error {
	if !strings.ContainsAny(named, `/\`) && !isYAML(named) && named != "-" {
		if err := d.Preset(named); err != nil {
			if _, missing := os.Stat(named); missing == nil {
				return usage("%s is there, and no scenario is called so: write ./%[1]s to play a file", filepath.Base(named))
			}
			return usage("%w", err)
		}
		return nil
	}
	data, err := readScenarioFile(named)
	if err != nil {
		return usage("%w", err)
	}
	if err := d.File(named, data); err != nil {
		return usage("%w", err)
	}
	return nil
}

func isYAML(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return ext == ".yaml" || ext == ".yml" || ext == ".json"
}

// readScenarioFile reads no more of a file than a scenario may have.
func readScenarioFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no scenario file %s: name one, or one of %s", path, strings.Join(scenario.Presets(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("read the scenario: %w", err)
	}
	defer f.Close()
	var data bytes.Buffer
	if _, err := io.Copy(&data, io.LimitReader(f, scenario.MaxSize+1)); err != nil {
		return nil, fmt.Errorf("read the scenario: %w", err)
	}
	if bytes.HasPrefix(bytes.TrimSpace(data.Bytes()), []byte(`{"format":"croupier-loadgen/`)) {
		return nil, fmt.Errorf("%s is a result and no scenario: `loadgen report` shows it", path)
	}
	return data.Bytes(), nil
}

// seeded gives a scenario without a seed one from the clock, so that the result can tell it.
func seeded(s scenario.Scenario) scenario.Scenario {
	if s.Seed == 0 {
		s.Seed = uint64(time.Now().UnixNano())
	}
	return s
}

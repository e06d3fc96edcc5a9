package scenario

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed presets/*.yaml
var presetFiles embed.FS

// presets are the names of the embedded scenarios, the gentlest first.
var presets = []string{"smoke", "steady", "flap", "storm", "moves", "soak"}

// Presets are the names of the scenarios that come with loadgen.
func Presets() []string { return append([]string(nil), presets...) }

// Preset is a scenario that comes with loadgen.
func Preset(name string) (Scenario, error) {
	d := NewDraft()
	if err := d.Preset(name); err != nil {
		return Scenario{}, err
	}
	return d.Scenario()
}

// Preset takes the fields of a scenario that comes with loadgen.
func (d *Draft) Preset(name string) error {
	data, err := PresetFile(name)
	if err != nil {
		return err
	}
	return d.File(name, data)
}

// PresetFile is a preset as it was written, with its comments.
func PresetFile(name string) ([]byte, error) {
	for _, known := range presets {
		if name == known {
			return presetFiles.ReadFile("presets/" + name + ".yaml")
		}
	}
	return nil, fmt.Errorf("no scenario is called %s%s; choose among %s, or name a .yaml file", shown(name), meant(name, presets), strings.Join(presets, ", "))
}

// PresetSummary is the first sentence of a preset's comment.
func PresetSummary(name string) string {
	data, err := PresetFile(name)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimPrefix(string(data), "# "), "\n")
	return line
}

package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxSize bounds a scenario file, in bytes.
const MaxSize = 64 << 10

// Parse reads a scenario file. Its fields stand over the defaults, and its result is checked. name
// is what errors call the file.
func Parse(name string, data []byte) (Scenario, error) {
	d := NewDraft()
	if err := d.File(name, data); err != nil {
		return Scenario{}, err
	}
	return d.Scenario()
}

// File takes the fields of a scenario file. name is what errors call it.
func (d *Draft) File(name string, data []byte) error {
	if len(data) > MaxSize {
		return fmt.Errorf("%s is larger than %d KiB: that is no scenario", name, MaxSize>>10)
	}
	reader := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	if err := reader.Decode(&document); errors.Is(err, io.EOF) {
		return fmt.Errorf("%s is empty: a scenario has fields such as `bots: 40`, one a line", name)
	} else if err != nil {
		why := strings.TrimPrefix(err.Error(), "yaml: ")
		if len(why) > 200 { // it quotes what may be a key that came here by mistake
			why = "what is wrong is too long to be shown"
		}
		return fmt.Errorf("%s is no YAML: %s", name, why)
	}
	if err := reader.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s has several documents: write one scenario a file", name)
	}
	return d.take(name, &document)
}

// take reads the fields of a document.
func (d *Draft) take(name string, document *yaml.Node) error {
	if document.Kind == yaml.DocumentNode && len(document.Content) == 1 {
		document = document.Content[0]
	}
	if document.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: a scenario has fields such as `bots: 40`, one a line", name, max(document.Line, 1))
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(document.Content); i += 2 {
		key, value := document.Content[i], document.Content[i+1]
		where := fmt.Sprintf("%s:%d: ", name, key.Line)
		f, err := field(key.Value)
		if key.Kind != yaml.ScalarNode {
			err = errors.New("a field's name is a word")
		}
		if err == nil && seen[f.Name] > 0 {
			err = fmt.Errorf("%s is there twice, in line %d too: leave one out", f.Name, seen[f.Name])
		}
		if err != nil {
			return fmt.Errorf("%s%w", where, err)
		}
		seen[f.Name] = key.Line
		if err := setNode(f, &d.scenario, value); err != nil {
			return fmt.Errorf("%s%s: %w", where, f.Name, err)
		}
		d.given[f.Name] = origin{inFile, where}
	}
	return nil
}

// setNode reads a field's value.
func setNode(f Field, s *Scenario, value *yaml.Node) error {
	switch into := f.in(s).(type) {
	case *[]Stage:
		if value.Kind == yaml.SequenceNode {
			stages, err := stagesOf(value)
			if err == nil {
				*into = stages
			}
			return err
		}
	case *[]Objective:
		if value.Kind == yaml.MappingNode {
			objectives, err := objectivesOf(value)
			if err == nil {
				*into = objectives
			}
			return err
		}
	}
	text, err := scalar(value)
	if err != nil {
		return err
	}
	return set(f.in(s), text)
}

// scalar is a value that is one word or number.
func scalar(value *yaml.Node) (string, error) {
	switch {
	case value.Kind == yaml.AliasNode:
		return "", errors.New("is an alias: write the value out")
	case value.Kind != yaml.ScalarNode:
		return "", errors.New("is a list or has fields of its own: give one value")
	case value.Tag == "!!null":
		return "", errors.New("has no value: give one, or leave the line out")
	}
	return value.Value, nil
}

// stagesOf reads a list of `{for: 30s, bots: 100}`.
func stagesOf(list *yaml.Node) ([]Stage, error) {
	var stages []Stage
	for _, item := range list.Content {
		if item.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("line %d is no stage: write `- {for: 30s, bots: 100}`", item.Line)
		}
		var stage Stage
		given := make(map[string]bool)
		for i := 0; i+1 < len(item.Content); i += 2 {
			key := item.Content[i]
			text, err := scalar(item.Content[i+1])
			switch {
			case given[key.Value]:
				err = errors.New("is there twice: leave one out")
			case key.Value == "for" && err == nil:
				err = set(&stage.For, text)
			case key.Value == "bots" && err == nil:
				err = set(&stage.Bots, text)
			case err == nil:
				err = errors.New("is unknown: a stage has for and bots")
			}
			if err != nil {
				return nil, fmt.Errorf("line %d: %s: %w", key.Line, shown(key.Value), err)
			}
			given[key.Value] = true
		}
		if !given["for"] || !given["bots"] {
			return nil, fmt.Errorf("line %d: a stage says for how long and how many bots: write `- {for: 30s, bots: 100}`", item.Line)
		}
		stages = append(stages, stage)
	}
	return stages, nil
}

// objectivesOf reads a map of `action-p99: 50ms`.
func objectivesOf(fields *yaml.Node) ([]Objective, error) {
	var list []Objective
	for i := 0; i+1 < len(fields.Content); i += 2 {
		key := fields.Content[i]
		text, err := scalar(fields.Content[i+1])
		var o Objective
		if err == nil {
			o, err = makeObjective(key.Value, text)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", key.Line, err)
		}
		if before := len(list); len(putObjective(list, o)) == before {
			return nil, fmt.Errorf("line %d: %s is there twice: leave one out", key.Line, o.Name())
		}
		list = append(list, o)
	}
	return list, nil
}

// UnmarshalYAML reads the fields that are there over those of s, and checks nothing.
func (s *Scenario) UnmarshalYAML(node *yaml.Node) error {
	d := Draft{scenario: *s, given: make(map[string]origin)}
	if err := d.take("scenario", node); err != nil {
		return err
	}
	*s = d.scenario
	return nil
}

// MarshalYAML writes every field that has a value with a comment on what it means.
func (s Scenario) MarshalYAML() (any, error) {
	out := &yaml.Node{Kind: yaml.MappingNode}
	group := ""
	for _, f := range fields {
		key := &yaml.Node{Kind: yaml.ScalarNode, Value: f.Name}
		value := &yaml.Node{Kind: yaml.ScalarNode, Value: f.Text(s)}
		switch v := f.in(&s).(type) {
		case *[]Stage:
			value = &yaml.Node{Kind: yaml.SequenceNode}
			for _, stage := range *v {
				one := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
				one.Content = append(one.Content, word("for"), word(formatDuration(stage.For)), word("bots"), word(format(&stage.Bots)))
				value.Content = append(value.Content, one)
			}
		case *[]Objective:
			value = &yaml.Node{Kind: yaml.MappingNode}
			for _, o := range *v {
				value.Content = append(value.Content, word(o.Name()), word(formatDuration(o.Limit)))
			}
		case *string:
			value.SetString(*v)
		case *Model:
			value.SetString(string(*v))
		}
		if value.Value == "" && len(value.Content) == 0 {
			continue
		}
		if f.Group != group {
			group = f.Group
			key.HeadComment = group + "."
		}
		if value.Kind == yaml.ScalarNode {
			value.LineComment = f.Usage
		} else {
			key.LineComment = f.Usage
		}
		out.Content = append(out.Content, key, value)
	}
	return out, nil
}

func word(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }

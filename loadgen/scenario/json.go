package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// MarshalJSON writes the fields under the names that they have in YAML, times as 1m30s, and
// objectives as {"action-p99": "50ms"}. Empty lists and texts are left out.
func (s Scenario) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for _, f := range fields {
		value, err := json.Marshal(plain(f, s))
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", f.Name, err)
		}
		if string(value) == "null" {
			continue
		}
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, "%q:%s", f.Name, value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// stageText is a stage in JSON.
type stageText struct {
	For  string `json:"for"`
	Bots int    `json:"bots"`
}

// plain is what JSON shows of a field; nil: nothing.
func plain(f Field, s Scenario) any {
	switch v := f.in(&s).(type) {
	case *[]Stage:
		var list []stageText
		for _, stage := range *v {
			list = append(list, stageText{formatDuration(stage.For), stage.Bots})
		}
		return list
	case *[]Objective:
		if len(*v) == 0 {
			return nil
		}
		return objectivesText(*v)
	case *int, *uint64, *float64:
		return v
	}
	if text := f.Text(s); text != "" {
		return text
	}
	return nil
}

// objectivesText are objectives as a JSON object, in their order.
type objectivesText []Objective

func (list objectivesText) MarshalJSON() ([]byte, error) {
	parts := make([]string, len(list))
	for i, o := range list {
		parts[i] = fmt.Sprintf("%q:%q", o.Name(), formatDuration(o.Limit))
	}
	return []byte("{" + strings.Join(parts, ",") + "}"), nil
}

// UnmarshalJSON reads what MarshalJSON writes. A field that is not there is left as the zero
// value, and one that is unknown, as from a later version, is passed over. It checks nothing.
func (s *Scenario) UnmarshalJSON(data []byte) error {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(data, &given); err != nil {
		return fmt.Errorf("read the scenario: %w", err)
	}
	*s = Scenario{}
	for _, f := range fields {
		if raw, there := given[f.Name]; there {
			if err := setJSON(f.in(s), raw); err != nil {
				return fmt.Errorf("read the scenario's %s: %w", f.Name, err)
			}
		}
	}
	return nil
}

func setJSON(into any, raw json.RawMessage) error {
	switch into := into.(type) {
	case *int, *uint64, *float64, *string, *Model:
		return json.Unmarshal(raw, into)
	case *[]Stage:
		var list []stageText
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		for _, text := range list {
			d, err := parseDuration(text.For)
			if err != nil {
				return err
			}
			*into = append(*into, Stage{d, text.Bots})
		}
		return nil
	case *[]Objective:
		return readObjectives(into, raw)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	return set(into, text)
}

// readObjectives reads a JSON object in its own order.
func readObjectives(into *[]Objective, raw json.RawMessage) error {
	var values map[string]string
	if err := json.Unmarshal(raw, &values); err != nil {
		return err
	}
	reader := json.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := reader.Token()
		if err != nil {
			return nil // the end; it was read once already
		}
		name, is := token.(string)
		if !is {
			continue
		}
		if _, err := reader.Token(); err != nil {
			return err
		}
		o, err := makeObjective(name, values[name])
		if err != nil {
			return err
		}
		*into = putObjective(*into, o)
	}
}

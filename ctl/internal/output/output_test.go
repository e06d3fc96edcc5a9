package output

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	table := Table{Header: []string{"NAME", "STATE"}}
	table.Add("dice-0", "ready")
	table.Add("würfel", "")
	table.Add("a", "x")
	var out bytes.Buffer
	if err := table.Write(&out, func(column int, text string) string {
		if column == 0 {
			return "<" + text + ">"
		}
		return text
	}); err != nil {
		t.Fatal(err)
	}
	want := "NAME    STATE\n<dice-0>  ready\n<würfel>  -\n<a>       x\n"
	if out.String() != want {
		t.Errorf("%q, want %q: paint must not move columns", &out, want)
	}
}

func TestEncode(t *testing.T) {
	value := struct {
		Name string `json:"name"`
	}{"dice"}
	for format, want := range map[Format]string{JSON: "{\n  \"name\": \"dice\"\n}\n", YAML: "name: dice\n"} {
		var out bytes.Buffer
		if err := Encode(&out, format, value); err != nil || out.String() != want {
			t.Errorf("%s: %q (%v), want %q", format, &out, err, want)
		}
	}
}

func TestParseFormat(t *testing.T) {
	for text, want := range map[string]Format{"": Plain, "table": Plain, "wide": Wide, "json": JSON, "yaml": YAML} {
		if got, err := ParseFormat(text); err != nil || got != want {
			t.Errorf("%q: %q (%v), want %q", text, got, err, want)
		}
	}
	if _, err := ParseFormat("csv"); err == nil || !strings.Contains(err.Error(), "use wide, json or yaml") {
		t.Errorf("csv: %v", err)
	}
}

func TestColourOnlyWhereAPersonLooks(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	none := func(string) string { return "" }
	for name, p := range map[string]Palette{
		"a buffer": NewPalette(&bytes.Buffer{}, none),
		"a file":   NewPalette(file, none),
	} {
		if got := p.Good("ok"); got != "ok" {
			t.Errorf("%s is coloured: %q", name, got)
		}
	}
	on := Palette{on: true}
	if got := on.Bad("no"); got != "\x1b[31mno\x1b[0m" {
		t.Errorf("a terminal is not coloured: %q", got)
	}
	if got := on.Bad(""); got != "" {
		t.Errorf("nothing is coloured: %q", got)
	}
	for variable, value := range map[string]string{"NO_COLOR": "1", "TERM": "dumb"} {
		p := newPalette(true, func(name string) string {
			if name == variable {
				return value
			}
			return ""
		})
		if p.on {
			t.Errorf("%s=%s does not turn colour off", variable, value)
		}
	}
}

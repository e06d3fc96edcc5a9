package scenario

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// fieldTable is the table of fields in the documentation.
func fieldTable() string {
	var out strings.Builder
	out.WriteString("| field | default | meaning |\n|---|---|---|\n")
	for _, f := range fields {
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", f.Name, f.Default(), f.Usage)
	}
	return out.String()
}

// What is written about the fields is what the table of fields says. UPDATE=1 writes it.
func TestDocumentationHasEveryField(t *testing.T) {
	const path = "../../docs/loadgen.md"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), "<!-- fields -->\n")
	written, after, closed := strings.Cut(rest, "<!-- end -->")
	if !found || !closed {
		t.Fatalf("%s has no place for the fields", path)
	}
	if written == fieldTable() {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s is not up to date: run UPDATE=1 go test ./loadgen/scenario", path)
	}
	if err := os.WriteFile(path, []byte(before+"<!-- fields -->\n"+fieldTable()+"<!-- end -->"+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

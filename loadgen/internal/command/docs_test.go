package command

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/result"
)

// The documentation names every verb's rules, phases and exit codes as the program has them.
func TestDocumentationKnowsRulesAndPhases(t *testing.T) {
	data, err := os.ReadFile("../../../docs/loadgen.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "<!-- rules -->\n")
	written, _, _ := strings.Cut(rest, "<!-- end -->")
	rules := ""
	for _, rule := range oracle.Rules() {
		rules += fmt.Sprintf("| %s | %s |\n", rule, rule.Meaning())
	}
	if written != rules {
		t.Errorf("docs/loadgen.md has other rules; they are\n%s", rules)
	}
	for p := range measure.Phases {
		if !strings.Contains(string(data), "\n| "+p.String()+" | ") {
			t.Errorf("docs/loadgen.md has no phase %s", p)
		}
	}
	for code := result.ExitPass; code <= result.ExitRegression; code++ {
		if !strings.Contains(string(data), fmt.Sprintf("\n| %d | ", code)) {
			t.Errorf("docs/loadgen.md has no exit code %d", code)
		}
	}
}
